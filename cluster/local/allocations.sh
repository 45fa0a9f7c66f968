#!/usr/bin/env bash
# Counts the bytes that a training step allocates in the steady state, case by case, and ends with 1 unless it is none.
#
#   cluster/local/allocations.sh [--sites]      --sites: also who allocates, for each case
#
# Each case runs twice, the second time longer: what the longer run allocates more is its further steps'. Needs the release build, a C
# compiler, nm and python3. PRECISE names another binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
precise=${PRECISE:-.build/release/precise}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -O2 -Wall -shared -fPIC -o "$work/allocations.so" cluster/local/allocations.c
# Where texts land in a table must not differ from run to run.
export SWIFT_DETERMINISTIC_HASHING=1
status=0

# count FILE COMMAND...: runs a command and writes what it allocated.
count() {
  local file=$1
  shift
  ALLOCATIONS="$file" LD_PRELOAD="$work/allocations.so" "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; exit 1; }
}

# compare NAME STEPS: what the run that took STEPS more has more.
compare() { python3 cluster/local/allocations.py "$1" "$2" "$work/shorter" "$work/longer" "${sites[@]}" || status=1; }

# bench NAME OPTIONS...: steps of `precise bench`, of a small shape.
bench() {
  local name=$1 bench=("$precise" bench --config Configs/bench-small.yaml)
  shift
  bench+=(--set batch.users=32 --set model.length=20 --set bench.items=1000 --set universal.negatives=256 "$@")
  count "$work/shorter" "${bench[@]}" --steps 5
  count "$work/longer" "${bench[@]}" --steps 25
  compare "bench, $name" 20
}

# train NAME OPTIONS...: steps of `precise train` on a made-up data set, between two lines of the log.
train() {
  local name=$1 train=("$precise" train --config Configs/demo.yaml --data "$work/dataset" --out "$work/run" --phase universal)
  shift
  train+=(--set log.every_steps=1000 --set evaluation.every_epochs=0 "$@")
  count "$work/shorter" "${train[@]}" --set universal.steps=15
  rm -rf "$work/run"
  count "$work/longer" "${train[@]}" --set universal.steps=35
  rm -rf "$work/run"
  compare "train, $name" 20
}

sites=()
if [ "${1:-}" = --sites ]; then sites=(--sites); fi
printf '%-56s %10s %8s\n' "allocated by a step" bytes calls
bpr='targeted=[{name: like, negatives: 100, objective: {bpr: 1, softmax: 0.5}}]'
bench "universal, 1 rank" --ranks 1
bench "universal, 2 ranks" --ranks 2
bench "universal, 2 ranks, bf16 wire, lazy Adam" --ranks 2 --set compute.gradient_wire=bf16 --set optimizer.rows=lazy_adam
bench "universal, 1 rank, all in bf16" --ranks 1 --set compute.precision=bf16 --set compute.token_storage=bf16
bench "targeted, BPR and softmax, 1 rank" --ranks 1 --phase targeted --set "$bpr"
bench "targeted, BPR and softmax, 2 ranks, all in bf16" --ranks 2 --phase targeted --set "$bpr" \
  --set compute.precision=bf16 --set compute.token_storage=bf16
"$precise" synth --out "$work/raw" --users 300 --items 200 --quiet >"$work/output"
"$precise" prepare --interactions "$work/raw/interactions.csv" --items "$work/raw/items.csv" --out "$work/dataset" --quiet >"$work/output"
"$precise" encode "$work/dataset" --quiet >"$work/output"
train "universal, 2 ranks, scenes and behaviors" --ranks 2
exit "$status"
