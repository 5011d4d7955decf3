#!/usr/bin/env bash
# Installs the Debian 12 or Ubuntu 24.04 packages that a task needs, when they are missing.
#
#   scripts/deps.sh build test        install what these groups lack
#   scripts/deps.sh --print build     list the packages of a group, one line, and install nothing
#
# As root, or with sudo, it installs; otherwise it prints the command to run and exits with 1.
# It never removes a package: when apt would have to, it says which, and stops.
set -euo pipefail

declare -A groups=(
  [build]="cmake g++ ninja-build ccache mold ca-certificates
    libboost1.81-dev libboost-json1.81-dev libfmt-dev libyaml-cpp-dev libedit-dev
    libpcre2-dev libicu-dev libssl-dev prometheus-cpp-dev"
  [test]="libgtest-dev libgmock-dev libbenchmark-dev python3-venv"
  [lint]="clang-format-14 clang-tidy-19 shellcheck git python3"
  [fuzz]="clang-19 libclang-rt-19-dev"
  [arm64]="g++-aarch64-linux-gnu qemu-user googletest"
)

fail() {
  echo "deps: $*" >&2
  exit 1
}

print_only=no
if [ "${1:-}" = --print ]; then
  print_only=yes
  shift
fi
[ $# -gt 0 ] || fail "name one or more of the groups ${!groups[*]}"

packages=""
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || fail "unknown group '$group': the groups are ${!groups[*]}"
  packages+=" ${groups[$group]}"
done

# Debian 12's default Boost, 1.74, is too old, so the newer one is named by its version there. Ubuntu
# 24.04's default will do. What Debian 12 calls prometheus-cpp-dev has a lib before its name there; all
# other names are the same.
if ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  packages=${packages//1.81-dev/-dev}
  packages=${packages//prometheus-cpp-dev/libprometheus-cpp-dev}
fi
read -ra packages <<<"${packages//$'\n'/ }"

if [ $print_only = yes ]; then
  echo "${packages[*]}"
  exit 0
fi

command -v dpkg-query >/dev/null || fail "this is not a Debian or Ubuntu system. Install the counterparts of:
  ${packages[*]}
and build with: cmake --preset release && cmake --build --preset release"

installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "${packages[@]}" 2>/dev/null || true)"
missing=()
for package in "${packages[@]}"; do
  [[ $installed == *" installed:$package "* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install_line="apt-get install --no-install-recommends -y ${missing[*]}"

if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root=(sudo) # asks for the password
else
  fail "these packages are missing, and without root or sudo this script cannot install them. Run, as root:
  apt-get update && $install_line"
fi

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Use-Pty=0 "$@"
}

# True when apt knows a version of every missing package.
lists_are_there() {
  [ "$(apt-cache policy "${missing[@]}" 2>/dev/null | grep -c '^  Candidate: [^(]')" = ${#missing[@]} ]
}

echo "deps: installing ${missing[*]}"
updated=no
if ! lists_are_there; then
  apt_get update
  updated=yes
  lists_are_there || fail "apt has no candidate for some of: ${missing[*]}
Chitu builds on Debian 12 and Ubuntu 24.04; see /etc/apt/sources.list."
fi

plan=$(apt-get -s install --no-install-recommends -y "${missing[@]}" 2>&1) || fail "apt cannot install
  ${missing[*]}
and says:
$plan"
removals=$(sed -n 's/^Remv \([^ ]*\).*/\1/p' <<<"$plan" | tr '\n' ' ')
if [ -n "$removals" ]; then
  fail "apt would have to remove: $removals
(Debian allows one version of the Boost headers at a time.) If that is fine with you, run
  ${as_root[*]:+sudo }$install_line"
fi

if ! apt_get install --no-install-recommends -y "${missing[@]}"; then
  # Outdated lists name versions that the mirror no longer has.
  [ $updated = no ] || fail "apt-get failed (see above). To try by hand: $install_line"
  apt_get update
  apt_get install --no-install-recommends -y "${missing[@]}" ||
    fail "apt-get failed (see above). To try by hand: $install_line"
fi
