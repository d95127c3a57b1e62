# Holds the headers to what CMakeLists.txt and the conventions say:
# - each is in COPROC_HEADERS, and includes only headers that stand above it there;
# - each begins with the two SPDX lines and `#pragma once`, and has at most 400 lines;
# - only detail/boost.hpp includes Boost.Process;
# - none has a `using namespace` of anything but our own keywords, or a macro that is not COPROC_*.
#
#   cmake -P tests/headers/check.cmake
cmake_minimum_required(VERSION 3.25)

set(most_lines 400)
cmake_path(SET tree NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../..")
set(base "${tree}/include/coproc")

file(READ "${tree}/CMakeLists.txt" lists)
if(NOT lists MATCHES "\nset\\(COPROC_HEADERS([^)]+)\\)")
  message(FATAL_ERROR "CMakeLists.txt has no set(COPROC_HEADERS ...).")
endif()
string(REGEX REPLACE "#[^\n]*" "" headers "${CMAKE_MATCH_1}")
string(REGEX MATCHALL "[^ \n]+" headers "${headers}")

file(GLOB_RECURSE files RELATIVE "${base}" "${base}/*")
foreach(file IN LISTS files)
  if(NOT file IN_LIST headers)
    message(SEND_ERROR "${file} is not in COPROC_HEADERS.")
  endif()
endforeach()

set(above)
foreach(header IN LISTS headers)
  if(header IN_LIST above)
    message(SEND_ERROR "${header} is in COPROC_HEADERS twice.")
  endif()
  if(NOT EXISTS "${base}/${header}")
    message(SEND_ERROR "${header} is in COPROC_HEADERS and does not exist.")
    list(APPEND above "${header}")
    continue()
  endif()
  file(READ "${base}/${header}" text)

  if(NOT text MATCHES "^// SPDX-FileCopyrightText: [^\n]+\n// SPDX-License-Identifier: BSL-1.0\n")
    message(SEND_ERROR "${header} does not begin with the two SPDX lines.")
  endif()
  if(NOT text MATCHES "\n#pragma once\n")
    message(SEND_ERROR "${header} has no #pragma once.")
  endif()
  string(REGEX REPLACE "[^\n]" "" newlines "${text}")
  string(LENGTH "${newlines}" lines)
  if(lines GREATER most_lines)
    message(SEND_ERROR "${header} has ${lines} lines; over ${most_lines} it wants splitting.")
  endif()

  # What would break a CMake list, out of the text before it is taken apart.
  string(REGEX REPLACE "[][;]" "" text "${text}")
  string(REGEX MATCHALL "\n *# *include *[<\"][^>\"\n]+[>\"]" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^.*[<\"]([^>\"]+)[>\"]$" "\\1" name "${include}")
    if(name MATCHES "^boost/process" AND NOT header STREQUAL "detail/boost.hpp")
      message(SEND_ERROR "${header} includes <${name}>; only detail/boost.hpp may.")
    endif()
    if(include MATCHES "\"" AND NOT name MATCHES "^coproc/")
      message(SEND_ERROR "${header} includes \"${name}\": write <coproc/...>.")
    elseif(name MATCHES "^coproc/(.*)$")
      set(name "${CMAKE_MATCH_1}")
      if(NOT name IN_LIST headers)
        message(SEND_ERROR "${header} includes ${name}, which is not in COPROC_HEADERS.")
      elseif(NOT name IN_LIST above)
        message(SEND_ERROR "${header} includes ${name}, which does not stand above it.")
      endif()
    endif()
  endforeach()

  string(REGEX MATCHALL "\n *# *define +[A-Za-z0-9_]+" macros "${text}")
  foreach(macro IN LISTS macros)
    if(NOT macro MATCHES "define +COPROC_")
      string(STRIP "${macro}" macro)
      message(SEND_ERROR "${header}: ${macro}: a macro must be called COPROC_*.")
    endif()
  endforeach()
  string(REGEX REPLACE "\nusing namespace keywords\n" "" text "${text}") # its semicolon is gone
  if(text MATCHES "\n *using namespace ([a-z_:]+)")
    message(SEND_ERROR "${header} has a `using namespace ${CMAKE_MATCH_1}`.")
  endif()
  list(APPEND above "${header}")
endforeach()
