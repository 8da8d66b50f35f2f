# Writes the source of pumice_version(), if it changes (run with cmake -P). Needs SOURCE, VERSION, OUTPUT; COMMIT may be
# empty.

cmake_minimum_required(VERSION 3.25)
if(NOT COMMIT)
  find_program(git git)
  # A folder inside somebody else's repository is not that repository's commit.
  if(git AND EXISTS ${SOURCE}/.git)
    execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --short=12 HEAD
      OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(failed)
      set(COMMIT)
    else()
      execute_process(COMMAND ${git} -C ${SOURCE} diff --quiet HEAD -- RESULT_VARIABLE modified ERROR_QUIET)
      if(modified)
        string(APPEND COMMIT .modified)
      endif()
    endif()
  endif()
endif()
if(COMMIT)
  string(APPEND VERSION "+g${COMMIT}")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"// Generated.
#include \"pumice/pumice.h\"

const char* pumice_version(void) { return \"@VERSION@\"; }
" @ONLY)
