#!/usr/bin/env bash
# Trains one configuration on 1, 2, 3 and 5 ranks that are threads and on 2, 3 and 4 that are processes, and compares: every
# step's loss, the final embeddings, and the bits of two runs on the same ranks.
#
#   cluster/local/same-numbers.sh DATASET [FOLDER] [--set key=value]...      default folder: a temporary one, removed at the end
#
# Needs the release build (swift build -c release --product precise) and python3.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
dataset=${1:?the data set that precise prepare and precise encode made}
shift
folder=
if [ "$#" -gt 0 ] && [ "${1#--}" = "$1" ]; then
  folder=$1
  shift
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
precise=${PRECISE:-$root/.build/release/precise}
mkdir -p "$folder"

# train NAME COMMAND...: a run of that name, and its embeddings.
train() {
  local run=$folder/$1
  shift
  "$@" train --config "$root/Configs/same-numbers.yaml" --data "$dataset" --out "$run" --overwrite --quiet "${changes[@]}"
  "$precise" export "$run" --out "$run/embeddings" --format npy --overwrite --quiet --ranks 1
}

changes=("$@")
threads() { "$precise" "$1" --ranks "$ranks" "${@:2}"; }
processes() { "$root/cluster/local/mpi.sh" "$ranks" "$precise" "$@"; }
names=()
for ranks in 1 2 3 5; do
  train "threads-$ranks" threads
  names+=("threads-$ranks")
done
for ranks in 2 3 4; do
  train "processes-$ranks" processes
  names+=("processes-$ranks")
done
ranks=3
train again-threads-3 threads
train again-processes-3 processes
python3 "$root/cluster/local/same_numbers.py" "$folder" "${names[@]}"
