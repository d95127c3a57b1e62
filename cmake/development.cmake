# For this project's own tests and examples; nothing here reaches a program that uses coproc.
# Warnings and build types come from the presets, as CMake's own variables.

option(COPROC_CCACHE "Compile through ccache if there is one" OFF)
set(COPROC_SANITIZE "" CACHE STRING "Sanitizers of the tests and examples, as in -fsanitize=")

if(COPROC_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(COPROC_CCACHE_PROGRAM ccache)
  mark_as_advanced(COPROC_CCACHE_PROGRAM)
  if(COPROC_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${COPROC_CCACHE_PROGRAM}")
  endif()
endif()

# Links coproc to a program of ours and gives it the sanitizers.
function(coproc_use target)
  target_link_libraries(${target} PRIVATE coproc::coproc)
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
