#!/usr/bin/env bash
# Runs the tests on other releases of Debian: their compilers, Boosts and Catch2.
#
#   cmake/tools/debian_matrix.sh [--install | --build] [SUITE ...]      trixie and sid, unless others
#                                                               are named; as root
#
# With --install it only makes sure that what is needed is there, with --build the suites are built,
# and not run.
#
# Each suite has a root of its own, which debootstrap makes once from MIRROR, in COPROC_ROOTS
# (/var/cache/coproc-roots); this tree is copied into it, and tests/run does the rest there.
# COPROC_WERROR=ON makes warnings errors.
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
roots=${COPROC_ROOTS:-/var/cache/coproc-roots}
# What is done in the root, where the tree is /src.
work=(/src/tests/run)
case ${1:-} in
  --install)
    work=(/src/cmake/tools/setup.sh tests)
    shift
    ;;
  --build)
    work=(sh -euc 'cd /src
      cmake/tools/setup.sh tests
      cmake --preset tests
      cmake --build --preset tests --target coproc_suites')
    shift
    ;;
esac
[ $# -gt 0 ] || set -- trixie sid

if [ "$(id -u)" != 0 ]; then
  echo "$0: a root of another release can only be made by root" >&2
  exit 1
fi
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 'debian/*$')}
command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap

for suite in "$@"; do
  root=$roots/$suite
  if [ ! -e "$root/.made" ]; then
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" "$script"
    touch "$root/.made"
  fi
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  mkdir -p "$root/src"
  find "$root/src" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$tree" --exclude=./build --exclude=./.git -cf - . | tar -C "$root/src" -xf -
  printf '\n== %s\n' "$suite"
  # The mounts are this command's own, and go with it.
  unshare --mount --propagation private sh -euc '
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
    sh "$root" ${COPROC_WERROR:+"COPROC_WERROR=$COPROC_WERROR"} "${work[@]}"
done
