#!/usr/bin/env bash
# Tests follow.py: makes a virtual environment, installs the trackers, trains a small run, follows it while it lives, kills and resumes
# it, and compares what MLflow, W&B and TensorBoard hold with the run's files. Two minutes or three, half of them pip's.
#
#     cluster/trackers/test.sh [--precise PROGRAM] [--venv FOLDER]
#
# --venv keeps the environment for the next time. Skips, and says so, when PyPI cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../local/python_test_setup.sh
source "$here/../local/python_test_setup.sh" "$@"
install_packages -r "$here/requirements.txt" -r "$here/requirements-test.txt"
"$venv/bin/python" "$here/follow_test.py"
