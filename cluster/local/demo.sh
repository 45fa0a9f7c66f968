#!/usr/bin/env bash
# The whole way once, from made-up raw events to recommendations, under 5 minutes on 2 cores.
#
#   cluster/local/demo.sh [FOLDER]      default: ./demo; an earlier demo in it is replaced
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-demo}
mark="$folder/.precise-demo"

if [ -e "$folder" ] && [ ! -e "$mark" ] && [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
  echo "error: $folder exists and is no earlier demo; name another folder" >&2
  exit 1
fi
mkdir -p "$folder"
touch "$mark"
rm -rf "$folder/raw" "$folder/dataset" "$folder/run" "$folder/embeddings"

# Prints a command as a person would type it, then runs it.
run() {
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

run cluster/local/install.sh
run swift build -c release --product precise
PATH="$(swift build -c release --show-bin-path):$PATH"
start=$SECONDS

run precise synth --out "$folder/raw"
run precise prepare --interactions "$folder/raw/interactions.csv" --items "$folder/raw/items.csv" --out "$folder/dataset"
run precise encode "$folder/dataset"
run precise train --config Configs/demo.yaml --data "$folder/dataset" --out "$folder/run"
run precise evaluate "$folder/run"
# The user with the most events: the easiest one to judge by eye.
user=$(awk -F, 'NR > 1 { events[$1]++ } END { for (user in events) print events[user], user }' "$folder/raw/interactions.csv" |
  LC_ALL=C sort -k1,1nr -k2,2 | awk 'NR == 1 { print $2 }')
run precise recommend "$folder/run" --user "$user" -k 10

printf '\ndone in %d s besides the build; everything is in %s\n' "$((SECONDS - start))" "$folder"
