"""What a run directory says, read while it is written: lines of metrics.jsonl, test metrics, configuration, whether it trains.

`follow.py` imports it. It opens everything for reading only. Standard library and PyYAML.
"""
from __future__ import annotations

import fcntl
import json
import math
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

# How many bytes in front of the place are looked at again, to see that the file is still the one that was read.
TAIL = 256
# Parts of evaluation.json that are no metrics of a group of users.
NO_GROUPS = ("baselines", "behaviors", "deciles", "protocol", "scenes", "standard_error")


@dataclass(frozen=True)
class Values:
    """Numbers of one moment: their names, the phase's step, and the second since 1970 where the line has it."""

    phase: str
    step: int
    numbers: dict[str, float]
    time: float | None = None


class Lines:
    """The lines of a file that grows, and that a resumed run makes shorter or replaces."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.place, self.tail = 0, b""

    def new(self) -> tuple[list[dict[str, Any]], bool]:
        """Lines since the last call, and whether they begin at the file's start because it has changed. A line without its end waits."""
        try:
            with open(self.path, "rb") as file:
                is_anew = not self.is_same(file)
                if is_anew:
                    self.place, self.tail = 0, b""
                file.seek(self.place)
                data = file.read()
        except FileNotFoundError:
            return [], False
        data = data[:data.rfind(b"\n") + 1]
        self.place, self.tail = self.place + len(data), (self.tail + data)[-TAIL:]
        return [line for text in data.split(b"\n") if (line := parsed(text)) is not None], is_anew

    def is_same(self, file: Any) -> bool:
        """Whether what was read last still stands in front of the place."""
        file.seek(self.place - len(self.tail))
        return bool(file.read(len(self.tail)) == self.tail)


def parsed(text: bytes) -> dict[str, Any] | None:
    """A line's object; None for what is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a value, each with its place: `name`, `name/0`, `name/1/0`; texts, null and objects have none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        yield name, value
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from numbers(f"{name}/{at}", inner)


def values(line: dict[str, Any]) -> Values:
    """A line's numbers, named as TensorBoard has them; keys that this program does not know are numbers like others."""
    phase, step, time = (line.get(key) for key in ("phase", "step", "time"))
    prefix = str(phase) if phase is not None else "run"
    # The experts' load over all items is another quantity than a step's, and may stand at the same step.
    kind = line.get("split") or ("mixture" if "items_with_text" in line else None)
    found: dict[str, float] = {}
    for key, value in line.items():
        if key not in ("phase", "step", "time"):
            found.update(numbers(f"{prefix}/{kind}/{key}" if kind else f"{prefix}/{key}", value))
    return Values(prefix, step if isinstance(step, int) else 0, found, time if isinstance(time, (int, float)) else None)


def is_training(run: pathlib.Path) -> bool:
    """Whether a job holds the run's lock. For a moment it is held for reading here, as `precise` itself does to look."""
    try:
        descriptor = os.open(run / "train.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError as error:
        # A file system without locks does not say.
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """A file's object; nothing when it is not there, or being replaced."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def parameters(run: pathlib.Path) -> dict[str, str]:
    """The resolved configuration, flat: `model.layers`, `targeted.0.name`."""
    try:
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    return dict(flat("", config))


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
        for at, inner in enumerate(value):
            yield from flat(f"{name}.{at}", inner)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def tags(run: pathlib.Path) -> dict[str, str]:
    """What run.json says of the run, above all the data set and its checksum."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in read_json(run / "run.json").items()}


def tests(run: pathlib.Path) -> list[Values]:
    """The test metrics of evaluation.json: `PHASE/test/METRIC` for all users, `PHASE/test/GROUP/METRIC` for a group."""
    found = []
    for phase, splits in read_json(run / "evaluation.json").items():
        for split, measured in splits.items() if isinstance(splits, dict) else ():
            if not split.startswith("test") or not isinstance(measured, dict):
                continue
            metrics: dict[str, float] = {}
            for group, value in measured.items():
                prefix = f"{phase}/{split}" if group == "all" else f"{phase}/{split}/{group}"
                if isinstance(value, dict) and group not in NO_GROUPS:
                    for metric, inner in value.items():
                        metrics.update(numbers(f"{prefix}/{metric}", inner))
                elif not isinstance(value, dict):
                    metrics.update(numbers(prefix, value))
            # "like, step 148"
            step = str(measured.get("protocol", {}).get("checkpoint", "")).rpartition("step ")[2]
            found.append(Values(phase, int(step) if step.isdigit() else 0, metrics))
    return found
