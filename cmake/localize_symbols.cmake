# Makes every symbol that OBJECT defines local, but those that fit KEEP (run with cmake -P). Needs NM, OBJCOPY.

function(run_step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    file(REMOVE ${OBJECT})
    message(FATAL_ERROR "${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# GCC's unique symbols cannot be made local before they are weak.
run_step(${NM} --defined-only --format=posix ${OBJECT})
string(REGEX MATCHALL "[^\n ]+ u " unique "${output}")
string(REPLACE " u " "" unique "${unique}")
string(REPLACE ";" "\n" unique "${unique}\n")
file(WRITE ${OBJECT}.unique "${unique}")
run_step(${OBJCOPY} --weaken-symbols=${OBJECT}.unique ${OBJECT})
run_step(${OBJCOPY} --wildcard --keep-global-symbol=${KEEP} ${OBJECT})
