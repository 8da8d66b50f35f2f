# Packages of what is installed (cpack, or scripts/package): .tar.xz of everything, and Debian packages of the library,
# its development files, the program with the bundled model, and the chat in a window; on Windows a .zip.

set(CPACK_PACKAGE_NAME pumice)
set(CPACK_PACKAGE_VENDOR Pumice)
set(CPACK_PACKAGE_CONTACT "The Pumice project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/package_times.cmake)
if(WIN32)
  set(CPACK_GENERATOR ZIP)
else()
  set(CPACK_GENERATOR TXZ)
  find_program(PUMICE_DPKG_DEB dpkg-deb)
  mark_as_advanced(PUMICE_DPKG_DEB)
  if(PUMICE_DPKG_DEB)
    list(APPEND CPACK_GENERATOR DEB)
  endif()
endif()

# Debian: a package for each component, under Debian's names; what each links is found by dpkg-shlibdeps.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL library development program)
if(TARGET pumice_chat)
  list(APPEND CPACK_COMPONENTS_ALL chat)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_SECTION libs)

set(library_package libpumice${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS libvulkan1)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS mesa-vulkan-drivers)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "${PROJECT_DESCRIPTION}: the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libpumice-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DEPENDS library)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "${PROJECT_DESCRIPTION}: headers, CMake package, pkg-config file and an example.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME pumice)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION utils)
set(CPACK_COMPONENT_PROGRAM_DEPENDS library)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "${PROJECT_DESCRIPTION}: the command-line program, and a small model.")

set(CPACK_DEBIAN_CHAT_PACKAGE_NAME pumice-chat)
set(CPACK_DEBIAN_CHAT_PACKAGE_SECTION utils)
set(CPACK_COMPONENT_CHAT_DEPENDS program)
set(CPACK_COMPONENT_CHAT_DESCRIPTION "${PROJECT_DESCRIPTION}: conversations in a window.")
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)

# Debian looks for each package's licence under its own name; elsewhere one copy does.
foreach(component IN ITEMS library development program chat)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright EXCLUDE_FROM_ALL COMPONENT ${component}
    DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
endforeach()

include(CPack)
