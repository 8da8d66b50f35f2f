# shellcheck shell=bash disable=SC2034
# The Debian and Ubuntu packages that Pumice needs: the one list of them. Sourced, not run.

# To build and run the program. mesa-vulkan-drivers brings the drivers for AMD and Intel and the software driver.
packages_build=(
  g++ cmake ninja-build pkg-config
  libvulkan-dev glslang-tools spirv-tools
  libutf8proc-dev libsodium-dev libzstd-dev libhiredis-dev libssl-dev libcli11-dev libfmt-dev nlohmann-json3-dev
  libvulkan1 mesa-vulkan-drivers
  libsndfile1-dev libsamplerate0-dev  # optional: sounds
  libpng-dev libjpeg-dev libwebp-dev  # optional: pictures
  libedit-dev libcurl4-openssl-dev    # optional: editing lines in 'pumice chat'; 'pumice pull'
  libboost-dev                        # optional: 'pumice serve' (Beast, headers alone)
)

# To test it, in addition.
packages_test=(libgtest-dev vulkan-validationlayers redis-server openssl gdb python3)

# To build for Windows and to run that with Wine, in addition. A screen without one: Wine's Vulkan needs a window system.
packages_windows=(g++-mingw-w64-x86-64-posix wine64 xvfb libgtest-dev)

# To build and run the game, in addition.
packages_game=(libsdl2-dev libimgui-dev)

# To test it without a screen. The example of Qt Quick is built where qt6-declarative-dev is there, and runs with
# qml6-module-qtquick and qml6-module-qtqml-workerscript.
packages_game_test=(xvfb)

# To build and run the chat in a window, in addition: Qt's widgets, its translations, SQLite. Its tests need no screen.
packages_chat_app=(qt6-base-dev qt6-tools-dev qt6-l10n-tools qt6-translations-l10n libsqlite3-dev)
