#!/usr/bin/env bash
# Tests the recipes: makes a virtual environment, installs Faiss, hnswlib and a PostgreSQL with pgvector, trains a small run, and compares
# what each index finds with all products. Half a minute besides pip.
#
#     cluster/serving/test.sh [--precise PROGRAM] [--venv FOLDER]
#
# --venv keeps the environment for the next time. Skips, and says so, when PyPI cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../local/python_test_setup.sh
source "$here/../local/python_test_setup.sh" "$@"
install_packages -r "$here/requirements-test.txt"
"$venv/bin/python" "$here/serving_test.py"
