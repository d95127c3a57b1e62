# Runs an example and compares what it writes with the comment block that closes its source file:
#
#   // Output:             or   // Output (varies):   then it need only exit with 0
#   // a line
#   // the start of a line ...
#   // ...                 any number of lines, also none
#
#   cmake -DPROGRAM=<path> -DSOURCE=<path> -P example.cmake
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND "${PROGRAM}" INPUT_FILE /dev/null
  RESULT_VARIABLE status OUTPUT_VARIABLE actual ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message("It wrote:\n${actual}\nand to stderr:\n${errors}")
  message(FATAL_ERROR "It ended with ${status}.")
endif()

file(READ "${SOURCE}" source)
string(FIND "${source}" "\n// Output (varies):\n" at REVERSE)
if(NOT at EQUAL -1)
  return()
endif()
string(FIND "${source}" "\n// Output:\n" at REVERSE)
if(at EQUAL -1)
  message(FATAL_ERROR "${SOURCE} has no `// Output:` block at its end.")
endif()
string(LENGTH "\n// Output:\n" length)
math(EXPR at "${at} + ${length}")
string(SUBSTRING "${source}" ${at} -1 expected)

# Each line stands between two marks, so that a pattern cannot match across the border of a line
# by chance. (Not CMake lists: those break on the semicolons and brackets of a program's output.)
string(ASCII 1 begin)
string(ASCII 2 end)

set(pattern "^")
while(NOT expected STREQUAL "")
  if(NOT expected MATCHES "^//( ([^\n]*))?\n")
    message(FATAL_ERROR "${SOURCE}: after `// Output:` only lines that begin with `// ` may stand.")
  endif()
  set(line "${CMAKE_MATCH_2}")
  string(LENGTH "${CMAKE_MATCH_0}" length)
  string(SUBSTRING "${expected}" ${length} -1 expected)
  if(line STREQUAL "...")
    string(APPEND pattern ".*")
  else()
    string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" line "${line}")
    string(REGEX REPLACE "\\\\\\.\\\\\\.\\\\\\.$" "[^${end}]*" line "${line}")
    string(APPEND pattern "${begin}${line} *${end}") # a comment has no blanks at its end
  endif()
endwhile()
string(APPEND pattern "$")

set(marked "${actual}")
if(NOT marked STREQUAL "")
  if(NOT marked MATCHES "\n$")
    message("It wrote:\n${actual}")
    message(FATAL_ERROR "Its last line has no newline.")
  endif()
  string(REPLACE "\n" "${end}${begin}" marked "${begin}${marked}")
  string(REGEX REPLACE "${begin}$" "" marked "${marked}")
endif()
if(NOT marked MATCHES "${pattern}")
  string(SUBSTRING "${source}" ${at} -1 expected)
  message("It wrote:\n${actual}\nand to stderr:\n${errors}\nbut its file ends with:\n${expected}")
  message(FATAL_ERROR "Not the output that stands in ${SOURCE}.")
endif()
