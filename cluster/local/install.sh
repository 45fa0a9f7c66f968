#!/usr/bin/env bash
# Installs what a Debian or Ubuntu machine lacks to build precise: zlib, hnswlib, MPI, and python3 for the repository's checks.
# Packages named on the command line are installed as well.
# Swift itself is not packaged there; without it this script says where it comes from and ends with 1.
set -euo pipefail

packages=()
for package in zlib1g-dev libhnswlib-dev "$@"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || packages+=("$package")
done
# Any MPI that pkg-config knows will do; Open MPI is installed where there is none.
if ! command -v pkg-config >/dev/null; then packages+=(pkg-config); fi
if ! pkg-config --exists "${PRECISE_MPI:-mpi-c}" 2>/dev/null && ! pkg-config --exists ompi-c 2>/dev/null &&
  ! pkg-config --exists mpich 2>/dev/null; then
  packages+=(libopenmpi-dev openmpi-bin)
elif ! command -v mpirun >/dev/null && [ -z "${PRECISE_MPIEXEC:-}" ]; then
  packages+=(openmpi-bin)
fi
command -v python3 >/dev/null || packages+=(python3)

if [ "${#packages[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "error: this machine has no apt-get; install ${packages[*]} (zlib, hnswlib and MPI with their headers) its own way" >&2
    exit 1
  fi
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "error: not root, and no sudo; as root run: apt-get install ${packages[*]}" >&2
      exit 1
    fi
    root=(sudo)
  fi
  echo "installing ${packages[*]}"
  "${root[@]}" apt-get update -q
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}"
fi

if ! command -v swift >/dev/null; then
  echo "error: no Swift found; install 6.3 or newer from https://www.swift.org/install/linux/ and put it on PATH" >&2
  exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
major=${version%%.*} minor=${version#*.}
if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 3 ]; }; then
  echo "error: Swift ${version:-of an unknown version} found, 6.3 or newer is needed: https://www.swift.org/install/linux/" >&2
  exit 1
fi
echo "ready: Swift $version, zlib, hnswlib, MPI"
