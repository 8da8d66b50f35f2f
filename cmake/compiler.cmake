# pumice_compile_options(TARGET): language level, warnings and sanitizers of our own code.

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

# From the folder of programs to that of the bundled model: the same in every tree, so that the bytes are.
set(PUMICE_MODELS_DIR ${PROJECT_SOURCE_DIR}/models)
if(CMAKE_RUNTIME_OUTPUT_DIRECTORY)
  file(RELATIVE_PATH PUMICE_MODELS_DIR ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${PUMICE_MODELS_DIR})
endif()
# Folders of this name hold what is another system's.
set(PUMICE_OTHER_SYSTEM windows)
if(WIN32)
  set(PUMICE_OTHER_SYSTEM posix)
endif()

function(pumice_compile_options target)
  target_compile_features(${target} PRIVATE cxx_std_20 c_std_11)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF C_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # Designated initialisers leave fields at their defaults on purpose.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wno-missing-field-initializers)
  # Sizes are of 64 bits until they are known to fit a span; there the compiler cannot tell.
  if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    target_compile_options(${target} PRIVATE -Wno-conversion)
    target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64)
    # The older unit of x86 computes with more digits than a double has: sums would depend on the compiler's mood.
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "i.86|x86")
      target_compile_options(${target} PRIVATE -msse2 -mfpmath=sse)
    endif()
  endif()
  # Known false positives of GCC: std::string concatenation in version 12, and standard headers under sanitizers.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-restrict)
    # In a unity build it takes each source for a header.
    if(CMAKE_UNITY_BUILD)
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
    endif()
    if(PUMICE_SANITIZE)
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
  endif()
  # No path of the build folder or of the sources in what is built.
  if(NOT PUMICE_SANITIZE AND NOT MSVC)
    target_compile_options(${target} PRIVATE -ffile-prefix-map=${PROJECT_BINARY_DIR}/=
      -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()
  if(WIN32)
    target_compile_definitions(${target} PRIVATE UNICODE _UNICODE NOMINMAX WIN32_LEAN_AND_MEAN _WIN32_WINNT=0x0A00)
    # GCC takes [[gnu::format(printf)]] for the formats of Microsoft's library; elsewhere they are checked.
    target_compile_options(${target} PRIVATE -Wno-format)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wa,-mbig-obj)
    endif()
  endif()
  if(PUMICE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(PUMICE_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${PUMICE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # What these two see the address sanitizer sees as well; they take a fifth of the compiler's time.
    if(PUMICE_SANITIZE MATCHES "address")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,object-size)
    endif()
    target_link_options(${target} PRIVATE -fsanitize=${PUMICE_SANITIZE})
  endif()
endfunction()

# pumice_precompile(TARGET HEADERS...): with what most of our sources include, parsed once for all of them.
function(pumice_precompile target)
  foreach(header <algorithm> <functional> <map> <memory> <mutex> <optional> <span> <string> <vector> ${ARGN})
    target_precompile_headers(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${header}>")
  endforeach()
  # From it GCC 12 does not know that standard headers are the system's, and shows what it believes of inlined strings.
  # Without it (CMAKE_DISABLE_PRECOMPILE_HEADERS) these warnings are on.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
  endif()
endfunction()
