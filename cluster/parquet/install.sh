#!/usr/bin/env bash
# Makes precise read and write Parquet: puts Arrow's C++ library, as PyPI's pyarrow ships it, into a virtual environment, and compiles
# libprecise-parquet.so against it, which precise finds at run time. Safe to run again.
#
#     cluster/parquet/install.sh [--to FOLDER]
#
# FOLDER is where precise looks in any case ($XDG_DATA_HOME/precise, or ~/.local/share/precise); with another one, name the library in
# PRECISE_PARQUET. Needs python3 with venv, g++ 12 or later and 400 MB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder="${XDG_DATA_HOME:-$HOME/.local/share}/precise"
while [ $# -gt 0 ]; do
  case "$1" in
    --to) [ $# -gt 1 ] || { echo "error: --to takes a folder" >&2; exit 64; }; folder=$2; shift 2 ;;
    *) echo "error: $1 is no option; --to FOLDER is" >&2; exit 64 ;;
  esac
done
for program in python3 g++; do
  command -v "$program" > /dev/null || { echo "error: $program is not there; install it (apt-get install python3-venv g++)" >&2; exit 1; }
done
mkdir -p "$folder"
folder=$(realpath "$folder")
venv="$folder/parquet-venv"
if ! [ -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" || { echo "error: python3 cannot make a virtual environment; install python3-venv" >&2; exit 1; }
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 -r "$here/requirements.txt"
pyarrow=$("$venv/bin/python" -c 'import pyarrow; print(pyarrow.get_library_dirs()[0])')
headers=$("$venv/bin/python" -c 'import pyarrow; print(pyarrow.get_include())')

# Under another name until it has been loaded once.
new=$(mktemp "$folder/.libprecise-parquet.XXXXXX")
trap 'rm -f "$new"' EXIT
libraries=()
for name in libarrow libparquet; do
  found=("$pyarrow/$name".so.[0-9]*)
  [ -f "${found[0]}" ] || { echo "error: $pyarrow has no $name.so; remove $venv and run this again" >&2; exit 1; }
  libraries+=("-l:$(basename "${found[0]}")")
done
g++ -std=c++20 -O2 -fPIC -shared -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter \
  -I "$here/../../Sources/CParquet/include" -isystem "$headers" "$here/parquet.cpp" \
  -o "$new" -L "$pyarrow" "${libraries[@]}" "-Wl,-rpath,$pyarrow" -Wl,--no-undefined
version=$(python3 -c 'import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).cparquet_version())' "$new")
chmod 755 "$new"
mv -f "$new" "$folder/libprecise-parquet.so"
echo "precise reads and writes Parquet: $folder/libprecise-parquet.so (version $version, pyarrow $("$venv/bin/python" -c 'import pyarrow; print(pyarrow.__version__)'))"
if [ "$folder" != "$(realpath -m "${XDG_DATA_HOME:-$HOME/.local/share}/precise")" ]; then
  echo "name it to precise: export PRECISE_PARQUET=$(printf %q "$folder/libprecise-parquet.so")"
fi
