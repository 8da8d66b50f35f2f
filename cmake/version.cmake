# pumice_version(): the version, and the commit where it is known ("0.1.0+g0123456789ab", ".modified" where tracked
# files differ from it). Looked up at each build, in one small file; PUMICE_COMMIT says it where the sources are no
# clone.

set(PUMICE_COMMIT "" CACHE STRING "Commit for pumice_version(); empty: what git says")
set(PUMICE_VERSION_CPP ${PROJECT_BINARY_DIR}/version/version.cpp)
add_custom_target(pumice_version BYPRODUCTS ${PUMICE_VERSION_CPP}
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION} -DCOMMIT=${PUMICE_COMMIT}
    -DOUTPUT=${PUMICE_VERSION_CPP} -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake
  COMMENT "" VERBATIM)
