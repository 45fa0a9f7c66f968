#!/usr/bin/env bash
# Builds the tests with sanitizers of the compiler and runs them: ranks are threads there, and commands processes. Address and thread look
# at Swift and C alike, undefined at C.
#
#   cluster/local/sanitizers.sh [--filter TESTS] [address|undefined|thread|address,undefined ...]
#
# Default: address,undefined (one build with both) on all tests, then thread on the tests of what many threads do. --filter names others,
# a regular expression as for `swift test`. Each build is kept in .build-<names>. What is left out, and why, stands in sanitizers.supp
# beside this script. Needs the Swift toolchain and what install.sh installs. Prints a table; ends with 1 when a test fails or a
# sanitizer speaks.
set -euo pipefail
cd "$(dirname "$0")/../.."
filter=
if [ "${1:-}" = --filter ]; then filter=$2 && shift 2; fi
[ $# -gt 0 ] || set -- address,undefined thread
# Collectives, locks, words that threads share, checkpoints beside training, and whole trainings on many ranks: the rest has one thread.
# What sends by host stands on the ranks' exchange and is touched by its own rank alone: two of its tests, because worlds of up to eleven
# threads take minutes here.
threads='CollectivesTests.(Bucketed|FailingRank|FailureWatch|InProcess|Launch|MPIRank|RankTimeout|Solo|Stopwatch)|HostwiseCommunicatorTests.(ranksMayWait|aFailureEnds)|CheckpointsTests|FilesTests.(FileLockTests|TemporaryTests)|TrainingTests.(RanksTests|ResumeTests|CheckpointTests|RunOpeningTests)|ServingRanksTests|EvaluatorRanksTests|TextsTests.WordStatesTests'
resources=$(swiftc -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["paths"]["runtimeResourcePath"])')
runtimes=$resources/clang/lib/linux
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Leaks: the runtime keeps what it makes once, and every process of a test would be searched at its end.
export ASAN_OPTIONS=detect_leaks=0
# What C does that is undefined ends the process instead of only being printed; UBSAN_OPTIONS=halt_on_error=0 collects all of it.
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
# All races of a run, and a status that says there were some.
export TSAN_OPTIONS=halt_on_error=0:exitcode=99:suppressions=$PWD/cluster/local/sanitizers.supp
# A crash is the sanitizer's to report.
export SWIFT_BACKTRACE=enable=no
faults=0

printf '%-20s %8s %10s %10s  %s\n' sanitizer tests 'build s' 'tests s' ''
for names in "$@"; do
  options=(--scratch-path ".build-${names/,/-}")
  for name in ${names//,/ }; do
    case $name in
      address | thread) options+=("--sanitize=$name") ;;
      # Swift traps by itself, and knows no such sanitizer on Linux.
      undefined) options+=(-Xcc -fsanitize=undefined) ;;
      *) echo "error: $name is no sanitizer of ours; see the top of $0" >&2 && exit 1 ;;
    esac
  done
  # The address sanitizer's runtime has that of undefined behavior in it.
  if [ "$names" = undefined ]; then options+=(-Xlinker "$runtimes/libclang_rt.ubsan_standalone-$(uname -m).a"); fi
  # Instrumented loops do not vectorize, and say so.
  options+=(-Xcc -Wno-pass-failed)
  chosen=$filter
  if [ -z "$filter" ] && [ "$names" = thread ]; then chosen=$threads; fi
  start=$SECONDS verdict=clean
  rm -f ".build-${names/,/-}/tests.log"
  swift build "${options[@]}" --build-tests >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
  built=$((SECONDS - start)) start=$SECONDS
  swift test "${options[@]}" --skip-build ${chosen:+--filter "$chosen"} >"$work/log" 2>&1 || verdict="not clean"
  if grep -qE 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error:' "$work/log"; then verdict="not clean"; fi
  count=$(sed -n 's/.*Test run with \([0-9]*\) tests.*/\1/p' "$work/log" | tail -n 1)
  printf '%-20s %8s %10d %10d  %s\n' "$names" "${count:-0}" "$built" $((SECONDS - start)) "$verdict"
  if [ "$verdict" != clean ]; then
    faults=$((faults + 1))
    cp "$work/log" ".build-${names/,/-}/tests.log"
    echo "    the whole log: .build-${names/,/-}/tests.log" >&2
    grep -vE '^(✔|◇|↳)' "$work/log" | head -n 80 >&2
  fi
done
[ "$faults" -eq 0 ]
