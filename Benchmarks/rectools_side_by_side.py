#!/usr/bin/env python3
"""Trains ML-1M with `precise train` and with RecTools' SASRec of the same shape on the same cores, and prints a Markdown table.

    pip install "rectools[torch]==0.19.0"
    python3 Benchmarks/rectools_side_by_side.py --data dataset/ml-1m [--epochs 5] [--precisions fp32,bf16]

RecTools is what a user would take instead, as it comes: its defaults but for width, heads, length and batch size. Both train on the
same events with the softmax over all films; the test event of each user is then looked for among all films that the user has not
rated. An epoch's time is the median after the first one; data and program are in memory by then. Recall differs by what each
project's defaults are worth, and is there to show that neither trains nothing.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from side_by_side import ROOT, describe

LENGTH, WIDTH, LAYERS, HEADS, USERS, DROPOUT = 200, 64, 2, 2, 64, 0.2


def ours(options: argparse.Namespace, precision: str) -> tuple[list[float], float]:
    """-> seconds of each epoch after the first, recall@10 on the test events."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        common = ["--data", str(options.data), "--ranks", str(options.cores), "--quiet"]
        subprocess.run(
            [str(options.precise), "train", "--config", str(ROOT / "Configs" / "ml-1m.yaml"), "--out", str(run), *common,
             "--set", f"universal.epochs={options.epochs}", "--set", f"compute.precision={precision}",
             "--set", f"evaluation.every_epochs={options.epochs}", "--set", "log.every_steps=1"], check=True, stdout=subprocess.DEVNULL)
        records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        steps = [record["step_ms"] / 1000 for record in records if "step_ms" in record]
        each = len(steps) // options.epochs
        text = subprocess.run([str(options.precise), "evaluate", str(run), "--no-baselines", "--json", *common],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
    recall = json.loads(text)["universal"]["test"]["all"]["recall@10"]
    return [sum(steps[start : start + each]) for start in range(each, each * options.epochs, each)], recall


def theirs(options: argparse.Namespace) -> tuple[list[float], float]:
    """The same of RecTools, in float32, which is its default."""
    import numpy as np
    import pandas as pd
    import pytorch_lightning as lightning
    import torch
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    from ml1m import read_dataset

    # RecTools trains with a copy of the trainer and its callbacks: what they tell is kept outside.
    begins: list[float] = []
    seconds: list[float] = []

    class Epochs(lightning.Callback):
        def on_train_epoch_start(self, *_: object) -> None:
            begins.append(time.perf_counter())

        def on_train_epoch_end(self, *_: object) -> None:
            seconds.append(time.perf_counter() - begins[-1])

    torch.set_num_threads(options.cores)
    data = read_dataset(options.data)
    user = np.repeat(np.arange(data.users), np.diff(data.starts))
    place = np.arange(len(data.events)) - data.starts[user]

    def events(chosen: np.ndarray) -> Dataset:
        return Dataset.construct(pd.DataFrame({
            Columns.User: user[chosen], Columns.Item: data.events[chosen], Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(place[chosen], unit="s")}))

    model = SASRecModel(
        n_factors=WIDTH, n_blocks=LAYERS, n_heads=HEADS, session_max_len=LENGTH, batch_size=USERS, dropout_rate=DROPOUT,
        epochs=options.epochs, loss="softmax",
        get_trainer_func=lambda **_: lightning.Trainer(
            accelerator="cpu", max_epochs=options.epochs, callbacks=[Epochs()], logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False))
    model.fit(events(place < data.train[user]))
    tested = np.flatnonzero(data.test >= 0)
    before = place < np.where(data.test >= 0, data.test, 0)[user]
    lists = model.recommend(users=tested, dataset=events(before), k=10, filter_viewed=True, on_unsupported_targets="ignore")
    wanted = pd.Series(data.events[data.starts[tested] + data.test[tested]], index=tested)
    hits = lists[lists[Columns.Item].to_numpy() == wanted.loc[lists[Columns.User]].to_numpy()]
    return seconds[1:], len(hits) / len(tested)


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} … {max(seconds):.2f})"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder of `precise prepare` of MovieLens-1M")
    parser.add_argument("--epochs", type=int, default=5, help="of each, at least 2 (default: %(default)s)")
    parser.add_argument("--precisions", default="fp32,bf16", help="ours (default: %(default)s)")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build" / "release" / "precise")
    options = parser.parse_args()
    if options.epochs < 2:
        parser.error("--epochs: at least 2, because the first is not timed")
    return options


def main() -> int:
    options = parse_arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    print(describe("one training each") + "\n", flush=True)
    own = [(precision, ours(options, precision)) for precision in options.precisions.split(",")]
    peer, recall = theirs(options)
    print(f"| ML-1M, {options.epochs} epochs | an epoch | times RecTools | recall@10 |\n|---|---|---|---|")
    for precision, (seconds, found) in own:
        times = statistics.median(peer) / statistics.median(seconds)
        print(f"| precise, {precision}, {options.cores} ranks | {spread(seconds)} | {times:.1f} | {found:.4f} |")
    print(f"| RecTools 0.19 SASRec, fp32 | {spread(peer)} | 1 | {recall:.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
