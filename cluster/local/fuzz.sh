#!/usr/bin/env bash
# Fuzzes every parser of outside data (Tests/Fuzzing): each target starts from its seeds, and words of its dictionary where it has one, and
# mutates them by what code they reach. A trap, an error that is no proper refusal, a hang, too much memory or a report of the address
# sanitizer is a finding.
#
#   cluster/local/fuzz.sh [--seconds N] [--jobs N] [TARGET...]     default: 20 seconds, one target at a time, every target
#   cluster/local/fuzz.sh --input FILE TARGET                      one input alone, such as a finding
#
# Builds into .build-fuzz (4 minutes the first time). Findings are saved in .build-fuzz/findings, with the log beside them; one that is fixed
# goes into Tests/Fuzzing/Seeds. Needs the Swift toolchain and what install.sh installs. Prints a table; ends with 1 on a finding.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=20 jobs=1 input=
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 && shift 2 ;;
    --jobs) jobs=$2 && shift 2 ;;
    --input) input=$2 && shift 2 ;;
    -*) echo "error: $1 is no option; see the top of $0" >&2 && exit 1 ;;
    *) break ;;
  esac
done

resources=$(swiftc -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["paths"]["runtimeResourcePath"])')
runtime=$resources/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a
[ -e "$runtime" ] || { echo "error: this Swift has no fuzzer: no $runtime" >&2 && exit 1; }
# Optimized, because what is tried a second is what counts; the checks that trap stay in.
PRECISE_FUZZ=1 swift build -c release --scratch-path .build-fuzz --product Fuzzing --sanitize=address -Xswiftc -enable-testing \
  -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp,indirect-calls -Xcc -fsanitize=fuzzer-no-link \
  -Xlinker "$runtime" -Xlinker -lstdc++ >&2
findings=$PWD/.build-fuzz/findings

# In memory where there is a place for it: the damaged files are written a thousand times a second.
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
# shellcheck disable=SC2317  # the trap calls it
take_down() {
  jobs -p | xargs -r kill 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap take_down EXIT
export TMPDIR=$work
# A copy, so that a build beside a long run does not change what it runs.
fuzzing=$work/Fuzzing
cp .build-fuzz/release/Fuzzing "$fuzzing"
mapfile -t targets < <([ $# -gt 0 ] && printf '%s\n' "$@" || "$fuzzing" --list)
# Memory that is lost shows in the limit; looking for it after each input would take most of the time.
limits=(-timeout=25 -rss_limit_mb=2048 -malloc_limit_mb=1024 -detect_leaks=0)
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1

if [ -n "$input" ]; then
  FUZZ_TARGET=${targets[0]} "$fuzzing" "${limits[@]}" "$input"
  exit
fi

"$fuzzing" --seeds "$work/seeds"
mkdir -p "$findings" "$work/log" "$work/status"

# fuzz TARGET: fuzzes from the seeds and leaves a row of the table.
fuzz() {
  local target=$1 log=$work/log/$1 corpus=$work/corpus/$1 seeds=Tests/Fuzzing/Seeds/$1 words=Tests/Fuzzing/Dictionaries/$1.dict status=0 found
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  [ -e "$words" ] || words=
  FUZZ_TARGET=$target "$fuzzing" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$findings/$target-" ${words:+-dict="$words"} "$corpus" "$work/seeds/$target" ${seeds:+"$seeds"} >"$log" 2>&1 || status=$?
  found=0
  if [ "$status" -ne 0 ]; then
    found=1
    cp "$log" "$findings/$target.log"
    echo "$target" >>"$work/faults"
  fi
  printf '%-22s %12s %10s %8s %9d\n' "$target" "$(last 'stat::number_of_executed_units: *\([0-9]*\)')" "$(last '.* cov: \([0-9]*\) .*')" \
    "$(last '.* corp: \([0-9]*\)\/.*')" "$found"
}
last() { sed -n "s/^$1.*/\1/p" "$log" | tail -n 1; }

printf '%-22s %12s %10s %8s %9s\n' target executions coverage corpus findings
running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then wait -n && running=$((running - 1)); fi
  fuzz "$target" &
  running=$((running + 1))
done
wait
if [ -e "$work/faults" ]; then
  echo "findings in $(sort "$work/faults" | tr '\n' ' '): inputs and logs are in $findings" >&2
  exit 1
fi
echo "${#targets[@]} targets, $seconds seconds each: nothing found"
