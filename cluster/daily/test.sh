#!/usr/bin/env bash
# Tests daily.py over made-up days in a small size; about a minute.
#
#     cluster/daily/test.sh [--precise PROGRAM]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
precise="$here/../../.build/release/precise"
while [ $# -gt 0 ]; do
  case "$1" in
    --precise) precise=$2; shift 2 ;;
    *) echo "error: $1 is no option; --precise PROGRAM is" >&2; exit 1 ;;
  esac
done
if [ ! -x "$precise" ]; then
  echo "error: $precise is not there; build it (swift build -c release), or name another with --precise" >&2
  exit 1
fi
export PRECISE
PRECISE=$(realpath "$precise")
for test in daily input; do
  "$here/${test}_test.py"
done
