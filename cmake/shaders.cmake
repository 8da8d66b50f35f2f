# Compiles every variant of shaders/variants.json to SPIR-V and embeds all of them in one generated C++ file, and writes
# the host's table of them (runtime/kernels/shader.h). Sets PUMICE_EMBEDDED_SHADERS_CPP and
# PUMICE_SHADER_TABLE_DIR, an include folder. The format of variants.json is described in shaders/README.md.

set(PUMICE_SHADER_DIR ${PROJECT_SOURCE_DIR}/shaders)
set(PUMICE_SPIRV_DIR ${PROJECT_BINARY_DIR}/shaders)
set(PUMICE_EMBEDDED_SHADERS_CPP ${PUMICE_SPIRV_DIR}/embedded_shaders.cpp)
set(PUMICE_SHADER_TABLE_DIR ${PUMICE_SPIRV_DIR}/include)

find_program(PUMICE_GLSLANG NAMES glslangValidator glslang DOC "GLSL to SPIR-V compiler (glslangValidator)")
find_program(PUMICE_SPIRV_VAL NAMES spirv-val DOC "SPIR-V validator")
option(PUMICE_FETCH_GLSLANG "Fetch and build a newer glslang where the one found does not know all that shaders use" ON)
if(NOT PUMICE_GLSLANG)
  message(FATAL_ERROR "glslangValidator not found: install glslang-tools or set PUMICE_GLSLANG")
endif()
if(NOT PUMICE_SPIRV_VAL)
  message(FATAL_ERROR "spirv-val not found: install spirv-tools or set PUMICE_SPIRV_VAL")
endif()
set(optimizer "")
if(PUMICE_SPIRV_OPT)
  find_program(PUMICE_SPIRV_OPT_PROGRAM NAMES spirv-opt REQUIRED)
  set(optimizer ${PUMICE_SPIRV_OPT_PROGRAM})
endif()
file(MAKE_DIRECTORY ${PUMICE_SPIRV_DIR})

