# The reference, from the docstrings, README.md and the examples:
# `cmake --build build/default --target docs`, then see <build folder>/docs/html/index.html.
# A public name without a docstring is an error, and so is a docstring that says what is not so (a
# parameter that is not there, a name that leads nowhere). What no user calls is `@private`.
find_package(Doxygen QUIET)
find_package(Python3 QUIET COMPONENTS Interpreter)
if(NOT DOXYGEN_FOUND OR NOT Python3_FOUND)
  return()
endif()

set(docs "${PROJECT_SOURCE_DIR}/cmake/docs")
set(DOXYGEN_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/docs")
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
set(DOXYGEN_WARN_IF_INCOMPLETE_DOC NO)
set(DOXYGEN_WARN_NO_PARAMDOC NO)

# What the headers say. The form of the compiled library is the plain one: it has declarations alone.
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)
set(DOXYGEN_EXCLUDE_SYMBOLS "coproc::detail*" "boost::*" "std::*")
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_INCLUDE_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_STRIP_FROM_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_STRIP_FROM_INC_PATH "${PROJECT_SOURCE_DIR}/include")
set(DOXYGEN_PREDEFINED COPROC_SEPARATE_COMPILATION)
# Functions appear in the order of their headers: verbs first.
set(headers exec shell gather capture pipeline as_completed wait_for run)
list(TRANSFORM headers REPLACE "(.+)" "include/coproc/\\1.hpp")
list(APPEND headers ${COPROC_HEADERS})
list(FILTER headers EXCLUDE REGEX "/detail/")
list(REMOVE_DUPLICATES headers)
set(DOXYGEN_SORT_MEMBER_DOCS NO)

# @par takes the rest of its line as the title; these have the title, and go on behind it.
set(DOXYGEN_ALIASES
  "cancellation=@par Cancellation^^"
  "lifetime=@par Lifetime^^"
  "threads=@par Lifetime and threads^^"
  "source=@par Modelled on^^"
  "shown{1}=@par Example^^@include \\1")

# The examples: a page for each, a list of them, and wherever @shown names one.
file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cpp")
set(pages)
set(list "/** @page questions Examples\n")
foreach(example IN LISTS examples)
  file(STRINGS "${example}" question REGEX "^// " LIMIT_COUNT 1)
  string(REPLACE "// " "" question "${question}")
  cmake_path(GET example FILENAME name)
  string(APPEND pages "/** @example ${name} */\n")
  string(APPEND list "- [${name}](@ref ${name}): ${question}\n")
endforeach()
file(CONFIGURE OUTPUT docs/examples.dox CONTENT "${pages}${list}*/\n" @ONLY)
set(DOXYGEN_EXAMPLE_PATH "${PROJECT_SOURCE_DIR}/examples")
set(DOXYGEN_FILTER_PATTERNS
  "*.cpp=${Python3_EXECUTABLE} ${docs}/filter.py"
  "*.md=${Python3_EXECUTABLE} ${docs}/filter.py")
set(DOXYGEN_FILTER_SOURCE_FILES YES) # for @include
set(DOXYGEN_STRIP_CODE_COMMENTS NO)

set(DOXYGEN_USE_MDFILE_AS_MAINPAGE "${PROJECT_SOURCE_DIR}/README.md")
set(DOXYGEN_HTML_EXTRA_FILES "${PROJECT_SOURCE_DIR}/tests/bench/results.svg")
set(DOXYGEN_HTML_EXTRA_STYLESHEET "${docs}/style.css")
set(DOXYGEN_LAYOUT_FILE "${docs}/layout.xml")
set(DOXYGEN_VERBATIM_HEADERS NO)
set(DOXYGEN_CLASS_GRAPH TEXT)
set(DOXYGEN_HIDE_COMPOUND_REFERENCE YES)
set(DOXYGEN_HIDE_SCOPE_NAMES YES)
set(DOXYGEN_HTML_DYNAMIC_MENUS NO)
set(DOXYGEN_TOC_INCLUDE_HEADINGS 1)
set(DOXYGEN_GENERATE_TAGFILE "${DOXYGEN_OUTPUT_DIRECTORY}/names.xml") # for tests/checks/site.py
doxygen_add_docs(docs ${headers} README.md "${PROJECT_BINARY_DIR}/docs/examples.dox"
  COMMENT "Making the reference")
