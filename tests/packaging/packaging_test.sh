#!/usr/bin/env bash
# Installs the build to a scratch prefix, then builds the installed example with CMake and with pkg-config, and runs it:
# from the installed tree alone.
#   packaging_test.sh SOURCE_DIR BUILD_DIR CMAKE GENERATOR CC shared|static
#   packaging_test.sh --installed PREFIX CMAKE GENERATOR CC shared|static         of a tree that is there
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
logged() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }; }

if [ "$1" = --installed ]; then
  prefix=$2 cmake=$3 generator=$4 cc=$5 kind=$6 places=()
else
  prefix=$scratch/prefix cmake=$3 generator=$4 cc=$5 kind=$6 places=("$1" "$2")
  logged "$cmake" --install "$2" --prefix "$prefix"
fi

pc=$(find "$prefix" -name pumice.pc)
libdir=$(dirname "$(dirname "$pc")")
for file in "$prefix"/include/pumice/pumice.h "$prefix"/share/pumice/models/README.md \
  "$prefix"/share/doc/pumice/LICENSE "$libdir"/cmake/pumice/pumice-config.cmake; do
  [ -f "$file" ] || { echo "not installed: ${file#"$prefix"/}"; exit 1; }
done
model=$(compgen -G "$prefix/share/pumice/models/*.gguf" | head -n 1) || { echo "no model installed"; exit 1; }

# Where it was built is in no file; that of a debug build is, by name, in what debuggers read.
for place in "${places[@]}"; do
  found=$(grep -rlaF -- "$place/" "$prefix" || true)
  [ -z "$found" ] || { echo "these hold the path $place:"; echo "$found"; exit 1; }
done

if [ "$kind" = shared ]; then
  soname=$(readelf -d "$libdir/libpumice.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
  [[ $soname =~ ^libpumice\.so\.[0-9]+$ && -e $libdir/$soname ]] || { echo "the library's name is '$soname'"; exit 1; }
fi

# Runs it where nothing else lies. 77: no device, as the example says itself.
run() {  # PROGRAM
  local folder code=0
  folder=$(mktemp -d -p "$scratch")
  (cd "$folder" && "$1" "$model" >text) || code=$?
  [ "$code" = 77 ] && { echo "built; not run: no device"; return; }
  [ "$code" = 0 ] && [ -s "$folder/complete.session" ] || { echo "code $code"; return 1; }
  tr '\n' ' ' <"$folder/text"
  echo
  grep -q ' The king.*[a-z]' "$folder/text"
}

cp -r "$prefix/share/doc/pumice/examples/complete" "$scratch/complete"
logged "$cmake" -S "$scratch/complete" -B "$scratch/build" -G "$generator" -DCMAKE_PREFIX_PATH="$prefix"
logged "$cmake" --build "$scratch/build"
text=$(run "$scratch/build/complete")
echo "CMake:      $text"

flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-prefix --cflags --libs pumice)
# shellcheck disable=SC2086  # the flags are words
"$cc" "$scratch/complete/complete.c" -o "$scratch/program" $flags
text_again=$(LD_LIBRARY_PATH=$libdir run "$scratch/program")
echo "pkg-config: $text_again"
[ "$text" = "$text_again" ] || { echo "the two differ"; exit 1; }

if [ -x "$prefix/bin/pumice" ]; then
  echo "program:    $("$prefix/bin/pumice" --version)"
fi
