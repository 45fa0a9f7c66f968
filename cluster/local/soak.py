#!/usr/bin/env python3
"""Trains for a long time with many checkpoints and evaluations, and looks whether the process grows.

    cluster/local/soak.py [--minutes 30] [--ranks 2] [--every 2]

Samples memory (resident; anonymous, which is what the program itself has taken; and proportional), open files and threads from /proc
every so many seconds, and compares, after a warm-up of a fifth of the time, the medians of the first and the last quarter. Prints a
table; ends with 1 when memory grew by more than 1 % (or by 1 MiB, where that is more: pages of code come and go, and the runtime keeps
up to 1,024 used closures of each thread) and 1 MiB for each thread that was added in between (its stack, its heap and its closures),
when files became more, or threads by more than one a rank (the runtime adds one to its pool the first time that two pieces of work in the
background meet; one lost with every checkpoint would be hundreds), or when the run did not end with 75 and a checkpoint after SIGUSR1.
Proportional memory is shown only: it also depends on what other processes share.
Needs Linux, and the release build or PRECISE.
"""
import argparse, os, pathlib, signal, statistics, tempfile, time

import runs
from runs import Fault, Job

SETTINGS = [
    "universal.steps=1000000000", "targeted=[]", "checkpoint.every_steps=20", "evaluation.every_epochs=5", "log.every_steps=10",
    "model.id_dim=32", "model.semantic_dim=32", "model.length=20", "universal.token_freeze=0",
]
COLUMNS = ["resident KiB", "anonymous KiB", "proportional KiB", "open files", "threads"]


def sample(pid):
    """One line of numbers, in the order of the columns."""
    memory = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        memory[name] = int(value.split()[0])
    files = len(os.listdir(f"/proc/{pid}/fd"))
    threads = len(os.listdir(f"/proc/{pid}/task"))
    return [memory["Rss"], memory["Anonymous"], memory["Pss"], files, threads]


def is_grown(column, before, after, ranks, added_threads):
    """Whether that is a leak; files and threads are compared by their most, because they come and go."""
    if column == "threads":
        return after > before + ranks
    if column.startswith("proportional"):
        return False  # pages shared with other processes count for more when those end: shown, not counted as a leak
    if column.endswith("KiB"):
        return after > before + max(before / 100, 1024) + 1024 * added_threads
    return after > before


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--every", type=float, default=2, help="seconds between two samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder).resolve()
        runs.make_dataset(world, users=400, items=2000)
        (world / "config.yaml").write_text(runs.CONFIG)
        words = ["train", "--config", world / "config.yaml", "--data", world / "dataset", "--out", world / "run", "--quiet"]
        job = Job(options.ranks, "threads", words + [word for setting in SETTINGS for word in ("--set", setting)], world / "log")
        samples, end = [], time.monotonic() + 60 * options.minutes
        try:
            while time.monotonic() < end and job.process.poll() is None:
                time.sleep(options.every)
                samples.append(sample(job.process.pid))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended: the status below says how
        job.send(signal.SIGUSR1, job.members())
        try:
            status = job.wait(60)
            lines = runs.lines(world / "run")
            runs.checkpoints(world / "run")
        except Fault as fault:
            status, lines = fault, []
    samples = samples[len(samples) // 5:]
    part = max(1, len(samples) // 4)
    is_fine = status == 75
    compared = {}
    for place, column in enumerate(COLUMNS):
        values = [line[place] for line in samples]
        if column.endswith("KiB"):
            compared[column] = statistics.median(values[:part]), statistics.median(values[-part:])
        else:
            compared[column] = max(values[:part]), max(values[part:])
    added_threads = max(0, compared["threads"][1] - compared["threads"][0])
    print(f"{'':<17} {'first':>10} {'last':>10} {'growth':>8}")
    for column, (before, after) in compared.items():
        grown = is_grown(column, before, after, options.ranks, added_threads)
        is_fine = is_fine and not grown
        print(f"{column:<17} {before:>10.0f} {after:>10.0f} {100 * (after - before) / before:>6.2f} %{'  GROWN' if grown else ''}")
    checkpoints, evaluations = (sum(name in line for line in lines) for name in ("checkpoint_ms", "split"))
    print(f"{options.minutes:g} minutes on {options.ranks} ranks, {lines[-1]['step'] if lines else 0} steps, {checkpoints} checkpoints, "
          f"{evaluations} evaluations, {len(samples)} samples; ended with {status}: {'fine' if is_fine else 'not as it must be'}")
    runs.stop_with(not is_fine)


if __name__ == "__main__":
    main()
