# tests/chat_app: one GoogleTest program, with the window where Qt's tests are installed. It needs no screen.

find_package(Qt6 6.4 QUIET COMPONENTS Test)
if(NOT Qt6Test_FOUND OR NOT GTest_FOUND)
  message(WARNING "the tests of the chat in a window are left out: they need Qt's tests and GoogleTest")
  return()
endif()
file(GLOB chat_tests CONFIGURE_DEPENDS ${tests_dir}/chat_app/*.cpp)
add_executable(pumice_chat_tests ${chat_tests})
pumice_compile_options(pumice_chat_tests)
target_compile_options(pumice_chat_tests PRIVATE -O1)
target_compile_definitions(pumice_chat_tests PRIVATE QT_NO_KEYWORDS PUMICE_CHAT_APP="$<TARGET_FILE:pumice_chat>")
target_include_directories(pumice_chat_tests PRIVATE ${tests_dir} ${test_paths_dir})
target_link_libraries(pumice_chat_tests PRIVATE pumice_chat_window Qt6::Test GTest::gtest PkgConfig::chat_sqlite)
add_dependencies(pumice_chat_tests pumice_chat)
include(GoogleTest)
gtest_discover_tests(pumice_chat_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX chat_app.
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 1200)

# By default nothing leaves the machine; and that the trace would show it.
add_test(NAME chat_app.no_connections COMMAND ${tests_dir}/chat_app/no_connections.sh
  $<TARGET_FILE:pumice_chat_tests> --gtest_filter=Window.AWholeChatComesBackAsItWasLeft)
add_test(NAME chat_app.connections_are_seen COMMAND ${tests_dir}/chat_app/no_connections.sh
  bash -c "exec 3<>/dev/tcp/127.0.0.1/9 || true")
add_test(NAME chat_app.by_names COMMAND ${tests_dir}/chat_app/by_names.sh
  $<TARGET_FILE:pumice_chat> ${PROJECT_SOURCE_DIR}/models/storyteller-5m-Q4_K_M.gguf)
set_tests_properties(chat_app.by_names PROPERTIES
  TIMEOUT 1200 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(chat_app.no_connections chat_app.connections_are_seen PROPERTIES
  TIMEOUT 600 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(chat_app.connections_are_seen PROPERTIES WILL_FAIL ON)
