#!/usr/bin/env bash
# Runs the tests of ranks that are MPI processes, on this machine. Builds nothing: run after `swift build --build-tests`.
#
#   cluster/local/test-mpi.sh [--large]      --large: also one message of more than 2^31 bytes (needs 12 GiB)
set -euo pipefail
cd "$(dirname "$0")/../.."
# The scratch folder of the build, when it is not the usual one.
tests=${PRECISE_TEST_BINARY:-$(swift build --show-bin-path)/precisePackageTests.xctest}

# Every rank runs the suite; a failed expectation on any of them ends mpirun with a failure.
ranks() {
  local count=$1 log status=0
  shift
  log=$(mktemp)
  timeout 300 cluster/local/mpi.sh "$count" "$tests" --testing-library swift-testing --filter MPIRankTests >"$log" 2>&1 || status=$?
  # One line a rank says that its tests were run and none failed: without it nothing was tested.
  if [ "$status" -eq 0 ] && [ "$(grep -c 'Test run with [1-9][0-9]* tests .* passed' "$log")" -ne "$count" ]; then status=1; fi
  if [ "$status" -ne 0 ]; then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

for count in 1 2 3 4 7; do
  ranks "$count" || { echo "error: the tests failed with $count ranks" >&2; exit 1; }
  echo "$count ranks: passed"
done

if [ "${1:-}" = --large ]; then
  available=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  if [ "$available" -ge 12 ]; then
    PRECISE_TEST_LARGE=1 ranks 2
    echo "a message of more than 2^31 bytes: passed"
  else
    echo "a message of more than 2^31 bytes: skipped, $available GiB of memory are free and 12 are needed"
  fi
fi

# The doctor sees as many ranks as there are, and says so when others were promised. (Cores may be too few here: 0 or 65.)
program=$(dirname "$tests")/precise
if [ -x "$program" ]; then
  report=$(cluster/local/mpi.sh 2 "$program" doctor --expect-ranks 2 --json 2>/dev/null) || [ $? -eq 65 ]
  grep -q '"found": "2, ' <<<"$report" || { echo "error: precise doctor does not see 2 ranks: $report" >&2; exit 1; }
  status=0
  report=$(cluster/local/mpi.sh 2 "$program" doctor --expect-ranks 3 --json 2>/dev/null) || status=$?
  if [ "$status" -ne 65 ] || ! grep -q 'but 3 are expected' <<<"$report"; then
    echo "error: precise doctor must end with 65 when ranks are missing, not with $status: $report" >&2
    exit 1
  fi
  echo "precise doctor: sees the ranks, and misses one that was promised"
fi

# Preparing and encoding write the same bytes on ranks that are processes.
if [ -x "$program" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  "$program" synth --out "$folder/raw" --users 80 --items 60 --quiet
  mkdir "$folder/parts"
  tail -n +2 "$folder/raw/interactions.csv" | split -n r/4 --additional-suffix=.csv - "$folder/parts/events-"
  for part in "$folder"/parts/*.csv; do sed -i "1i $(head -n 1 "$folder/raw/interactions.csv")" "$part"; done
  prepare=(prepare --interactions "$folder/parts" --items "$folder/raw/items.csv" --quiet)
  "$program" "${prepare[@]}" --out "$folder/1" --ranks 1
  for count in 2 3; do
    cluster/local/mpi.sh "$count" "$program" "${prepare[@]}" --out "$folder/$count"
    diff -r "$folder/1" "$folder/$count" || { echo "error: $count processes prepare otherwise than one" >&2; exit 1; }
  done
  echo "precise prepare: the same bytes on 1, 2 and 3 processes"
  cut -d, -f1 "$folder/raw/items.csv" | tail -n +2 | sort -u |
    awk 'BEGIN { srand(1) } { printf "{\"id\": \"%s\", \"embedding\": [%f, %f, %f]}\n", $1, rand(), rand(), rand() }' >"$folder/vectors.jsonl"
  for source in "" "--vectors $folder/vectors.jsonl"; do
    read -ra words <<<"$source"
    rm -f "$folder/1/"{token_states.safetensors,text_vectors.safetensors,encode.json}
    "$program" encode "$folder/1" --ranks 1 --quiet "${words[@]}"
    for count in 2 3; do
      rm -rf "$folder/$count"
      cp -r "$folder/1" "$folder/$count"
      rm "$folder/$count/"{token_states.safetensors,text_vectors.safetensors,encode.json}
      cluster/local/mpi.sh "$count" "$program" encode "$folder/$count" --quiet "${words[@]}"
      diff -r "$folder/1" "$folder/$count" || { echo "error: $count processes encode otherwise than one" >&2; exit 1; }
    done
  done
  rm -rf "$folder"
  echo "precise encode: the same bytes on 1, 2 and 3 processes"
fi

# MPI that does not start as it must: a sentence and an end on every rank, also where only one is concerned and the others wait for it.
if [ -x "$program" ] && command -v mpicc >/dev/null; then
  faults=$(mktemp -d)
  trap 'rm -rf "$faults"' EXIT
  mpicc -shared -fPIC -o "$faults/mpi_faults.so" cluster/local/mpi_faults.c
  for expected in single:65:MPI_THREAD_SINGLE 'dup:70:MPI_Comm_dup failed' 'dup-one:70:MPI_Comm_dup failed'; do
    IFS=: read -r fault code sentence <<<"$expected"
    for command in "doctor" "bench --config Configs/demo.yaml --steps 1"; do
      read -ra words <<<"$command"
      start=$SECONDS status=0
      timeout 60 cluster/local/mpi.sh 3 env LD_PRELOAD="$faults/mpi_faults.so" MPI_FAULT="$fault" "$program" "${words[@]}" \
        >"$faults/log" 2>&1 || status=$?
      if [ "$status" -ne "$code" ] || ! grep -q "^precise: .*$sentence" "$faults/log" || [ "$((SECONDS - start))" -gt 10 ]; then
        cat "$faults/log" >&2
        echo "error: precise ${words[0]} with MPI_FAULT=$fault ended with $status after $((SECONDS - start)) s" >&2
        exit 1
      fi
    done
    echo "MPI that does not start (MPI_FAULT=$fault): one sentence, $code"
  done
fi

# One rank throws, or is killed, while the others wait for it: the job must end, with a failure, within seconds.
for how in FAILURE KILL; do
  start=$SECONDS status=0
  env "PRECISE_TEST_$how=1" timeout 60 cluster/local/mpi.sh 3 "$tests" --testing-library swift-testing --filter MPIRankTests \
    >/dev/null 2>&1 || status=$?
  if [ "$status" -eq 0 ] || [ "$status" -eq 124 ] || [ "$((SECONDS - start))" -gt 10 ]; then
    echo "error: PRECISE_TEST_$how must end the job; it ended with $status after $((SECONDS - start)) s" >&2
    exit 1
  fi
  echo "a rank that is gone (PRECISE_TEST_$how): the job ended with $status after $((SECONDS - start)) s"
done