# Whether the compiler knows what a shader "requires": it must accept cmake/probes/FEATURE.comp.
function(pumice_probe_shader_feature probe)
  get_filename_component(feature ${probe} NAME_WE)
  if(NOT "${PUMICE_SHADER_${feature}_KEY}" STREQUAL "${PUMICE_GLSLANG}")
    execute_process(
      COMMAND ${CMAKE_COMMAND} -DGLSLANG=${PUMICE_GLSLANG} -DTARGET_ENV=vulkan1.3
        -DSOURCE=${probe} -DOUTPUT=${PUMICE_SPIRV_DIR}/probe_${feature}.spv
        -P ${PROJECT_SOURCE_DIR}/cmake/compile_shader.cmake
      RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
    string(COMPARE EQUAL "${code}" 0 known)
    set(PUMICE_SHADER_${feature}_KEY "${PUMICE_GLSLANG}" CACHE INTERNAL "")
    set(PUMICE_SHADER_${feature} ${known} CACHE INTERNAL "")
  endif()
endfunction()

file(GLOB probes CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/probes/*.comp)
set(unknown_features)
foreach(probe IN LISTS probes)
  get_filename_component(feature ${probe} NAME_WE)
  pumice_probe_shader_feature(${probe})
  if(NOT PUMICE_SHADER_${feature})
    list(APPEND unknown_features ${feature})
  endif()
endforeach()
set(shader_compiler ${PUMICE_GLSLANG})
set(shader_compiler_target)
if(unknown_features AND PUMICE_FETCH_GLSLANG)
  include(${PROJECT_SOURCE_DIR}/cmake/glslang.cmake)
  if(TARGET pumice_glslang)
    set(shader_compiler_target pumice_glslang)
    set(shader_compiler $<TARGET_FILE:pumice_glslang>)
    set(unknown_features)
  endif()
endif()
if(unknown_features)
  list(JOIN unknown_features ", " unknown)
  # scripts/setup.sh shows lines that begin so.
  message(NOTICE "pumice: the shader compiler does not know ${unknown}: prefill on a GPU will be slow "
    "(glslang 15.2 or newer, or a network at the next build, mends it)")
endif()

# The first SPIRV-Tools that knows all features. With an older one the shaders that require a feature are not checked.
execute_process(COMMAND ${PUMICE_SPIRV_VAL} --version OUTPUT_VARIABLE tools_version ERROR_QUIET)
string(REGEX MATCH "v20[0-9][0-9]\\.[0-9]+" tools_version "${tools_version}")
string(COMPARE GREATER_EQUAL "${tools_version}" v2025.1 tools_know_features)

# One SPIR-V file. Appends to the lists that the caller collects in global properties.
function(pumice_add_shader name source target_env required defines)
  set(output ${PUMICE_SPIRV_DIR}/${name}.spv)
  get_property(names GLOBAL PROPERTY PUMICE_SHADER_NAMES)
  if(name IN_LIST names)
    message(FATAL_ERROR "shaders/variants.json: variant ${name} is listed twice")
  endif()
  string(REPLACE ";" "|" defines "${defines}")
  set(tools -DSPIRV_VAL=${PUMICE_SPIRV_VAL} -DSPIRV_OPT=${optimizer})
  if(required AND NOT tools_know_features)
    set(tools)
  endif()
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DGLSLANG=${shader_compiler} ${tools}
      -DTARGET_ENV=${target_env} "-DDEFINES=${defines}" -DINCLUDE=${PUMICE_SHADER_DIR}
      -DSOURCE=${PUMICE_SHADER_DIR}/${source} -DOUTPUT=${output} -DDEPFILE=${output}.d
      -P ${PROJECT_SOURCE_DIR}/cmake/compile_shader.cmake
    DEPENDS ${PUMICE_SHADER_DIR}/${source} ${PROJECT_SOURCE_DIR}/cmake/compile_shader.cmake ${shader_compiler_target}
    DEPFILE ${output}.d
    COMMENT "Shader ${name}" VERBATIM)
  set_property(GLOBAL APPEND PROPERTY PUMICE_SHADER_NAMES ${name})
  set_property(GLOBAL APPEND PROPERTY PUMICE_SHADER_OUTPUTS ${output})
endfunction()

# Members of a JSON object as a list of KEY=VALUE.
function(pumice_json_pairs object result)
  set(pairs)
  string(JSON count ERROR_VARIABLE problem LENGTH "${object}")
  if(count GREATER 0)
    math(EXPR last "${count} - 1")
    foreach(index RANGE ${last})
      string(JSON key MEMBER "${object}" ${index})
      string(JSON value GET "${object}" ${key})
      list(APPEND pairs "${key}=${value}")
    endforeach()
  endif()
  set(${result} "${pairs}" PARENT_SCOPE)
endfunction()

function(pumice_json_get object key default result)
  string(JSON value ERROR_VARIABLE problem GET "${object}" ${key})
  if(problem)
    set(value "${default}")
  endif()
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

# read_lines -> kReadLines
function(pumice_enumerator name result)
  set(enumerator k)
  string(REPLACE "_" ";" parts ${name})
  foreach(part IN LISTS parts)
    string(SUBSTRING ${part} 0 1 first)
    string(SUBSTRING ${part} 1 -1 rest)
    string(TOUPPER ${first} first)
    string(APPEND enumerator ${first}${rest})
  endforeach()
  set(${result} ${enumerator} PARENT_SCOPE)
endfunction()

# NAME, with a value of the matrix axis where there is one. In the table also when this build leaves it out.
function(pumice_add_listed name source target_env required defines row)
  set_property(GLOBAL APPEND PROPERTY PUMICE_SHADER_ROWS "{\"${name}\", ${row}}")
  if(NOT required IN_LIST unknown_features AND (PUMICE_BENCH OR NOT name MATCHES "^roof[.]"))
    pumice_add_shader("${name}" "${source}" "${target_env}" "${required}" "${defines}")
  endif()
endfunction()

# Adds NAME for every value of its matrix axis.
function(pumice_expand_matrix name source target_env required defines matrix row)
  string(JSON axes LENGTH "${matrix}")
  if(axes EQUAL 0)
    pumice_add_listed("${name}" "${source}" "${target_env}" "${required}" "${defines}" "${row}, 0")
    return()
  elseif(axes GREATER 1)
    message(FATAL_ERROR "shaders/variants.json: ${name} has more than one matrix axis")
  endif()
  string(JSON macro MEMBER "${matrix}" 0)
  string(JSON values GET "${matrix}" ${macro})
  string(JSON kind TYPE "${matrix}" ${macro})
  if(kind STREQUAL STRING)
    string(JSON values GET "${variants_json}" lists ${values})
  endif()
  pumice_json_pairs("${values}" pairs)
  foreach(pair IN LISTS pairs)
    string(REGEX MATCH "^([^=]*)=(.*)$" pair "${pair}")
    set(value_name "${CMAKE_MATCH_1}")
    set(value "${CMAKE_MATCH_2}")
    pumice_add_listed("${name}.${value_name}" "${source}" "${target_env}" "${required}" "${defines};${macro}=${value}"
      "${row}, ${value}")
  endforeach()
endfunction()

# All variants of one entry; `entry` is the kernel, `variant` one element of its "variants" (or {}).
function(pumice_add_variant entry variant)
  string(JSON name GET "${entry}" name)
  string(JSON source GET "${entry}" source)
  pumice_json_get("${entry}" defines "{}" entry_defines)
  pumice_json_get("${entry}" target_env vulkan1.2 target_env)
  pumice_json_get("${entry}" requires "" required)
  pumice_json_get("${entry}" matrix "{}" matrix)
  pumice_json_get("${variant}" name "" variant_name)
  pumice_json_get("${variant}" source "${source}" source)
  pumice_json_get("${variant}" defines "{}" variant_defines)
  pumice_json_get("${variant}" target_env "${target_env}" target_env)
  pumice_json_get("${variant}" requires "${required}" required)
  pumice_json_get("${variant}" matrix "${matrix}" matrix)
  if(required AND NOT EXISTS ${PROJECT_SOURCE_DIR}/cmake/probes/${required}.comp)
    message(FATAL_ERROR "shaders/variants.json: unknown \"requires\": \"${required}\" (no probe in cmake/probes)")
  endif()
  if(NOT EXISTS ${PUMICE_SHADER_DIR}/${source})
    message(FATAL_ERROR "shaders/variants.json: ${source} of ${name} does not exist")
  endif()
  pumice_enumerator(${name} kernel)
  set(form kPlain)
  if(variant_name)
    pumice_enumerator(${variant_name} form)
    string(APPEND name ".${variant_name}")
    set_property(GLOBAL APPEND PROPERTY PUMICE_SHADER_FORMS ${form})
  endif()
  set_property(GLOBAL APPEND PROPERTY PUMICE_SHADER_KERNELS ${kernel})
  pumice_json_pairs("${entry_defines}" defines)
  pumice_json_pairs("${variant_defines}" more_defines)
  pumice_expand_matrix("${name}" "${source}" "${target_env}" "${required}" "${defines};${more_defines}" "${matrix}"
    "ShaderKernel::${kernel}, ShaderForm::${form}")
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PUMICE_SHADER_DIR}/variants.json)
foreach(list NAMES OUTPUTS ROWS KERNELS FORMS)
  set_property(GLOBAL PROPERTY PUMICE_SHADER_${list})
endforeach()
file(READ ${PUMICE_SHADER_DIR}/variants.json variants_json)
string(JSON kernel_count LENGTH "${variants_json}" kernels)
if(kernel_count GREATER 0)
  math(EXPR last_kernel "${kernel_count} - 1")
  foreach(kernel_index RANGE ${last_kernel})
    string(JSON kernel GET "${variants_json}" kernels ${kernel_index})
    string(JSON variant_count ERROR_VARIABLE problem LENGTH "${kernel}" variants)
    if(problem)
      pumice_add_variant("${kernel}" "{}")
    elseif(variant_count GREATER 0)
      math(EXPR last_variant "${variant_count} - 1")
      foreach(variant_index RANGE ${last_variant})
        string(JSON variant GET "${kernel}" variants ${variant_index})
        pumice_add_variant("${kernel}" "${variant}")
      endforeach()
    endif()
  endforeach()
endif()

get_property(shader_names GLOBAL PROPERTY PUMICE_SHADER_NAMES)
get_property(shader_outputs GLOBAL PROPERTY PUMICE_SHADER_OUTPUTS)
set(shader_manifest "")
foreach(name IN LISTS shader_names)
  string(APPEND shader_manifest "${name} ${PUMICE_SPIRV_DIR}/${name}.spv\n")
endforeach()
file(CONFIGURE OUTPUT ${PUMICE_SPIRV_DIR}/manifest.txt CONTENT "${shader_manifest}" @ONLY)

get_property(rows GLOBAL PROPERTY PUMICE_SHADER_ROWS)
get_property(kernels GLOBAL PROPERTY PUMICE_SHADER_KERNELS)
get_property(forms GLOBAL PROPERTY PUMICE_SHADER_FORMS)
list(REMOVE_DUPLICATES kernels)
list(REMOVE_DUPLICATES forms)
list(SORT rows)
list(JOIN kernels ", " kernels)
list(JOIN forms ", " forms)
list(JOIN rows ",\n    " rows)
file(CONFIGURE OUTPUT ${PUMICE_SHADER_TABLE_DIR}/kernels/shader_table.h CONTENT
"// Generated from shaders/variants.json.
#pragma once

#include <cstdint>
#include <string_view>

namespace pumice {

enum class ShaderKernel : uint8_t { @kernels@ };
enum class ShaderForm : uint8_t { kPlain, @forms@ };

struct ShaderRow {
  std::string_view name;  // \"kernel\", \"kernel.form\", \"kernel.axis\" or \"kernel.form.axis\"
  ShaderKernel kernel;
  ShaderForm form;
  uint8_t axis;  // the value of the kernel's matrix axis; 0: it may have none
};

// By name.
inline constexpr ShaderRow kShaderTable[] = {
    @rows@};

}  // namespace pumice
" @ONLY)

# They are the same on all systems, so that a cross build takes those of a build for this one.
set(PUMICE_SHADERS_OF "" CACHE PATH "Build folder of the same sources whose shaders are taken; empty: compile them")
if(PUMICE_SHADERS_OF)
  set(PUMICE_EMBEDDED_SHADERS_CPP ${PUMICE_SHADERS_OF}/shaders/embedded_shaders.cpp)
  return()
endif()

add_executable(pumice_embed_shaders ${PROJECT_SOURCE_DIR}/cmake/embed_shaders.cpp)
target_compile_features(pumice_embed_shaders PRIVATE cxx_std_20)
if(PUMICE_ZSTD)
  target_link_libraries(pumice_embed_shaders PRIVATE PkgConfig::libzstd)
  target_compile_definitions(pumice_embed_shaders PRIVATE PUMICE_HAS_ZSTD)
endif()
add_custom_command(OUTPUT ${PUMICE_EMBEDDED_SHADERS_CPP}
  COMMAND pumice_embed_shaders ${PUMICE_SPIRV_DIR}/manifest.txt ${PUMICE_EMBEDDED_SHADERS_CPP}
  DEPENDS pumice_embed_shaders ${PUMICE_SPIRV_DIR}/manifest.txt ${shader_outputs}
  COMMENT "Embedding the shaders" VERBATIM)
list(LENGTH shader_names shader_count)
message(STATUS "Shader variants: ${shader_count}")
