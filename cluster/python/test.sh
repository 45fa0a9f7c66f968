#!/usr/bin/env bash
# Tests the package: makes a virtual environment, installs it there with mypy, makes a small run, exports it in every format, and compares
# what the package says with what `precise` says; breaks files in every way. Half a minute, most of it pip's.
#
#     cluster/python/test.sh [--precise PROGRAM] [--venv FOLDER]
#
# --venv keeps the environment for the next time. Skips, and says so, when PyPI cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../local/python_test_setup.sh
source "$here/../local/python_test_setup.sh" "$@"
# From a copy: setuptools leaves its folders beside what it builds.
cp -r "$here" "$folder/python"
install_packages "$folder/python[parquet]" mypy
cd "$here"
"$venv/bin/python" -m mypy --cache-dir "$folder/mypy"
"$venv/bin/python" -B -m unittest test_precise_reader test_hostile_files
