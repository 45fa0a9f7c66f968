#!/usr/bin/env bash
# Builds a release: precise-VERSION-linux-MACHINE.tar.gz and SHA256SUMS beside it. Swift's runtime, libstdc++ and libgcc are inside the
# program, so the machine that it runs on needs the C library, zlib and Open MPI's library, which is checked here.
#
#     cluster/release/build.sh [--out FOLDER] [--dirty]
#
# VERSION is the commit's tag (v0.3.0); a commit without one is a development version, 0.3.0-dev+COMMIT. Changes that are not committed
# are refused, unless --dirty is given, which the version then says. FOLDER is dist/ when nothing else is said. A first build takes
# minutes; the program is built in .build-release/, beside the development builds.
#
# The C library of the machine that builds is the oldest that the program runs with: build on the oldest system that is to run it.
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/../.."
out=dist may_be_dirty=""
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$(cd "$from" && realpath -m "$2"); shift 2 ;;
    --dirty) may_be_dirty=1; shift ;;
    *) echo "error: $1 is no option; --out FOLDER and --dirty are" >&2; exit 1 ;;
  esac
done

commit=$(git rev-parse --short=7 HEAD)
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null); then
  version=${tag#v}
else
  version=$(sed -n 's/^ *let developmentVersion = "\(.*\)"$/\1/p' Package.swift)+$commit
fi
# SwiftPM compiles what is not tracked, too.
if [ -n "$(git status --porcelain)" ]; then
  if [ -z "$may_be_dirty" ]; then
    echo "error: there are changes that are not committed: commit them, or give --dirty" >&2
    git status --short | head -n 5 >&2
    exit 1
  fi
  case "$version" in *+*) version=$version.dirty ;; *) version=$version+dirty ;; esac
fi
# Semantic Versioning; it becomes a file's name and a C string.
if ! grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$' <<<"$version"; then
  echo "error: '$version' is no version; tag as v0.3.0, and see developmentVersion in Package.swift" >&2
  exit 1
fi
machine=$(uname -m)
name=precise-$version-linux-$machine
echo "== $name: build"
# The folder is in front of the system's, and has no shared library: so the linker takes the static one.
mkdir -p .build-release/static
ln -sf "$(realpath "$(clang -print-file-name=libstdc++.a)")" .build-release/static/libstdc++.a
PRECISE_VERSION=$version swift build -c release --product precise --scratch-path .build-release --static-swift-stdlib \
  -Xlinker -L"$PWD/.build-release/static" -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
built=.build-release/release/precise

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name
echo "== $name: what it needs of a machine"
install -D -s -m 755 "$built" "$root/bin/precise"
readelf -d "$root/bin/precise" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$work/needed"
sed 's/^/   /' "$work/needed"
if strange=$(grep -Ev '^(lib(c|m|dl|rt|pthread)\.so\.[0-9]+|ld-linux-[a-z0-9-]+\.so\.[0-9]+|libz\.so\.1|libmpi\.so\.[0-9]+)$' "$work/needed"); then
  echo "error: the program needs more than the C library, zlib and MPI: ${strange//$'\n'/ }" >&2
  exit 1
fi
grep -q '^libmpi\.so' "$work/needed" || { echo "error: the program needs no libmpi; build with Open MPI (PRECISE_MPI=ompi-c)" >&2; exit 1; }
echo "   C library $(readelf -V "$root/bin/precise" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 | cut -d_ -f2) or newer"
said=$("$root/bin/precise" --version)
[ "$said" = "$version" ] || { echo "error: the program says version $said" >&2; exit 1; }

echo "== $name: the archive"
# What is tracked, as it is here; the header is what cluster/parquet/install.sh compiles with.
git ls-files -z README.md LICENSE CHANGELOG.md docs Configs cluster Sources/CParquet/include | tar --create --null --files-from=- | tar --extract --directory="$root"
completions=(bash share/bash-completion/completions/precise zsh share/zsh/site-functions/_precise
  fish share/fish/vendor_completions.d/precise.fish)
for ((at = 0; at < ${#completions[@]}; at += 2)); do
  mkdir -p "$root/$(dirname "${completions[at + 1]}")"
  "$root/bin/precise" --generate-completion-script "${completions[at]}" >"$root/${completions[at + 1]}"
done
# What is inside the program besides ours, and under which licenses.
mkdir "$root/licenses"
for license in .build-release/checkouts/*/LICENSE*; do
  cp "$license" "$root/licenses/$(basename "$(dirname "$license")").txt"
done
cp "$(dirname "$(dirname "$(realpath "$(command -v swift)")")")/share/swift/LICENSE.txt" "$root/licenses/swift.txt"
cp Package.resolved "$root/licenses/Package.resolved"

mkdir -p "$out"
tar --create --directory="$work" --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
  --mode='u=rwX,go=rX' --format=ustar "$name" | gzip -n -9 >"$work/$name.tar.gz"
mv "$work/$name.tar.gz" "$out/$name.tar.gz"
(cd "$out" && sha256sum -- *.tar.gz >"$work/SHA256SUMS")
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
echo "$out/$name.tar.gz: $(($(stat -c %s "$out/$name.tar.gz") / 1000000)) MB"
