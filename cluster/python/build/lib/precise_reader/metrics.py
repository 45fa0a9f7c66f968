"""`metrics.jsonl` of a run: its lines by kind, as typed records and as columns of numbers.

Which keys make which kind is the rule of `Sources/Reporting/Records/MetricsLine.swift`; docs/concepts.md has every key.
`cluster/trackers/run_files.py` reads the same file for another purpose: while it grows, every number alike, without NumPy.
"""
from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, Union

import numpy as np
import numpy.typing as npt

from .files import InputError, PathLike, json_lines, json_object

# Lines are a few hundred bytes, but for those of an evaluation with many cutoffs and of a thousand ranks.
LONGEST_LINE = 16 << 20

Column = npt.NDArray[Any]
Kind = TypeVar("Kind", bound="Common")


@dataclass(frozen=True)
class Common:
    """What every line has."""

    phase: str
    """The phase."""
    step: int
    """Steps of the phase that were done when the line was written."""
    time: float | None = None
    """The second since 1970 in which it was written; None in files of earlier versions."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Keys that the record does not have."""


@dataclass(frozen=True)
class OriginRecord(Common):
    """A run that began with another run's numbers (`--from`)."""

    from_checkpoint: str | None = None
    from_manifest_crc32: str | None = None
    known_items: int | None = None
    new_items: int | None = None
    gone_items: int | None = None


