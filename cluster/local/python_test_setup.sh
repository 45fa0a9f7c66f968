# What tests in Python begin with, to be sourced with the script's own arguments: finds the program and makes the environment.
#
#     --precise PROGRAM   the program; default: the release build
#     --venv FOLDER       keeps the virtual environment for the next time
#
# Sets PRECISE (exported), folder (temporary, removed at the end) and venv. install_packages ARGUMENTS... hands them to pip; where PyPI
# cannot be reached the script says "skipped" and ends with 0.
precise="$(dirname "${BASH_SOURCE[0]}")/../../.build/release/precise" venv=""
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

install_packages() {
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$@" > "$folder/pip" 2>&1 && return
  if grep -Eq 'Connection|connection|Temporary failure|timed out|Name or service|unreachable|ProxyError' "$folder/pip"; then
    echo "skipped: PyPI cannot be reached"
    exit 0
  fi
  cat "$folder/pip" >&2
  exit 1
}
