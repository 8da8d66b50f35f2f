# The command-line program; it uses the public API alone.

file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/cli/*.cpp)
if(cli_sources)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(fmt REQUIRED)
  add_executable(pumice_cli ${cli_sources})
  pumice_compile_options(pumice_cli)
  # Nothing here is hot, and the header-only libraries make the first build slow: -O1 halves that.
  target_compile_options(pumice_cli PRIVATE $<$<CONFIG:Release>:-O1>)
  # The second path is relative to the folder of the installed program.
  file(RELATIVE_PATH installed_models ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/pumice/models)
  target_compile_definitions(pumice_cli PRIVATE
    PUMICE_MODELS_DIR="${PROJECT_SOURCE_DIR}/models" PUMICE_INSTALLED_MODELS_DIR="${installed_models}")
  target_include_directories(pumice_cli PRIVATE ${PROJECT_SOURCE_DIR}/apps)
  target_link_libraries(pumice_cli PRIVATE pumice CLI11::CLI11 nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)
  file(RELATIVE_PATH library_path ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(pumice_cli PROPERTIES OUTPUT_NAME pumice INSTALL_RPATH "$ORIGIN/${library_path}")
endif()
