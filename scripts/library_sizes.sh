#!/usr/bin/env bash
# The size of the library, stripped, in each configuration: rows of the table in docs/embedding.md.
#   scripts/library_sizes.sh [FOLDER]    where it builds (default: build-sizes)
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$source_dir/build-sizes}

size_of() {  # NAME OPTIONS…
  local name=$1
  shift
  cmake -S "$source_dir" --preset release -B "$folder" -DPUMICE_BUILD_TESTS=OFF -DPUMICE_BUILD_APPS=OFF \
    -DPUMICE_BUILD_GAME=OFF -DPUMICE_REDIS=ON -DPUMICE_CONVERT=ON -DPUMICE_SOUND=ON -DPUMICE_PICTURES=ON "$@" >/dev/null
  cmake --build "$folder" --target pumice -j "${JOBS:-2}" >/dev/null
  strip -o "$folder/stripped" "$folder/lib/libpumice.so"
  printf '| %s | %.2f |\n' "$name" "$(stat -c %s "$folder/stripped" | awk '{print $1 / 1e6}')"
}

size_of "all" -DBUILD_SHARED_LIBS=ON
size_of "without conversion of files" -DPUMICE_CONVERT=OFF
size_of "without sounds from files" -DPUMICE_SOUND=OFF
size_of "without pictures from files" -DPUMICE_PICTURES=OFF
size_of "without Redis" -DPUMICE_REDIS=OFF
size_of "without any of these" -DPUMICE_CONVERT=OFF -DPUMICE_SOUND=OFF -DPUMICE_PICTURES=OFF -DPUMICE_REDIS=OFF
