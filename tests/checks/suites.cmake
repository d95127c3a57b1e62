# Fails if the program of a suite has no case, one whose name does not begin with the suite's, or one
# that is hidden or may fail.
#
#   cmake -DSUITES="name=<path>|name=<path>" -DLIST_NAMES=<options> -P suites.cmake
cmake_minimum_required(VERSION 3.25)

string(REPLACE "|" ";" SUITES "${SUITES}")
foreach(pair IN LISTS SUITES)
  string(REGEX MATCH "^([^=]+)=(.+)$" pair "${pair}")
  set(suite "${CMAKE_MATCH_1}")
  set(program "${CMAKE_MATCH_2}")

  # Catch2 v2 returns the number of cases as exit status, so only what is written counts.
  execute_process(COMMAND "${program}" ${LIST_NAMES} OUTPUT_VARIABLE names)
  if(NOT names MATCHES "(^|\n)${suite}: ")
    message(SEND_ERROR "${suite} has no case:\n${names}")
  endif()
  while(names MATCHES "^([^\n]*)\n")
    set(name "${CMAKE_MATCH_1}")
    string(LENGTH "${CMAKE_MATCH_0}" length)
    string(SUBSTRING "${names}" ${length} -1 names)
    if(NOT name MATCHES "^${suite}: ")
      message(SEND_ERROR "A case of ${suite} has another name: ${name}")
    endif()
  endwhile()

  execute_process(COMMAND "${program}" ${LIST_NAMES} "[.],[!mayfail],[!shouldfail]"
    OUTPUT_VARIABLE names)
  string(STRIP "${names}" names)
  if(NOT names STREQUAL "")
    message(SEND_ERROR "Hidden, or allowed to fail:\n${names}")
  endif()
endforeach()
