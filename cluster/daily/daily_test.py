#!/usr/bin/env python3
"""Tests daily.py over made-up days: killed, repeated, with a missing day and a bad one. Run by test.sh; PRECISE names the program."""
from __future__ import annotations

import csv
import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import daily  # noqa: E402
import home  # noqa: E402
import steps  # noqa: E402

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


class TenDays(World):
    """Ten days, one after the other."""

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


class Rules(World):
    """What is measured against what, and what is made anew."""

    KILL = "kill -KILL $PPID; exit 1"

    def flags(self) -> list[str]:
        return ["--history", str(self.raw / "history.csv")]

    def served(self, number: int) -> str:
        return pathlib.Path(self.record(number)["serves"]).name

    def test_1_the_first_day_is_kept_until_it_is_done(self) -> None:
        self.give(0, 1)
        self.fault("encode", "exit 70")
        self.run_until(0, code=70)
        # The calendar has moved on: both days are due, in the same call.
        self.run_until(1)
        self.assertEqual(self.record(0)["after"], None)
        self.assertEqual(self.record(1)["after"], self.days[0])

    def test_2_measured_against_what_serves_however_long_ago(self) -> None:
        self.give(2, 3, 4, 5)
        # Every new model has lost more than that: day 1 goes on serving.
        output = self.run_until(5, "--tolerance", "-20")
        self.assertIn(f"runs/{self.days[1]} goes on serving", output)
        for number in (2, 3, 4, 5):
            self.assertEqual(self.served(number), self.days[1])
            self.assertEqual(self.record(number)["after"], self.days[number - 1])
            self.assertEqual(self.record(number)["from"], self.days[1])
            commands = self.log(number)
            train = next(line for line in commands if line.startswith("train"))
            self.assertIn(f"--from {self.home}/runs/{self.days[1]} ", train)
            against = [line for line in commands if line.startswith(f"evaluate {self.home}/runs/{self.days[1]} ")]
            self.assertIn(f"--data {self.home}/data/{self.days[number]} --trained-on {self.home}/data/{self.days[1]} ", against[0])
        # It stays longer than --keep, with its data set.
        for kind in ("runs", "data"):
            self.assertEqual(sorted(os.listdir(self.home / kind)), [self.days[number] for number in (1, 3, 4, 5)])

    def test_3_export_and_index_are_of_one_model(self) -> None:
        self.give(6)
        self.fault("index", self.KILL)
        self.run_until(6, "--tolerance", "-20", code=-signal.SIGKILL)
        folder = self.home / "exports" / self.days[6]
        self.assertEqual(pathlib.Path(json.loads((folder / "export.json").read_text())["run"]).name, self.days[1])
        self.run_until(6, "--tolerance", "20")
        self.assertEqual(self.served(6), self.days[6])
        for place in (folder / "export.json", self.home / "indexes" / self.days[6] / "index.json"):
            self.assertEqual(pathlib.Path(json.loads(place.read_text())["run"]).name, self.days[6])

    def test_4_a_training_that_ended_is_not_trained_again(self) -> None:
        self.give(7)
        self.fault("evaluate", self.KILL)
        self.run_until(7, code=-signal.SIGKILL)
        before, data = self.steps_of(7), self.home / "data" / self.days[7]
        self.assertGreater(max(before), 0)
        # As if encode had been killed before its last file.
        (data / "encode.json").unlink()
        self.fault("train", self.KILL)
        self.run_until(7, code=-signal.SIGKILL)
        self.assertTrue((data / "encode.json").exists())
        self.fault("index", self.KILL)
        self.run_until(7, code=-signal.SIGKILL)
        self.assertEqual(self.steps_of(7), before)
        # What is there is of the choice, and stays.
        self.run_until(7)
        self.assertEqual(sum(line.startswith("export") for line in self.log(7)), 1)

    def test_5_a_signal_waits_for_the_end_of_what_cannot_save_and_is_not_lost(self) -> None:
        self.give(8, 9)
        self.fault("index", "kill -USR1 $PPID; sleep 0.3")
        output = self.run_until(9, code=daily.EXIT_BUSY)
        self.assertIn("stopped; run it again", output)
        self.assertEqual(self.record(8)["day"], self.days[8])
        self.assertFalse((self.home / "data" / self.days[9]).exists())

    def test_6_phases(self) -> None:
        scene = json.loads((self.home / "data" / self.days[8] / "manifest.json").read_text())["scenes"][0]["name"]
        with (self.folder / "daily.yaml").open("w") as file:
            file.write(CONFIG.replace("targeted: []", f"targeted: [{{name: late, scene: {scene}, epochs: 1}}]"))
        output = self.run_until(9, "--phase", "lat", code=64)
        self.assertIn("--phase lat: the day's run has no such phase that was measured; it has universal, late", output)
        # The model before has no such phase: the last that both have is compared, and serves.
        self.run_until(9)
        self.assertEqual({found["phase"] for found in self.record(9)["metrics"].values()}, {"universal"})
        self.assertEqual(json.loads((self.home / "current" / "export" / "export.json").read_text())["phase"], "universal")

    def test_7_a_day_is_a_folder(self) -> None:
        place, home = self.raw / "by-day", self.folder / "other"
        for number in (0, 1):
            folder = place / f"day={self.days[number]}.csv"
            folder.mkdir(parents=True)
            rows = self.files[self.days[number]]
            self.write(folder / "a.csv", rows[::2])
            self.write(folder / "b.csv", rows[1::2])
        output = self.run_until(1, "--home", str(home), "--events", str(place / "day={day}.csv"), "--first", self.days[0], "--no-index")
        self.assertEqual(output.count("100.0 % used"), 2, output)
        self.assertEqual(os.listdir(home / "current" / ""), ["export"])


