#!/usr/bin/env bash
# Sends SIGUSR1 to train.sbatch at every moment of its start and of its run, without Slurm: srun, scontrol and precise are stand-ins that
# this script makes. Whenever the signal comes, the job must end with 75, be put back into the queue once, and leave nothing running.
#
#   cluster/slurm/signals.sh [TIMES]      TIMES at random moments of the first 300 ms; default 60. About half a minute, needs no root.
#
# Ends with 1 when a signal was lost.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
times=${1:-60} RANDOM=${SEED:-1}
work=$(mktemp -d)
script=
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  [ -z "$script" ] || kill -KILL "$script" 2>/dev/null || true
  rm -rf "$work"
}
trap take_down EXIT
mkdir "$work/bin"

# srun says that it has PMIx; AT=list is a signal at this moment, before there is any job. Else it becomes the command.
cat >"$work/bin/srun" <<'STAND_IN'
#!/usr/bin/env bash
if [ "$1" = --mpi=list ]; then
  [ "${AT:-}" != list ] || kill -USR1 "$(cat "$WORK/script")"
  echo pmix
  exit 0
fi
while [ "${1#--}" != "$1" ]; do shift; done
[ "${AT:-}" != exec ] || kill -USR1 "$(cat "$WORK/script")"
exec "$@"
STAND_IN
# As precise launch is under the supervisor's words, and a rank under srun's: it listens, saves and ends with 75.
cat >"$work/bin/precise" <<'STAND_IN'
#!/usr/bin/env bash
if [ "$1" = launch ]; then
  while [ "$1" != -- ]; do shift; done
  shift
  exec "$@"
fi
trap 'echo saved; exit 75' USR1
touch "$WORK/trains"
[ "${AT:-}" != train ] || kill -USR1 "$(cat "$WORK/script")"
for _ in $(seq 200); do sleep 0.05; done
exit 70
STAND_IN
cat >"$work/bin/scontrol" <<'STAND_IN'
#!/usr/bin/env bash
echo "$*" >>"$WORK/scontrol"
STAND_IN
chmod +x "$work"/bin/*
export PATH="$work/bin:$PATH" WORK=$work TMPDIR=$work
export SLURM_JOB_ID=7 SLURM_NTASKS=2 SLURM_JOB_NODELIST=here SLURM_SUBMIT_DIR=$root CONFIG=c DATA=d OUT=o

faults=0
# job MOMENT MILLISECONDS: one job, and a signal so many milliseconds after its start, unless a stand-in sends it.
job() {
  local status=0 fault=
  # The log too: the line that is waited for must not be an earlier job's.
  rm -f "$work/scontrol" "$work/trains" "$work/log"
  # The shell writes its number before it becomes the script: a signal then meets the script or nothing.
  # shellcheck disable=SC2016  # the inner shell expands them
  AT=$1 bash -c 'trap "" USR1; echo $$ >"$WORK/script"; exec env --default-signal=USR1 bash "$1"' sh "$root/cluster/slurm/train.sbatch" \
    >"$work/log" 2>&1 &
  script=$!
  if [ -n "${2:-}" ]; then
    # Before its first lines nobody can listen; Slurm does not signal a job either that it has not started.
    until grep -q 'start 1 of job' "$work/log" 2>/dev/null; do sleep 0.002; done
    sleep "0.$(printf %03d "$2")"
    kill -USR1 "$script"
  fi
  wait "$script" || status=$?
  script=
  [ "$status" -eq 75 ] || fault="ended with $status"
  [ "$(cat "$work/scontrol" 2>/dev/null)" = "requeue 7" ] || fault="${fault:-not put back into the queue}"
  ! pgrep -f "^bash $work/bin/" >/dev/null || fault="${fault:-something is left}"
  compgen -G "$work/tmp.*" >/dev/null && fault="${fault:-a temporary file is left}"
  how=$(grep -o 'stopped [a-z ]*' "$work/log" || echo lost)
  [ -n "$fault" ] || return 0
  faults=$((faults + 1))
  echo "error: a signal at ${1:-${2} ms}: $fault" >&2
  sed 's/^/    /' "$work/log" >&2
}

for moment in list exec train; do
  job "$moment"
  printf 'a signal at %-6s %s\n' "$moment:" "$how"
done
declare -A seen=()
for _ in $(seq "$times"); do
  job '' $((RANDOM % 300))
  seen[$how]=$((${seen[$how]:-0} + 1))
done
for how in "${!seen[@]}"; do echo "$times random moments: ${seen[$how]} $how"; done
echo "faults: $faults"
[ "$faults" -eq 0 ]
