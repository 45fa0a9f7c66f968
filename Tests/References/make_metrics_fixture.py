"""Writes expected ranking metrics of a small made-up case, computed one user at a time.

    python3 make_metrics_fixture.py [FOLDER]        default: ../Fixtures/metrics

README.md beside this file states the rules and the file format.
"""

import json
import math
import pathlib
import sys

import torch

from fixture_files import save

CUTOFFS = (5, 10, 20, 50)
ITEMS, USERS = 121, 60  # not a multiple of 5 or 2: the buckets' limits round


def buckets(train_counts):
    """-> {name: set of items}. Popularity order is by count, then by item index."""
    items = len(train_counts)
    order = sorted(range(items), key=lambda item: (-train_counts[item], item))
    head, middle = items * 20 // 100, items * 50 // 100
    return {
        "all": set(order),
        "head": set(order[:head]),
        "mid": set(order[head:middle]),
        "tail": set(order[middle:]),
        "cold": {item for item in order if train_counts[item] <= 5},
        "unseen": {item for item in order if train_counts[item] == 0},
    }


def rank(scores, target, removed):
    """1 + how many other candidates are not strictly below the target: ties and NaN count against the model."""
    return 1 + sum(1 for item, score in enumerate(scores)
                   if item != target and item not in removed and not score < scores[target])


def metrics(ranks):
    """Means over the users' ranks; only the number of users when there are none."""
    result = {"users": len(ranks)}
    if ranks:
        for cutoff in CUTOFFS:
            inside = [position for position in ranks if position <= cutoff]
            result[f"recall@{cutoff}"] = len(inside) / len(ranks)
            result[f"ndcg@{cutoff}"] = sum(1 / math.log2(position + 1) for position in inside) / len(ranks)
        result["mrr"] = sum(1 / position for position in ranks) / len(ranks)
    return result


def make_case(seed):
    """Scores in steps of 1/4 (many ties), lifted for the targets, as every bucket must have some hits."""
    generator = torch.Generator().manual_seed(seed)
    popularity = (600 / torch.arange(1, ITEMS + 1).double() - 5).clamp(min=0)  # the last ones are never seen
    train_counts = popularity.round().long()[torch.randperm(ITEMS, generator=generator)]
    scores = (4 * torch.randn(USERS, ITEMS, generator=generator)).round() / 4
    targets = torch.randint(0, ITEMS, (USERS,), generator=generator)
    targets[:6] = train_counts.topk(6).indices
    targets[6:12] = (-train_counts).topk(6).indices
    lift = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    scores[torch.arange(USERS), targets] += lift[torch.arange(USERS) % 6]
    seen = [torch.randperm(ITEMS, generator=generator)[: user % 9 * 4] for user in range(USERS)]
    seen[8] = torch.cat([seen[8], targets[8:9]]).unique()  # consumed before: stays a candidate when it is the target
    seen[13] = torch.arange(ITEMS)  # everything seen: rank 1 when filtered
    scores[0] = 0  # a collapsed model: last place
    return train_counts, scores, targets, seen


def expected(train_counts, scores, targets, seen):
    """-> (ranks by variant, {variant: {bucket: metrics}}) for variants unfiltered and filtered."""
    ranks, results = {}, {}
    groups = buckets(train_counts.tolist())
    for variant in ("unfiltered", "filtered"):
        removed = [set(items.tolist()) if variant == "filtered" else set() for items in seen]
        ranks[variant] = [rank(row.tolist(), int(target), items) for row, target, items in zip(scores, targets, removed)]
        results[variant] = {
            name: metrics([position for position, target in zip(ranks[variant], targets.tolist()) if target in items])
            for name, items in groups.items()}
    return ranks, results


def write(path, case):
    train_counts, scores, targets, seen = case
    ranks, results = expected(*case)
    offsets = torch.tensor([0] + [len(items) for items in seen]).cumsum(0)
    tensors = {"train_counts": train_counts, "scores": scores, "targets": targets, "seen.offsets": offsets,
               "seen.items": torch.cat(seen)} | {f"rank.{variant}": torch.tensor(values) for variant, values in ranks.items()}
    size = save(path, tensors, {"expected": json.dumps(results), "script": "make_metrics_fixture.py"})
    print(f"{path.name}: {size} bytes")
    for name, value in results["unfiltered"].items():
        print(f"  {name}: {value}")


def main():
    default = pathlib.Path(__file__).parent.parent / "Fixtures" / "metrics"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    case = make_case(1)
    write(folder / "ranking.safetensors", case)
    train_counts, scores, targets, seen = (part[:4] if index else part for index, part in enumerate(case))
    scores = scores.clone()
    scores[1, targets[1]] = float("nan")  # a target without a score ranks last
    scores[2, (targets[2] + 1) % ITEMS] = float("nan")  # a rival without a score ranks above
    scores[3, targets[3]] = float("-inf")
    write(folder / "not-a-number.safetensors", (train_counts, scores, targets, seen))


if __name__ == "__main__":
    main()