@dataclass(frozen=True)
class BeginRecord(Common):
    """The start of a phase, or of what is left of it."""

    steps: int | None = None
    steps_per_epoch: int | None = None
    users: int | None = None
    parameters: int | None = None
    ranks: int | None = None
    precision: str | None = None
    metric: str | None = None
    phases: list[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class StepRecord(Common):
    """What the steps since the last such line were like."""

    loss: float | None = None
    bpr_loss: float | None = None
    softmax_loss: float | None = None
    balance_loss: float | None = None
    busiest_expert: float | None = None
    expert_load: list[float] | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    positions_per_s: float | None = None
    step_ms: float | None = None
    comm_ms: float | None = None
    positions: int | None = None
    unique_items: int | None = None
    skipped: int | None = None


@dataclass(frozen=True)
class EvaluationRecord(Common):
    """An evaluation while a phase is trained."""

    split: str | None = None
    users: int | None = None
    evaluation_s: float | None = None
    protocol: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Means over all users: `recall@10`, `ndcg@10`, `mrr`."""


@dataclass(frozen=True)
class CheckpointRecord(Common):
    """How long training stood still for a checkpoint."""

    checkpoint_ms: float | None = None
    asynchronous: bool | None = None


@dataclass(frozen=True)
class MixtureRecord(Common):
    """How the experts share out the items at the end of a phase."""

    items_with_text: int | None = None
    expert_load: list[float] | None = None
    gate_entropy: float | None = None
    gate_entropy_limit: float | None = None
    expert_words: list[list[str]] | None = None


@dataclass(frozen=True)
class RankTimesRecord(Common):
    """Where the time of steps went, rank by rank."""

    timed_steps: int | None = None
    parts: list[str] | None = None
    rank_ms: list[list[float]] | None = None
    rank_wait_ms: list[float] | None = None


@dataclass(frozen=True)
class EndRecord(Common):
    """The end of a phase: which of its models is the result."""

    end: str | None = None
    result_step: int | None = None
    metric: str | None = None
    value: float | None = None
    start_value: float | None = None


Record = Union[OriginRecord, BeginRecord, StepRecord, EvaluationRecord, CheckpointRecord, MixtureRecord, RankTimesRecord, EndRecord]

# The key that makes the kind, in the order in which they are looked for.
KINDS: tuple[tuple[str, type[Common]], ...] = (
    ("from", OriginRecord), ("steps_per_epoch", BeginRecord), ("split", EvaluationRecord), ("checkpoint_ms", CheckpointRecord),
    ("expert_words", MixtureRecord), ("rank_ms", RankTimesRecord), ("result_step", EndRecord), ("loss", StepRecord))
# Keys that have another name as a property: Python's word, and what an earlier version wrote.
RENAMED = {"from": "from_checkpoint", "left_out": "skipped", "leftOut": "skipped"}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(of(one) for one in value)


# What a property's type lets in; by its text, as Python 3.9 cannot evaluate `float | None`.
CHECKS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: is_number(value) and isinstance(value, int) and 0 <= value < 1 << 53,
    "float": is_number,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "list[float]": lambda value: is_list(value, is_number),
    "list[str]": lambda value: is_list(value, lambda one: isinstance(one, str)),
    "list[list[float]]": lambda value: is_list(value, lambda one: is_list(one, is_number)),
    "list[list[str]]": lambda value: is_list(value, lambda one: is_list(one, lambda word: isinstance(word, str))),
    "Mapping[str, Any]": lambda value: isinstance(value, dict),
    "list[Mapping[str, Any]]": lambda value: is_list(value, lambda one: isinstance(one, dict)),
}


class Metrics:
    """The lines of a run's `metrics.jsonl` in the order in which things happened."""

    records: list[Common]
    """Every line of a kind that this package knows."""
    skipped_lines: int
    """Lines that are damaged, or of a kind that a newer version writes."""

    def __init__(self, records: list[Common], skipped_lines: int) -> None:
        self.records, self.skipped_lines = records, skipped_lines

    @property
    def phases(self) -> list[str]:
        """The phases in the order in which they began."""
        return list(dict.fromkeys(record.phase for record in self.records))

    def of(self, kind: type[Kind], phase: str | None = None) -> list[Kind]:
        """The records of a kind: `metrics.of(StepRecord, "universal")`."""
        return [record for record in self.records if isinstance(record, kind) and phase in (None, record.phase)]

    def columns(self, kind: type[Common], phase: str | None = None) -> dict[str, Column]:
        """The records of a kind as NumPy columns: a record's property or a metric by name, a row for each record.

        Numbers are float64 with NaN where a record has none (`step` int64), texts are texts, a list of numbers is a row of a matrix with
        NaN behind the shorter ones. Other properties, such as the words of experts, have no column.
        """
        records = self.of(kind, phase)
        found: dict[str, Column] = {"step": np.array([record.step for record in records], np.int64)}
        for property in fields(kind):
            if property.name not in ("step", "more", "metrics"):
                column = as_column([getattr(record, property.name) for record in records], str(property.type))
                if column is not None:
                    found[property.name] = column
        means = [record.metrics for record in records if isinstance(record, EvaluationRecord)]
        for name in dict.fromkeys(name for one in means for name in one):
            found[name] = np.array([one.get(name, np.nan) for one in means], np.float64)
        return found


def as_column(values: list[Any], type: str) -> Column | None:
    """The values of a property; None for a type that makes no column."""
    type = type.replace(" | None", "")
    if type in ("int", "float", "bool"):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if type == "str":
        return np.array(["" if value is None else value for value in values], np.str_)
    if type == "list[float]":
        matrix = np.full((len(values), max((len(value or ()) for value in values), default=0)), np.nan)
        for row, value in zip(matrix, values):
            row[:len(value or ())] = value or ()
        return matrix
    return None


def read_record(line: bytes) -> Common | None:
    """A line as a record; None for what is damaged or of a kind that is not known."""
    try:
        found = json_object(line)
    except ValueError:
        return None
    kind = next((kind for key, kind in KINDS if key in found), None)
    if kind is None:
        return None
    values: dict[str, Any] = {}
    more: dict[str, Any] = {}
    types = {property.name: str(property.type).replace(" | None", "") for property in fields(kind)}
    for key, value in found.items():
        name = RENAMED.get(key, key)
        if types.get(name) not in CHECKS:
            more[key] = value
        elif value is not None:
            if not CHECKS[types[name]](value):
                return None
            values[name] = value
    if kind is EvaluationRecord:
        values["metrics"] = {key: float(more.pop(key)) for key, value in list(more.items())
                             if ("@" in key or key == "mrr") and is_number(value)}
    return kind(**values, more=more) if "phase" in values and "step" in values else None


def read_metrics(run: PathLike) -> Metrics:
    """The metrics of a run directory, or of a `metrics.jsonl` itself; a last line that is still being written is left for the next time.

    Throws `InputError` when there is no such file.
    """
    path = pathlib.Path(run)
    if path.is_dir():
        path /= "metrics.jsonl"
        if not path.exists():
            raise InputError(f"{run} has no metrics.jsonl; name the run directory of precise train")
    records, skipped = [], 0
    for _, line in json_lines(path, LONGEST_LINE):
        if not line.endswith(b"\n"):
            break
        record = read_record(line)
        if record is None:
            skipped += 1
        else:
            records.append(record)
    return Metrics(records, skipped)
