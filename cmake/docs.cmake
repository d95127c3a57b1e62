# The reference, from the docstrings: `cmake --build build/default --target docs`, then see
# <build folder>/docs/html/index.html. A docstring that says what is not so (a parameter that is not
# there, a name that leads nowhere) is an error; what needs no words, an iterator's end, has none.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  return()
endif()

set(DOXYGEN_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/docs")
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)
set(DOXYGEN_STRIP_FROM_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_EXCLUDE_SYMBOLS "coproc::detail*" "boost*" "std*")
set(DOXYGEN_EXTRACT_ALL NO)
set(DOXYGEN_WARN_IF_UNDOCUMENTED NO)
set(DOXYGEN_WARN_IF_INCOMPLETE_DOC NO)
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE "${PROJECT_SOURCE_DIR}/README.md")
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
set(DOXYGEN_WARN_NO_PARAMDOC NO)
list(FILTER COPROC_HEADERS EXCLUDE REGEX "/detail/")
doxygen_add_docs(docs ${COPROC_HEADERS} README.md COMMENT "Making the reference")
