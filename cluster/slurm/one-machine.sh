#!/usr/bin/env bash
# Runs train.sbatch under a real Slurm on this one machine: a private munged, slurmctld and slurmd, on ports and in a folder of their
# own, started for this job and taken down after it. Needs root, no systemd, and no Slurm set up before:
# apt-get install --no-install-recommends slurm-wlm munge
#
#   cluster/slurm/one-machine.sh [OPTION OF sbatch]...      the environment is train.sbatch's: CONFIG, DATA, OUT, COMMAND, LAUNCHER
#
#   LIMIT     seconds the job may take; default 600
#   PREEMPT   a file: when it is there and not empty, the job gets SIGUSR1, once, as before its time limit; default: never
#
# Prints the job's output and ends with the job's status.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "error: $*" >&2
  exit 1
}
PATH="$PATH:/usr/sbin:/sbin"
for program in munged slurmctld slurmd sbatch; do
  type -P "$program" >/dev/null || fail "no $program here; on Debian or Ubuntu: apt-get install --no-install-recommends slurm-wlm munge"
done
[ "$(id -u)" -eq 0 ] || fail "slurmd starts jobs as their users, so it needs root"

work=$(mktemp -d)
daemons=() # each in a session of its own, so that Ctrl-C ends the job first
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  trap '' INT TERM
  set +e
  exec 2>/dev/null
  if [ -n "${job:-}" ]; then
    timeout 5 scancel --full --signal=KILL "$job"
    for _ in $(seq 25); do
      [ -n "$(timeout 5 squeue --noheader --jobs="$job" --states=RUNNING,COMPLETING)" ] || break
      sleep 0.2
    done
  fi
  kill "${daemons[@]}"
  for _ in $(seq 25); do
    kill -0 "${daemons[@]}" || break
    sleep 0.2
  done
  kill -KILL "${daemons[@]}"
  rm -rf "$work"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

chmod 711 "$work" # munged insists on it
mkdir "$work/munge" "$work/state" "$work/spool"
head -c 128 /dev/urandom >"$work/munge/key"
chmod 600 "$work/munge/key"
host=$(uname -n)
host=${host%%.*}
port=$((20000 + $$ % 10000 * 2))
cat >"$work/slurm.conf" <<CONFIG
ClusterName=one-machine
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
# cred_expire is also how long a job waits that goes back into the queue.
AuthInfo=socket=$work/munge/socket,cred_expire=5
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
# PMIx keeps a folder for each job number here, and every private Slurm counts from 1.
TmpFS=$work
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
$(slurmd -C | head -n 1) NodeAddr=127.0.0.1
PartitionName=all Nodes=ALL Default=YES State=UP
CONFIG
export SLURM_CONF=$work/slurm.conf
# Slurm since 24.05 asks for control groups unless told; a container may have none.
slurmd -V | awk '{ split($2, v, "."); exit !(v[1] * 100 + v[2] >= 2405) }' && echo "CgroupPlugin=disabled" >"$work/cgroup.conf"

setsid munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
  --seed-file="$work/munge/seed" --log-file="$work/munge/log" >"$work/munged.out" 2>&1 &
daemons+=("$!")
for attempt in $(seq 50); do
  [ ! -S "$work/munge/socket" ] || break
  [ "$attempt" -lt 50 ] || fail "munged does not come up within 5 s: $(tail -n 3 "$work/munged.out")"
  sleep 0.1
done
for daemon in slurmctld slurmd; do
  setsid "$daemon" -D >"$work/$daemon.out" 2>&1 &
  daemons+=("$!")
done
while ! timeout 5 sinfo --noheader --format=%T 2>/dev/null | grep -qx idle; do
  [ "$SECONDS" -lt 20 ] || fail "Slurm does not come up within 20 s: $(tail -qn 3 "$work"/*.out)"
  sleep 0.2
done
echo "Slurm is up after $SECONDS s"

job=$(sbatch --parsable --output="$work/job.log" "$@" cluster/slurm/train.sbatch)
start=$SECONDS preempted=no state=PENDING
field() {
  timeout 10 scontrol show job --oneliner "$job" | sed -n "s/.* $1=\([^ ]*\).*/\1/p"
}
while [ "$((SECONDS - start))" -lt "${LIMIT:-600}" ]; do
  state=$(field JobState)
  case $state in
    PENDING | CONFIGURING | RUNNING | COMPLETING | REQUEUED) ;;
    *) break ;;
  esac
  if [ -n "${PREEMPT:-}" ] && [ "$preempted" = no ] && [ -s "$PREEMPT" ]; then
    scancel --batch --signal=USR1 "$job"
    preempted=yes
  fi
  sleep 0.5
done
cat "$work/job.log"
echo "job $job: $state after $((SECONDS - start)) s"
status=$(field ExitCode)
case $state in
  COMPLETED) ;;
  PENDING | CONFIGURING | RUNNING | COMPLETING | REQUEUED) fail "stopped after LIMIT=${LIMIT:-600} s" ;;
  *) [ "${status%%:*}" -ne 0 ] && exit "${status%%:*}" || exit 1 ;;
esac
