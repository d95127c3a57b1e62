#!/usr/bin/env bash
# Compiles the tests and examples for Windows, with mingw-w64, and runs the tests under Wine.
#
#   cmake/tools/windows.sh [--install | options of ctest]
#
# With --install it only makes sure that what is needed is there (Debian's packages; as root). BOOST is
# a folder with Boost's headers (/usr/include). It needs Catch2's headers, version 2. COPROC_WERROR=ON
# makes warnings errors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
boost=${BOOST:-/usr/include}

missing=()
command -v x86_64-w64-mingw32-g++-posix >/dev/null || missing+=(g++-mingw-w64-x86-64-posix)
[ -e /usr/lib/wine/wine64 ] || command -v wine64 >/dev/null || missing+=(wine64)
command -v setarch >/dev/null || missing+=(util-linux)
[ -e /usr/include/catch2/catch.hpp ] || missing+=(catch2)
if [ ${#missing[@]} -gt 0 ]; then
  printf 'windows: installing %s\n' "${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
[ "${1:-}" != --install ] || exit 0

# Only those headers: beside them this system's own must not be found. <Windows.h> is written so in
# Boost.Process up to 1.83, and has another name where upper and lower case are not the same.
prefix=$PWD/build/windows/prefix
mkdir -p "$prefix/include"
ln -sfn "$(realpath -e "$boost/boost")" "$prefix/include/boost"
ln -sfn "$(realpath -e /usr/include/catch2)" "$prefix/include/catch2"
echo '#include <windows.h>' >"$prefix/include/Windows.h"
version=$(sed -n 's/^#define BOOST_LIB_VERSION "\(.*\)"$/\1/p' "$boost/boost/version.hpp" | tr _ .)
package() { # NAME VERSION TARGET
  mkdir -p "$prefix/lib/cmake/$1"
  cat >"$prefix/lib/cmake/$1/$1Config.cmake" <<CONFIG
add_library($3 INTERFACE IMPORTED)
target_include_directories($3 INTERFACE "$prefix/include")
CONFIG
  cat >"$prefix/lib/cmake/$1/$1ConfigVersion.cmake" <<CONFIG
set(PACKAGE_VERSION $2)
if(PACKAGE_FIND_VERSION VERSION_LESS_EQUAL $2 AND NOT (PACKAGE_FIND_VERSION_MAJOR GREATER ${2%%.*}))
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
CONFIG
}
package Boost "$version" Boost::headers
package Catch2 2.13 Catch2::Catch2

cmake --preset windows
cmake --build --preset windows

export WINEPREFIX=$PWD/build/windows/wine WINEDEBUG=-all
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
setarch -R "$wine" cmd /c exit >/dev/null 2>&1 || true # makes its folders, which takes a while
# As long as one program runs, Wine's services do, and start with none of the tests.
coproc_wine() { exec setarch -R "$wine" cmd >/dev/null 2>&1; }
exec {open}> >(coproc_wine)
ctest --preset windows "$@"
