#!/usr/bin/env bash
# Tries the image and the manifest without Docker and Kubernetes: makes a Debian 12, takes the steps of the Dockerfile in
# it, and lets two pods of it (network namespaces with a name and an address each) do what train.yaml's launcher does, as its user,
# with its environment, key files as the operator mounts them, and 2 ranks. What it cannot show is what the operator itself does.
#
#   cluster/kubernetes/two-pods.sh ARCHIVE      ARCHIVE as cluster/release/build.sh makes it
#
# Needs root, and: apt-get install --no-install-recommends debootstrap iproute2 openssh-client python3-yaml. About a minute, 400 MB.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
archive=$(realpath "${1:?the archive to put into the image}")
# Its own mount namespace, so that all mounts are gone at the end, whatever happens.
[ "${2:-}" = inside ] || exec unshare --mount --propagation private "$0" "$archive" inside

work=$(mktemp -d)
image=$work/image
space=precise-pods-$$
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  exec 2>/dev/null
  for pod in 0 1; do
    ip netns pids "$space-$pod" | xargs -r kill -KILL || true
    ip netns del "$space-$pod" || true
  done
  umount --recursive "$image/proc" || true
  umount --recursive "$image/dev" || true
  mountpoint -q "$image/proc" || mountpoint -q "$image/dev" || rm -rf "$work"
}
trap take_down EXIT

echo "== a Debian 12 with the steps of the Dockerfile"
debootstrap --variant=minbase --include=ca-certificates bookworm "$image" >"$work/log" || { tail "$work/log" >&2; exit 1; }
cp /etc/resolv.conf "$image/etc/"
cp /etc/apt/apt.conf.d/* "$image/etc/apt/apt.conf.d/" # how this machine reaches the packages, such as a proxy
mount -t proc proc "$image/proc"
mount --rbind /dev "$image/dev"
tar -xzf "$archive" -C "$image/opt" # ADD
python3 - "$root/cluster/kubernetes/Dockerfile" >"$image/steps" <<'PYTHON'
import sys
stage = open(sys.argv[1]).read().replace("\\\n", "").split("\nFROM ")[-1]
print("\n".join(line[4:] for line in stage.splitlines() if line.startswith("RUN ")))
PYTHON
DEBIAN_FRONTEND=noninteractive chroot "$image" bash -e /steps >"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }
mkdir -p "$image/etc/mpi" "$image/shared"

echo "== two pods of it"
# Root's, and readable by the pod's group: so the operator's secret appears with fsGroup. The operator makes such a key, by that name.
keys=$image/home/mpiuser/.ssh
mkdir "$keys"
ssh-keygen -q -t ecdsa -b 521 -m PEM -N '' -C '' -f "$keys/id_rsa"
cp "$keys/id_rsa.pub" "$keys/authorized_keys"
chown -R 0:1000 "$keys"
chmod 640 "$keys/id_rsa"
chown 1000:1000 "$image/shared"
# Sets `enter` to the words before a command that put it into a pod, as the manifest's user and with its rights: no capability, none to gain.
enter_pod() {
  # shellcheck disable=SC2016  # the inner shell expands them
  enter=(ip netns exec "$space-$1" unshare --uts sh -c 'echo "$1" >/proc/sys/kernel/hostname && shift && exec "$@"' sh "pod-$1"
    chroot "$image" setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all
    env -i HOME=/home/mpiuser PATH=/usr/local/bin:/usr/bin:/bin)
}
ip netns add "$space-0"
ip netns add "$space-1"
ip link add name eth0 netns "$space-0" type veth peer name eth0 netns "$space-1"
for pod in 0 1; do
  ip -n "$space-$pod" address add "10.78.0.1$pod/24" dev eth0
  ip -n "$space-$pod" link set lo up
  ip -n "$space-$pod" link set eth0 up
  echo "10.78.0.1$pod slots=1" >>"$image/etc/mpi/hostfile"
  enter_pod "$pod"
  "${enter[@]}" /usr/sbin/sshd -De -f /home/mpiuser/sshd_config 2>"$work/sshd-$pod" &
done
sleep 1

enter_pod 1
"${enter[@]}" grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr '\n' ' '
echo
echo "== a server with another key is not taken for one of the job's"
ssh-keygen -q -t ecdsa -b 521 -N '' -f "$image/home/mpiuser/other"
chown 1000:1000 "$image/home/mpiuser/other"
sed 's/^Port .*/Port 2223/; s/^HostKey .*/HostKey \/home\/mpiuser\/other/' "$image/home/mpiuser/sshd_config" >"$image/home/mpiuser/other_config"
"${enter[@]}" /usr/sbin/sshd -De -f /home/mpiuser/other_config 2>"$work/sshd-other" &
sleep 1
enter_pod 0
"${enter[@]}" ssh 10.78.0.11 true
if refusal=$("${enter[@]}" ssh -p 2223 10.78.0.11 true 2>&1); then
  echo "error: ssh took a server with another host key" >&2
  exit 1
fi
grep -o 'Host key verification failed' <<<"$refusal" || { echo "error: not refused for its key: $refusal" >&2; exit 1; }

for command in "synth --out /shared/raw --users 400 --items 300" \
  "prepare --interactions /shared/raw/interactions.csv --items /shared/raw/items.csv --out /shared/dataset" "encode /shared/dataset"; do
  read -ra words <<<"$command"
  "${enter[@]}" precise "${words[@]}" --quiet
done
python3 - "$root/cluster/kubernetes/train.yaml" >"$image/launcher" <<'PYTHON'
import shlex
import sys
import yaml

job = next(document for document in yaml.safe_load_all(open(sys.argv[1])) if document["kind"] == "MPIJob")
specs = job["spec"]["mpiReplicaSpecs"]
(container,) = specs["Launcher"]["template"]["spec"]["containers"]
ranks = f"--expect-ranks {specs['Worker']['replicas'] * job['spec']['slotsPerWorker']}"
words = container["command"] + container["args"]
assert any(ranks in word for word in words), f"train.yaml: the replicas and slots of its workers make it {ranks}"
words = [word.replace(ranks, "--expect-ranks 2").replace("demo.yaml", "same-numbers.yaml") for word in words]
for kind in specs.values():
    pod = kind["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 1000
    (rights,) = (made["securityContext"] for made in pod["containers"])
    assert not rights["allowPrivilegeEscalation"] and rights["capabilities"] == {"drop": ["ALL"]}
for variable in container["env"]:
    print("export", f"{variable['name']}={shlex.quote(variable['value'])}")
print("exec", shlex.join(words))
PYTHON
# One machine's shared memory is not there between pods of two machines.
"${enter[@]}" KUBERNETES_SERVICE_HOST=10.0.0.1 OMPI_MCA_btl=tcp,self timeout 120 sh -c 'cd && exec sh /launcher' ||
  { status=$?; tail "$work"/sshd-* >&2; exit "$status"; }
echo "pod-0 sent $(($(ip netns exec "$space-0" cat /sys/class/net/eth0/statistics/tx_bytes) / 1000)) kB to pod-1"
