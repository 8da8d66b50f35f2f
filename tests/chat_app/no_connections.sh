#!/usr/bin/env bash
# The chat in a window connects to nothing but local sockets. It starts, replies, is looked at, and ends, under strace.
#   no_connections.sh PROGRAM...     77: strace is not installed
set -euo pipefail
command -v strace >/dev/null || { echo "strace is not installed" >&2; exit 77; }
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT
code=0
strace -f -qq -e trace=connect,sendto,sendmsg,bind,listen -o "$trace" "$@" >/dev/null 2>&1 || code=$?
[ "$code" = 0 ] || { echo "the program ended with $code" >&2; exit 1; }
# Families of addresses that lead out of the machine, and what listens.
if grep -E 'AF_INET|AF_INET6|AF_PACKET|listen\(' "$trace"; then
  echo "it connects or listens" >&2
  exit 1
fi
echo "no connection; $(grep -c AF_UNIX "$trace" || true) calls on local sockets"
