#!/usr/bin/env python3
"""How long training stands still for its checkpoints, and what they cost in all: one checkpoint a minute, asynchronous, synchronous, none.

    Benchmarks/checkpoint_stall.py [--gib 1 4] [--minutes 3] [--ranks 2] [--precise PROGRAM] [--folder FOLDER]

Makes a data set whose item table (token states, 16 of 128 float32 numbers an item) has so many GiB, and trains it three times for
so many minutes. Prints, for each, the checkpoints written, how long training stood still for the longest of them, the share of the
run's time that all of them took, and the positions a second beside those of the run without checkpoints.
Needs three times the table's memory and disk. Standard library only.
"""
import argparse, json, pathlib, random, shutil, subprocess, sys, tempfile, time

TOKENS, WIDTH = 16, 128
CONFIG = """seed: 1
model: {id_dim: 64, semantic_dim: 64, experts: 8, active_experts: 2, layers: 2, heads: 2, length: 50, dropout: 0.1}
batch: {users: 256}
universal: {steps: 1000000, negatives: 2048, token_freeze: 0}
checkpoint: {every_steps: null, keep_last: 1, keep_best: 0}
evaluation: {every_epochs: 0}
log: {every_steps: 1, tensorboard: false}
"""


def make_dataset(folder, precise, gib):
    """Every item in some history, with a text of as many words as it has token states."""
    items = int(gib * 2**30 / (TOKENS * WIDTH * 4))
    draw = random.Random(1)
    with open(folder / "interactions.csv", "w") as file:
        file.write("user,item,timestamp\n")
        # Histories of 64 events; so many users that each item occurs.
        order = list(range(items))
        draw.shuffle(order)
        for place, item in enumerate(order):
            file.write(f"{place // 64},{item},{place % 64}\n")
    with open(folder / "items.csv", "w") as file:
        file.write("item,text\n")
        for item in range(items):
            words = " ".join(f"w{draw.randrange(5000)}" for _ in range(TOKENS))
            file.write(f"{item},{words}\n")
    dataset = folder / "dataset"
    run = lambda *words: subprocess.run([precise, *map(str, words), "--quiet"], check=True)
    run("prepare", "--interactions", folder / "interactions.csv", "--items", folder / "items.csv", "--out", dataset,
        "--min-item-events", 1, "--min-user-events", 1)
    run("encode", dataset, "--tokens", TOKENS, "--dim", WIDTH)
    return dataset


def train(folder, precise, dataset, ranks, seconds, *settings):
    """Trains for so long, stops by a signal; the lines of the run's log."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    (folder / "config.yaml").write_text(CONFIG)
    words = [precise, "train", "--config", folder / "config.yaml", "--data", dataset, "--out", run, "--ranks", ranks, "--quiet"]
    for setting in settings:
        words += ["--set", setting]
    process = subprocess.Popen(list(map(str, words)))
    metrics = run / "metrics.jsonl"
    while not metrics.exists() or metrics.stat().st_size == 0:
        if process.poll() is not None:
            sys.exit(f"error: training ended with {process.returncode}")
        time.sleep(0.1)
    start = time.monotonic()
    time.sleep(seconds)
    lines = [json.loads(line) for line in metrics.read_text().splitlines() if line.endswith("}")]
    wall = time.monotonic() - start
    process.kill()
    process.wait()
    shutil.rmtree(run, ignore_errors=True)
    return lines, wall


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gib", type=float, nargs="+", default=[1, 4])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--every", type=float, default=1, help="minutes between two checkpoints")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--precise", default=pathlib.Path(__file__).resolve().parent.parent / ".build/release/precise")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    options = parser.parse_args()
    every = f"checkpoint.every_minutes={options.every}"
    print("table GiB  checkpoints   number  longest stall ms  share of time  positions/s  of those without")
    for gib in options.gib:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            folder = pathlib.Path(folder)
            dataset = make_dataset(folder, options.precise, gib)
            without = None
            for name, settings in [("none", []), ("asynchronous", [every]), ("synchronous", [every, "checkpoint.asynchronous=false"])]:
                lines, wall = train(folder, options.precise, dataset, options.ranks, options.minutes * 60, *settings)
                steps = [line for line in lines if "loss" in line]
                stalls = [line["checkpoint_ms"] for line in lines if "checkpoint_ms" in line]
                rate = sum(line["positions"] for line in steps) / wall
                without = without or rate
                print(f"{gib:9g}  {name:12}  {len(stalls):6}  {max(stalls, default=0):16.0f}  {sum(stalls) / 10 / wall:11.2f} %"
                      f"  {rate:11,.0f}  {100 * rate / without:14.1f} %", flush=True)


main()
