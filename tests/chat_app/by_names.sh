#!/usr/bin/env bash
# A whole chat over the bus of assistive technology, as a screen reader takes part in it.
#   by_names.sh PROGRAM MODEL     77: what it needs is not installed
set -euo pipefail
for program in dbus-run-session xvfb-run /usr/bin/python3; do
  command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 77; }
done
/usr/bin/python3 -c 'import pyatspi' 2>/dev/null || { echo "python3-pyatspi is not installed" >&2; exit 77; }
[ -x /usr/libexec/at-spi-bus-launcher ] || { echo "at-spi2-core is not installed" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME=$folder XDG_CONFIG_HOME=$folder/config XDG_RUNTIME_DIR=$folder LANG=C.UTF-8 LANGUAGE=en
export QT_QPA_PLATFORM=xcb QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 NO_AT_BRIDGE=1
xvfb-run -a -s "-screen 0 1280x800x24" dbus-run-session -- /usr/bin/python3 "$(dirname "$0")/by_names.py" "$@" \
  --data "$folder/data"
