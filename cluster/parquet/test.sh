#!/usr/bin/env bash
# Tests Parquet in and out: installs the library, makes files with pandas, polars, DuckDB and pyarrow, and compares what precise makes of
# them with what it makes of the same CSV; reads exports back with all four; breaks files in many places. Two minutes, half of them pip's.
#
#     cluster/parquet/test.sh [--precise PROGRAM] [--to FOLDER]
#
# --to keeps library and environment for the next time. Skips, and says so, when PyPI cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
precise="$here/../../.build/release/precise" to=""
while [ $# -gt 0 ]; do
  case "$1" in
    --precise) precise=$2; shift 2 ;;
    --to) to=$2; shift 2 ;;
    *) echo "error: $1 is no option; --precise PROGRAM and --to FOLDER are" >&2; exit 1 ;;
  esac
done
if [ ! -x "$precise" ]; then
  echo "error: $precise is not there; build it (swift build -c release), or name another with --precise" >&2
  exit 1
fi
PRECISE=$(realpath "$precise")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
to=${to:-$folder/library}
if ! { "$here/install.sh" --to "$to" && "$to/parquet-venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 \
  --timeout 20 -r "$here/requirements-test.txt"; } > "$folder/install" 2>&1; then
  if grep -Eq 'Connection|connection|Temporary failure|timed out|Name or service|unreachable|ProxyError' "$folder/install"; then
    echo "skipped: PyPI cannot be reached"
    exit 0
  fi
  cat "$folder/install" >&2
  exit 1
fi
PRECISE_PARQUET=$(realpath "$to/libprecise-parquet.so")
export PRECISE PRECISE_PARQUET
for part in types folders export vectors hostile; do
  "$to/parquet-venv/bin/python" "$here/${part}_test.py"
done
