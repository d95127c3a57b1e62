# For this project's own tests and examples; nothing here reaches a program that uses coproc.
# Warnings and build types come from the presets, as CMake's own variables.

option(COPROC_CCACHE "Compile through ccache if there is one" OFF)
option(COPROC_TEST_HEADER_ONLY "Let the tests and examples use coproc::coproc, and not coproc::compiled" OFF)
set(COPROC_SANITIZE "" CACHE STRING "Sanitizers of the tests and examples, as in -fsanitize=")

if(COPROC_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(COPROC_CCACHE_PROGRAM ccache)
  mark_as_advanced(COPROC_CCACHE_PROGRAM)
  if(COPROC_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${COPROC_CCACHE_PROGRAM}")
    set_target_properties(coproc_compiled PROPERTIES CXX_COMPILER_LAUNCHER "${COPROC_CCACHE_PROGRAM}")
  endif()
endif()

# What a target of ours is compiled and linked with, beside coproc.
function(coproc_flags target)
  if(MINGW) # an object that is not optimized has more sections than the usual format holds
    target_compile_options(${target} PRIVATE -Wa,-mbig-obj)
  endif()
  if(COPROC_SANITIZE)
    # Not vptr: that check itself needs a descriptor, and the tests see to it that there is none.
    set(flags "-fsanitize=${COPROC_SANITIZE}" -fno-sanitize=vptr -fno-sanitize-recover=all)
    target_compile_options(${target} PRIVATE ${flags} -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE ${flags})
  endif()
endfunction()

# The compiled form is built for our programs here, and with their sanitizers.
coproc_flags(coproc_compiled)
set(coproc_tested coproc::compiled)
if(COPROC_TEST_HEADER_ONLY)
  set(coproc_tested coproc::coproc)
endif()

# Links a program of ours to the form of coproc that is tested, or to the one that is named.
#
#   coproc_use(<target> [<library>])
function(coproc_use target)
  set(library ${coproc_tested})
  if(ARGC GREATER 1)
    set(library ${ARGV1})
  endif()
  target_link_libraries(${target} PRIVATE ${library})
  coproc_flags(${target})
endfunction()
