#!/usr/bin/env bash
# Tests the package: makes a virtual environment, installs it there with mypy, makes a small run, exports it in every format, and compares
# what the package says with what `precise` says; breaks files in every way. Half a minute, most of it pip's.
#
#     cluster/python/test.sh [--precise PROGRAM] [--venv FOLDER]
#
# --venv keeps the environment for the next time. Skips, and says so, when PyPI cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
precise="$here/../../.build/release/precise" venv=""
while [ $# -gt 0 ]; do
  case "$1" in
    --precise) precise=$2; shift 2 ;;
    --venv) venv=$2; shift 2 ;;
    *) echo "error: $1 is no option; --precise PROGRAM and --venv FOLDER are" >&2; exit 1 ;;
  esac
done
if [ ! -x "$precise" ]; then
  echo "error: $precise is not there; build it (swift build -c release), or name another with --precise" >&2
  exit 1
fi
PRECISE=$(realpath "$precise")
export PRECISE

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
venv=${venv:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# From a copy: setuptools leaves its folders beside what it builds.
cp -r "$here" "$folder/python"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$folder/python[parquet]" mypy \
  > "$folder/pip" 2>&1; then
  if grep -Eq 'Connection|connection|Temporary failure|timed out|Name or service|unreachable|ProxyError' "$folder/pip"; then
    echo "skipped: PyPI cannot be reached"
    exit 0
  fi
  cat "$folder/pip" >&2
  exit 1
fi
cd "$here"
"$venv/bin/python" -m mypy --cache-dir "$folder/mypy"
"$venv/bin/python" -B -m unittest test_precise_reader test_hostile_files
