#!/usr/bin/env bash
# Installs the build to a scratch prefix, then builds and runs a C program with CMake and with pkg-config.
#   packaging_test.sh SOURCE_DIR BUILD_DIR CMAKE GENERATOR CC shared|static
set -euo pipefail
source_dir=$1 build_dir=$2 cmake=$3 generator=$4 cc=$5 kind=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
logged() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }; }

logged "$cmake" --install "$build_dir" --prefix "$prefix"
pc=$(find "$prefix" -name pumice.pc)
libdir=$(dirname "$(dirname "$pc")")
for file in "$prefix"/include/pumice/pumice.h "$prefix"/share/pumice/models/README.md \
  "$prefix"/share/doc/pumice/LICENSE "$libdir"/cmake/pumice/pumice-config.cmake; do
  [ -f "$file" ] || { echo "not installed: ${file#"$prefix"/}"; exit 1; }
done
compgen -G "$prefix/share/pumice/models/*.gguf" >/dev/null || { echo "no model installed"; exit 1; }

if [ "$kind" = shared ]; then
  leaked=$(nm -D --defined-only "$libdir/libpumice.so" | awk '{print $3}' | grep -v '^pumice_' || true)
  [ -z "$leaked" ] || { echo "exported beside the C API: $leaked"; exit 1; }
fi

logged "$cmake" -S "$source_dir/tests/packaging" -B "$scratch/build" -G "$generator" -DCMAKE_PREFIX_PATH="$prefix"
logged "$cmake" --build "$scratch/build"
echo "CMake:      $("$scratch/build/consumer")"

static=()
[ "$kind" = shared ] || static=(--static)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config "${static[@]}" --cflags --libs pumice)
# shellcheck disable=SC2086  # the flags are words
"$cc" "$source_dir/tests/packaging/consumer.c" -o "$scratch/consumer" $flags
echo "pkg-config: $(LD_LIBRARY_PATH=$libdir "$scratch/consumer")"

if [ -x "$prefix/bin/pumice" ]; then
  echo "program:    $("$prefix/bin/pumice" --version)"
fi
