"""The folder that daily.py works in: its days, what came of them, which run serves, and what may be removed."""
from __future__ import annotations

import datetime
import json
import os
import pathlib
import shutil
from typing import Any, Iterator, Optional

from steps import Failed

KINDS = ("data", "runs", "exports", "indexes")


class Day:
    """A day's folders."""

    def __init__(self, home: pathlib.Path, name: str) -> None:
        self.home, self.name = home, name

    def folder(self, kind: str) -> pathlib.Path:
        return self.home / kind / self.name

    @property
    def next(self) -> str:
        return (datetime.date.fromisoformat(self.name) + datetime.timedelta(days=1)).isoformat()


class Home:
    """A home with its days."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def day(self, name: str) -> Day:
        return Day(self.path, name)

    def days(self, first: str, last: str) -> Iterator[str]:
        """All days from the first to the last, both included; none where the last is before the first."""
        while first <= last:
            yield first
            first = self.day(first).next

    def record_path(self, name: str) -> pathlib.Path:
        return self.path / "days" / f"{name}.json"

    def done(self) -> list[str]:
        """The days that are done, oldest first."""
        return sorted(path.stem for path in (self.path / "days").glob("*.json") if is_day(path.stem))

    def serves(self, name: str) -> str:
        """The day whose run serves since a day was done: an earlier one where the day's own had lost too much."""
        serves = pathlib.Path(str(read(self.record_path(name)).get("serves", name))).name
        if not is_day(serves):
            raise Failed(f"{self.record_path(name)}: serves names no day's run: {serves}")
        return serves

    def first(self, given: Optional[str], otherwise: str) -> str:
        """The first day of a home where none is done yet: as it was said at the first try, however much later the next one is."""
        path = self.path / "first.json"
        kept = read(path).get("first") if path.exists() else None
        if given is None and kept is not None:
            if not is_day(str(kept)):
                raise Failed(f"{path}: first is no day (YYYY-MM-DD); remove the file, or give --first")
            return kept
        if kept != (first := given or otherwise):
            write(path, {"first": first})
        return first

    def point(self, day: Day, with_index: bool) -> None:
        """Makes `current` the day's, in one step: readers see the old or the new one."""
        link, temporary = self.path / "current", self.path / ".current.part"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(pathlib.Path("served") / day.name)
        served = self.path / "served" / day.name
        served.mkdir(parents=True, exist_ok=True)
        for name, kind, wanted in (("export", "exports", True), ("index", "indexes", with_index)):
            target = served / name
            if not wanted:
                target.unlink(missing_ok=True)
            elif not target.is_symlink():
                target.symlink_to(pathlib.Path("../..") / kind / day.name)
        os.replace(temporary, link)

    def drop_data(self, day: Day) -> None:
        """Removes a day's data set, whole under its name or not there: a part of it would be in the way of the next try."""
        folder = day.folder("data")
        hidden = folder.with_name(f".{day.name}.removed")
        # Of an earlier try that was killed. Refuses links.
        if hidden.exists():
            shutil.rmtree(hidden)
        if folder.is_symlink():
            raise OSError(f"{folder} is a link, which is not removed")
        os.replace(folder, hidden)
        shutil.rmtree(hidden)

    def needed(self, keep: int) -> set[str]:
        """The last days that are done, those whose runs serve for them, and the one that is current."""
        last = self.done()[-keep:]
        needed = {*last, *(self.serves(name) for name in last)}
        current = self.path / "current"
        return needed | {pathlib.Path(os.readlink(current)).name} if current.is_symlink() else needed

    def prune(self, keep: int) -> list[str]:
        """Removes the folders of all days up to the last that are not needed, done or not; returns what stays although it should not.

        Only folders below the home, of a day's name; a link is not followed, nor removed.
        """
        done, needed, left = self.done(), self.needed(keep), []
        for place in (self.path / kind for kind in (*KINDS, "served")):
            if place.is_symlink():
                left.append(f"{place} is a link; what is old in it stays")
                continue
            for entry in sorted(os.scandir(place), key=lambda entry: entry.name) if place.is_dir() else []:
                if not is_day(entry.name) or entry.name in needed or entry.name > done[-1]:
                    continue
                try:
                    # Refuses links.
                    shutil.rmtree(entry.path)
                except OSError as failure:
                    left.append(f"{entry.path} cannot be removed ({failure}); it stays")
        return left


def ranges(days: list[str]) -> str:
    """Days, oldest first, in few words: `2026-10-02 to 2026-10-20, 2026-10-25`."""
    found: list[list[datetime.date]] = []
    for date in map(datetime.date.fromisoformat, days):
        if found and date - found[-1][-1] == datetime.timedelta(days=1):
            found[-1][1:] = [date]
        else:
            found.append([date])
    return ", ".join(" to ".join(map(str, run)) for run in found)


def read(path: pathlib.Path) -> Any:
    """A file's JSON, an object."""
    try:
        with path.open() as file:
            value = json.load(file)
    except ValueError as failure:
        raise Failed(f"{path}: {failure}; set it aside, or repair it") from None
    if not isinstance(value, dict):
        raise Failed(f"{path}: is not an object; set it aside, or repair it")
    return value


def write(path: pathlib.Path, record: Any) -> None:
    """Puts a file in place whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w") as file:
        json.dump(record, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
