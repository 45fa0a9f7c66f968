#!/usr/bin/env bash
# Starts a command as the ranks of one MPI job: Open MPI's mpirun, 4.1 or 5, with the binding and the environment that the trainer
# needs. Every other script here that starts ranks with mpirun calls this one. It ends with mpirun's status, and mpirun passes
# SIGUSR1 on to the ranks.
#
#   cluster/launch.sh COMMAND [ARGUMENT]...
#
#   HOSTFILE       hosts and their slots; default: the Slurm allocation, or this machine
#   RANKS          ranks of the job; default: the slots of HOSTFILE, or the tasks of the allocation
#   INTERFACE      the network between the hosts, by name or subnet (eth1, 10.0.0.0/16); default: what Open MPI picks
#   BIND           core (a rank is one thread: each gets a core), or none where something else confines the ranks; default core
#   OVERSUBSCRIBE  1 allows more ranks than cores, unbound and yielding: for tests only
set -euo pipefail

fail() {
  echo "error: $*" >&2
  exit 1
}

[ "$#" -gt 0 ] || fail "give the command to run, for example: RANKS=2 $0 precise train --config FILE --data FOLDER --out FOLDER"
mpirun=$(command -v mpirun) || fail "no mpirun found; on Debian or Ubuntu: apt-get install openmpi-bin"
"$mpirun" --version 2>/dev/null | grep -q 'Open MPI' || fail "$mpirun is not Open MPI's; put that one first on PATH"
command=$(type -P "$1") || fail "no program $1 found; give its path, or put it on PATH"
command=$(realpath "$command")
shift

ranks=${RANKS:-}
options=()
if [ -n "${HOSTFILE:-}" ]; then
  [ -r "$HOSTFILE" ] || fail "cannot read the hostfile $HOSTFILE"
  options+=(--hostfile "$HOSTFILE")
  ranks=${ranks:-$(awk '!/^[[:space:]]*(#|$)/ { slots = 1; for (i = 2; i <= NF; i++) if (sub(/^slots=/, "", $i)) slots = $i; sum += slots }
    END { print sum + 0 }' "$HOSTFILE")}
  if [ -z "${INTERFACE:-}" ] && { compgen -G '/sys/class/net/docker*' || compgen -G '/sys/class/net/virbr*'; } >/dev/null; then
    echo "warning: this host has container or virtual machine bridges; if the job hangs, set INTERFACE to the hosts' network" >&2
  fi
fi
ranks=${ranks:-${SLURM_NTASKS:-}}
case $ranks in
  '' | *[!0-9]* | 0) fail "how many ranks? Set RANKS or HOSTFILE, or run this inside a Slurm allocation" ;;
esac

# Left to itself Open MPI binds two ranks or fewer to a core each, but more of them to a socket.
if [ "${OVERSUBSCRIBE:-0}" = 1 ]; then
  options+=(--map-by slot:OVERSUBSCRIBE --bind-to none)
  export OMPI_MCA_mpi_yield_when_idle=1
elif [ "${BIND:-core}" = none ]; then
  options+=(--bind-to none)
else
  options+=(--map-by slot:PE=1 --bind-to core)
fi
# Ranks on other hosts get OMPI_MCA_* from mpirun by itself, but not this.
[ -z "${LD_LIBRARY_PATH:-}" ] || options+=(-x LD_LIBRARY_PATH)

# Settings go through the environment: each version ignores the other's names there, but refuses them as options.
if [ -n "${INTERFACE:-}" ]; then
  export OMPI_MCA_btl_tcp_if_include=$INTERFACE OMPI_MCA_oob_tcp_if_include=$INTERFACE PRTE_MCA_prte_if_include=$INTERFACE
fi
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
if [ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -n "${KUBERNETES_SERVICE_HOST:-}" ]; then
  # Ranks in a container may not read each other's memory; shared memory with a copy more works everywhere.
  export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_smsc=^cma
fi

# By its full path mpirun finds its own daemon on the other hosts, whatever their PATH.
exec "$mpirun" -n "$ranks" "${options[@]}" "$command" "$@"
