#!/usr/bin/env python3
"""Kills a training at a random moment, lets it go on, kills it again, until it is through, and compares with the run that nobody killed.

    cluster/local/kill_and_resume.py [--ranks 1,2,4] [--times 100] [--signal KILL|TERM|INT|USR1] [--backend threads|processes] [--seed S]

A small run of both phases writes a checkpoint every three steps, beside training. Moments are drawn anew each time, from loading to the
end, so they fall into loading, steps, checkpoints, evaluations, and into the going on itself. Ranks are threads, and for more than one
also processes under mpirun; there one rank is killed, or all with their launcher. Each time
  - every checkpoint under its final name is whole to the last bit, whatever was being written;
  - with another signal than KILL the job ends with 75 and a checkpoint of the very step; under mpirun one rank is signaled, or, with
    USR1, mpirun itself;
and a run that gets through must hold the same bits as the one that was never killed, and each step's loss once in metrics.jsonl and in
TensorBoard's files.
Needs Linux, Open MPI for processes, and the release build or PRECISE. Prints a table; ends with 1 when anything was not as it must be.
"""
import argparse, collections, pathlib, random, re, shutil, signal, tempfile, time

import runs
from runs import Fault, Job

SETTINGS = ["universal.steps=90", "targeted=[{name: second, history: all, steps: 60, negatives: 40, learning_rate_scale: 1}]"]


def words(world, run, *more):
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return ["train", "--config", world / "config.yaml", "--data", world / "dataset", "--out", run, *settings, *more]


class Killer:
    """The kills of one number of ranks on one backend."""

    def __init__(self, world, ranks, backend, number, draw):
        self.world, self.ranks, self.backend, self.number, self.draw = world, ranks, backend, number, draw
        self.counts = collections.Counter()
        run = world / f"straight-{ranks}-{backend}"
        start = time.monotonic()
        job = Job(ranks, backend, words(world, run), world / "straight.log")
        if job.wait(120) != 0:
            raise SystemExit(f"error: the run that nobody kills fails: {job.said()}")
        self.seconds = time.monotonic() - start
        self.numbers, self.losses = runs.numbers(run), runs.losses(run)
        shutil.rmtree(run)

    def run(self, times):
        """So many kills, and the runs that they make; each is gone on with until it is through."""
        while self.counts["kills"] < times:
            run = self.world / "run"
            shutil.rmtree(run, ignore_errors=True)
            while not self.leg(run, is_last=self.counts["kills"] >= times):
                pass
            if runs.numbers(run) != self.numbers:
                raise Fault("the trained numbers are others than those of the run that nobody killed")
            if runs.losses(run) != self.losses:
                raise Fault("metrics.jsonl has other losses, or not each step's")
            runs.check_events(run)
            if left := runs.leftovers(run / "checkpoints"):
                raise Fault(f"left behind: {', '.join(left)}")
            self.counts["runs"] += 1

    def leg(self, run, is_last):
        """Goes on until a kill or the end; whether it is through."""
        size = (run / "metrics.jsonl").stat().st_size if (run / "metrics.jsonl").exists() else 0
        job = Job(self.ranks, self.backend, words(self.world, run, "--resume"), self.world / "log")
        if not is_last:
            # A third of a run a leg, about; a tenth of the kills come at once.
            time.sleep(self.seconds * (self.draw.random() * 0.65 if self.draw.random() > 0.1 else self.draw.random() * 0.1))
            if job.process.poll() is None:
                self.strike(job)
        status = job.wait(60)
        if status == 0:
            return True
        self.check(job, run, status, (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size > size)
        return False

    def strike(self, job):
        members = job.members()
        # A launcher that is signaled before it has ranks ends them its own way, later.
        while not members and self.number != signal.SIGKILL and job.process.poll() is None:
            time.sleep(0.01)
            members = job.members()
        if self.backend == "processes" and self.number == signal.SIGUSR1 and self.draw.random() < 0.5:
            target = [job.process.pid]
        elif self.backend == "processes" and (not members or self.number == signal.SIGKILL and self.draw.random() < 0.5):
            # All at once; before there are ranks, only the launcher.
            target = job.all()
        else:
            target = [self.draw.choice(members)] if members else []
        job.send(self.number, target)

    def check(self, job, run, status, has_stepped):
        """After a job that did not get through."""
        said, number = job.said(), int(self.number)
        self.counts["kills"] += 1
        folders = runs.checkpoints(run)
        if any(run.glob("checkpoints/*/.step-*")):
            self.counts["while writing"] += 1
        if status in (-number, 128 + number):
            if number != signal.SIGKILL and has_stepped:
                raise Fault(f"ended by the signal itself after steps were made: {said}")
            self.counts["" if has_stepped else "while loading"] += 1
        elif status == 75 and number != signal.SIGKILL:
            stopped = re.search(r"after step (\d+) of (\w+), which is kept", said)
            if stopped:
                step, phase = int(stopped[1]), stopped[2]
                newest = max(manifest["step"] for manifest in folders[phase])
                last = max((step for name, step in runs.losses(run) if name == phase), default=0)
                if not newest == step == last:
                    raise Fault(f"said step {step} of {phase}, has a checkpoint of {newest} and losses up to {last}")
            elif "stopped by" in said:
                self.counts["while loading"] += 1
            else:
                raise Fault(f"ended with 75, but does not say where: {said}")
        elif self.backend == "processes" and number == signal.SIGKILL and status != 0:
            self.counts["" if has_stepped else "while loading"] += 1
        elif self.backend == "processes" and not has_stepped:
            # Signaled between its start and the moment from which it listens.
            self.counts["while loading"] += 1
        else:
            raise Fault(f"ended with {status}: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ranks", default="1,2,4")
    parser.add_argument("--times", type=int, default=100, help="kills in all")
    parser.add_argument("--signal", default="KILL", choices=["KILL", "TERM", "INT", "USR1"])
    parser.add_argument("--backend", action="append", choices=["threads", "processes"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kinds = [(int(ranks), backend) for ranks in options.ranks.split(",") for backend in options.backend or ["threads", "processes"]
             if backend == "threads" or int(ranks) > 1]
    draw, faults, total = random.Random(options.seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder).resolve()
        runs.make_dataset(world, users=240, items=150)
        (world / "config.yaml").write_text(runs.CONFIG)
        print(f"{'ranks':>5} {'backend':<10} {'seconds a run':>13} {'kills':>6} {'loading':>8} {'writing':>8} {'runs through':>13}  equal")
        for place, (ranks, backend) in enumerate(kinds):
            killer = Killer(world, ranks, backend, signal.Signals["SIG" + options.signal], draw)
            fault = None
            try:
                killer.run(options.times // len(kinds) + (place < options.times % len(kinds)))
            except Fault as error:
                fault = str(error).replace(f"{world}/", "")
                faults += 1
            counts = killer.counts
            total += counts["kills"]
            print(f"{ranks:>5} {backend:<10} {killer.seconds:>13.2f} {counts['kills']:>6} {counts['while loading']:>8} "
                  f"{counts['while writing']:>8} {counts['runs']:>13}  {fault or 'bit for bit'}", flush=True)
    print(f"{total} times SIG{options.signal}: {faults} not as it must be")
    runs.stop_with(faults)


if __name__ == "__main__":
    main()
