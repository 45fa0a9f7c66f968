#!/usr/bin/env bash
# The whole way once, from made-up raw events to recommendations, then four claims evaluated on runs: under 5 minutes on 2 cores.
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
rm -rf "$folder/raw" "$folder/dataset" "$folder/run" "$folder/run-ids" "$folder/run-text" "$folder/run-alone" "$folder/embeddings"

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

# A catalogue that grows until the last day; the model is evaluated by what users do after a cut, so some of it is on items that
# nobody had met.
run precise synth --out "$folder/raw" --kind growing --users 10000 --items 8000 --events 13
run precise prepare --interactions "$folder/raw/interactions.csv" --items "$folder/raw/items.csv" --out "$folder/dataset" \
  --split time:2024-04-25 --min-item-events 1
run precise encode "$folder/dataset"
train=(precise train --config Configs/demo.yaml --data "$folder/dataset")
run "${train[@]}" --out "$folder/run"
run precise evaluate "$folder/run" --per-user "$folder/run/ranks.csv.gz"
run precise inspect "$folder/run"
# The user with the most events: the easiest one to check by eye.
user=$(awk -F, 'NR > 1 { events[$1]++ } END { for (user in events) print events[user], user }' "$folder/raw/interactions.csv" |
  LC_ALL=C sort -k1,1nr -k2,2 | awk 'NR == 1 { print $2 }')
run precise recommend "$folder/run" --user "$user" -k 10

# What it is compared with: each half alone at the same width, and the targeted phase alone for as many epochs as both phases have. IDs alone
# have no text blended into their scores either; text alone has, as it may use all that text says.
run "${train[@]}" --out "$folder/run-ids" --phase universal --quiet --set model.id_dim=64 --set model.semantic_dim=0 --set model.fusion=paper
run "${train[@]}" --out "$folder/run-text" --phase universal --quiet --set model.id_dim=0 --set model.semantic_dim=64
run "${train[@]}" --out "$folder/run-alone" --quiet --set universal.epochs=0 \
  --set 'targeted=[{name: shop, scene: shop, history: all, epochs: 24, learning_rate_scale: 1, negatives: all}]'
for other in ids text alone; do
  run precise evaluate "$folder/run-$other" --per-user "$folder/run-$other/ranks.csv.gz" --quiet
done

printf '\ndone in %d s besides the build; everything is in %s\n' "$((SECONDS - start))" "$folder"
run cluster/local/claims.py "$folder/run" "$folder/run-ids" "$folder/run-text" "$folder/run-alone" --phase shop
