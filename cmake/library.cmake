# pumice_objects  all of runtime/, compiled once
# pumice_core     the same as a static library with every symbol visible: what the C++ tests link
# pumice          the library that users link; it shows the C API and nothing else

file(GLOB_RECURSE runtime_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/*.cpp)
list(FILTER runtime_sources EXCLUDE REGEX "/${PUMICE_OTHER_SYSTEM}/")
if(NOT PUMICE_CONVERT)
  list(FILTER runtime_sources EXCLUDE REGEX "/runtime/convert/")
endif()
# What stands for the parts that are left out says so.
if(PUMICE_DISK)
  list(FILTER runtime_sources EXCLUDE REGEX "/kv/tiers/no_disk.cpp")
else()
  list(FILTER runtime_sources EXCLUDE REGEX "/kv/tiers/disk_(folder|tier)[.]cpp")
endif()
if(PUMICE_ENCODERS)
  list(FILTER runtime_sources EXCLUDE REGEX "/api/no_encoders.cpp")
else()
  list(FILTER runtime_sources EXCLUDE REGEX "/api/(encoder|translator|transcriber)[.]cpp")
  list(FILTER runtime_sources EXCLUDE REGEX
    "/engine/(encoder|translator|translation_.*|beam_search|hypothesis_pages|transcriber|speech_.*|word_times)[.]cpp")
  list(FILTER runtime_sources EXCLUDE REGEX "/media/(log_mel|sound_file)[.]cpp")
endif()
if(PUMICE_BENCH)
  list(FILTER runtime_sources EXCLUDE REGEX "/api/no_bench.cpp")
else()
  list(FILTER runtime_sources EXCLUDE REGEX "/(api/measure|kernels/roof)[.]cpp")
endif()
include(${CMAKE_CURRENT_LIST_DIR}/version.cmake)
add_library(pumice_objects OBJECT ${runtime_sources} ${PUMICE_EMBEDDED_SHADERS_CPP} ${PUMICE_VERSION_CPP})
add_dependencies(pumice_objects pumice_version)
set_source_files_properties(${PUMICE_VERSION_CPP} PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON SKIP_PRECOMPILE_HEADERS ON)
pumice_compile_options(pumice_objects)
pumice_precompile(pumice_objects)
# Those of a folder together, whichever batch a new file would come to.
set_target_properties(pumice_objects PROPERTIES UNITY_BUILD_MODE GROUP)
foreach(source IN LISTS runtime_sources)
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
  string(REGEX REPLACE "/[^/]*$" "" folder ${folder})
  string(MAKE_C_IDENTIFIER ${folder} folder)
  set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder})
endforeach()
if(PUMICE_ZSTD)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/runtime/vk/embedded_shaders.cpp
    ${PROJECT_SOURCE_DIR}/runtime/kv/tiers/page_codec.cpp APPEND PROPERTY COMPILE_DEFINITIONS PUMICE_HAS_ZSTD)
endif()
if(sound_FOUND)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/runtime/media/sound_file.cpp APPEND PROPERTY
    COMPILE_DEFINITIONS PUMICE_HAS_SOUND)
endif()
foreach(format png jpeg webp)
  if(${format}_FOUND)
    string(TOUPPER ${format} definition)
    set_property(SOURCE ${PROJECT_SOURCE_DIR}/runtime/media/${format}_file.cpp APPEND PROPERTY
      COMPILE_DEFINITIONS PUMICE_HAS_${definition})
  endif()
endforeach()
if(PUMICE_CONVERT)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/runtime/api/convert.cpp APPEND PROPERTY
    COMPILE_DEFINITIONS PUMICE_HAS_CONVERT)
endif()
set(PUMICE_INTERNAL_INCLUDES
  ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR}/shaders ${PROJECT_SOURCE_DIR}/include ${PUMICE_SHADER_TABLE_DIR})
target_include_directories(pumice_objects PUBLIC ${PUMICE_INTERNAL_INCLUDES})
target_link_libraries(pumice_objects PUBLIC pumice_dependencies)
if(WIN32)  # so that nothing else is exported
  target_compile_definitions(pumice_objects PRIVATE "PUMICE_API=__declspec(dllexport)")
endif()

add_library(pumice_core STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:pumice_objects>)
target_include_directories(pumice_core PUBLIC ${PUMICE_INTERNAL_INCLUDES})
target_link_libraries(pumice_core PUBLIC pumice_dependencies)

# A static library is one object in which every symbol but the C API's is local, so that nothing in it meets the host's:
# no Vulkan function, no instantiation of a C++ template, no second copy of itself in another shared library. Its C API
# is hidden, too: a shared library that links it does not pass it on.
set(PUMICE_ONE_OBJECT)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_OBJCOPY AND NOT PUMICE_SANITIZE)
  set(PUMICE_ONE_OBJECT ${PROJECT_BINARY_DIR}/pumice.o)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/pumice_objects.txt
    CONTENT "$<JOIN:$<FILTER:$<TARGET_OBJECTS:pumice_objects>,EXCLUDE,[.]gch$>,\n>\n")  # without a precompiled header
  add_custom_command(OUTPUT ${PUMICE_ONE_OBJECT}
    COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${PUMICE_ONE_OBJECT}
      @${PROJECT_BINARY_DIR}/pumice_objects.txt
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DOBJCOPY=${CMAKE_OBJCOPY} -DOBJECT=${PUMICE_ONE_OBJECT} -DKEEP=pumice_*
      -P ${PROJECT_SOURCE_DIR}/cmake/localize_symbols.cmake
    DEPENDS pumice_objects $<TARGET_OBJECTS:pumice_objects> ${PROJECT_SOURCE_DIR}/cmake/localize_symbols.cmake
    COMMENT "Linking the objects of the static library into one" VERBATIM)
endif()
if(PUMICE_ONE_OBJECT AND NOT BUILD_SHARED_LIBS)
  file(GLOB api_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/api/*.cpp)
  set_property(SOURCE ${api_sources} ${PUMICE_VERSION_CPP} APPEND PROPERTY COMPILE_DEFINITIONS PUMICE_API=)
  add_library(pumice ${PUMICE_ONE_OBJECT})
else()
  add_library(pumice $<TARGET_OBJECTS:pumice_objects>)
endif()
add_library(pumice::pumice ALIAS pumice)
pumice_compile_options(pumice)
if(WIN32)
  include(cmake/windows/resources.cmake)
  pumice_windows_resources(pumice pumice.dll "Language models on Vulkan compute shaders")
  set_target_properties(pumice PROPERTIES PREFIX "" IMPORT_PREFIX lib)
endif()
set_target_properties(pumice PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE CXX)
target_include_directories(pumice INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
if(BUILD_SHARED_LIBS)
  target_link_libraries(pumice PRIVATE $<BUILD_INTERFACE:pumice_dependencies>)
  # Template instantiations of the C++ library are exported in spite of -fvisibility=hidden; the map hides them too.
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT PUMICE_SANITIZE)
    target_link_options(pumice PRIVATE -Wl,-z,defs
      -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
    set_target_properties(pumice PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  endif()
else()
  # Whoever links it links these, too; CMake does not see that the one object is C++.
  target_link_libraries(pumice PRIVATE pumice_dependencies)
  foreach(of_language IN ITEMS stdc++ c++ m)
    if(of_language IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
      target_link_libraries(pumice INTERFACE ${of_language})
    endif()
  endforeach()
endif()

file(STRINGS ${PROJECT_SOURCE_DIR}/include/pumice/pumice.h header_version REGEX "#define PUMICE_VERSION ")
if(NOT header_version MATCHES "\"${PROJECT_VERSION}\"")
  message(FATAL_ERROR "include/pumice/pumice.h and CMakeLists.txt disagree about the version (${PROJECT_VERSION})")
endif()
