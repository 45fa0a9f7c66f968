#!/usr/bin/env python3
"""Trains Configs/ml-1m.yaml in PyTorch as a good user would write it, and says how good it was after how many seconds.

    python3 peer_train_ml1m.py --data dataset/ml-1m --epochs 100 [--dtype bf16] [--compile] [--stop-after 10]

The same model, loss and protocol as `precise train`: 64 users a step, their newest 201 training events, softmax over all items,
dropout 0.2; AdamW (1e-3, warm-up over 5 % of the steps, then a cosine; no decay of biases, norms and positions; clipped to norm
1) for the transformer, row-wise AdaGrad (0.05, constant) for ID rows. Batches and masks are drawn otherwise, so losses agree as
runs of two seeds do.

Prints JSON lines: every `--log-every` steps the mean loss, after every `--every` epochs the validation metrics (full ranking,
seen items removed) with the seconds of training up to there; seconds of ranking are counted apart, compiling is in the first
step of either.
"""

import argparse
import json
import math
import pathlib
import time
from collections.abc import Iterator

import ml1m
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TrainingSet:
    """Each user's newest n + 1 training events, laid out once: inputs and next items, padded on the right."""

    def __init__(self, dataset: ml1m.Dataset, length: int) -> None:
        users = np.flatnonzero(dataset.train >= 2)
        rows, lengths = dataset.newest(dataset.train[users], users, length + 1)
        self.rows, self.lengths = torch.from_numpy(rows), torch.from_numpy(lengths - 1)

    def steps(self, users: int) -> int:
        """Of an epoch; the last may be smaller."""
        return -(-len(self.rows) // users)

    def epoch(self, users: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All users once, in a new order: rows [B, n], lengths [B], the next items [T] of what is not padding."""
        for chosen in torch.randperm(len(self.rows), generator=generator).split(users):
            lengths = self.lengths[chosen]
            rows = self.rows[chosen][:, : int(lengths.max()) + 1]
            valid = torch.arange(rows.shape[1] - 1) < lengths[:, None]
            yield rows[:, :-1], lengths, rows[:, 1:][valid]


class Optimizer:
    """AdamW with warm-up and cosine for dense parameters, row-wise AdaGrad for ID rows; rates as in `precise train`."""

    def __init__(self, model: ml1m.Recommender, steps: int, peak: float = 1e-3, id_rate: float = 0.05) -> None:
        named = [(name, parameter) for name, parameter in model.named_parameters() if name != "items"]
        is_matrix = [parameter.ndim == 2 and name != "position" for name, parameter in named]
        self.dense = [parameter for _, parameter in named]
        groups = [
            {"params": [parameter for parameter, decays in zip(self.dense, is_matrix) if decays], "weight_decay": 0.01},
            {"params": [parameter for parameter, decays in zip(self.dense, is_matrix) if not decays], "weight_decay": 0.0},
        ]
        self.adamw = torch.optim.AdamW(groups, lr=peak, fused=True)
        self.items, self.id_rate = model.items, id_rate
        self.accumulator = torch.zeros(len(model.items), 1)
        warmup = math.floor(0.05 * steps + 0.5)

        def factor(step: int) -> float:
            return (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.adamw, factor)

    def step(self) -> None:
        nn.utils.clip_grad_norm_(self.dense, 1.0)
        self.adamw.step()
        self.schedule.step()
        with torch.no_grad():
            gradient = self.items.grad
            assert gradient is not None
            self.accumulator += gradient.square().mean(1, keepdim=True)
            self.items.addcdiv_(gradient, self.accumulator.sqrt() + 1e-10, value=-self.id_rate)
        self.adamw.zero_grad(set_to_none=True)
        self.items.grad = None


class Trainer:
    """The model, its loss and its optimizer."""

    def __init__(self, model: ml1m.Recommender, steps: int, bf16: bool, compiled: bool) -> None:
        self.model, self.bf16 = model, bf16
        self.forward = torch.compile(model, dynamic=True) if compiled else model
        self.loss = torch.compile(self.full_softmax, dynamic=True) if compiled else self.full_softmax
        self.optimizer = Optimizer(model, steps)

    @staticmethod
    def full_softmax(hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
        """Mean over positions: h [T, d] against every item [V, d]."""
        return F.cross_entropy((hidden @ items.T).float(), targets)

    def step(self, rows: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            hidden = self.forward(rows, lengths)
            # Padding has no loss: its scores against every item would be the largest product of the step.
            hidden = hidden[torch.arange(rows.shape[1]) < lengths[:, None]]
            loss = self.loss(hidden, self.model.items, targets)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class Log:
    """JSON lines of a run, with the seconds of training and of ranking up to there."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.train_seconds = self.ranking_seconds = 0.0
        self.losses: list[float] = []

    def step(self, number: int, loss: float, seconds: float) -> None:
        self.train_seconds += seconds
        self.losses.append(loss)
        if number % self.every == 0:
            self.write(step=number, loss=sum(self.losses) / len(self.losses))
            self.losses.clear()

    def write(self, **fields: float | str) -> None:
        seconds = {"train_seconds": round(self.train_seconds, 3), "ranking_seconds": round(self.ranking_seconds, 3)}
        print(json.dumps(fields | seconds), flush=True)


def train(options: argparse.Namespace) -> None:
    dataset = ml1m.read_dataset(options.data)
    shape = ml1m.Shape(dataset.items, dropout=options.dropout)
    model = ml1m.Recommender(shape)
    if options.start:
        model.read_checkpoint(options.start)
    training_set = TrainingSet(dataset, shape.length)
    validation = ml1m.RankingTask(dataset, "validation", shape.length, batch_users=32)
    steps = options.epochs * training_set.steps(options.users)
    trainer = Trainer(model, steps, options.dtype == "bf16", options.compile)
    generator = torch.Generator().manual_seed(options.seed)
    log, number = Log(options.log_every), 0
    last = min(options.stop_after or options.epochs, options.epochs)
    for epoch in range(1, last + 1):
        model.train()
        start = time.perf_counter()
        for batch in training_set.epoch(options.users, generator):
            loss = trainer.step(*batch).item()
            number += 1
            log.step(number, loss, time.perf_counter() - start)
            start = time.perf_counter()
        if epoch % options.every == 0 or epoch == last:
            model.eval()
            found = ml1m.metrics(validation.ranks(model, trainer.forward, options.dtype == "bf16"))
            log.ranking_seconds += time.perf_counter() - start
            log.write(epoch=epoch, step=number, split="validation", **found)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder of `precise prepare`")
    parser.add_argument("--epochs", type=int, default=100, help="what the schedule is laid out over")
    parser.add_argument("--stop-after", type=int, help="epochs after which to stop all the same")
    parser.add_argument("--every", type=int, default=5, help="epochs between two validations")
    parser.add_argument("--users", type=int, default=64, help="of a step")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--start", type=pathlib.Path, help="a checkpoint of `precise train` to start from; default: random weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16: autocast, float32 parameters")
    parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-every", type=int, default=10, help="steps between two lines of loss")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    train(options)


if __name__ == "__main__":
    main()
