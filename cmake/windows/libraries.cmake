# In a cross build: what the library and the programs need, built with them. Sources are Debian's, headers are those of
# this machine (packages libvulkan-dev, nlohmann-json3-dev, libcli11-dev, libfmt-dev) and GoogleTest is its
# libgtest-dev. Gives the targets that pkg-config and find_package() would.

include(FetchContent)

# pumice_fetch(NAME PATH SHA256): ${NAME}_SOURCE_DIR
function(pumice_fetch name path sha256)
  FetchContent_Declare(${name} URL http://deb.debian.org/debian/pool/main/${path} URL_HASH SHA256=${sha256}
    DOWNLOAD_EXTRACT_TIMESTAMP ON SOURCE_SUBDIR none)
  FetchContent_MakeAvailable(${name})
  set(${name}_SOURCE_DIR ${${name}_SOURCE_DIR} PARENT_SCOPE)
endfunction()

# pumice_own_library(NAME INCLUDE_DIR SOURCES...): the target PkgConfig::NAME
function(pumice_own_library name include_dir)
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${ARGN})
  add_library(PkgConfig::${name} ALIAS ${name})
  target_include_directories(${name} SYSTEM INTERFACE ${include_dir})
  target_compile_options(${name} PRIVATE -w)
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
endfunction()

pumice_fetch(utf8proc_archive u/utf8proc/utf8proc_2.8.0.orig.tar.gz
  a0a60a79fe6f6d54e7d411facbfcc867a6e198608f2cd992490e46f04b1bcecc)
pumice_own_library(libutf8proc ${utf8proc_archive_SOURCE_DIR} ${utf8proc_archive_SOURCE_DIR}/utf8proc.c)
target_compile_definitions(libutf8proc PUBLIC UTF8PROC_STATIC)

pumice_fetch(zstd_archive libz/libzstd/libzstd_1.5.4+dfsg2.orig.tar.xz
  8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953)
set(folder ${zstd_archive_SOURCE_DIR}/lib)
file(GLOB sources ${folder}/common/*.c ${folder}/compress/*.c ${folder}/decompress/*.c)
pumice_own_library(libzstd ${folder} ${sources})
target_compile_definitions(libzstd PRIVATE ZSTD_DISABLE_ASM)

pumice_fetch(sodium_archive libs/libsodium/libsodium_1.0.18.orig.tar.gz
  d59323c6b712a1519a5daf710b68f5e7fde57040845ffec53850911f10a5d4f4)
set(folder ${sodium_archive_SOURCE_DIR}/src/libsodium)
# What its configure would find. Of its 32 bits of vectors only these matter here: BLAKE2b, ChaCha20, Poly1305.
configure_file(${sodium_archive_SOURCE_DIR}/builds/msvc/version.h ${folder}/include/sodium/version.h COPYONLY)
file(GLOB_RECURSE sources ${folder}/*.c)
pumice_own_library(libsodium ${folder}/include ${sources})
target_include_directories(libsodium PRIVATE ${folder}/include/sodium)
target_compile_definitions(libsodium PUBLIC SODIUM_STATIC PRIVATE CONFIGURED=1 NATIVE_LITTLE_ENDIAN HAVE_TI_MODE
  HAVE_INTRIN_H HAVE_EMMINTRIN_H HAVE_PMMINTRIN_H HAVE_TMMINTRIN_H HAVE_SMMINTRIN_H HAVE_AVXINTRIN_H HAVE_AVX2INTRIN_H
  HAVE_WMMINTRIN_H HAVE_C_VARARRAYS HAVE_INLINE_ASM HAVE_GETPID)

# Headers alone. A folder of their own: /usr/include has those of this machine's C library, too.
set(headers ${PROJECT_BINARY_DIR}/headers)
foreach(folder IN ITEMS vulkan vk_video nlohmann CLI fmt)
  if(NOT IS_DIRECTORY /usr/include/${folder})
    message(FATAL_ERROR "no /usr/include/${folder}: scripts/build-windows installs what is missing")
  endif()
  file(COPY /usr/include/${folder} DESTINATION ${headers})
endforeach()
set(PUMICE_VULKAN_INCLUDE_DIR ${headers})
foreach(package IN ITEMS CLI11 nlohmann_json fmt)
  add_library(${package}::${package} INTERFACE IMPORTED)
  target_include_directories(${package}::${package} INTERFACE ${headers})
endforeach()
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)

if(PUMICE_BUILD_TESTS)
  set(folder /usr/src/googletest/googletest)
  add_library(pumice_gtest STATIC EXCLUDE_FROM_ALL ${folder}/src/gtest-all.cc)
  add_library(GTest::gtest ALIAS pumice_gtest)
  target_include_directories(pumice_gtest SYSTEM PUBLIC ${folder}/include PRIVATE ${folder})
  target_compile_features(pumice_gtest PUBLIC cxx_std_17)
  target_compile_options(pumice_gtest PRIVATE -w -O1)
endif()
# find_package() finds them.
foreach(package IN ITEMS cli11 nlohmann_json fmt gtest)
  file(WRITE ${CMAKE_FIND_PACKAGE_REDIRECTS_DIR}/${package}-config.cmake "")
endforeach()
