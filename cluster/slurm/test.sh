#!/usr/bin/env bash
# Submits train.sbatch to a real Slurm on this machine (one-machine.sh): a training by each launcher that there is, whose losses and
# embeddings must be those of two threads bit for bit; then a training that is preempted, goes back into the queue and on from its
# checkpoint, and must end as one that nobody disturbed. About a minute.
#
# Before that, signals at every moment of the script itself, with stand-ins for Slurm (signals.sh).
#
#   cluster/slurm/test.sh      needs the release build, or PRECISE; and root, without which it says "skipped" and ends with 0
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/cluster/slurm/signals.sh"
if [ "$(id -u)" -ne 0 ]; then
  echo "skipped: slurmd starts jobs as their users, so it needs root"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$(realpath "${PRECISE:-$root/.build/release/precise}")" "$work/bin/precise"
export PATH="$work/bin:$PATH"

precise synth --out "$work/raw" --users 400 --items 300 --quiet
precise prepare --interactions "$work/raw/interactions.csv" --items "$work/raw/items.csv" --out "$work/dataset" --quiet
precise encode "$work/dataset" --quiet

export CONFIG=$root/Configs/same-numbers.yaml DATA=$work/dataset OPTIONS=--quiet LIMIT=60
precise train --config "$CONFIG" --data "$DATA" --out "$work/threads-2" --ranks 2 --quiet
OUT=$work/by-default "$root/cluster/slurm/one-machine.sh"
OUT=$work/by-mpirun LAUNCHER=mpirun "$root/cluster/slurm/one-machine.sh"
for name in threads-2 by-default by-mpirun; do
  precise export "$work/$name" --out "$work/$name/embeddings" --format npy --quiet --ranks 1
done
python3 "$root/cluster/local/same_numbers.py" --equal "$work" threads-2 by-default by-mpirun

# Preempted, back into the queue, and on from its checkpoint: the run that nobody disturbed, bit for bit.
OPTIONS="--set universal.steps=400"
read -ra options <<<"$OPTIONS"
precise train --config "$CONFIG" --data "$DATA" --out "$work/undisturbed" --ranks 2 --quiet "${options[@]}"
OUT=$work/preempted PREEMPT=$work/preempted/metrics.jsonl LIMIT=120 "$root/cluster/slurm/one-machine.sh" >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
cat "$work/log"
for line in 'there is no checkpoint yet' 'stopped by SIGUSR1 after step' 'stopped after a checkpoint; back into the queue' \
  'start 2 of job' 'going on from universal, step'; do
  [ "$(grep -c "$line" "$work/log")" -eq 1 ] || { echo "error: not once in the output: $line" >&2; exit 1; }
done
for name in undisturbed preempted; do
  precise export "$work/$name" --out "$work/$name/embeddings" --format npy --quiet --ranks 1
done
python3 "$root/cluster/local/same_numbers.py" --equal "$work" undisturbed preempted
