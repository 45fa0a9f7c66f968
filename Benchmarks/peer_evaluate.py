#!/usr/bin/env python3
"""Times full-ranking evaluation of ML-1M in PyTorch as a good user would write it, and prints its metrics.

    python3 peer_evaluate.py --data dataset/ml-1m --checkpoint run/ml-1m/checkpoints/universal/step-... [--dtype bf16] [--compile]

6,040 users, 3,416 items, histories of up to 200 events, the transformer of Configs/ml-1m.yaml included: fused attention,
users batched by length, scores by one product a batch, seen items masked, ranks by counting. With a checkpoint of
`precise train` the metrics must be those of `precise evaluate`; without one the weights are random, the time is the same.

What is timed: from arrays in memory to metrics, `--runs` times after one that is not (it compiles). What is not: importing
torch, reading files, laying out histories. Prints JSON: seconds of the median, fastest and slowest run, users a second,
recall@10, ndcg@10.
"""

import argparse
import json
import pathlib
import statistics
import time

import ml1m
import torch


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder of `precise prepare`")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="a folder of `precise train`; default: random weights")
    parser.add_argument("--split", choices=["test", "validation"], default="test")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16: autocast of the transformer")
    parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    parser.add_argument("--batch", type=int, default=32, help="users at a time")
    parser.add_argument("--runs", type=int, default=5, help="runs that are timed")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dataset = ml1m.read_dataset(options.data)
    shape = ml1m.read_shape(options.checkpoint, dataset.items) if options.checkpoint else ml1m.Shape(dataset.items)
    model = ml1m.Recommender(shape).eval()
    if options.checkpoint:
        model.read_checkpoint(options.checkpoint)
    forward = torch.compile(model, dynamic=True) if options.compile else model
    task = ml1m.RankingTask(dataset, options.split, shape.length, options.batch)
    seconds, result = [], {}
    for _ in range(1 + options.runs):
        start = time.perf_counter()
        result = ml1m.metrics(task.ranks(model, forward, options.dtype == "bf16"))
        seconds.append(time.perf_counter() - start)
    timed = seconds[1:]
    middle = statistics.median(timed)
    print(json.dumps({
        "split": options.split, "threads": options.threads, "dtype": options.dtype, "compile": options.compile,
        "torch": torch.__version__, "users": task.users, "seconds": middle, "seconds_min": min(timed),
        "seconds_max": max(timed), "users_per_s": task.users / middle, **result,
    }))


if __name__ == "__main__":
    main()
