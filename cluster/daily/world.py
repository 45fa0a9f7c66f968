"""Days of made-up events for the tests of daily.py: a home, files of days, and a program in which something may happen. PRECISE names it."""
from __future__ import annotations

import csv
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
PRECISE = os.environ.get("PRECISE", "precise")
DAYS = 10
CONFIG = """
model: {id_dim: 16, semantic_dim: 16, experts: 2, active_experts: 2, layers: 1, heads: 2, length: 16}
batch: {users: 64}
universal: {epochs: 2, negatives: 256}
targeted: []
log: {tensorboard: false}
"""


def sh(*arguments: Any) -> str:
    return subprocess.run(list(map(str, arguments)), check=True, capture_output=True, text=True).stdout


# Does what the file `fault-COMMAND` says, once, then runs the program; the parent is daily.py.
STAND_IN = """#!/bin/bash
fault="${0%/*}/fault-$1"
if [ -e "$fault" ]; then mv "$fault" "$fault.was"; . "$fault.was"; fi
exec "$REAL" "$@"
"""


class World(unittest.TestCase):
    """Days of made-up events, and a home; the tests of a class are of one home, in the order of the days."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        raw = cls.folder / "raw"
        sh(PRECISE, "synth", "--out", raw, "--kind", "growing", "--users", 700, "--items", 500, "--events", 12, "--days", 40, "--quiet")
        with (raw / "interactions.csv").open(newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: float(row["timestamp"]))
        cls.header = list(rows[0])
        dates = [datetime.datetime.fromtimestamp(float(row["timestamp"]), datetime.timezone.utc).date() for row in rows]
        last = dates[-1] - datetime.timedelta(days=1)
        cls.days = [(last - datetime.timedelta(days=DAYS - 1 - index)).isoformat() for index in range(DAYS)]
        cls.files = {day: [row for row, date in zip(rows, dates) if date.isoformat() == day] for day in cls.days}
        cls.write(raw / "history.csv", [row for row, date in zip(rows, dates) if date.isoformat() < cls.days[0]])
        (cls.folder / "daily.yaml").write_text(CONFIG)
        (cls.folder / "precise").write_text(STAND_IN)
        (cls.folder / "precise").chmod(0o755)
        cls.raw, cls.home = raw, cls.folder / "home"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    @classmethod
    def write(cls, path: pathlib.Path, rows: list[dict[str, str]]) -> None:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, cls.header)
            writer.writeheader()
            writer.writerows(rows)

    def give(self, *numbers: int) -> None:
        """Puts the events of some days where the script looks for them."""
        for number in numbers:
            self.write(self.raw / f"events-{self.days[number]}.csv", self.files[self.days[number]])

    def start(self, last: int, *flags: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(HERE / "daily.py"), "--home", str(self.home), "--config", str(self.folder / "daily.yaml"), "--events",
             str(self.raw / "events-{day}.csv"), "--items", str(self.raw / "items.csv"), "--day", self.days[last],
             "--precise", str(self.folder / "precise"), "--keep", "3", "--train-flags", "--ranks 1", *self.flags(), *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"REAL": shutil.which(PRECISE) or PRECISE})

    def flags(self) -> list[str]:
        return ["--history", str(self.raw / "history.csv"), "--first", self.days[0]]

    def fault(self, command: str, action: str) -> None:
        """Something happens, once, when a command starts."""
        (self.folder / f"fault-{command}").write_text(action + "\n")

    def run_until(self, last: int, *flags: str, code: int = 0) -> str:
        process = self.start(last, *flags)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, code, errors + output)
        return output + errors

    def record(self, number: int) -> Any:
        return json.loads((self.home / "days" / f"{self.days[number]}.json").read_text())

    def log(self, number: int) -> list[str]:
        """The commands of a day, without the program."""
        lines = (self.home / "logs" / f"{self.days[number]}.log").read_text().splitlines()
        return [line.split(" ", 2)[2] for line in lines if line.startswith("$ ")]

    def steps_of(self, number: int) -> list[int]:
        """The steps that a day's training has recorded a loss or an end of."""
        lines = (self.home / "runs" / self.days[number] / "metrics.jsonl").read_text().splitlines()
        return [record["step"] for record in map(json.loads, lines) if "step" in record]
