# Fails unless a source file does not compile and the compiler's first error is the sentence of its
# first line, `// expect: a sentence`.
#
#   cmake -DCOMPILER=<path> -DINCLUDES="dir|dir" -DDEFINITIONS="NAME|NAME" \
#     -DSOURCE=<path> -P compile_fail.cmake
cmake_minimum_required(VERSION 3.25)

file(READ "${SOURCE}" source)
if(NOT source MATCHES "^// expect: ([^\n]+)\n")
  message(FATAL_ERROR "${SOURCE} does not begin with `// expect: a sentence`.")
endif()
set(sentence "${CMAKE_MATCH_1}")

string(REPLACE "|" ";" includes "${INCLUDES}")
list(TRANSFORM includes PREPEND -I)
string(REPLACE "|" ";" definitions "${DEFINITIONS}")
list(TRANSFORM definitions PREPEND -D)
set(ENV{LC_ALL} C)
execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only ${definitions} ${includes} "${SOURCE}"
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "It compiles; expected was: ${sentence}")
endif()
# In the line of the error, or in the first explanation of it (clang's, for what is evaluated as the
# program is compiled), not in the source that a compiler quotes below it.
string(REGEX MATCH "error: [^\n]*" first "${output}")
string(REGEX MATCH "note: [^\n]*" explained "${output}")
string(FIND "${first} ${explained}" "${sentence}" at)
if(at EQUAL -1)
  message("${output}")
  message(FATAL_ERROR "The compiler does not say at first: ${sentence}")
endif()
