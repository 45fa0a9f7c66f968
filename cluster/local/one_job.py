#!/usr/bin/env python3
"""Starts two trainings on one run directory, and kills the holder of one, again and again.

    cluster/local/one_job.py [--times 100] [--kills 20] [--seed S]

Two jobs: both are started, the second at a random moment of the first one's life, on a new folder or with --resume on one that is there.
Exactly one must train; the other must end with 65 and one sentence, and the run must hold the same bits as one that nobody disturbed.
Kills: the holder of a run's lock gets SIGKILL at a random moment, and `--resume` must make its next step without waiting: within a second
more than an undisturbed start takes.
Needs Linux and the release build or PRECISE. Prints a table; ends with 1 when anything was not as it must be.
"""
import argparse, json, os, pathlib, random, shutil, signal, subprocess, tempfile, time

import runs
from runs import Fault


def words(world, run, *more):
    return [runs.PRECISE, "train", "--config", world / "config.yaml", "--data", world / "dataset", "--out", run, "--ranks", 1, *more]


def start(world, run, name, *more):
    log = open(world / name, "w")
    process = subprocess.Popen([*map(str, words(world, run, *more))], stdout=log, stderr=subprocess.STDOUT)
    log.close()
    return process


def two_jobs(world, draw, seconds, reference):
    """One round; which of the two trained."""
    run = world / "run"
    shutil.rmtree(run, ignore_errors=True)
    resumes = draw.random() < 0.5
    more = ["--resume"] if resumes else []
    if resumes:
        # Something to go on from: a training that was stopped.
        first = start(world, run, "log", *more)
        time.sleep(seconds * draw.random() * 0.5)
        first.send_signal(signal.SIGTERM)
        first.wait(60)
    first = start(world, run, "first", *more)
    # Loading is the first part of a run, so the moments crowd there.
    time.sleep(seconds * draw.random() ** 2)
    second = start(world, run, "second", *more)
    ends = [first.wait(120), second.wait(120)]
    said = [(world / name).read_text() for name in ("first", "second")]
    refused = [end == 65 and text.count("precise: ") == 1 and ("is being trained by process" in text or "holds a run already" in text)
               for end, text in zip(ends, said)]
    if sorted(ends) not in ([0, 65], [0, 0] if resumes else None):
        raise Fault(f"the two ended with {ends}: {said}")
    if sorted(ends) == [0, 65] and sum(refused) != 1:
        raise Fault(f"the one that was refused said: {said}")
    if runs.numbers(run) != reference[0]:
        raise Fault("the trained numbers are others than those of the run that nobody disturbed")
    if runs.losses(run) != reference[1]:
        raise Fault("metrics.jsonl has other losses, or not each step's")
    runs.check_events(run)
    if left := runs.leftovers(run):
        raise Fault(f"left behind: {', '.join(left)}")
    return "after" if ends == [0, 0] else "first" if ends[0] == 0 else "second"


def first_line(run, before, process, seconds):
    """How long it takes until a started run logs."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        path = run / "metrics.jsonl"
        if path.exists() and path.stat().st_size > before:
            return time.monotonic() - begin
        if process.poll() is not None and process.returncode != 0:
            raise Fault(f"ended with {process.returncode}")
        time.sleep(0.005)
    raise Fault(f"no step after {seconds} s")


def kill_the_holder(world, draw, usual):
    """One round; how long the next start took to its first line."""
    run = world / "killed"
    shutil.rmtree(run, ignore_errors=True)
    settings = ["--resume", "--phase", "universal", "--set", "universal.steps=100000"]
    holder = start(world, run, "holder", *settings)
    while not list(run.glob("checkpoints/universal/step-*")):
        if holder.poll() is not None:
            raise Fault(f"the holder ended: {(world / 'holder').read_text()}")
        time.sleep(0.01)
    time.sleep(draw.random() * 0.5)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    # What is behind the checkpoint is cut off first, so that the file's size says when a line is new.
    (run / "metrics.jsonl").unlink()
    heir = start(world, run, "heir", *settings)
    try:
        took = first_line(run, 0, heir, 30)
    finally:
        heir.kill()
        heir.wait()
    if took > usual + 1:
        raise Fault(f"the next start took {took:.2f} s to its first step, an undisturbed one {usual:.2f}")
    record = json.loads((run / "train.lock").read_text())
    if record["process"] != heir.pid:
        raise Fault(f"the lock names process {record['process']}, not {heir.pid}")
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--times", type=int, default=100, help="pairs of trainings")
    parser.add_argument("--kills", type=int, default=20, help="killed holders")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw, faults, winners, delays = random.Random(options.seed), 0, {"first": 0, "second": 0, "after": 0}, []
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder).resolve()
        runs.make_dataset(world, users=240, items=150)
        (world / "config.yaml").write_text(runs.CONFIG)
        begin = time.monotonic()
        if start(world, world / "straight", "log").wait(120) != 0:
            raise SystemExit(f"error: the run that nobody disturbs fails: {(world / 'log').read_text()}")
        seconds = time.monotonic() - begin
        reference = runs.numbers(world / "straight"), runs.losses(world / "straight")
        alone = start(world, world / "usual", "log", "--phase", "universal", "--set", "universal.steps=100000")
        usual = first_line(world / "usual", 0, alone, 30)
        alone.kill()
        alone.wait()
        for number in range(options.times):
            try:
                winners[two_jobs(world, draw, seconds, reference)] += 1
            except Fault as error:
                faults += 1
                print(f"pair {number + 1}: {str(error).replace(f'{world}/', '')}", flush=True)
        for number in range(options.kills):
            try:
                delays.append(kill_the_holder(world, draw, usual))
            except Fault as error:
                faults += 1
                print(f"kill {number + 1}: {str(error).replace(f'{world}/', '')}", flush=True)
    print(f"{options.times} pairs: the first trained {winners['first']} times, the second {winners['second']} times, "
          f"one after the other (--resume) {winners['after']} times")
    if delays:
        print(f"{options.kills} killed holders: the next start's first step after {max(delays):.2f} s at most, usually {usual:.2f} s")
    print(f"{faults} not as it must be")
    runs.stop_with(faults)


if __name__ == "__main__":
    main()
