#!/usr/bin/env bash
# Compiles the C# declarations with Mono and runs their test.
#   test_csharp.sh SOURCE_DIR DECLARATIONS LIBRARY LAYOUT MODEL
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mcs -warnaserror -unsafe -langversion:7 -out:"$scratch/Test.exe" "$1/bindings/csharp/test/Test.cs" "$2"
"$4" >"$scratch/layout.json"
cp "$3" "$scratch/libpumice.so"
LD_LIBRARY_PATH=$scratch mono "$scratch/Test.exe" "$5" "$scratch/layout.json"
