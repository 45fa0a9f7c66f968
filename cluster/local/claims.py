#!/usr/bin/env python3
"""Four claims of the model, evaluated on the metrics of real runs: python3 claims.py BOTH IDS TEXT ALONE [--phase shop] [--metric recall@10] [--strict]

Each argument is a run directory that `precise evaluate` has left an evaluation.json in, all of one data set and one width of embeddings:
BOTH has an ID half and a semantic half and at least one targeted phase, IDS has IDs alone (semantic_dim: 0, fusion: paper), TEXT has text alone
(id_dim: 0), and ALONE has the same targeted phase without a universal one before it. Prints a line a claim:

  1  both halves are better than IDs alone and than text alone, over all items
  2  over the tail, the half of the catalogue with the fewest training events, both halves are better than IDs alone, not worse than text
  3  the same over items without any training event
  4  the targeted phase is better than the universal phase on the same users, and than the targeted phase alone

Better is a difference above two standard errors, worse one below minus two; a claim holds when all that it says does. Where
`precise evaluate RUN --per-user RUN/ranks.csv.gz` has left each user's numbers, differences are taken user by user, and the error is theirs;
else it is that of independent samples, which is larger. Ends with 2 when runs cannot be compared, with --strict with 1 when a claim does
not hold, else with 0. Standard library only.
"""

import argparse
import csv
import gzip
import json
import math
import pathlib
import re
import sys

ERRORS = 2.0


class Incomparable(Exception):
    """What keeps runs from being compared, as a sentence."""


class Value:
    """A metric of a number of users, with its standard error, and each user's where they are known."""

    def __init__(self, mean, users, error, each=None):
        self.mean, self.users, self.error, self.each = mean, users, error, each

    def minus(self, other):
        """The difference, its standard error, and whether it was taken user by user."""
        difference = self.mean - other.mean
        if not self.each or not other.each or self.each.keys() != other.each.keys():
            return difference, math.hypot(self.error, other.error), False
        # One more user with a difference of 1, so that no difference in n users is not taken for certainty.
        squares = sum((value - other.each[user]) ** 2 for user, value in self.each.items()) + 1
        return difference, math.sqrt(max(squares / self.users - difference**2, 0) / self.users), True

    def __str__(self):
        return f"{self.mean:.4f} ±{self.error:.4f}" if self.users else "nobody"


def read(run):
    path = pathlib.Path(run) / "evaluation.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Incomparable(f"{path} cannot be read ({error}); run: precise evaluate {run}")


