# tests/**/*_test.cpp      one GoogleTest program, each test registered with ctest
# tests/**/*_test.c        one program each, linked to the library as a C user links it
# tests/fuzz/…             *_mutate (always) and gguf_fuzz (clang with PUMICE_FUZZ)
# tests/maskbench/…        pumice_maskbench, an adapter of the grammar module for benchmarks of structured output
# tests/faults/…           pumice_faults, which sweeps faults through the library, and the Vulkan layer that it needs
# tests/chat_app/…         pumice_chat_tests, of the chat in a window
# tests/packaging/…        installs to a scratch prefix and uses the result

set(tests_dir ${PROJECT_SOURCE_DIR}/tests)

# test_paths.h, for the few that need a path: where the sources, the models, the optional data and the program lie.
set(test_paths "#define PUMICE_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\"
#define PUMICE_MODELS_DIR \"${PROJECT_SOURCE_DIR}/models\"
#define PUMICE_SHARED_DIR \"${PROJECT_SOURCE_DIR}/../shared\"
")
if(TARGET pumice_cli)
  string(APPEND test_paths "#define PUMICE_CLI \"$<TARGET_FILE:pumice_cli>\"\n")
endif()
if(TARGET pumice_game)
  string(APPEND test_paths "#define PUMICE_GAME \"$<TARGET_FILE:pumice_game>\"\n")
  if(NOT PUMICE_SANITIZE)
    add_library(pumice_game_shim MODULE ${tests_dir}/game/game_shim.c)
    pumice_compile_options(pumice_game_shim)
    target_compile_options(pumice_game_shim PRIVATE -Wno-pedantic)
    target_link_libraries(pumice_game_shim PRIVATE ${CMAKE_DL_LIBS})
    string(APPEND test_paths "#define PUMICE_GAME_SHIM \"$<TARGET_FILE:pumice_game_shim>\"\n")
  endif()
endif()
set(test_paths_dir ${PROJECT_BINARY_DIR}/tests)
if(BUILD_SHARED_LIBS AND NOT PUMICE_SANITIZE)
  string(APPEND test_paths "#define PUMICE_LIBRARY \"$<TARGET_FILE:pumice>\"\n")
endif()
# A library that is preloaded into the program; a sanitizer's runtime would have to come first.
if(TARGET pumice_cli AND BUILD_SHARED_LIBS AND NOT PUMICE_SANITIZE AND NOT WIN32)
  add_library(pumice_hang_shim MODULE ${tests_dir}/api/hang_shim.c)
  pumice_compile_options(pumice_hang_shim)
  target_include_directories(pumice_hang_shim PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(pumice_hang_shim PRIVATE -Wno-pedantic)
  target_link_libraries(pumice_hang_shim PRIVATE ${CMAKE_DL_LIBS})
  string(APPEND test_paths "#define PUMICE_HANG_SHIM \"$<TARGET_FILE:pumice_hang_shim>\"\n")
endif()
file(GENERATE OUTPUT ${test_paths_dir}/test_paths.h CONTENT "${test_paths}")

file(GLOB_RECURSE cpp_tests CONFIGURE_DEPENDS ${tests_dir}/*_test.cpp)
file(GLOB_RECURSE test_support CONFIGURE_DEPENDS ${tests_dir}/*.cpp)
list(REMOVE_ITEM test_support ${cpp_tests})
list(FILTER test_support EXCLUDE REGEX "/tests/(chat_app|faults|fuzz|maskbench|packaging)/")
list(FILTER cpp_tests EXCLUDE REGEX "/tests/chat_app/")
list(FILTER cpp_tests EXCLUDE REGEX "/${PUMICE_OTHER_SYSTEM}/")
set(PUMICE_TEST_FOLDERS "" CACHE STRING "Only the tests in C++ of these folders of tests/; empty: of all")
if(PUMICE_TEST_FOLDERS)
  list(JOIN PUMICE_TEST_FOLDERS "|" folders)
  list(FILTER cpp_tests INCLUDE REGEX "/tests/(${folders})/")
endif()
if(WIN32)  # docs/windows.md says why
  list(FILTER cpp_tests EXCLUDE REGEX "/tests/(game|serve|structure|matrix)/|/tests/apps/pull_test\
|/(library_imports|load|disk_folder|disk_kill|secret_file|redis_tier|tier_speed|bench_page)_test")
  foreach(source IN LISTS cpp_tests)
    file(STRINGS ${source} starts_program REGEX "cli_support[.]h")
    if(starts_program)
      list(REMOVE_ITEM cpp_tests ${source})
    endif()
  endforeach()
endif()
if(PUMICE_SANITIZE)  # these read sources: a sanitizer sees nothing in them and takes minutes for it
  list(FILTER cpp_tests EXCLUDE REGEX "/tests/structure/")
endif()

# pumice_test_suites(TARGET SOURCES...): a test of ctest for each suite, as under a sanitizer the start of the program
# takes longer than most tests. What is found in no source runs as TARGET.others.
function(pumice_test_suites target)
  foreach(source IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} heads REGEX "^TEST(_F|_P)?[(]")
    list(TRANSFORM heads REPLACE "^TEST(_F|_P)?[(]([A-Za-z0-9_]+).*" "\\2")
    list(APPEND suites ${heads})
  endforeach()
  list(REMOVE_DUPLICATES suites)
  foreach(suite IN LISTS suites)
    string(APPEND all "${suite}.*:*/${suite}.*:")
    add_test(NAME ${suite} COMMAND ${target} --gtest_filter=${suite}.*:*/${suite}.*)
  endforeach()
  add_test(NAME ${target}.others COMMAND ${target} --gtest_filter=-${all})
  set_tests_properties(${suites} ${target}.others PROPERTIES TIMEOUT 1200 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

find_package(GTest)
if(NOT GTest_FOUND)
  message(WARNING "GoogleTest not found: the C++ tests are left out; install libgtest-dev")
elseif(cpp_tests)
  if(NOT PUMICE_DEVICE_TESTS)
    foreach(source IN LISTS cpp_tests)
      file(READ ${source} text)
      if(text MATCHES "_fixture\\.h\"|llama_comparison\\.h\"" AND NOT text MATCHES "\nTEST\\(")
        list(REMOVE_ITEM cpp_tests ${source})
      endif()
    endforeach()
  endif()
  if(NOT TARGET pumice_bench)
    list(FILTER cpp_tests EXCLUDE REGEX "/tests/(apps|bench)/")
  endif()
  if(NOT TARGET pumice_serve)
    list(FILTER cpp_tests EXCLUDE REGEX "/tests/serve/answers_test")
  endif()
  find_package(nlohmann_json REQUIRED)
  if(NOT PUMICE_CONVERT)
    list(FILTER cpp_tests EXCLUDE REGEX "/tests/convert/")
  endif()
  include(GoogleTest)
  add_executable(pumice_tests ${cpp_tests} ${test_support})
  pumice_compile_options(pumice_tests)
  pumice_precompile(pumice_tests <gtest/gtest.h>)
  # Sources that see the C++ header, whose names are the library's inner ones, or Windows' own, which has macros with
  # small letters; and one that replaces operator new.
  set(alone ${tests_dir}/support/allocation_count.cpp)
  foreach(source IN LISTS cpp_tests)
    file(STRINGS ${source} public_header REGEX "^#include .pumice/pumice[.]hpp.")
    if(public_header OR source MATCHES "/windows/")
      list(APPEND alone ${source})
    endif()
  endforeach()
  set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  # Tests run once for each time they are built: -O3 takes a third longer than -O1, that twice -O0.
  if(PUMICE_SANITIZE OR CMAKE_CROSSCOMPILING)
    target_compile_options(pumice_tests PRIVATE -O0)
  else()
    target_compile_options(pumice_tests PRIVATE -O1)
  endif()
  if(WIN32)  # first: what takes the place of a POSIX system's
    target_include_directories(pumice_tests BEFORE PRIVATE ${tests_dir}/windows)
  endif()
  target_include_directories(pumice_tests PRIVATE ${PROJECT_SOURCE_DIR} ${tests_dir} ${test_paths_dir})
  target_link_libraries(pumice_tests PRIVATE pumice_core GTest::gtest nlohmann_json::nlohmann_json)
  if(NOT ${tests_dir}/support/main.cpp IN_LIST test_support)
    target_link_libraries(pumice_tests PRIVATE GTest::gtest_main)
  endif()
  foreach(target IN ITEMS pumice_game pumice_game_shim)
    if(TARGET ${target})
      add_dependencies(pumice_tests ${target})
    endif()
  endforeach()
  if(TARGET pumice_cli)
    add_dependencies(pumice_tests pumice_cli)
    if(TARGET pumice_hang_shim)
      add_dependencies(pumice_tests pumice_hang_shim)
    endif()
    target_link_libraries(pumice_tests PRIVATE pumice_bench)
    if(TARGET pumice_serve)
      target_link_libraries(pumice_tests PRIVATE pumice_serve pumice_core)  # in this order: both are archives
    endif()
  endif()
  if(PUMICE_SANITIZE MATCHES "address")
    pumice_test_suites(pumice_tests ${cpp_tests})
  else()
    gtest_discover_tests(pumice_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 1200)
  endif()
endif()

file(GLOB_RECURSE c_tests CONFIGURE_DEPENDS ${tests_dir}/*_test.c)
if(WIN32)
  list(FILTER c_tests EXCLUDE REGEX "/(vulkan_host|loss)_test")
endif()
add_custom_target(pumice_c_tests)
foreach(source IN LISTS c_tests)
  get_filename_component(name ${source} NAME_WE)
  add_executable(c_${name} ${source})
  pumice_compile_options(c_${name})
  if(WIN32)
    target_include_directories(c_${name} BEFORE PRIVATE ${tests_dir}/windows)
  endif()
  target_include_directories(c_${name} PRIVATE ${tests_dir} ${test_paths_dir})
  target_link_libraries(c_${name} PRIVATE pumice m)
  add_dependencies(pumice_c_tests c_${name})
  add_test(NAME c.${name} COMMAND c_${name})
  set_tests_properties(c.${name} PROPERTIES
    TIMEOUT 300 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endforeach()

# pumice_mutate(NAME COUNT COUNT_WITH_ADDRESS_SANITIZER SOURCES...): how many damaged inputs a whole run
# tries (./check --all).
function(pumice_mutate name count sanitized_count)
  add_executable(${name} ${tests_dir}/fuzz/${name}.cpp ${ARGN})
  pumice_compile_options(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${tests_dir} ${test_paths_dir})
  target_link_libraries(${name} PRIVATE pumice_core)
  # They replace operator new and delete by counting ones over malloc and free.
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
  if(PUMICE_SANITIZE MATCHES "address")
    set(count ${sanitized_count})
  endif()
  add_test(NAME ${name} COMMAND ${name} --slice-of ${count})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()
pumice_mutate(gguf_mutate 20000 100000 ${tests_dir}/support/synthetic_model.cpp)
pumice_mutate(session_mutate 20000 20000)
pumice_mutate(segment_mutate 2000 2000)
pumice_mutate(redis_mutate 20000 20000)
pumice_mutate(whisper_mutate 5000 100000)
pumice_mutate(picture_mutate 20000 100000)
if(sound_FOUND)  # the seeds are what libsndfile writes
  pumice_mutate(sound_mutate 2000 100000)
endif()
pumice_mutate(tower_mutate 5000 100000 ${tests_dir}/support/tower_model.cpp
  ${tests_dir}/support/synthetic_model.cpp)
pumice_mutate(template_mutate 20000 100000)
if(TARGET pumice_serve)
  pumice_mutate(serve_mutate 20000 100000)
  target_link_libraries(serve_mutate PRIVATE pumice_serve pumice_core)
endif()
pumice_mutate(grammar_mutate 3000 3000)

add_executable(pumice_maskbench ${tests_dir}/maskbench/pumice_maskbench.cpp)
pumice_compile_options(pumice_maskbench)
target_link_libraries(pumice_maskbench PRIVATE pumice_core)
if(PUMICE_CONVERT)
  pumice_mutate(safetensors_mutate 10000 100000)
  target_link_libraries(safetensors_mutate PRIVATE nlohmann_json::nlohmann_json)
endif()

if(PUMICE_FUZZ AND CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND EXISTS ${tests_dir}/fuzz/gguf_fuzz.cpp)
  add_executable(gguf_fuzz ${tests_dir}/fuzz/gguf_fuzz.cpp)
  pumice_compile_options(gguf_fuzz)
  target_compile_options(gguf_fuzz PRIVATE -fsanitize=fuzzer)
  target_link_options(gguf_fuzz PRIVATE -fsanitize=fuzzer)
  target_include_directories(gguf_fuzz PRIVATE ${PROJECT_SOURCE_DIR} ${tests_dir})
  target_link_libraries(gguf_fuzz PRIVATE pumice_core)
endif()

# The layer is opened by the Vulkan loader; what the program defines, such as read(), goes before the C library's.
file(GLOB fault_sources CONFIGURE_DEPENDS ${tests_dir}/faults/*.cpp ${tests_dir}/faults/*.c)
set(fault_layer_sources ${tests_dir}/faults/vulkan_layer.cpp)
list(REMOVE_ITEM fault_sources ${fault_layer_sources})
if(BUILD_SHARED_LIBS AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  add_library(pumice_fault_layer MODULE ${fault_layer_sources} ${tests_dir}/faults/vulkan_lies.cpp)
  add_executable(pumice_faults ${fault_sources}
    ${tests_dir}/support/family_model.cpp ${tests_dir}/support/synthetic_model.cpp
    ${tests_dir}/support/tower_model.cpp ${tests_dir}/support/translation_model.cpp
    ${tests_dir}/support/whisper_model.cpp)
  foreach(target IN ITEMS pumice_fault_layer pumice_faults)
    pumice_compile_options(${target})
    target_include_directories(${target} PRIVATE ${tests_dir} ${test_paths_dir})
    target_include_directories(${target} SYSTEM PRIVATE ${PUMICE_VULKAN_INCLUDE_DIR})
  endforeach()
  set_target_properties(pumice_faults PROPERTIES ENABLE_EXPORTS ON UNITY_BUILD OFF
    C_VISIBILITY_PRESET default CXX_VISIBILITY_PRESET default)
  set_source_files_properties(${tests_dir}/faults/system_hooks.c PROPERTIES COMPILE_OPTIONS -U_FORTIFY_SOURCE)
  # Its operator new keeps a word in front of each block.
  target_compile_options(pumice_faults PRIVATE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-mismatched-new-delete -Wno-array-bounds>)
  # The library itself as a user has it; of its inner parts, those that make a model file.
  target_link_libraries(pumice_faults PRIVATE pumice pumice_core ${CMAKE_DL_LIBS})
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/faults/pumice_faults.json CONTENT "{
  \"file_format_version\": \"1.2.0\",
  \"layer\": {
    \"name\": \"VK_LAYER_PUMICE_faults\",
    \"type\": \"GLOBAL\",
    \"library_path\": \"$<TARGET_FILE:pumice_fault_layer>\",
    \"api_version\": \"1.3.0\",
    \"implementation_version\": \"1\",
    \"description\": \"faults for tests\"
  }
}
")
  target_compile_definitions(pumice_faults PRIVATE
    PUMICE_FAULT_LAYER="$<TARGET_FILE:pumice_fault_layer>" PUMICE_FAULT_LAYER_FOLDER="${PROJECT_BINARY_DIR}/faults"
    PUMICE_FAULTS_LIBRARY="$<TARGET_FILE:pumice>")
  add_dependencies(pumice_faults pumice_fault_layer)
  # Whether the sweep notices what it is there for; the sweep itself is ./check --sweep.
  add_test(NAME faults.self_test COMMAND pumice_faults --self-test --jobs 1)
  set_tests_properties(faults.self_test PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77)
endif()

# Window systems leak.
if(NOT PUMICE_SANITIZE)
  include(${CMAKE_CURRENT_LIST_DIR}/examples.cmake)
endif()

# The document's functions are reached in its order.
if(TARGET pumice_cli AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT PUMICE_SANITIZE)
  add_test(NAME walk_of_a_token COMMAND ${PROJECT_SOURCE_DIR}/scripts/trace_token.sh ${PROJECT_BINARY_DIR})
  set_tests_properties(walk_of_a_token PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()

if(TARGET pumice_chat)
  include(${CMAKE_CURRENT_LIST_DIR}/chat_app_tests.cmake)
endif()

# Packaging needs the C API to exist, and a program that is not built with the sanitizers cannot use the library.
file(GLOB api_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/api/*.cpp)
if(PUMICE_INSTALL AND api_sources AND NOT PUMICE_SANITIZE)
  add_test(NAME packaging COMMAND ${tests_dir}/packaging/packaging_test.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}
    ${CMAKE_COMMAND} ${CMAKE_GENERATOR} ${CMAKE_C_COMPILER} $<IF:$<BOOL:${BUILD_SHARED_LIBS}>,shared,static>)
  set_tests_properties(packaging PROPERTIES TIMEOUT 300)
endif()

# They open the shared library.
if(BUILD_SHARED_LIBS AND NOT PUMICE_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  include(${CMAKE_CURRENT_LIST_DIR}/bindings.cmake)
endif()

# The library's symbols beside a host's: of what is installed, and of the static library in any case.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT PUMICE_SANITIZE)
  if(BUILD_SHARED_LIBS)
    add_test(NAME symbols.shared COMMAND ${tests_dir}/packaging/symbols_test.sh ${PROJECT_SOURCE_DIR}
      ${CMAKE_C_COMPILER} $<TARGET_FILE:pumice> ${PUMICE_PKGCONFIG_REQUIRES})
  endif()
  if(PUMICE_ONE_OBJECT)
    add_library(pumice_alone STATIC ${PUMICE_ONE_OBJECT})
    set_target_properties(pumice_alone PROPERTIES LINKER_LANGUAGE CXX)
    add_test(NAME symbols.static COMMAND ${tests_dir}/packaging/symbols_test.sh ${PROJECT_SOURCE_DIR}
      ${CMAKE_C_COMPILER} $<TARGET_FILE:pumice_alone> ${PUMICE_PKGCONFIG_REQUIRES})
  endif()
endif()
