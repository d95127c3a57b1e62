# Fails if the test program has a case that no suite holds, or one that is hidden or may fail.
#
#   cmake -DPROGRAM=<path> -DLIST_NAMES=<options> -DSUITES="a|b|c" -P check_suites.cmake
cmake_minimum_required(VERSION 3.25)

# Catch2 v2 returns the number of cases as exit status, so only what is written counts.
execute_process(COMMAND "${PROGRAM}" ${LIST_NAMES} OUTPUT_VARIABLE names)
if(NOT names MATCHES ": ")
  message(FATAL_ERROR "There are no test cases:\n${names}")
endif()
while(names MATCHES "^([^\n]*)\n")
  set(name "${CMAKE_MATCH_1}")
  string(LENGTH "${CMAKE_MATCH_0}" length)
  string(SUBSTRING "${names}" ${length} -1 names)
  if(NOT name MATCHES "^(${SUITES}): ")
    message(SEND_ERROR "In none of the suites of tests/CMakeLists.txt: ${name}")
  endif()
endwhile()

execute_process(COMMAND "${PROGRAM}" ${LIST_NAMES} "[.],[!mayfail],[!shouldfail]"
  OUTPUT_VARIABLE names)
string(STRIP "${names}" names)
if(NOT names STREQUAL "")
  message(SEND_ERROR "Hidden, or allowed to fail:\n${names}")
endif()
