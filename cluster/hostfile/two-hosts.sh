#!/usr/bin/env bash
# Runs a command as MPI ranks on two hosts made for the occasion on this machine: two network namespaces, each with its own name,
# address, half of the cores and ssh server, joined by a virtual cable. Between them goes TCP and nothing else. Everything is taken
# down at the end, after a failure and after Ctrl-C too.
#
#   cluster/hostfile/two-hosts.sh COMMAND [ARGUMENT]...
#
#   SLOTS      ranks on each host; default 1
#   RATE       how fast the cable is, such as 1gbit; default: as fast as the machine
#   LIMIT      seconds the command may take; default 600
#   REQUIRED   1 makes it an error, not a skip, where namespaces cannot be made
#
# Ends with the command's status; 0 and a line "skipped: ..." where this machine does not let us make namespaces.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "error: $*" >&2
  exit 1
}
skip() {
  [ "${REQUIRED:-0}" = 1 ] && fail "$*"
  echo "skipped: $*"
  exit 0
}

[ "$#" -gt 0 ] || fail "give the command to run, for example: $0 precise doctor --expect-ranks 2"
for program in ip:iproute2 sshd:openssh-server ssh:openssh-client mpirun:openmpi-bin taskset:util-linux; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${program%%:*}" >/dev/null ||
    fail "no ${program%%:*} here; on Debian or Ubuntu: apt-get install --no-install-recommends ${program#*:}"
done
PATH="$PATH:/usr/sbin:/sbin"
[ "$(id -u)" -eq 0 ] || skip "two hosts on one machine need root, to make network namespaces"

work=$(mktemp -d)
space=precise-$$
slots=${SLOTS:-1}

# shellcheck disable=SC2317  # the trap calls it
take_down() {
  trap '' INT TERM
  exec 2>/dev/null # the shell would report each process that it loses
  for host in one two; do
    # Everything that lives in the namespace is ours, daemons included.
    ip netns pids "$space-$host" | xargs -r kill -KILL || true
    ip netns del "$space-$host" || true
  done
  rm -rf "$work"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

{ ip netns add "$space-one" && ip netns add "$space-two" &&
  ip link add name cable netns "$space-one" type veth peer name cable netns "$space-two" &&
  ip netns exec "$space-one" unshare --uts true; } 2>"$work/refusal" ||
  skip "this machine lets us make no network namespaces ($(tail -n 1 "$work/refusal"))"

mapfile -t cores < <(for core in $(seq 0 $(($(nproc --all) - 1))); do taskset -c "$core" true 2>/dev/null && echo "$core"; done)
half=$(((${#cores[@]} + 1) / 2))
declare -A address=([one]=10.77.0.1 [two]=10.77.0.2) share
share[one]=$(IFS=, && echo "${cores[*]:0:half}")
share[two]=$(IFS=, && echo "${cores[*]:${#cores[@]}-half}")

# Sets `enter` to the words before a command that put it on a host: in its network, under its name, on its cores.
enter_host() {
  # shellcheck disable=SC2016  # the inner shell expands them
  enter=(ip netns exec "$space-$1" unshare --uts taskset -c "${share[$1]}"
    sh -c 'echo "$1" >/proc/sys/kernel/hostname && shift && exec "$@"' sh "host-$1")
}

bytes() {
  ip netns exec "$space-$1" cat "/sys/class/net/cable/statistics/$2_bytes"
}

ssh-keygen -q -t ed25519 -N '' -f "$work/user"
cat >"$work/ssh_config" <<CONFIG
User root
IdentityFile $work/user
IdentitiesOnly yes
BatchMode yes
UserKnownHostsFile $work/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
LogLevel ERROR
CONFIG
mkdir -p /run/sshd # the server insists on it
for host in one two; do
  ip -n "$space-$host" address add "${address[$host]}/24" dev cable
  ip -n "$space-$host" link set lo up
  ip -n "$space-$host" link set cable up
  [ -z "${RATE:-}" ] || tc -n "$space-$host" qdisc add dev cable root tbf rate "$RATE" burst 256kb latency 50ms
  ssh-keygen -q -t ed25519 -N '' -f "$work/$host"
  echo "${address[$host]} $(cut -d ' ' -f 1,2 "$work/$host.pub")" >>"$work/known_hosts"
  cat >"$work/$host.sshd" <<CONFIG
ListenAddress ${address[$host]}
HostKey $work/$host
AuthorizedKeysFile $work/user.pub
PidFile none
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
CONFIG
  enter_host "$host"
  "${enter[@]}" "$(command -v sshd)" -D -e -f "$work/$host.sshd" 2>"$work/$host.log" &
  echo "${address[$host]} slots=$slots" >>"$work/hosts"
done
enter_host one
for attempt in $(seq 50); do
  "${enter[@]}" ssh -F "$work/ssh_config" "${address[two]}" true 2>"$work/refusal" && break
  [ "$attempt" -lt 50 ] || fail "no ssh from host-one to host-two within 10 s: $(cat "$work/refusal" "$work/two.log")"
  sleep 0.2
done

# Both hosts are one machine, so shared memory would work between them: it is ruled out, as are the drivers for other networks.
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,self
export OMPI_MCA_plm_rsh_agent="ssh -F $work/ssh_config" PRTE_MCA_plm_ssh_agent="ssh -F $work/ssh_config"
export OMPI_MCA_orte_tmpdir_base=$work PRTE_MCA_prte_tmpdir_base=$work
export HOSTFILE=$work/hosts INTERFACE=cable BIND=none
[ "$slots" -le "$half" ] || export OVERSUBSCRIBE=1
before=$(bytes one tx) status=0
# In the background, because only then a signal to this script is acted on at once.
"${enter[@]}" timeout --kill-after=10 "${LIMIT:-600}" "$here/../launch.sh" "$@" &
wait "$!" || status=$?
echo "host-one sent $((($(bytes one tx) - before) / 1000)) kB to host-two over the cable, and host-two $(($(bytes two tx) / 1000)) kB to host-one"
[ "$status" -ne 124 ] || echo "error: stopped after LIMIT=${LIMIT:-600} s" >&2
exit "$status"
