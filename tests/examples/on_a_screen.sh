#!/usr/bin/env bash
# Runs a program on a screen that nobody sees, and prints what it prints. 77: there is no Xvfb.
#   on_a_screen.sh PROGRAM ARGUMENTS…
set -euo pipefail
command -v Xvfb >/dev/null || { echo "Xvfb is not installed"; exit 77; }
number=$(mktemp)
Xvfb -displayfd 5 -screen 0 640x480x24 -nolisten tcp 5>"$number" >/dev/null 2>&1 &
server=$!
trap 'kill $server; wait $server || true; rm -f "$number"' EXIT
for _ in $(seq 100); do [ -s "$number" ] && break; sleep 0.1; done
[ -s "$number" ] || { echo "Xvfb does not start"; exit 77; }
DISPLAY=":$(<"$number")" "$@"
