#!/usr/bin/env python3
"""Follows a run into MLflow or Weights & Biases, while it trains or afterward; a second call adds only what is new.

    cluster/trackers/follow.py RUN --to mlflow|wandb [--follow] [--name NAME] [--project precise] [--store tracked] [--online]

A phase's quantities are logged at its steps as `PHASE/KEY`, a list as `PHASE/KEY/0` and so on, an evaluation as
`PHASE/validation/METRIC`, the mixture of experts at a phase's end as `PHASE/mixture/KEY`, and what `precise evaluate` measured as
`PHASE/test/METRIC`: names as TensorBoard has them (MLflow writes `recall_at_10`). config.yaml is the run's parameters, run.json its tags.

`--follow` waits for a run to begin, and ends when nobody trains it any more and no line has come for `--ends-after` seconds. A run that is
resumed drops the lines behind its checkpoint and writes them again; what was logged at a step stays, and is not logged twice. A run
directory that was used for another run (`--overwrite`) is another run in the tracker. Nothing is written into the run directory.
Needs the packages of requirements.txt.
"""
from __future__ import annotations

import argparse
import pathlib
import sys
import time
from typing import Any

WITHOUT = "no Python package {}; pip install -r cluster/trackers/requirements.txt installs it"

try:
    import run_files
    import stores
except ModuleNotFoundError as missing:
    sys.exit(f"error: {WITHOUT.format(missing.name)}")


class Follower:
    """A run, and the tracker's run that it goes to."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.run = options, options.run
        self.source = run_files.Lines(self.run / "metrics.jsonl")
        self.store: stores.Store | None = None
        self.first: stores.First | None = None
        # Lines that came before the first loss, by which a run is known; the phases that have ended, and all.
        self.waiting: list[dict[str, Any]] = []
        self.ended: set[str] = set()
        self.phases: set[str] = set()

    def follow(self) -> None:
        """Until the run has ended, or only what there is."""
        start = quiet = time.monotonic()
        while True:
            # Asked first, so that the last lines of a run that ends meanwhile are read.
            trains = run_files.is_training(self.run)
            if self.take():
                quiet = time.monotonic()
            has_begun = self.store or self.waiting or trains
            if not self.options.follow or (not has_begun and time.monotonic() - start > self.options.begin_within):
                break
            if has_begun and not trains and time.monotonic() - quiet > self.options.ends_after:
                break
            time.sleep(self.options.every)
        self.send(self.waiting)
        self.finish("RUNNING" if trains else self.status())

    def take(self) -> bool:
        """Logs the new lines; whether there were any."""
        found, is_anew = self.source.new()
        if is_anew:
            self.waiting = []
        self.waiting += found
        first = next((first for line in self.waiting if (first := first_of(line))), None)
        if is_anew and first and not stores.is_same(first, self.first):
            # Another run in the same directory, and what else stands there is of that one.
            if self.store:
                self.store.close("KILLED" if self.phases - self.ended else "FINISHED")
            self.store = self.first = None
        if is_anew:
            self.ended.clear()
        self.first = self.first or first
        if self.first:
            self.send(self.waiting)
            self.waiting = []
        return bool(found)

    def send(self, found: list[dict[str, Any]]) -> None:
        if not found:
            return
        for line in found:
            self.phases |= {phase["phase"] for phase in line.get("phases", []) if isinstance(phase, dict) and "phase" in phase}
            if "end" in line:
                self.ended.add(str(line.get("phase")))
        if self.store is None:
            self.store = self.open()
            self.store.describe(run_files.parameters(self.run), run_files.tags(self.run))
        if count := self.store.add([run_files.values(line) for line in found]):
            last = found[-1]
            print(f"{last.get('phase', 'run')}, step {last.get('step', 0)}: {count:,} values", flush=True)

    def open(self) -> stores.Store:
        options = self.options
        name = options.name or self.run.resolve().name
        if options.to == "mlflow":
            return stores.MLflow(options.store, options.project, name, self.run, self.first)
        return stores.WandB(options.store, options.project, name, self.run, self.first, "online" if options.online else "offline")

    def status(self) -> str:
        if (self.run / "failure.json").exists():
            return "FAILED"
        return "KILLED" if self.phases - self.ended else "FINISHED"

    def finish(self, status: str) -> None:
        if self.store is None:
            print(f"nothing to log: {self.run}/metrics.jsonl has no line yet")
            return
        count = self.store.add_tests(run_files.tests(self.run))
        self.store.close(status)
        print(f"{f'{count:,} test metrics; ' if count else ''}{status.lower()}: {self.store.name}", flush=True)


def first_of(line: dict[str, Any]) -> stores.First | None:
    loss = line.get("loss")
    return (str(line.get("phase")), int(line.get("step", 0)), loss) if isinstance(loss, (int, float)) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path, metavar="RUN", help="a run directory")
    parser.add_argument("--to", choices=["mlflow", "wandb"], required=True)
    parser.add_argument("--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("--name", help="of the tracker's run; default: the directory's name")
    parser.add_argument("--project", default="precise", help="MLflow's experiment, W&B's project; default precise")
    parser.add_argument("--store", default="tracked", metavar="FOLDER",
                        help="default tracked; for MLflow also an address such as http://host:5000 or sqlite:///file")
    parser.add_argument("--online", action="store_true", help="W&B: send what is logged, with the account of `wandb login`")
    parser.add_argument("--every", type=float, default=1, metavar="SECONDS", help="how often --follow looks; default 1")
    parser.add_argument("--ends-after", type=float, default=10, metavar="SECONDS",
                        help="how long there must be no job and no new line, for a run to have ended; default 10")
    parser.add_argument("--begin-within", type=float, default=600, metavar="SECONDS", help="how long --follow waits for a run; default 600")
    options = parser.parse_args()
    if not options.run.is_dir() and not options.follow:
        parser.error(f"{options.run} is not a run directory")
    if options.to == "wandb" and "://" in options.store:
        parser.error("--store of W&B is a folder; --online sends to the server that wandb is logged in to")
    store = pathlib.Path(options.store).resolve()
    if "://" not in options.store and (store == options.run.resolve() or options.run.resolve() in store.parents):
        parser.error(f"--store {options.store} is inside of the run directory")
    try:
        Follower(options).follow()
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as missing:
        print(f"error: {WITHOUT.format(missing.name)}", file=sys.stderr)
        return 1
    except Exception as error:
        # A tracker's own, as when its server is gone; what was logged is known the next time.
        if type(error).__module__.partition(".")[0] not in ("mlflow", "wandb", "sqlalchemy"):
            raise
        print(f"error: {options.to}: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
