# bindings/: their declarations are generated from the headers; each is tested against the library where what it needs
# is there: Python 3; cargo; Mono.

find_package(Python3 QUIET COMPONENTS Interpreter)
if(NOT Python3_FOUND)
  message(STATUS "Python 3 not found: bindings are not tested")
  return()
endif()
set(bindings_dir ${PROJECT_SOURCE_DIR}/bindings)
set(bindings_build ${PROJECT_BINARY_DIR}/bindings)
file(GLOB generator CONFIGURE_DEPENDS ${bindings_dir}/generate/*.py)
file(GLOB public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/pumice/*.h)
function(pumice_declarations language output)
  add_custom_command(OUTPUT ${output}
    COMMAND ${Python3_EXECUTABLE} ${bindings_dir}/generate ${language} ${PROJECT_SOURCE_DIR}/include ${output}
    COMMAND ${CMAKE_COMMAND} -E touch ${output}
    DEPENDS ${generator} ${public_headers} COMMENT "Declarations for ${language}" VERBATIM)
endfunction()

# What the C compiler makes of the headers, to compare with.
pumice_declarations(layout ${bindings_build}/layout.c)
add_executable(pumice_layout ${bindings_build}/layout.c)
pumice_compile_options(pumice_layout)
target_include_directories(pumice_layout PRIVATE ${PROJECT_SOURCE_DIR}/include)

set(python_package ${bindings_build}/python/pumice)
file(GLOB python_sources CONFIGURE_DEPENDS ${bindings_dir}/python/src/pumice/*)
pumice_declarations(python ${python_package}/_native.py)
pumice_declarations(csharp ${bindings_build}/Pumice.cs)
add_custom_target(pumice_bindings ALL DEPENDS ${python_package}/_native.py ${bindings_build}/Pumice.cs
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${python_sources} ${python_package} VERBATIM)

set(binding_environment PUMICE_MODEL=${PROJECT_SOURCE_DIR}/models/storyteller-5m-Q4_K_M.gguf
  PUMICE_LAYOUT=$<TARGET_FILE:pumice_layout>)
add_test(NAME binding.python COMMAND ${Python3_EXECUTABLE} -B -m unittest discover -v ${bindings_dir}/python/tests)
set(python_environment ${binding_environment} PYTHONPATH=${bindings_build}/python
  PUMICE_LIBRARY=$<TARGET_FILE:pumice> PUMICE_SYMBOLS=${PROJECT_SOURCE_DIR}/tests/packaging/symbols.txt)
set_tests_properties(binding.python PROPERTIES TIMEOUT 300 ENVIRONMENT "${python_environment}")

find_program(PUMICE_CARGO cargo)
mark_as_advanced(PUMICE_CARGO)
if(PUMICE_CARGO)
  add_test(NAME binding.rust WORKING_DIRECTORY ${bindings_dir}/rust COMMAND ${PUMICE_CARGO} test --offline --workspace
    --target-dir ${bindings_build}/rust)
  set(rust_environment ${binding_environment} PUMICE_INCLUDE_DIR=${PROJECT_SOURCE_DIR}/include
    PUMICE_LIB_DIR=$<TARGET_FILE_DIR:pumice>)
  set_tests_properties(binding.rust PROPERTIES TIMEOUT 600 ENVIRONMENT "${rust_environment}")
else()
  message(STATUS "cargo not found: the Rust binding is not tested")
endif()

find_program(PUMICE_MCS mcs)
find_program(PUMICE_MONO mono)
mark_as_advanced(PUMICE_MCS PUMICE_MONO)
if(PUMICE_MCS AND PUMICE_MONO)
  add_test(NAME binding.csharp COMMAND ${bindings_dir}/csharp/test/run.sh ${PROJECT_SOURCE_DIR}
    ${bindings_build}/Pumice.cs $<TARGET_FILE:pumice> $<TARGET_FILE:pumice_layout>
    ${PROJECT_SOURCE_DIR}/models/storyteller-5m-Q4_K_M.gguf)
  set_tests_properties(binding.csharp PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
else()
  message(STATUS "Mono not found: the C# declarations are not compiled")
endif()
