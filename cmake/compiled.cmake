# coproc::compiled, the library's other form: what coproc::coproc defines in every file that includes
# it is compiled once, into a static library that is built where something links it, with the flags
# of whoever does. Both this tree and the installed package include this file, perhaps several times
# in one build: there is one such library in it.
#
# A shared library that links it wants CMAKE_POSITION_INDEPENDENT_CODE, as for every static one.
get_property(coproc_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if(TARGET coproc::compiled OR NOT CXX IN_LIST coproc_languages)
  return()
endif()

file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/coproc_compiled.cpp"
  CONTENT "#include <coproc/src.hpp>\n" @ONLY)
add_library(coproc_compiled STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/coproc_compiled.cpp")
add_library(coproc::compiled ALIAS coproc_compiled)
set_target_properties(coproc_compiled PROPERTIES OUTPUT_NAME coproc EXPORT_COMPILE_COMMANDS OFF)
target_link_libraries(coproc_compiled PUBLIC coproc::coproc)
target_compile_definitions(coproc_compiled PUBLIC COPROC_SEPARATE_COMPILATION)
if(MINGW) # an object that is not optimized has more sections than the usual format holds
  target_compile_options(coproc_compiled PRIVATE -Wa,-mbig-obj)
endif()
