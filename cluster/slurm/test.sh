#!/usr/bin/env bash
# Submits train.sbatch to a real Slurm on this machine (one-machine.sh): a training by each launcher that there is, whose losses and
# embeddings must be those of two threads bit by bit; then a job that is preempted, goes back into the queue and ends well in its
# second start. About a minute.
#
#   cluster/slurm/test.sh      needs the release build, or PRECISE; and root, without which it says "skipped" and ends with 0
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
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

# This stands in for a training that saves its work on SIGUSR1, in its first start; in its second it has nothing left to do.
cat >"$work/stand-in" <<'COMMAND'
#!/bin/sh
[ "$SLURM_RESTART_COUNT" = "" ] || exec echo "a rank goes on"
# Ranks of one job end together; srun ends the others as soon as one is gone.
trap 'trap "" USR1; echo "a rank has saved its work"; sleep 2; exit 75' USR1
echo "a rank is ready"
while :; do sleep 0.2 || :; done # the signal ends the sleep too, perhaps before it comes here
COMMAND
chmod +x "$work/stand-in"
COMMAND=$work/stand-in PREEMPT="a rank is ready" LIMIT=90 "$root/cluster/slurm/one-machine.sh" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cat "$work/log"
for line in 'a rank has saved its work' 'a rank goes on'; do
  [ "$(grep -cx "$line" "$work/log")" -eq 2 ] || { echo "error: not both ranks said: $line" >&2; exit 1; }
done
