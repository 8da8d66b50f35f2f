# Builds the shader compiler glslang 15.3 as the target pumice_glslang, for distributions whose own is too old. The
# source comes from the crate shaderc-sys, which holds the Khronos repositories unchanged and is never replaced once it
# is published. Of it only the GLSL front end and the SPIR-V generator are compiled, without HLSL, optimizer and Python.
# No target where there is no source to be had.

set(glslang_dir ${PROJECT_BINARY_DIR}/glslang)
set(glslang_crate shaderc-sys-0.10.1)
set(glslang_archive ${glslang_dir}/${glslang_crate}.crate)
set(glslang_sha256 bdceb85b2c6d2c27b95ffe2d341063dfded0aca8046f7f60c544bbeaeaf8bcae)
set(glslang_source ${glslang_dir}/source)

# file(DOWNLOAD) with EXPECTED_HASH would end the configuration where the network answers with something else.
function(pumice_has_glslang_archive result)
  set(found)
  if(EXISTS ${glslang_archive})
    file(SHA256 ${glslang_archive} found)
  endif()
  string(COMPARE EQUAL "${found}" ${glslang_sha256} same)
  set(${result} ${same} PARENT_SCOPE)
endfunction()

if(NOT IS_DIRECTORY ${glslang_source})
  pumice_has_glslang_archive(here)
  if(NOT here)
    message(STATUS "Fetching the source of glslang 15.3 (8 MB)")
    set(glslang_url https://static.crates.io/crates/shaderc-sys/${glslang_crate}.crate)
    # One byte first: a network that swallows everything is to cost seconds, a slow one may take its time. The hash
    # tells what came, so no certificates are needed, which a bare system has not got.
    file(DOWNLOAD ${glslang_url} RANGE_END 0 TIMEOUT 5 STATUS download TLS_VERIFY OFF)
    if(download MATCHES "^0;")
      file(DOWNLOAD ${glslang_url} ${glslang_archive} INACTIVITY_TIMEOUT 5 TIMEOUT 120 STATUS download TLS_VERIFY OFF)
    endif()
    pumice_has_glslang_archive(here)
    if(NOT here)
      file(REMOVE ${glslang_archive})
      list(GET download 1 problem)
      message(STATUS "Not fetched: ${problem}")
      return()
    endif()
  endif()
  # Renamed when complete, so that an interrupted run leaves nothing that looks whole.
  set(inside ${glslang_crate}/build/glslang)
  file(ARCHIVE_EXTRACT INPUT ${glslang_archive} DESTINATION ${glslang_dir} PATTERNS
    ${inside}/LICENSE.txt ${inside}/build_info.h.tmpl ${inside}/glslang/* ${inside}/SPIRV/* ${inside}/StandAlone/*)
  file(RENAME ${glslang_dir}/${inside} ${glslang_source})
  file(REMOVE_RECURSE ${glslang_dir}/${glslang_crate})
endif()

# What its own build generates.
set(major 15)
set(minor 3)
set(patch 0)
set(flavor "")
configure_file(${glslang_source}/build_info.h.tmpl ${glslang_dir}/include/glslang/build_info.h @ONLY)
file(CONFIGURE OUTPUT ${glslang_dir}/include/glslang/glsl_intrinsic_header.h @ONLY CONTENT
  "#include <string>\nstatic std::string getIntrinsic(const char* const*, int) { return {}; }\n")

set(front_end ${glslang_source}/glslang)
file(GLOB glslang_sources ${front_end}/MachineIndependent/*.cpp ${front_end}/MachineIndependent/preprocessor/*.cpp
  ${front_end}/GenericCodeGen/*.cpp ${front_end}/OSDependent/Unix/*.cpp ${front_end}/ResourceLimits/ResourceLimits.cpp
  ${glslang_source}/SPIRV/*.cpp ${glslang_source}/StandAlone/StandAlone.cpp)
list(REMOVE_ITEM glslang_sources ${glslang_source}/SPIRV/SPVRemapper.cpp)
# These define macros and namespaces that others do not expect.
set_source_files_properties(${front_end}/MachineIndependent/glslang_tab.cpp ${glslang_source}/SPIRV/SpvBuilder.cpp
  ${glslang_source}/StandAlone/StandAlone.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
add_executable(pumice_glslang EXCLUDE_FROM_ALL ${glslang_sources})
set_target_properties(pumice_glslang PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${glslang_dir})
target_include_directories(pumice_glslang PRIVATE ${glslang_source} ${glslang_dir}/include)
target_compile_features(pumice_glslang PRIVATE cxx_std_17)
target_compile_definitions(pumice_glslang PRIVATE ENABLE_SPIRV ENABLE_OPT=0 GLSLANG_OSINCLUDE_UNIX)
# It runs for seconds, so it is compiled quickly, whatever the build type.
target_compile_options(pumice_glslang PRIVATE -w -O1 -g0 -fno-exceptions -fno-rtti)
target_link_libraries(pumice_glslang PRIVATE Threads::Threads)
