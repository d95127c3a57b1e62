#!/bin/sh
# Installs what a build of coproc needs on Debian, Ubuntu and their kin, and only what is missing;
# elsewhere it names what is missing and goes on.
#
#   cmake/tools/setup.sh [tests] [ci]     more for the tests, and for .ci/run
set -eu

say() { printf 'setup: %s\n' "$*"; }
fail() { say "$@" >&2; exit 1; }

missing=
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

# The Boost that a compiler finds: 108100 for 1.81, 0 for none.
boost_version() {
  for file in /usr/local/include/boost/version.hpp /usr/include/boost/version.hpp; do
    if [ -r "$file" ]; then
      sed -n 's/^#define BOOST_VERSION \([0-9]*\).*/\1/p' "$file"
      return
    fi
  done
  echo 0
}

need "${CXX:-c++}" g++
need cmake cmake
need ninja ninja-build
need python3 python3 # what examples/feed_python.cpp runs, and some of the checks
for what in "$@"; do
  case $what in
    tests)
      need pkg-config pkg-config
      [ -e /usr/include/catch2 ] || [ -e /usr/local/include/catch2 ] || missing="$missing catch2"
      # What commands are carried elsewhere by, and to. Neither is started: the tests start their own.
      need ssh openssh-client
      [ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
      [ -x /usr/sbin/slurmctld ] || missing="$missing slurm-wlm"
      ;;
    ci)
      need ccache ccache
      need clang++ clang
      need clang-format clang-format
      need clang-tidy clang-tidy
      need doxygen doxygen
      ;;
    *) fail "unknown word '$what' (tests, ci)" ;;
  esac
done
# Whoever points CMake to a Boost of their own needs none of the system's.
boost=$(boost_version)
if [ "$boost" -lt 108100 ] && [ -z "${Boost_ROOT:-}${BOOST_ROOT:-}${Boost_DIR:-}${CMAKE_PREFIX_PATH:-}" ]; then
  missing="$missing libboost-dev"
fi

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    say "needed, by the names Debian gives them, and not found here:$missing"
    say "(CMake 3.25, g++ 12 or clang 14, the headers of Boost 1.81, or newer)"
    exit 0
  fi
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
  else
    fail "this needs root, or sudo, to install:$missing"
  fi

  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  say "updating the list of packages"
  $as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; say "going on with the old list"; }

  # libboost-dev itself is older than 1.81 on some systems that have a newer one beside it.
  case $missing in
    *libboost-dev*)
      newest=$(apt-cache search --names-only '^libboost1\.[0-9]+-dev$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
      case $newest in
        libboost1.8[1-9]-dev | libboost1.9*-dev | libboost1.???-dev) ;;
        *) fail "no Boost 1.81 or newer among this system's packages (the newest: ${newest:-none})" ;;
      esac
      if [ "$boost" != 0 ]; then
        fail "this system has an older Boost, which cannot stay beside $newest;" \
          "to replace it: apt-get install $newest"
      fi
      missing="${missing%libboost-dev}$newest"
      ;;
  esac

  # Debian starts a service when it is installed, and at each boot. Nobody has asked for one here.
  policy=/usr/sbin/policy-rc.d
  services=
  case $missing in *openssh-server*) services="$services ssh.service ssh.socket" ;; esac
  case $missing in
    *slurm-wlm*) services="$services slurmctld.service slurmd.service munge.service" ;;
  esac
  if [ -n "$services" ] && [ ! -e $policy ]; then
    # shellcheck disable=SC2016 # for tee
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    trap 'rm -f "$log"; $as_root rm -f $policy' EXIT
  fi

  say "installing$missing"
  # shellcheck disable=SC2086 # a list of words
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    --no-remove -o DPkg::Lock::Timeout=600 $missing >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    fail "apt-get could not install$missing"
  fi
  if [ -n "$services" ] && command -v systemctl >/dev/null 2>&1; then
    # shellcheck disable=SC2086 # a list of words
    $as_root systemctl disable $services >/dev/null 2>&1 || true
  fi
fi

version=$(cmake --version 2>/dev/null | sed -n '1s/^cmake version //p')
oldest=$(printf '%s\n' 3.25 "$version" | sort -V | head -n 1)
[ "$oldest" = 3.25 ] || fail "CMake 3.25 or newer is needed; this is ${version:-none}"
