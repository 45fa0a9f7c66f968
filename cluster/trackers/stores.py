"""Where numbers go: MLflow, or Weights & Biases. `follow.py` imports it; each tracker's package is imported when it is asked for.

Both are told a quantity's steps in rising order, and each step once. So what a tracker must remember is each quantity's last step.
  - MLflow tells it: the store itself is asked, so nothing can say otherwise than what was logged. A run is found by its tags.
  - W&B's offline files cannot be asked, and are gone once they are synced and cleaned. A file beside them remembers,
    STORE/wandb/follow-ID.json; it is written after what it speaks of.
"""
from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
import os
import pathlib
import re
import time
from collections.abc import Iterator
from typing import Any, Protocol

from run_files import Values

# The first loss of a run: another one there is another run. Not to the last bit, which depends on the number of ranks.
First = tuple[str, int, float]
SAME = 1e-4
BATCH = 1000


class Store(Protocol):
    """A run in a tracker."""

    # Where it is, for a person.
    name: str

    def describe(self, parameters: dict[str, str], tags: dict[str, str]) -> None: ...

    def add(self, found: list[Values]) -> int:
        """Logs what has not been logged; the number of values."""
        ...

    def add_tests(self, found: list[Values]) -> int: ...

    def close(self, status: str) -> None:
        """`RUNNING` when it goes on without us, `FINISHED`, `FAILED` or `KILLED`."""
        ...


def is_same(one: First | None, other: First | None) -> bool:
    return one is None or other is None or (one[:2] == other[:2] and math.isclose(one[2], other[2], rel_tol=SAME))


def place_of(run: pathlib.Path) -> str:
    """A short name of a run directory's path."""
    return hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:12]


class MLflow:
    """A run of MLflow: a database in the store's folder, or any address that MLflow knows."""

    def __init__(self, store: str, project: str, name: str, run: pathlib.Path, first: First | None) -> None:
        # A file store (file:FOLDER) works, although MLflow develops databases only. No telemetry, no talk of a database's tables.
        for variable, value in ("ALLOW_FILE_STORE", "true"), ("DISABLE_TELEMETRY", "true"), ("LOGGING_LEVEL", "WARNING"):
            os.environ.setdefault(f"MLFLOW_{variable}", value)
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag, ViewType
        self.kinds = Metric, Param, RunTag
        artifacts = None
        if ":" not in store:
            folder = pathlib.Path(store).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            store, artifacts = f"sqlite:///{folder}/mlflow.db", (folder / "artifacts").as_uri()
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self.client = MlflowClient(store)
        experiment = self.client.get_experiment_by_name(project)
        number = experiment.experiment_id if experiment else self.client.create_experiment(project, artifacts)
        tags = {"precise.directory": str(run.resolve()), "precise.place": place_of(run),
                "precise.first": json.dumps(first) if first else ""}
        found = self.client.search_runs(
            [number], f"tags.`precise.place` = '{tags['precise.place']}'", ViewType.ACTIVE_ONLY, 1, ["attributes.start_time DESC"])
        if found and is_same(first, read_first(found[0].data.tags.get("precise.first"))):
            self.run = found[0]
            self.client.update_run(self.run.info.run_id, "RUNNING")
        else:
            self.run = self.client.create_run(number, tags=tags, run_name=name)
        self.number = self.run.info.run_id
        self.name = f"run {self.run.info.run_name} ({self.number}) of {store}"
        self.last = {key: max(metric.step for metric in self.client.get_metric_history(self.number, key)) for key in self.run.data.metrics}

    def describe(self, parameters: dict[str, str], tags: dict[str, str]) -> None:
        known = self.client.get_run(self.number).data
        for key, value in parameters.items():
            if known.params.get(key, value) != value:
                print(f"note: {key} is {value} now; MLflow keeps {known.params[key]}, which it was when the run was first logged")
        _, param, tag = self.kinds
        news = [param(key, value) for key, value in parameters.items() if key not in known.params]
        for at in range(0, max(1, len(news)), 100):
            self.client.log_batch(self.number, params=news[at:at + 100])
        self.client.log_batch(self.number, tags=[tag(key, value) for key, value in tags.items()])

    def add(self, found: list[Values]) -> int:
        metric, news = self.kinds[0], []
        for values in found:
            stamp = int(1000 * (values.time or time.time()))
            for key, value in values.numbers.items():
                name = named(key)
                if values.step > self.last.get(name, -1):
                    self.last[name] = values.step
                    news.append(metric(name, value, stamp, values.step))
        for at in range(0, len(news), BATCH):
            self.client.log_batch(self.number, news[at:at + BATCH])
        return len(news)

    def add_tests(self, found: list[Values]) -> int:
        return self.add(found)

    def close(self, status: str) -> None:
        if status != "RUNNING":
            self.client.set_terminated(self.number, status)


