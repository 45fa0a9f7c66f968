#!/usr/bin/env bash
# Trains on two hosts with an address each, TCP between them, and on two threads of one process: every step's loss and the final
# embeddings must be equal bit for bit, and the gradients must have gone over the cable. A minute at the most.
#
#   cluster/hostfile/test.sh      needs the release build, or PRECISE; REQUIRED=1 allows no skip (see two-hosts.sh)
#
# Ends with 0 and a line "skipped: ..." where this machine does not let us make network namespaces.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
precise=${PRECISE:-$root/.build/release/precise}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$precise" synth --out "$work/raw" --users 400 --items 300 --quiet
"$precise" prepare --interactions "$work/raw/interactions.csv" --items "$work/raw/items.csv" --out "$work/dataset" --quiet
"$precise" encode "$work/dataset" --quiet

training() { # the arguments of precise train for the run of that name
  arguments=(train --config "$root/Configs/same-numbers.yaml" --data "$work/dataset" --out "$work/$1" --quiet)
}
training two-hosts
status=0
LIMIT=${LIMIT:-40} "$root/cluster/hostfile/two-hosts.sh" "$precise" "${arguments[@]}" >"$work/log" || status=$?
cat "$work/log"
[ "$status" -eq 0 ] || exit "$status"
! grep -q '^skipped: ' "$work/log" || exit 0
training threads-2
"$precise" "${arguments[@]}" --ranks 2
for name in threads-2 two-hosts; do
  "$precise" export "$work/$name" --out "$work/$name/embeddings" --format npy --quiet --ranks 1
done
python3 "$root/cluster/local/same_numbers.py" --equal "$work" threads-2 two-hosts

# To sum up the dense gradients, each of two ranks sends half of them and then the sums of its half: the bytes of all of them, in each
# step. Both phases take 60.
gradients=$((60 * $(cat "$work"/two-hosts/checkpoints/*/step-00000060/dense.safetensors | wc -c) / 1000))
read -r one two < <(sed -n 's/^host-one sent \([0-9]*\) kB.* host-two \([0-9]*\) kB.*/\1 \2/p' "$work/log")
if [ "$one" -lt $((gradients * 98 / 100)) ] || [ "$two" -lt $((gradients * 98 / 100)) ]; then
  echo "error: $one kB and $two kB went over the cable, but the run's dense gradients alone are $gradients kB" >&2
  exit 1
fi
echo "of these bytes $gradients kB a direction are the dense gradients of 120 steps"
