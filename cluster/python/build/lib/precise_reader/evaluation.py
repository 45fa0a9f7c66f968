"""`evaluation.json` of a run: the metrics on held-out events, by phase and split; docs/evaluation.md has every part."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .files import InputError, PathLike, read_json

Means = Mapping[str, float]

# Parts of a split that are no metrics of a group of users.
NO_GROUPS = ("baselines", "behaviors", "popularity", "protocol", "scenes", "standard_error")


@dataclass(frozen=True)
class EvaluatedSplit:
    """What was measured of a phase on a split such as `test`."""

    groups: Mapping[str, Means]
    """Means by group of users: `all`, `head`, `mid`, `tail`, `cold`, `unseen`."""
    deciles: Mapping[str, Means]
    """Means by tenths of the trained items, `decile_1` the most popular."""
    scenes: Mapping[str, Means]
    """Means by the held-out event's scene."""
    behaviors: Mapping[str, Means]
    """Means by the held-out event's behavior."""
    standard_errors: Mapping[str, Means]
    """Standard errors of `groups`."""
    baselines: Mapping[str, Mapping[str, Means]]
    """Groups of what needs no training, by name."""
    lists: Means
    """Of the recommended lists: `coverage@10`, `distinct_items@10`, `novelty@10`."""
    protocol: Mapping[str, Any]
    """How it was measured."""
    all_of_it: Mapping[str, Any]
    """The split as it stands in the file."""

    @property
    def all(self) -> Means:
        """Means over all users."""
        return self.groups.get("all", {})


@dataclass(frozen=True)
class Evaluation:
    """All phases and splits of `evaluation.json`."""

    phases: Mapping[str, Mapping[str, EvaluatedSplit]]
    """Splits by phase: `evaluation.phases["universal"]["test"]`."""

    def split(self, phase: str, split: str = "test") -> EvaluatedSplit:
        """A split of a phase. Throws `InputError` when it was not evaluated."""
        try:
            return self.phases[phase][split]
        except KeyError:
            known = ", ".join(f"{phase} {split}" for phase, splits in self.phases.items() for split in splits)
            raise InputError(f"{phase} {split} was not evaluated; there is {known or 'nothing'}") from None


def means(value: Any) -> dict[str, float]:
    """The numbers of a group; lists and texts are none."""
    if not isinstance(value, dict):
        return {}
    return {key: float(one) for key, one in value.items() if isinstance(one, (int, float)) and not isinstance(one, bool)}


def groups(value: Any) -> dict[str, Means]:
    """Groups of users by name."""
    return {name: means(group) for name, group in value.items() if isinstance(group, dict) and name not in NO_GROUPS} \
        if isinstance(value, dict) else {}


def evaluated(split: Mapping[str, Any]) -> EvaluatedSplit:
    baselines, protocol = split.get("baselines"), split.get("protocol")
    return EvaluatedSplit(
        groups=groups(split), deciles=groups(split.get("popularity")), scenes=groups(split.get("scenes")),
        behaviors=groups(split.get("behaviors")), standard_errors=groups(split.get("standard_error")),
        baselines={name: groups(value) for name, value in baselines.items()} if isinstance(baselines, dict) else {},
        lists=means(split), protocol=protocol if isinstance(protocol, dict) else {}, all_of_it=split)


def read_evaluation(run: PathLike) -> Evaluation:
    """The evaluation of a run directory, or of an `evaluation.json` itself.

    Throws `InputError` when there is none, or it is damaged.
    """
    path = pathlib.Path(run)
    if path.is_dir():
        path /= "evaluation.json"
        if not path.exists():
            raise InputError(f"{os.fspath(run)} has no evaluation.json; make one with precise evaluate")
    try:
        return Evaluation({
            phase: {name: evaluated(split) for name, split in splits.items() if isinstance(split, dict)}
            for phase, splits in read_json(path).items() if isinstance(splits, dict)})
    except OverflowError:
        raise InputError(f"{path} has a number that is larger than any metric; evaluate again") from None
