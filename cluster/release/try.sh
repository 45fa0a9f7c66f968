#!/usr/bin/env bash
# Tries a release's archive on a bare system: makes one by debootstrap in a folder of its own, installs MPI and zlib and nothing else,
# unpacks the archive, and runs what docs/install.md and the README begin with, on one rank and on two. Says how long each part took.
#
#     cluster/release/try.sh ARCHIVE [debian12|debian13|ubuntu2404]      default: debian12
#
# Needs root, and: apt-get install --no-install-recommends debootstrap. A minute or two, half of them debootstrap's; 400 MB, removed in
# the end. Ubuntu needs its keyring (ubuntu-keyring, ubuntu-archive-keyring); without it, or its archive, the script says "skipped".
set -euo pipefail
archive=$(realpath "${1:?the archive that build.sh made}") system=${2:-debian12}
components=main script=() keyring=/usr/share/keyrings/debian-archive-keyring.gpg
case "$system" in
  debian12) suite=bookworm mpi=libopenmpi3 ;;
  debian13) suite=trixie mpi=libopenmpi40 ;;
  # The script of every Ubuntu, as an older debootstrap has none of this name; no mirror: the script knows the archive.
  ubuntu2404)
    suite=noble mpi=libopenmpi3t64 components=main,universe script=("" gutsy)
    keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg
    ;;
  *) echo "error: $system is none of debian12, debian13, ubuntu2404" >&2; exit 1 ;;
esac
if [ ! -r "$keyring" ]; then
  echo "skipped: $keyring is not there, without which nothing of $system can be checked"
  exit 0
fi
# Its own mount namespace, so that all mounts are gone at the end, whatever happens.
[ "${3:-}" = inside ] || exec unshare --mount --propagation private "$0" "$archive" "$system" inside

work=$(mktemp -d)
bare=$work/system
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  umount --recursive "$bare/proc" 2>/dev/null || true
  umount --recursive "$bare/dev" 2>/dev/null || true
  mountpoint -q "$bare/proc" || mountpoint -q "$bare/dev" || rm -rf "$work"
}
trap take_down EXIT
begun=$SECONDS
# Says what begins, and how long the part before it took.
part() {
  [ "$SECONDS" -eq "$begun" ] || echo "   $((SECONDS - begun)) s"
  begun=$SECONDS
  echo "== $*"
}

part "$system: debootstrap"
if ! debootstrap --variant=minbase --keyring="$keyring" --components="$components" "$suite" "$bare" "${script[@]}" >"$work/log" 2>&1; then
  if grep -Eq 'Failed getting release file|Unable to connect|Could not resolve' "$work/log"; then
    echo "skipped: the archive of $system cannot be reached"
    exit 0
  fi
  tail "$work/log" >&2
  exit 1
fi
cp /etc/resolv.conf "$bare/etc/"
# How this machine reaches the packages, such as a proxy; by name, as others are about its own packages.
for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99*; do
  [ ! -f "$file" ] || cp "$file" "$bare/etc/apt/apt.conf.d/"
done
mount -t proc proc "$bare/proc"
mount --rbind /dev "$bare/dev"
inside() { env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$bare" "$@"; }
install_packages() { inside apt-get install -q -y --no-install-recommends "$@" >"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }; }

part "$system: $mpi and zlib1g, and no more"
inside apt-get update -q >"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }
install_packages "$mpi" zlib1g
tar -xzf "$archive" -C "$bare/opt"
name=$(basename "$archive" .tar.gz)
# Where the archive's own name stands, however it was unpacked.
inside test -x "/opt/$name/bin/precise"
version=$(inside "/opt/$name/bin/precise" --version)
echo "   precise $version, C library $(inside ldd --version | sed -n '1s/.* //p')"
case "$name" in "precise-$version-"*) ;; *) echo "error: $name says version $version" >&2; exit 1 ;; esac
if inside ldd "/opt/$name/bin/precise" | grep 'not found'; then exit 1; fi

# A line of the README, in the unpacked folder.
run() {
  inside sh -e -c "cd /root && PATH=/opt/$name/bin:\$PATH && $*" >"$work/log" 2>&1 || { echo "error: $* ended with $?:" >&2; tail "$work/log" >&2; exit 1; }
}
part "$system: the README's first commands"
demo=/opt/$name/Configs/demo.yaml
run "precise doctor --ranks 2"
run "precise synth --out raw/ --users 300 --items 200"
run "precise prepare --interactions raw/interactions.csv --items raw/items.csv --out dataset/"
run "precise encode dataset/"
run "precise train --config $demo --data dataset/ --out run/ --set universal.steps=20 --phase universal"
run "precise evaluate run/"
run "precise recommend run/ --user u018 --explain"
grep -q recommended "$work/log"
run "precise export run/ --out embeddings/ --format npy"
run "precise report run/ --out report.html"
run "bash -c 'source /opt/$name/share/bash-completion/completions/precise && complete -p precise'"

part "$system: two ranks by mpirun (openmpi-bin)"
install_packages openmpi-bin
export_root="export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1"
run "$export_root; mpirun -n 2 --oversubscribe precise doctor --expect-ranks 2"
run "$export_root; mpirun -n 2 --oversubscribe precise train --config $demo --data dataset/ --out run-mpi/ --set universal.steps=20 --phase universal"
echo "   $(inside mpirun --version | head -n 1)"
part "$system: fine"
