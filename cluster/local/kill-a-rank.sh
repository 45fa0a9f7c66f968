#!/usr/bin/env bash
# Kills one rank of a training under mpirun (kill -9), at a moment that is drawn anew each time, and looks at how the job ends: within
# 10 seconds, with a failure, without a process left, and with a line that says which rank is gone.
#
#   cluster/local/kill-a-rank.sh [RANKS] [TIMES]      default: 2 ranks, 5 times; SEED draws other moments and ranks
#
#   SIGNAL   STOP freezes the rank instead, and the others must name it after guards.timeout_s, set to 3 s; default KILL
#
# Needs Open MPI, and the release build or PRECISE. Prints a table; ends with 1 when anything was not as it must be.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
precise=$(realpath "${PRECISE:-$root/.build/release/precise}")
ranks=${1:-2} times=${2:-5} RANDOM=${SEED:-1}
work=$(mktemp -d)
job=
# Every process of the job has this in its command line, and nothing else has.
run=$work/run
members() { pgrep -f "^$precise train .*--out $run( |\$)"; }
end_job() {
  [ -z "$job" ] || { echo "$job" && members; } | xargs kill -KILL 2>/dev/null || true
}
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  end_job
  rm -rf "$work"
}
trap take_down EXIT

"$precise" synth --out "$work/raw" --users 400 --items 300 --quiet
"$precise" prepare --interactions "$work/raw/interactions.csv" --items "$work/raw/items.csv" --out "$work/dataset" --quiet
"$precise" encode "$work/dataset" --quiet

# wait_until SECONDS COMMAND...: polls every 20 ms.
wait_until() {
  local polls=$(($1 * 50))
  shift
  until "$@"; do
    polls=$((polls - 1))
    [ "$polls" -gt 0 ] || return 1
    sleep 0.02
  done
}
has_stepped() { [ -s "$run/metrics.jsonl" ]; }
has_ended() { ! kill -0 "$job" 2>/dev/null; }
is_alone() { ! members >/dev/null; }
rank_of() { tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p'; }
now() { date +%s%3N; }

# One training and one death; sets the row of the table, and `fault` when something was not as it must be.
kill_one() {
  fault=
  rm -rf "$run"
  "$root/cluster/local/mpi.sh" "$ranks" "$precise" train --config "$root/Configs/same-numbers.yaml" --data "$work/dataset" \
    --out "$run" --set universal.steps=1000000 --set guards.timeout_s=3 >"$work/log" 2>&1 &
  job=$!
  wait_until 30 has_stepped || { cat "$work/log" >&2; echo "error: no step within 30 s" >&2; exit 1; }
  sleep "$((RANDOM % 2)).$(printf %03d $((RANDOM % 1000)))"
  mapfile -t processes < <(members)
  [ "${#processes[@]}" -eq "$ranks" ] || { echo "error: ${#processes[@]} processes of $ranks ranks" >&2; exit 1; }
  local victim=${processes[RANDOM % ranks]} status=0 start milliseconds
  rank=$(rank_of "$victim") step=$(wc -l <"$run/metrics.jsonl")
  start=$(now)
  kill "-${SIGNAL:-KILL}" "$victim"
  wait_until 10 has_ended || fault="still there after 10 s"
  milliseconds=$(($(now) - start))
  [ -z "$fault" ] || end_job
  wait "$job" 2>/dev/null || status=$?
  job=
  [ "$status" -ne 0 ] || fault="ended with 0"
  wait_until 1 is_alone || fault="${fault:-a process is left}"
  line=$(grep -m 1 -E "ranks? ([0-9]+, )*$rank(,| |\$)" "$work/log") || fault="${fault:-no line names rank $rank}" line=
  row=$(printf '%5d %6d %6d %8d.%03d %7d  %s' "$1" "$rank" "$step" $((milliseconds / 1000)) $((milliseconds % 1000)) "$status" "${fault:-fine}")
}

printf '%5s %6s %6s %12s %7s\n' time rank step seconds status
faults=0
for time in $(seq "$times"); do
  kill_one "$time"
  echo "$row"
  if [ -n "$fault" ]; then
    faults=$((faults + 1))
    sed 's/^/    /' "$work/log"
  fi
done
echo "the line of the last time: $line"
echo "$ranks ranks, killed $times times: $faults not as it must be"
[ "$faults" -eq 0 ]
