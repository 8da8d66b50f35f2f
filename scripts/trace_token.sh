#!/usr/bin/env bash
# Checks docs/walk_of_a_token.md: runs the program once under gdb and prints the files of its table in the order in
# which their functions are first reached. Fails when one is not reached, is in another order than the table's, is not
# in the file that the table names, or when there are more than twelve files. Exit code 77: no gdb that may trace a
# program.
#   scripts/trace_token.sh [BUILD FOLDER]
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
build=${1:-$root/build}
gdb -nx -batch -ex run --args true 2>&1 </dev/null | grep -q "exited normally" ||
  { echo "gdb cannot run" >&2; exit 77; }
mapfile -t rows < <(sed -nE 's/^\| `([^`]+\.cpp)` \| `([^`]+)` \|.*/\1 \2/p' "$root/docs/walk_of_a_token.md")
((${#rows[@]} > 0 && ${#rows[@]} <= 12)) || { echo "${#rows[@]} files in the table" >&2; exit 1; }

commands=$(mktemp)
trap 'rm -f "$commands"' EXIT
echo "set breakpoint pending on" >"$commands"
for row in "${rows[@]}"; do
  read -r file function <<<"$row"
  grep -q "\b${function##*::}(" "$root/$file" || { echo "$file has no ${function##*::}()" >&2; exit 1; }
  printf "tbreak '%s'\ncommands\nsilent\necho reached %s\\\\n\ncontinue\nend\n" "$function" "$file" >>"$commands"
done
echo run >>"$commands"
output=$(gdb -nx -batch -x "$commands" --args \
  "$build/bin/pumice" run -p "Once upon a time" -n 4 --greedy -q 2>&1 </dev/null) || true
mapfile -t reached < <(sed -n 's/^.*reached //p' <<<"$output")

status=0
for i in "${!rows[@]}"; do
  file=${rows[i]%% *}
  echo "${reached[i]:-(nothing more)}"
  [ "${reached[i]:-}" = "$file" ] || { echo "  the table has $file here" >&2; status=1; }
done
exit $status
