#!/usr/bin/env python3
"""Trains a run in legs on other numbers of ranks, each stopped by SIGUSR1, and compares every step's loss with the straight run's.

    cluster/local/resume_chain.py [--chain 1,2,4,3,1] [--backend threads|processes] [--steps 100] [--precision fp32]

The run has two phases of so many steps, dropout, drawn negatives and trained token states; the legs end at even distances over both,
most of them in the middle of an epoch. Prints a table with the worst difference of each leg's losses, as a share of the loss; ends with
1 when one is above 1e-4, or when a step is missing or stands there twice.
Needs Linux, Open MPI for processes, and the release build or PRECISE.
"""
import argparse, json, pathlib, re, signal, tempfile, time

import runs
from runs import Fault, Job

LIMIT = 1e-4


def words(world, run, options, *more):
    targeted = f"targeted=[{{name: second, history: all, steps: {options.steps}, negatives: 40, objective: {{bpr: 1, softmax: 1}}}}]"
    settings = [
        f"universal.steps={options.steps}", targeted, "model.dropout=0.2", "universal.negatives_from=mixed",
        "optimizer.learning_rate=0.001", f"compute.precision={options.precision}", "checkpoint.every_steps=null",
        "evaluation.every_epochs=10",
    ]
    return ["train", "--config", world / "config.yaml", "--data", world / "dataset", "--out", run,
            *[word for setting in settings for word in ("--set", setting)], *more]


def steps_made(run):
    """Steps that metrics.jsonl has; a line may be being written."""
    try:
        return (run / "metrics.jsonl").read_text().count('"loss"')
    except FileNotFoundError:
        return 0


def leg(world, run, ranks, options, until):
    """Goes on on so many ranks until so many steps are made (None: to the end); where it stopped."""
    job = Job(ranks, options.backend, words(world, run, options, "--resume"), world / "log")
    while until and job.process.poll() is None and steps_made(run) < until:
        time.sleep(0.002)
    if until:
        job.send(signal.SIGUSR1, job.members()[:1])
    status = job.wait(300)
    if status != (75 if until else 0):
        raise Fault(f"the leg on {ranks} ranks ended with {status}: {job.said()[-300:]}")
    if not until:
        return "the end"
    stopped = re.search(r"after step (\d+) of (\w+), which is kept", job.said())
    if not stopped:
        raise Fault(f"the leg on {ranks} ranks does not say where it stopped: {job.said()[-300:]}")
    folder = run / f"checkpoints/{stopped[2]}/step-{int(stopped[1]):08}"
    epoch = json.loads((folder / "manifest.json").read_text())["epoch"]
    return f"{stopped[2]}, step {stopped[1]}, epoch {epoch:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--chain", default="1,2,4,3,1")
    parser.add_argument("--backend", default="threads", choices=["threads", "processes"])
    parser.add_argument("--steps", type=int, default=100, help="of each phase")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    options = parser.parse_args()
    chain, is_fine = [int(ranks) for ranks in options.chain.split(",")], True
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder).resolve()
        runs.make_dataset(world, users=240, items=150)
        (world / "config.yaml").write_text(runs.CONFIG)
        try:
            job = Job(chain[0], "threads", words(world, world / "straight", options), world / "log")
            if job.wait(300) != 0:
                raise Fault(f"the straight run fails: {job.said()[-300:]}")
            straight, run, done = runs.losses(world / "straight"), world / "chain", set()
            print(f"{'ranks':>5} {'steps':>6} {'worst loss':>11}  stopped at", flush=True)
            for number, ranks in enumerate(chain):
                is_last = number + 1 == len(chain)
                place = leg(world, run, ranks, options, None if is_last else len(straight) * (number + 1) // len(chain))
                found = runs.losses(run)
                new = [step for step in found if step not in done]
                worst = max((abs(found[step] - straight[step]) / abs(straight[step]) for step in new), default=0)
                done, is_fine = done | set(new), is_fine and worst <= LIMIT
                print(f"{ranks:>5} {len(new):>6} {worst:>11.2e}  {place}", flush=True)
            if found.keys() != straight.keys():
                raise Fault("metrics.jsonl has not the straight run's steps")
            worst = max(abs(found[step] - straight[step]) / abs(straight[step]) for step in straight)
            print(f"{len(found)} steps on {options.chain} ranks ({options.backend}), worst difference of a loss {worst:.2e}: "
                  f"{'fine' if is_fine else 'above 1e-4'}")
        except Fault as fault:
            is_fine = False
            print(f"not as it must be: {str(fault).replace(f'{world}/', '')}")
    runs.stop_with(not is_fine)


if __name__ == "__main__":
    main()
