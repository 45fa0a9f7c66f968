#!/usr/bin/env bash
# The same step on one rank of one core and on two ranks of two, as threads and as processes, alternating: medians and their spread.
#
#   cluster/local/scaling.sh [CONFIG [ROUNDS]]      default: Configs/bench-base.yaml, 5 rounds
#
# Needs the release build, python3, and a machine with two cores and nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/../.."
config=${1:-Configs/bench-base.yaml}
rounds=${2:-5}
precise=${PRECISE:-.build/release/precise}
results=$(mktemp)
trap 'rm -f "$results"' EXIT

# bench NAME COMMAND...: one line of JSON with the name before it.
bench() {
  local name=$1
  shift
  printf '%s %s\n' "$name" "$("$@" bench --config "$config" --steps 20 --quiet --json "${more[@]}" | tr -d '\n')" >>"$results"
}

core=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
for _ in $(seq "$rounds"); do
  more=(--ranks 1) && bench "1 rank" taskset -c "$core" "$precise"
  more=(--ranks 2) && bench "2 threads" "$precise"
  more=() && bench "2 processes" cluster/local/mpi.sh 2 "$precise"
done
python3 - "$results" <<'PYTHON'
import json, statistics, sys

runs = {}
for line in open(sys.argv[1]):
    name, _, text = line.partition(" {")
    runs.setdefault(name, []).append(json.loads("{" + text))
one = statistics.median(run["positions_per_s"] for run in runs["1 rank"])
print(f"{'':<12} {'positions/s':>12} {'lowest':>10} {'highest':>10} {'times one':>10} {'step ms':>8} {'waiting':>8}")
for name, results in runs.items():
    rates = [run["positions_per_s"] for run in results]
    step = statistics.median(run["step_ms"] for run in results)
    waiting = statistics.median(sum(kind["ms"] for kind in run["traffic"].values()) / run["step_ms"] for run in results)
    middle = statistics.median(rates)
    print(f"{name:<12} {middle:>12,.0f} {min(rates):>10,.0f} {max(rates):>10,.0f} {middle / one:>10.2f} {step:>8.1f} {waiting:>8.1%}")
PYTHON
