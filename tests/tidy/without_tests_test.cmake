# Programs and package need neither GoogleTest nor Python: with EFS_TESTS off the tree is configured where
# CMake finds neither, and has no test; with EFS_TESTS on it is not.
set(source ${CMAKE_CURRENT_LIST_DIR}/../..)
string(RANDOM LENGTH 8 suffix)
set(work /tmp/efs-without-tests-${suffix})

function(configure tests)
  execute_process(COMMAND ${CMAKE_COMMAND} -G ${GENERATOR} -S ${source} -B ${work}/${tests} -DEFS_TESTS=${tests}
                          -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON
                  RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE text)
  set(code ${code} PARENT_SCOPE)
  set(text "${text}" PARENT_SCOPE)
endfunction()

configure(ON)
if(code EQUAL 0)
  set(problem "configured with tests where GoogleTest cannot be found: this test proves nothing")
endif()
configure(OFF)
if(NOT code EQUAL 0)
  set(problem "not configured: ${text}")
endif()
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${work}/OFF -N OUTPUT_VARIABLE listed)
if(NOT listed MATCHES "Total Tests: 0")
  set(problem "there are tests: ${listed}")
endif()
file(STRINGS ${work}/OFF/CMakeCache.txt python REGEX "^EFS_PYTHON:")
if(python)
  set(problem "Python was looked for")
endif()
file(REMOVE_RECURSE ${work})
if(problem)
  message(FATAL_ERROR "${problem}")
endif()
