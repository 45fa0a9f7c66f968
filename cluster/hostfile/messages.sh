#!/usr/bin/env bash
# What messages cost on two hosts made for the occasion, and how many a step sends: every rank to every rank, and by host.
#
#   cluster/hostfile/messages.sh [RANKS_A_HOST]...      default: 1 2 4 8 16
#
# First `messages.c` between the hosts and inside one: delay, time of a message, bytes a second. Then `precise bench` of a small model with so
# many ranks on each host, both ways: messages and bytes that rank 0 sends in a step, and how long the step takes. The ranks share this
# machine's cores: times beyond its cores say which way is less work, not what hosts would take. Needs what two-hosts.sh needs, mpicc, the
# release build or PRECISE, and python3. RATE limits the cable; ROUNDS repeats (default 2) alternate the two ways, of which the best counts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
precise=${PRECISE:-$root/.build/release/precise}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ "$#" -gt 0 ] || set -- 1 2 4 8 16

mpicc -O2 -Wall "$here/messages.c" -o "$work/messages"
for where in two-hosts one-host; do
  if [ "$where" = two-hosts ]; then
    "$here/two-hosts.sh" "$work/messages" >"$work/log"
    ! grep '^skipped: ' "$work/log" || exit 0
  else
    "$root/cluster/local/mpi.sh" 2 "$work/messages" >"$work/log"
  fi
  echo "$where: $(grep '^delay' "$work/log")"
done

for slots in "$@"; do
  for _ in $(seq "${ROUNDS:-2}"); do
    for way in never always; do
      # Four users a rank: what a rank computes stays the same, what it says grows with the ranks.
      SLOTS=$slots LIMIT=${LIMIT:-300} "$here/two-hosts.sh" "$precise" bench --config "$root/Configs/bench-small.yaml" --steps 10 \
        --quiet --json --set "batch.users=$((8 * slots))" --set bench.token_dim=32 --set universal.negatives=256 \
        --set "compute.by_host=$way" >"$work/log" 2>"$work/errors" || { cat "$work/log" "$work/errors" >&2 && exit 1; }
      printf '%s %s %s\n' "$slots" "$way" "$(grep -v '^host-one sent\|^warning' "$work/log" | tr -d '\n')" >>"$work/results"
    done
  done
done
python3 - "$work/results" <<'PYTHON'
import json, sys

runs = {}
for line in open(sys.argv[1]):
    slots, way, text = line.split(" ", 2)
    runs.setdefault((int(slots), way), []).append(json.loads(text))
print(f"{'ranks':>5} {'by host':<8} {'messages':>9} {'to hosts':>9} {'KiB to hosts':>13} {'step ms, best':>14} {'loss':>20}")
for (slots, way), results in runs.items():
    first = results[0]
    print(
        f"{2 * slots:>5} {way:<8} {first['messages']:>9.0f} {first['messages_between_hosts']:>9.0f} "
        f"{first['bytes_between_hosts'] / 1024:>13.1f} {min(r['step_ms_min'] for r in results):>14.1f} {first['last_loss']:>20.16f}")
for slots in sorted({slots for slots, _ in runs}):
    losses = {r["last_loss"] for way in ("never", "always") for r in runs[slots, way]}
    if len(losses) > 1:
        sys.exit(f"error: {2 * slots} ranks had other losses by host: {sorted(losses)}")
PYTHON
