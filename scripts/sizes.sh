#!/usr/bin/env bash
# How large the library is, stripped, in each configuration of its build: the table in docs/embedding.md.
#   scripts/sizes.sh [FOLDER [CMAKE OPTIONS]]     FOLDER: of the build (default: build-sizes), one after the other
# Ends with 1 where one is larger than it may be.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
folder=${1:-$root/build-sizes}
shift || true

options=(REDIS DISK ZSTD BENCH CONVERT ENCODERS SOUND PICTURES)
# Name; the largest that it may be, in bytes; what is left out.
configurations=(
  "everything|7000000|"
  "without Redis||REDIS"
  "without the disk tier||DISK"
  "without zstd||ZSTD"
  "without the measuring of devices||BENCH"
  "without the conversion of files||CONVERT"
  "decoders only|6000000|ENCODERS CONVERT SOUND"
  "decoders, and nothing that can be left out|6000000|ENCODERS CONVERT SOUND PICTURES REDIS DISK BENCH"
)

mkdir -p "$folder"
code=0
printf '| build | MB |\n|---|---|\n'
for configuration in "${configurations[@]}"; do
  IFS='|' read -r name most without <<<"$configuration"
  flags=()
  for option in "${options[@]}"; do
    [[ " $without " == *" $option "* ]] && flags+=("-DPUMICE_$option=OFF") || flags+=("-DPUMICE_$option=ON")
  done
  cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 "${flags[@]}" "$@" >"$folder/sizes.log" 2>&1
  cmake --build "$folder" --target pumice >>"$folder/sizes.log" 2>&1
  strip -o "$folder/stripped" "$folder/lib/libpumice.so"
  bytes=$(stat -c %s "$folder/stripped")
  printf '| %s | %d.%02d |\n' "$name" $((bytes / 1000000)) $((bytes % 1000000 / 10000))
  if [ -n "$most" ] && ((bytes > most)); then
    echo "$name: $bytes bytes, and $most at most" >&2
    code=1
  fi
done
exit "$code"