class Choosing(unittest.TestCase):
    """The phase that is compared."""

    def test_the_last_that_both_have(self) -> None:
        today, yesterday = {"universal": {}, "shop": {}, "new": {}}, {"universal": {}, "gone": {}, "shop": {}}
        self.assertEqual(daily.phase_of(today, yesterday, None), "shop")
        self.assertEqual(daily.phase_of(today, yesterday, "universal"), "universal")
        self.assertEqual(daily.phase_of(today, yesterday, "new"), "new")
        self.assertEqual(daily.phase_of(today, {"gone": {}}, None), "new")
        with self.assertRaisesRegex(daily.Failed, "it has universal, shop, new") as failure:
            daily.phase_of(today, yesterday, "gone")
        self.assertEqual(failure.exception.status, 64)

    def test_a_phase_that_nobody_was_measured_by_is_none(self) -> None:
        text = json.dumps({"universal": {"validation": {"all": {"ndcg@10": 0.5, "users": 3}, "protocol": {"checkpoint": "universal, step 12"}}},
                           "shop": {"validation": {"all": {"users": 0}}}})
        self.assertEqual(daily.measured(text, "validation"), {"universal": {"phase": "universal", "step": 12, "ndcg@10": 0.5, "users": 3}})


class Stopping(unittest.TestCase):
    """Which signals a command gets."""

    def sent(self, *numbers: int, saves: bool = False, launched: bool = False) -> list[int]:
        stop = steps.Stop()
        stop.take(numbers[0], None)
        stop.child, stop.saves, stop.launched = unittest.mock.Mock(), saves, launched
        # The first one came before the command was there.
        stop.pass_on()
        for number in numbers[1:]:
            stop.take(number, None)
        self.assertTrue(stop.asked)
        return [call.args[0] for call in stop.child.send_signal.call_args_list]

    def test_what_each_gets(self) -> None:
        term, user = signal.SIGTERM, signal.SIGUSR1
        self.assertEqual(self.sent(user, term), [term])
        self.assertEqual(self.sent(user, saves=True), [user])
        self.assertEqual(self.sent(term, term, saves=True), [term, term])
        self.assertEqual(self.sent(term, term, saves=True, launched=True), [user, term])


class Pruning(unittest.TestCase):
    """What stays, by the folders' names."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.outside = pathlib.Path(temporary.name) / "outside"
        (self.outside / "2026-01-01").mkdir(parents=True)
        self.home = home.Home(pathlib.Path(temporary.name) / "home")
        # Day 3 was withdrawn before it was done; day 7 is not done yet.
        for number in range(1, 8):
            (self.home.path / "runs" / f"2026-01-0{number}").mkdir(parents=True)
            if number not in (3, 7):
                home.write(self.home.record_path(f"2026-01-0{number}"), {"serves": f"h/runs/2026-01-0{2 if number > 4 else number}"})
        (self.home.path / "runs" / "mine").mkdir()

    def runs(self) -> list[str]:
        return sorted(os.listdir(self.home.path / "runs"))

    def test_withdrawn_days_go_and_what_serves_stays(self) -> None:
        self.assertEqual(self.home.prune(2), [])
        self.assertEqual(self.runs(), ["2026-01-02", "2026-01-05", "2026-01-06", "2026-01-07", "mine"])

    def test_links_are_not_followed(self) -> None:
        (self.home.path / "data").symlink_to(self.outside)
        (self.home.path / "exports").mkdir()
        (self.home.path / "exports" / "2026-01-01").symlink_to(self.outside)
        self.assertEqual(len(self.home.prune(2)), 2)
        self.assertTrue((self.outside / "2026-01-01").is_dir())

    def test_what_cannot_be_removed_is_said(self) -> None:
        remove = home.shutil.rmtree

        def refuse(path: str) -> None:
            if path.endswith("2026-01-01"):
                raise PermissionError(13, "Permission denied", path)
            remove(path)

        with unittest.mock.patch.object(home.shutil, "rmtree", refuse):
            left = self.home.prune(2)
        self.assertEqual(len(left), 1)
        self.assertIn("Permission denied", left[0])
        self.assertEqual(self.runs()[:2], ["2026-01-01", "2026-01-02"])
        self.assertNotIn("2026-01-03", self.runs())


if __name__ == "__main__":
    unittest.main()