def named(key: str) -> str:
    """A name as MLflow allows it, `recall_at_10` as MLflow's own metrics have it."""
    return re.sub(r"[^\w/. :-]", "_", key.replace("@", "_at_"))


def read_first(text: str | None) -> First | None:
    """A first loss as it was written down."""
    phase, step, loss = json.loads(text) if text else (None, 0, 0)
    return (phase, step, loss) if phase is not None else None


class WandB:
    """A run of Weights & Biases, offline unless told otherwise. It is opened when there is something to log.

    Each call that logs makes a folder of its own; they have the run's id in common, and count its rows on.
    """

    def __init__(self, store: str, project: str, name: str, run: pathlib.Path, first: First | None, mode: str = "offline") -> None:
        self.folder = pathlib.Path(store).resolve()
        self.project, self.title, self.mode = project, name, mode
        for self.id in run_names(place_of(run)):
            self.memory = self.folder / f"wandb/follow-{self.id}.json"
            state: dict[str, Any] = json.loads(self.memory.read_text()) if self.memory.exists() else {}
            if is_same(first, tuple(state["first"]) if state.get("first") else None):
                break
        self.first, self.row = first or state.get("first"), state.get("row", 0)
        # Each quantity's last step, and the test metrics, as they were logged.
        self.last: dict[str, int] = state.get("last", {})
        self.tests: dict[str, float] = state.get("tests", {})
        self.axes: set[str] = set()
        self.opened: Any = None
        self.config: dict[str, str] = {}
        self.labels: list[str] = []
        self.name = f"run {name} ({self.id}) in {self.folder}/wandb"

    def describe(self, parameters: dict[str, str], tags: dict[str, str]) -> None:
        self.config = parameters | {f"run.{key}": value for key, value in tags.items()}
        self.labels = [f"{key}-{value}" for key, value in tags.items() if key == "dataset_checksum"]

    @property
    def run(self) -> Any:
        if self.opened is None:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            import wandb
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            self.opened = wandb.init(
                project=self.project, name=self.title, id=self.id, dir=str(self.folder), mode=self.mode, resume="allow", tags=self.labels,
                settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True))
            self.opened.config.update(self.config, allow_val_change=True)
        return self.opened

    def add(self, found: list[Values]) -> int:
        count = 0
        for values in found:
            news = {key: value for key, value in values.numbers.items() if values.step > self.last.get(key, -1)}
            if not news:
                continue
            # W&B's own step is the row; each phase counts its steps anew.
            axis = f"{values.phase}/step"
            if values.phase not in self.axes:
                self.axes.add(values.phase)
                self.run.define_metric(axis, hidden=True)
                self.run.define_metric(f"{values.phase}/*", step_metric=axis)
            self.run.log(news | {axis: values.step} | ({"_timestamp": values.time} if values.time else {}), step=self.row)
            self.row += 1
            self.last.update(dict.fromkeys(news, values.step))
            count += len(news)
        if count:
            self.remember()
        return count

    def add_tests(self, found: list[Values]) -> int:
        news = {key: value for values in found for key, value in values.numbers.items() if self.tests.get(key) != value}
        if news:
            self.run.summary.update(news)
            self.tests |= news
            self.remember()
        return len(news)

    def remember(self) -> None:
        part = self.memory.with_suffix(".part")
        part.write_text(json.dumps({"first": self.first, "row": self.row, "last": self.last, "tests": self.tests}))
        part.replace(self.memory)

    def close(self, status: str) -> None:
        if self.opened is not None:
            self.opened.finish(exit_code=0 if status in ("RUNNING", "FINISHED") else 1)


def run_names(place: str) -> Iterator[str]:
    """Ids of the runs of one directory: one that is used again is another run."""
    yield place
    for number in itertools.count(2):
        yield f"{place}-{number}"
