# What the library needs. The target pumice_dependencies carries all of it; PUMICE_PKGCONFIG_REQUIRES lists the
# pkg-config names for pumice.pc and the CMake package.
#
# The Vulkan loader is opened at run time (runtime/vk/functions.h), so only its headers are needed here.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
if(WIN32)
  include(cmake/windows/libraries.cmake)
endif()
find_path(PUMICE_VULKAN_INCLUDE_DIR vulkan/vulkan.h)
if(NOT PUMICE_VULKAN_INCLUDE_DIR)
  message(FATAL_ERROR "Vulkan headers not found: install libvulkan-dev or set PUMICE_VULKAN_INCLUDE_DIR")
endif()

add_library(pumice_dependencies INTERFACE)
target_include_directories(pumice_dependencies SYSTEM INTERFACE ${PUMICE_VULKAN_INCLUDE_DIR})
target_link_libraries(pumice_dependencies INTERFACE Threads::Threads ${CMAKE_DL_LIBS} $<$<BOOL:${WIN32}>:ws2_32>)

set(PUMICE_PKGCONFIG_REQUIRES libutf8proc libsodium)
# Optional: without it shaders lie in the library as they are, and pages go to disk and Redis as they are. Only the
# sources that use it are told (library.cmake).
option(PUMICE_ZSTD "Compress the shaders in the library, and pages on disk and in Redis where that is asked for" ON)
if(PUMICE_ZSTD)
  list(APPEND PUMICE_PKGCONFIG_REQUIRES libzstd)
endif()
foreach(package IN LISTS PUMICE_PKGCONFIG_REQUIRES)
  if(NOT TARGET PkgConfig::${package})
    pkg_check_modules(${package} REQUIRED IMPORTED_TARGET ${package})
  endif()
  target_link_libraries(pumice_dependencies INTERFACE PkgConfig::${package})
endforeach()

# Optional: the Redis tier of the KV cache, and TLS for it.
option(PUMICE_REDIS "Build the Redis tier of the KV cache, if hiredis is there" ON)
if(PUMICE_REDIS)
  pkg_check_modules(hiredis IMPORTED_TARGET hiredis)
  if(hiredis_FOUND)
    list(APPEND PUMICE_PKGCONFIG_REQUIRES hiredis)
    target_link_libraries(pumice_dependencies INTERFACE PkgConfig::hiredis)
    target_compile_definitions(pumice_dependencies INTERFACE PUMICE_HAS_HIREDIS)
    # rediss://
    pkg_check_modules(openssl IMPORTED_TARGET openssl)
    if(openssl_FOUND)
      list(APPEND PUMICE_PKGCONFIG_REQUIRES openssl)
      target_link_libraries(pumice_dependencies INTERFACE PkgConfig::openssl)
      target_compile_definitions(pumice_dependencies INTERFACE PUMICE_HAS_OPENSSL)
    endif()
  endif()
endif()

# Optional: sounds from files. Only runtime/media/sound_file.cpp is told (library.cmake), so that nothing else is
# compiled anew where the packages come or go.
option(PUMICE_SOUND "Build the reading of sounds, if libsndfile and libsamplerate are there" ON)
if(PUMICE_SOUND)
  pkg_check_modules(sound sndfile samplerate)
  if(sound_FOUND)
    list(APPEND PUMICE_PKGCONFIG_REQUIRES sndfile samplerate)
    target_link_libraries(pumice_dependencies INTERFACE ${sound_LINK_LIBRARIES})
  endif()
endif()

# Optional likewise: pictures from files, each format by a library of its own.
option(PUMICE_PICTURES "Build the reading of pictures, by those of libpng, libjpeg and libwebp that are there" ON)
if(PUMICE_PICTURES)
  foreach(format png jpeg webp)
    pkg_check_modules(${format} lib${format})
    if(${format}_FOUND)
      list(APPEND PUMICE_PKGCONFIG_REQUIRES lib${format})
      target_link_libraries(pumice_dependencies INTERFACE ${${format}_LINK_LIBRARIES})
    endif()
  endforeach()
endif()

option(PUMICE_DISK "Build the disk tier of the KV cache" ON)
option(PUMICE_ENCODERS "Build encoders, translation and speech; decoders are always built" ON)
option(PUMICE_BENCH "Build what measures a device (pumice_device_measure_roofs)" ON)
option(PUMICE_CONVERT "Build the conversion of model files" ON)
