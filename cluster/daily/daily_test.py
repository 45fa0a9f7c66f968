#!/usr/bin/env python3
"""Tests daily.py over ten made-up days: killed, repeated, with a missing day and a bad one. Run by test.sh; PRECISE names the program."""
from __future__ import annotations

import csv
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import daily  # noqa: E402

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


class TenDays(unittest.TestCase):
    """One home that lives through ten days; the tests are its assertions, in the order of the days."""

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
             str(self.raw / "events-{day}.csv"), "--items", str(self.raw / "items.csv"), "--history", str(self.raw / "history.csv"), "--day",
             self.days[last], "--first", self.days[0], "--precise", PRECISE, "--keep", "3", "--train-flags", "--ranks 1", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_until(self, last: int, code: int = 0) -> str:
        process = self.start(last)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, code, errors + output)
        return output + errors

    def record(self, number: int) -> Any:
        return json.loads((self.home / "days" / f"{self.days[number]}.json").read_text())

    def test_1_the_first_day_with_its_history(self) -> None:
        self.give(0)
        self.assertIn("100.0 % used", self.run_until(0))
        record = self.record(0)
        self.assertEqual(record["rows"]["kept"] + record["rows"]["duplicates"], record["rows"]["rows"])
        self.assertTrue((self.home / "current" / "export" / "export.json").exists())
        self.assertTrue((self.home / "current" / "index" / "index.json").exists())
        self.assertIn("done already", self.run_until(0))

    def test_2_a_day_that_is_killed_goes_on(self) -> None:
        self.give(1)
        killed = 0
        for wait in (0.15, 0.5, 0.9):
            process = self.start(1)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL if wait < 0.9 else signal.SIGTERM)
            process.communicate()
            killed += process.returncode != 0
            # A killed script leaves the command that ran alone; wait until it has let go.
            time.sleep(1.5)
            self.assertEqual(os.readlink(self.home / "current").split("/")[-1],
                             self.days[1] if (self.home / "days" / f"{self.days[1]}.json").exists() else self.days[0])
        self.run_until(1)
        self.assertGreater(killed, 0)
        self.assertEqual(self.record(1)["after"], self.days[0])
        self.assertEqual(os.readlink(self.home / "current"), f"served/{self.days[1]}")

    def test_3_days_that_were_missed_are_caught_up(self) -> None:
        # Day 3 has no events at all.
        self.give(2, 4, 5)
        output = self.run_until(5)
        self.assertIn(f"{self.days[3]}: no events", output)
        self.assertEqual(self.record(4)["after"], self.days[2])
        for number in (2, 4, 5):
            record = self.record(number)
            self.assertEqual(record["rows"]["below_minimums"], 0, "new users and items are lost")
            self.assertIn("yesterday", record["metrics"])

    def test_4_two_at_a_time_are_refused(self) -> None:
        self.give(6)
        first = self.start(6)
        time.sleep(0.5)
        second = self.start(6)
        errors = second.communicate()[1]
        self.assertEqual(second.returncode, daily.EXIT_BUSY, errors)
        self.assertIn("another run works", errors)
        first.communicate()
        self.assertEqual(first.returncode, 0)

    def test_5_a_bad_file_leaves_yesterday_serving(self) -> None:
        path = self.raw / f"events-{self.days[7]}.csv"
        path.write_bytes(b"PAR1" + bytes(100))
        output = self.run_until(7, code=65)
        self.assertIn("prepare ended with 65", output)
        self.assertEqual(os.readlink(self.home / "current"), f"served/{self.days[6]}")
        self.give(7)
        self.run_until(7)

    def test_6_the_last_days_and_what_is_kept(self) -> None:
        self.give(8, 9)
        self.run_until(9)
        days = sorted(path.stem for path in (self.home / "days").glob("*.json"))
        self.assertEqual(len(days), DAYS - 1)
        for kind in (*daily.KINDS, "served"):
            kept = sorted(path.name for path in (self.home / kind).iterdir())
            self.assertEqual(kept[-3:], self.days[-3:], kind)
            self.assertLessEqual(len(kept), 4, kind)
        # Every event of every day that was given is in the data set, but for repeats.
        manifest = json.loads((self.home / "data" / self.days[-1] / "manifest.json").read_text())
        with (self.raw / "history.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        rows += [row for number, day in enumerate(self.days) if number != 3 for row in self.files[day]]
        self.assertEqual(manifest["events"], len({tuple(row.values()) for row in rows}))
        self.assertEqual(manifest["users"], len({row["user"] for row in rows}))

    def test_7_what_cannot_be_is_a_usage_error(self) -> None:
        for flags in (["--keep", "1"], ["--events", "raw.csv"], ["--day", "yesterday"], ["--precise", "nothing-of-this-name"]):
            process = self.start(0, *flags)
            self.assertEqual((process.communicate(), process.returncode)[1], 2, flags)


if __name__ == "__main__":
    unittest.main()
