#!/usr/bin/env python3
"""Measures `precise evaluate` and peer_evaluate.py alternating on the same cores and weights, and prints a Markdown table.

    python3 Benchmarks/evaluate_side_by_side.py --data dataset/ml-1m --run run/ml-1m [--torch-jemalloc PATH]

Ours is the whole command, from start to exit: program, data set and checkpoint are read within the time. The peer's time begins
when all of that is in memory and torch is imported. Metrics must agree: recall@10 within 1e-3, or the exit code is 1.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from side_by_side import HERE, ROOT, Variant, allocators, describe, execute


def checkpoint(run: pathlib.Path) -> pathlib.Path:
    """What `precise evaluate` takes of the universal phase: the best by validation score, the earlier of equals; else the newest."""
    manifests = sorted((run / "checkpoints" / "universal").glob("step-*/manifest.json"))
    if not manifests:
        raise SystemExit(f"error: {run} holds no checkpoint of the universal phase; train it first")
    scores = [json.loads(path.read_text()).get("score") for path in manifests]
    scored = [(score, path) for score, path in zip(scores, manifests) if score is not None]
    return (max(scored, key=lambda pair: pair[0])[1] if scored else manifests[-1]).parent


def ours(options: argparse.Namespace) -> tuple[float, float]:
    """-> seconds of the command, recall@10."""
    command = [str(options.precise), "evaluate", str(options.run), "--data", str(options.data), "--phase", "universal", "--no-baselines",
               "--ranks", str(options.cores), "--json", "--quiet"]
    start = time.perf_counter()
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds = time.perf_counter() - start
    return seconds, json.loads(text)["universal"]["test"]["all"]["recall@10"]


def peer(options: argparse.Namespace, variant: Variant, runs: int) -> dict | None:
    command = [
        sys.executable, str(HERE / "peer_evaluate.py"), "--data", str(options.data), "--checkpoint", str(checkpoint(options.run)),
        "--threads", str(options.cores), "--runs", str(runs), "--dtype", "bf16" if variant.bf16 else "fp32"]
    return execute(command + (["--compile"] if variant.compiled else []), dict(variant.environment))


def fastest(options: argparse.Namespace, bf16: bool) -> Variant | None:
    candidates = [
        Variant(bf16, compiled, name, tuple(environment.items()))
        for compiled in (True, False) for name, environment in allocators(options.torch_jemalloc).items()]
    found = [(result["seconds"], place) for place, variant in enumerate(candidates) if (result := peer(options, variant, 3))]
    return candidates[min(found)[1]] if found else None


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} … {max(seconds):.2f})"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder of `precise prepare`")
    parser.add_argument("--run", type=pathlib.Path, required=True, help="a run of Configs/ml-1m.yaml; one epoch will do")
    parser.add_argument("--runs", type=int, default=5, help="of each")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build" / "release" / "precise")
    parser.add_argument("--torch-jemalloc", type=pathlib.Path, help="libjemalloc.so.2: more variants of the peer")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    print(describe(f"{options.runs} alternating runs of each") + "\n", flush=True)
    chosen = [variant for bf16 in (False, True) if (variant := fastest(options, bf16))]
    own: list[tuple[float, float]] = []
    found: list[list[dict]] = [[] for _ in chosen]
    for _ in range(options.runs):
        own.append(ours(options))
        for variant, results in zip(chosen, found):
            if result := peer(options, variant, 1):
                results.append(result)
    seconds, recall = [run[0] for run in own], own[0][1]
    print("| evaluation of ML-1M | seconds | times ours | recall@10 |\n|---|---|---|---|")
    print(f"| precise evaluate, {options.cores} ranks | {spread(seconds)} | 1 | {recall:.5f} |")
    is_equal = True
    for variant, results in zip(chosen, found):
        if not results:
            continue  # what failed has been said
        peers, theirs = [result["seconds"] for result in results], results[0]["recall@10"]
        times = statistics.median(peers) / statistics.median(seconds)
        print(f"| PyTorch, {variant.name} | {spread(peers)} | {times:.1f} | {theirs:.5f} |")
        is_equal = is_equal and abs(theirs - recall) <= 1e-3
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
