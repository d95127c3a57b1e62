# A toolchain: from Linux for Windows by mingw-w64, with the programs run by Wine. COPROC_HEADERS_FROM
# is the folder that cmake/tools/windows.sh makes, with Boost's and Catch2's headers and no others.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
find_program(CMAKE_CXX_COMPILER NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++ REQUIRED)
find_program(CMAKE_RC_COMPILER NAMES x86_64-w64-mingw32-windres)

# Where addresses are random, a new process of Wine's at times finds one taken that it needs.
find_program(COPROC_SETARCH NAMES setarch)
find_program(COPROC_WINE NAMES wine64 wine HINTS /usr/lib/wine)
if(COPROC_WINE AND COPROC_SETARCH)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${COPROC_SETARCH};-R;${COPROC_WINE}")
endif()

set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
