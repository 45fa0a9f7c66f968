#!/usr/bin/env bash
# Trains on several hosts: mpirun starts the ranks over ssh.
#
#   cluster/hostfile/train.sh HOSTFILE ARGUMENT...      the arguments are those of `precise train`
#
#   PRECISE                         the binary, at the same path on every host; default: the precise on PATH, else the release build
#   RANKS INTERFACE BIND            see cluster/launch.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "$#" -lt 2 ]; then
  echo "error: give a hostfile, then the arguments of precise train: $0 hosts --config FILE --data FOLDER --out FOLDER" >&2
  exit 1
fi
hostfile=$1
shift
built=$here/../../.build/release/precise
HOSTFILE=$hostfile exec "$here/../launch.sh" "${PRECISE:-$(command -v precise || echo "$built")}" train "$@"
