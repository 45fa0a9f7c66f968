#!/usr/bin/env python3
"""How long training stands still for its checkpoints, and what they cost in all: one checkpoint a minute, asynchronous, synchronous, none.

    Benchmarks/checkpoint_stall.py [--gib 1 4] [--minutes 3] [--ranks 2] [--precise PROGRAM] [--folder FOLDER]

Makes a data set whose item table (token states, 16 of 128 float32 numbers an item) has so many GiB, and trains it three times for
so many minutes. Prints, for each, the checkpoints written and their size, how long training stood still for the longest of them and
for the middle one, the share of the run's time that all of them took, the longest step, the processor time of all threads that are
no rank (the writer, above all) for each second, and the positions a second beside those of the run without checkpoints.

Standing still is what `checkpoint_ms` in metrics.jsonl says: from the last step's end to when training may go on, waiting for the
checkpoint before included. What the writer takes from training besides, when it has no core of its own or the disk's writes reach
the memory bus, is in the positions a second alone. Needs three times the table's memory and disk. Linux; standard library only.
"""
import argparse, json, os, pathlib, random, shutil, statistics, subprocess, sys, tempfile, time

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
    texts = [" ".join(f"w{draw.randrange(5000)}" for _ in range(TOKENS)) for _ in range(1000)]
    with open(folder / "interactions.csv", "w") as file:
        file.write("user,item,timestamp\n")
        # Histories of 64 events; so many users that each item occurs.
        order = list(range(items))
        draw.shuffle(order)
        file.writelines(f"{place // 64},{item},{place % 64}\n" for place, item in enumerate(order))
    with open(folder / "items.csv", "w") as file:
        file.write("item,text\n")
        file.writelines(f"{item},{texts[item % len(texts)]}\n" for item in range(items))
    dataset = folder / "dataset"
    run = lambda *words: subprocess.run([precise, *map(str, words), "--quiet"], check=True)
    run("prepare", "--interactions", folder / "interactions.csv", "--items", folder / "items.csv", "--out", dataset,
        "--min-item-events", 1, "--min-user-events", 1)
    run("encode", dataset, "--tokens", TOKENS, "--dim", WIDTH)
    return dataset


def processor_seconds(pid):
    """What the process has taken of processors, without its ranks' threads."""
    def seconds(path):
        head, _, rest = pathlib.Path(path).read_text().rpartition(")")
        return head.partition("(")[2], sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    # Ranks' threads go by the program's name; a queue's do not, and may be gone again.
    own, total = seconds(f"/proc/{pid}/stat")
    threads = (seconds(f"/proc/{pid}/task/{thread}/stat") for thread in os.listdir(f"/proc/{pid}/task"))
    return total - sum(taken for name, taken in threads if name == own)


def train(folder, precise, dataset, ranks, seconds, *settings):
    """Trains for so long: the lines of the run's log, the wall time, what other threads than ranks took, a checkpoint's bytes."""
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
    # The first steps take the memory that all later ones use.
    time.sleep(min(5, seconds / 10))
    (first, before), start = (metrics.stat().st_size, processor_seconds(process.pid)), time.monotonic()
    time.sleep(seconds)
    if process.poll() is not None:
        sys.exit(f"error: training ended with {process.returncode}")
    text, others, wall = metrics.read_text()[first:], processor_seconds(process.pid) - before, time.monotonic() - start
    whole = sorted(run.glob("checkpoints/universal/step-*"))
    written = sum(file.stat().st_size for file in whole[-1].iterdir()) if whole else 0
    process.kill()
    process.wait()
    shutil.rmtree(run, ignore_errors=True)
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    return lines, wall, others, written


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
    cores = len(os.sched_getaffinity(0))
    print(f"{options.ranks} ranks on {cores} cores: " + ("the writer's thread has a core of its own" if cores > options.ranks else
          "the writer's thread has no core of its own, what it computes is taken from training"))
    print("table GiB  checkpoints   number  GiB each  stall ms: longest  middle  share of time  longest step ms  other threads  "
          "positions/s  of those without")
    for gib in options.gib:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            folder = pathlib.Path(folder)
            dataset = make_dataset(folder, options.precise, gib)
            without = None
            for name, settings in [("none", []), ("asynchronous", [every]), ("synchronous", [every, "checkpoint.asynchronous=false"])]:
                lines, wall, others, written = train(folder, options.precise, dataset, options.ranks, options.minutes * 60, *settings)
                steps = [line for line in lines if "loss" in line]
                stalls = [line["checkpoint_ms"] for line in lines if "checkpoint_ms" in line]
                rate = sum(line["positions"] for line in steps) / wall
                without = without or rate
                print(f"{gib:9g}  {name:12}  {len(stalls):6}  {written / 2**30:8.2f}  {max(stalls, default=0):17.0f}"
                      f"  {statistics.median(stalls or [0]):6.0f}  {sum(stalls) / 10 / wall:11.2f} %  {max(line['step_ms'] for line in steps):15.0f}"
                      f"  {others / wall:13.3f}  {rate:11,.0f}  {100 * rate / without:14.1f} %", flush=True)


main()
