#!/usr/bin/env bash
# The library beside a host's own Vulkan, and twice in one process: no symbol of it meets another's.
#   symbols_test.sh SOURCE_DIR CC LIBRARY PACKAGE…    the packages that a static library links (pkg-config)
set -euo pipefail
source_dir=$1 cc=$2 library=$3
shift 3
here=$source_dir/tests/packaging
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

kind=shared table=(-D) flags=(-Wl,-rpath,"$(dirname "$library")")
if [[ $library == *.a ]]; then
  kind=static table=()
  read -ra flags < <(pkg-config --libs "$@")
  flags+=(-lstdc++ -lm -ldl -pthread)
fi

others=$(nm "${table[@]}" -g --defined-only "$library" | awk 'NF == 3 && $3 !~ /^pumice_/ {print $3}')
[ -z "$others" ] || { echo "visible beside the C API:"; head <<<"$others"; exit 1; }
# One that is gone breaks programs and asks for another SOVERSION; a new one is added to the list.
nm "${table[@]}" -g --defined-only "$library" | awk 'NF == 3 {print $3}' | LC_ALL=C sort >"$scratch/symbols"
diff -u "$here/symbols.txt" "$scratch/symbols" || { echo "other symbols than tests/packaging/symbols.txt"; exit 1; }
wanted=$(nm "${table[@]}" -u "$library" | awk '{print $NF}' | grep '^vk' || true)
[ -z "$wanted" ] || { echo "wants of the host's Vulkan: $wanted"; exit 1; }

build() {  # OUTPUT SOURCE OPTIONS…
  "$cc" -std=c11 -Wall -I "$source_dir/include" "$here/$2" -o "$scratch/$1" "${@:3}" "$library" "${flags[@]}"
}
has_header() { "$cc" -E -include "$1" -x c /dev/null >/dev/null 2>&1; }
if has_header vulkan/vulkan.h && "$cc" -shared -o "$scratch/probe.so" -lvulkan 2>/dev/null; then
  build loader host_vulkan.c -Wl,--no-as-needed -lvulkan
  "$scratch/loader"
fi
if has_header volk.h; then
  build volk host_vulkan.c -DWITH_VOLK -ldl
  "$scratch/volk"
fi
if [ "$kind" = static ]; then
  for name in one two; do build $name.so plugin.c -shared -fPIC; done
  "$cc" -std=c11 -Wall "$here/host_plugins.c" -o "$scratch/plugins" -ldl
  # In a build of the shared library the C API is visible in the object, too.
  hidden=$(readelf -sW "$library" | grep -c 'HIDDEN .* pumice_' || true)
  "$scratch/plugins" "$scratch/one.so" "$scratch/two.so" "$([ "$hidden" -gt 20 ] && echo hidden || echo visible)"
fi
echo "symbols of the $kind library: ok"
