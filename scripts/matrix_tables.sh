#!/usr/bin/env bash
# Writes tests/matrix/*.csv anew: what the compilers of AMD, NVIDIA, Intel, Qualcomm and Apple GPUs in this machine's
# Mesa make of the main kernels. Needs Mesa's no-op GPUs (package mesa-drm-shim; Intel's, which Debian lacks,
# in the folder PUMICE_TEST_SHIMS) and a built tree, but no GPU.
#   scripts/matrix_tables.sh [PROGRAM]     PROGRAM: pumice_tests (default: build/bin/pumice_tests)
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
exec "${1:-$root/build/bin/pumice_tests}" --gtest_also_run_disabled_tests --gtest_filter=DISABLED_MatrixTables.Write
