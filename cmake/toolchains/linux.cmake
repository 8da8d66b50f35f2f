# Linux on another processor, with Debian's cross compilers and a root that holds its libraries (scripts/cross makes
# it): -DPUMICE_CROSS=aarch64-linux-gnu or i686-linux-gnu, -DPUMICE_CROSS_ROOT=FOLDER.

set(CMAKE_SYSTEM_NAME Linux)
string(REGEX REPLACE "-.*" "" CMAKE_SYSTEM_PROCESSOR ${PUMICE_CROSS})
set(CMAKE_C_COMPILER ${PUMICE_CROSS}-gcc)
set(CMAKE_CXX_COMPILER ${PUMICE_CROSS}-g++)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PUMICE_CROSS PUMICE_CROSS_ROOT)

# Debian names folders by i386, whatever the compiler is for.
string(REPLACE i686 i386 multiarch ${PUMICE_CROSS})
set(CMAKE_SYSROOT ${PUMICE_CROSS_ROOT})
set(CMAKE_LIBRARY_ARCHITECTURE ${multiarch})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(library_path ${PUMICE_CROSS_ROOT}/usr/lib/${multiarch})
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${PUMICE_CROSS_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${library_path}/pkgconfig:${PUMICE_CROSS_ROOT}/usr/share/pkgconfig)

if(PUMICE_CROSS MATCHES i686)
  # Its programs run on this processor as they are, with the root's libraries.
  set(run_path ${library_path}:${PUMICE_CROSS_ROOT}/lib/${multiarch})
  set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,--dynamic-linker=${PUMICE_CROSS_ROOT}/lib/ld-linux.so.2,-rpath,${run_path}")
  set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-rpath,${run_path}")
else()
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${CMAKE_SYSTEM_PROCESSOR}-static -L ${PUMICE_CROSS_ROOT})
endif()
