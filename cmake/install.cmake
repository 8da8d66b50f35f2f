# Library, headers, program, default model; a CMake package (find_package(pumice)) and pumice.pc. The components are the
# packages of package.cmake: library, development, program, chat.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pumice)

# The name that programs record is the library's; the one that they are linked by is for development.
install(TARGETS pumice EXPORT pumice
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT library)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
if(TARGET pumice_cli)
  install(TARGETS pumice_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/pumice/models COMPONENT program
  FILES_MATCHING PATTERN "*.gguf" PATTERN "README.md")

if(NOT BUILD_SHARED_LIBS)
  install(TARGETS pumice_dependencies EXPORT pumice)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/pumice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/apps/examples/complete DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
  COMPONENT development)
install(EXPORT pumice FILE pumice-targets.cmake NAMESPACE pumice:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/pumice-config.cmake.in
  ${PROJECT_BINARY_DIR}/pumice-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pumice-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pumice-config.cmake ${PROJECT_BINARY_DIR}/pumice-config-version.cmake
  DESTINATION ${package_dir} COMPONENT development)

# The prefix is found from the place of the file, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
# Who links a static Pumice also links the shared libraries that it needs, without pkg-config's --static, which would
# ask for theirs. For a shared one nothing of them has to be installed.
set(pc_requires)
set(pc_libraries)
if(NOT BUILD_SHARED_LIBS)
  string(JOIN " " pc_requires ${PUMICE_PKGCONFIG_REQUIRES})
  set(pc_libraries " -lstdc++ -lm -ldl -pthread")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/pumice.pc.in ${PROJECT_BINARY_DIR}/pumice.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pumice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(PROJECT_IS_TOP_LEVEL)
  include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)
endif()