def ranks(run):
    """Rows of a run's ranks.csv.gz, by phase and split; none where there is no such file."""
    found = {}
    try:
        with gzip.open(pathlib.Path(run) / "ranks.csv.gz", "rt", newline="") as file:
            for row in csv.DictReader(file):
                if row["ranked_by"] == "model":
                    found.setdefault((row["phase"], row["split"]), []).append(row)
    except FileNotFoundError:
        return {}
    except (OSError, EOFError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise Incomparable(f"{run}/ranks.csv.gz cannot be read ({error}); run: precise evaluate {run} --per-user {run}/ranks.csv.gz")
    return found


def each_user(rows, bucket, metric):
    """The metric of each user of a bucket; None where the rows have no such metric."""
    kept = [row for row in rows if bucket == "all" or (row["train_events"] == "0" if bucket == "unseen" else row["bucket"] == bucket)]
    return {row["user"]: float(row[metric]) for row in kept} if kept and metric in kept[0] else None


def value(record, run, phase, split, bucket, metric, rows=()):
    """A bucket's metric; where the record has no error of it, a share's error with a hit and a miss added, which is never zero."""
    try:
        found = record[phase][split][bucket]
    except KeyError:
        raise Incomparable(f"{run} has no metrics of {phase}, {split}, {bucket}; run: precise evaluate {run}")
    users = found.get("users", 0)
    if not users:
        return Value(0.0, 0, 0.0)
    if metric not in found:
        raise Incomparable(f"{run} has no {metric} of {phase}, {split}, {bucket}")
    mean = found[metric]
    error = record[phase][split].get("standard_error", {}).get(bucket, {}).get(metric) or 0.0
    if metric.startswith("recall@"):
        share = (mean * users + 1) / (users + 2)
        error = max(error, math.sqrt(share * (1 - share) / users))
    elif not error:
        raise Incomparable(f"{run} has no standard error of {metric}; take a recall")
    each = each_user(rows, bucket, metric)
    if each and (len(each) != users or abs(sum(each.values()) / users - mean) > 1e-6):
        raise Incomparable(
            f"{run}/ranks.csv.gz is not of the same evaluation as evaluation.json; run: precise evaluate {run} --per-user {run}/ranks.csv.gz")
    return Value(mean, users, error, each)


def width(run):
    """id_dim + semantic_dim of a run's config.yaml."""
    path = pathlib.Path(run) / "config.yaml"
    try:
        text = path.read_text()
    except OSError as error:
        raise Incomparable(f"{path} cannot be read ({error})")
    found = dict(re.findall(r"^  (id_dim|semantic_dim): (\d+)", text, re.M))
    if len(found) != 2:
        raise Incomparable(f"{path} names no model.id_dim and model.semantic_dim")
    return sum(int(number) for number in found.values())


def is_blended(run):
    """Whether a run blends text into its scores: model.fusion of its config.yaml, which earlier versions did not have."""
    return re.search(r"^  fusion: similarity\b", (pathlib.Path(run) / "config.yaml").read_text(), re.M) is not None


def check(runs, records, phase):
    """All runs are of one width, and were measured by one protocol; IDs alone read no text in any way."""
    widths = {run: width(run) for run in runs}
    if len(set(widths.values())) > 1:
        raise Incomparable("embeddings differ in width: " + ", ".join(f"{run} {widths[run]}" for run in runs))
    if is_blended(runs[1]):
        raise Incomparable(f"{runs[1]} is to be of IDs alone, but text is blended into its scores; train it with model.fusion: paper")
    protocols = {}
    for run, record in zip(runs, records):
        for name in ("universal", phase):
            if name in record and "test" in record[name]:
                protocol = record[name]["test"].get("protocol", {})
                protocols[run] = {key: protocol.get(key) for key in ("filter_seen", "candidates", "split")}
                # Earlier versions called it `dataset`.
                protocols[run]["dataset_checksum"] = protocol.get("dataset_checksum", protocol.get("dataset"))
    if len({json.dumps(protocol) for protocol in protocols.values()}) > 1:
        raise Incomparable("runs were measured by different protocols: " + "; ".join(f"{run} {protocols[run]}" for run in protocols))


def against(model, others):
    """The comparisons of a claim as text, and whether all hold; each is a name, a value and whether to be better or just not worse."""
    texts, holds = [], model.users > 0
    for name, other, is_better in others:
        if other.users != model.users:
            raise Incomparable(f"{name} was measured on {other.users} users, not on {model.users}")
        difference, error, is_paired = model.minus(other)
        texts.append(f"{name} {other} ({difference:+.4f} ±{error:.4f}{', user by user' if is_paired else ''})")
        holds = holds and difference > (ERRORS if is_better else -ERRORS) * error
    return ", ".join(texts), holds


def claims(names, records, lists, phase, metric):
    """Title, model, what it is compared with, for each of the four."""
    (both, ids, text, alone) = zip(names, records, lists)
    of = lambda run, phase, split, bucket: value(run[1], run[0], phase, split, bucket, metric, run[2].get((phase, split), ()))
    universal = lambda run, bucket: of(run, "universal", "test", bucket)
    for title, bucket in (("all items", "all"), ("the tail", "tail"), ("items never trained on", "unseen")):
        others = [("IDs alone", universal(ids, bucket), True), ("text alone", universal(text, bucket), bucket == "all")]
        yield f"both halves, {title}", universal(both, bucket), others
    yield f"targeted on {phase}, its users", of(both, phase, "test", "all"), [
        ("universal", of(both, phase, "test.universal", "all"), True), ("targeted alone", of(alone, phase, "test", "all"), True)]


def main():
    parser = argparse.ArgumentParser(description="Four claims, evaluated on the metrics of real runs.")
    parser.add_argument("runs", nargs=4, metavar="RUN", help="both halves, IDs alone, text alone, targeted alone")
    parser.add_argument("--phase", default="shop", help="the targeted phase (default: shop)")
    parser.add_argument("--metric", default="recall@10", help="the metric (default: recall@10)")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a claim does not hold")
    options = parser.parse_args()
    try:
        records = [read(run) for run in options.runs]
        check(options.runs, records, options.phase)
        lists = [ranks(run) for run in options.runs]
        lines, failed = [], 0
        for number, (title, model, others) in enumerate(claims(options.runs, records, lists, options.phase, options.metric), 1):
            text, holds = against(model, others)
            failed += not holds
            verdict = "holds" if holds else "does not hold"
            lines.append(f"{number} {title}: {options.metric} {model} (n {model.users:,}) against {text}: {verdict}")
    except Incomparable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 1 if options.strict and failed else 0


if __name__ == "__main__":
    sys.exit(main())
