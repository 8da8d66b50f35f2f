# The command-line program; it uses the public API alone. What it needs nothing of the library for (reports of `pumice
# bench`) is a static library of its own, so that the tests can link it.

# pumice_optimise_less(TARGET): nothing of it is hot, and header-only libraries make the first build slow: -O1 halves
# that, and -O0 once more, for tests that are built to run once.
function(pumice_optimise_less target)
  if(PUMICE_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
endfunction()

file(GLOB_RECURSE common_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/common/*.cpp)
list(FILTER common_sources EXCLUDE REGEX "/${PUMICE_OTHER_SYSTEM}/")
file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/cli/*.cpp)
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/bench/*.cpp)
file(GLOB bench_report_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/apps/bench/report/*.cpp ${PROJECT_SOURCE_DIR}/apps/bench/system/*.cpp)
if(cli_sources)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(fmt REQUIRED)
  add_library(pumice_common STATIC ${common_sources})
  target_include_directories(pumice_common PUBLIC ${PROJECT_SOURCE_DIR}/apps)
  target_link_libraries(pumice_common PUBLIC nlohmann_json::nlohmann_json PRIVATE PkgConfig::libsodium)
  # Optional: editing of lines in 'pumice chat'. Only its file is told, so that nothing else is compiled anew.
  option(PUMICE_LINE_EDITING "Build the editing of lines with libedit, if it is there" ON)
  if(PUMICE_LINE_EDITING)
    pkg_check_modules(libedit IMPORTED_TARGET libedit)
    if(libedit_FOUND)
      target_link_libraries(pumice_common PRIVATE PkgConfig::libedit)
      set_source_files_properties(${PROJECT_SOURCE_DIR}/apps/common/line_editor.cpp PROPERTIES
        COMPILE_DEFINITIONS PUMICE_HAS_LIBEDIT SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endif()
  # Optional likewise: downloads.
  option(PUMICE_PULL "Build 'pumice pull' with libcurl, if it is there" ON)
  if(PUMICE_PULL)
    pkg_check_modules(libcurl IMPORTED_TARGET libcurl)
    if(libcurl_FOUND)
      target_link_libraries(pumice_common PRIVATE PkgConfig::libcurl)
      set_source_files_properties(${PROJECT_SOURCE_DIR}/apps/common/download.cpp PROPERTIES
        COMPILE_DEFINITIONS PUMICE_HAS_CURL SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endif()
  add_library(pumice_bench STATIC ${bench_report_sources})
  target_link_libraries(pumice_bench PUBLIC pumice_common
    PRIVATE nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)
  add_executable(pumice_cli ${cli_sources} ${bench_sources})
  foreach(target IN ITEMS pumice_common pumice_bench pumice_cli)
    pumice_compile_options(${target})
    pumice_optimise_less(${target})
  endforeach()
  # Optional: the server. Its headers are slow to compile, so that it is a library of its own.
  option(PUMICE_SERVE "Build 'pumice serve' with Boost.Beast, if it is there" ON)
  find_path(PUMICE_BOOST_INCLUDE_DIR boost/beast.hpp)
  mark_as_advanced(PUMICE_BOOST_INCLUDE_DIR)
  if(PUMICE_SERVE AND PUMICE_BOOST_INCLUDE_DIR AND openssl_FOUND)
    file(GLOB serve_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/serve/*.cpp)
    file(READ ${PROJECT_SOURCE_DIR}/apps/serve/page.html page)
    configure_file(${PROJECT_SOURCE_DIR}/apps/serve/page.h.in ${PROJECT_BINARY_DIR}/serve/serve/page.h @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/serve/page.html)
    add_library(pumice_serve STATIC ${serve_sources})
    target_include_directories(pumice_serve PRIVATE ${PROJECT_BINARY_DIR}/serve)
    pumice_compile_options(pumice_serve)
    pumice_optimise_less(pumice_serve)
    set(http_server ${PROJECT_SOURCE_DIR}/apps/serve/http_server.cpp)
    set_source_files_properties(${http_server} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    # Nearly all of it is Beast's, which takes minutes to compile with checks, and no test serves without a device.
    if(PUMICE_SANITIZE MATCHES "address")
      set_source_files_properties(${http_server} PROPERTIES COMPILE_OPTIONS -fno-sanitize=all)
    endif()
    target_include_directories(pumice_serve SYSTEM PRIVATE ${PUMICE_BOOST_INCLUDE_DIR})
    target_include_directories(pumice_serve PUBLIC ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(pumice_serve PUBLIC pumice_common
      PRIVATE fmt::fmt Threads::Threads PkgConfig::openssl)
    target_link_libraries(pumice_cli PRIVATE pumice_serve)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/apps/cli/serve.cpp PROPERTIES
      COMPILE_DEFINITIONS PUMICE_HAS_SERVE SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
  # The second path is relative to the folder of the installed program.
  file(RELATIVE_PATH installed_models ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/pumice/models)
  target_compile_definitions(pumice_cli PRIVATE
    PUMICE_MODELS_DIR="${PUMICE_MODELS_DIR}" PUMICE_INSTALLED_MODELS_DIR="${installed_models}")
  target_link_libraries(pumice_cli PRIVATE
    pumice_bench pumice CLI11::CLI11 nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)
  file(RELATIVE_PATH library_path ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  if(WIN32)
    pumice_windows_resources(pumice_cli pumice.exe "Pumice: language models on the GPU")
  endif()
  set_target_properties(pumice_cli PROPERTIES OUTPUT_NAME pumice INSTALL_RPATH "$ORIGIN/${library_path}")
endif()
