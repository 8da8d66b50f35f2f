# shellcheck shell=bash disable=SC2154
# Shared by ./pumice, ./check and .ci/run. Sourced, not run; `root` is the folder of the project.
source "$root/scripts/packages.sh"
log="$root/build/setup.log"

say() { echo "pumice: $*" >&2; }

# One set-up at a time; the lock ends with the process or with unlock.
lock() {
  mkdir -p "$root/build" 2>/dev/null || { say "cannot write to $root/build: make the folder writable"; exit 1; }
  exec 9>"$root/build/.lock"
  flock -n 9 || { say "waiting for another run that is building"; flock 9; }
}
unlock() { exec 9>&-; }

fail() { # WHAT
  say "$1 failed; the end of build/setup.log:"
  tail -n 25 "$log" >&2
  say "to start afresh, remove the build folder and run this again"
  exit 1
}

install_missing() { # PACKAGES…
  command -v dpkg-query apt-get >/dev/null || {
    say "not a Debian or Ubuntu system: packages are not installed; trying with what is here"
    return 0
  }
  local package missing=() as=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    as=(sudo)
    [ -t 0 ] || as=(sudo -n)
    if ! command -v sudo >/dev/null || ! "${as[@]}" true 2>>"$log"; then
      say "packages are missing and this user cannot install them. As root, run:"
      echo "  $command" >&2
      exit 4
    fi
  fi
  say "installing with apt-get: ${missing[*]}"
  "${as[@]}" apt-get update </dev/null >>"$log" 2>&1 || say "apt-get update reported a problem; going on"
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1 || {
    tail -n 10 "$log" >&2
    say "apt-get could not install the packages. Once the cause above is solved, run as root:"
    echo "  $command" >&2
    exit 4
  }
}

# A build folder that was configured elsewhere (a moved or copied tree) has to be configured again.
forget_moved() { # FOLDER
  local cache=$root/$1/CMakeCache.txt
  [ -e "$cache" ] || return 0
  grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" || rm -rf "$cache" "$root/$1"/{build.ninja,CMakeFiles}
}

# The options of an existing build folder stay unless given; warnings are errors only on request.
configure() { # PRESET FOLDER OPTIONS…
  local preset=$1 folder=$2 how
  shift 2
  forget_moved "$folder"
  how=(--preset "$preset" -DPUMICE_WERROR=OFF)
  [ ! -e "$root/$folder/build.ninja" ] || how=(-S "$root" -B "$root/$folder")
  (cd "$root" && cmake "${how[@]}" "$@") </dev/null >>"$log" 2>&1 || fail "configuring"
  grep '^pumice: ' "$log" >&2 || true
}

build() { # FOLDER TARGET…
  local line folder=$1
  shift
  if [ -t 2 ]; then
    cmake --build "$root/$folder" --target "$@" </dev/null 2>&1 | tee -a "$log" | while IFS= read -r line; do
      [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] && printf '\rpumice: step %s of %s ' "${BASH_REMATCH[@]:1:2}" >&2
    done || fail "building"
    printf '\r\033[K' >&2
  else
    cmake --build "$root/$folder" --target "$@" </dev/null >>"$log" 2>&1 || fail "building"
  fi
}
