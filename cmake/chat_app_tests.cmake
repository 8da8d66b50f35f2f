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
