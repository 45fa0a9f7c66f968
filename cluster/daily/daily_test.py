#!/usr/bin/env python3
"""Tests daily.py over made-up days: killed, repeated, with a missing day and a bad one. Run by test.sh; PRECISE names the program."""
from __future__ import annotations

import csv
import json
import os
import pathlib
import signal
import tempfile
import time
import unittest
import unittest.mock

import daily
import home
import steps
from world import CONFIG, DAYS, World


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
        began, go = self.folder / "began", self.folder / "go"
        # The first one is at work, for as long as the second one needs.
        self.fault("prepare", f"touch '{began}'; until [ -e '{go}' ]; do sleep 0.02; done")
        first = self.start(6)
        self.addCleanup(first.kill)
        self.addCleanup(go.touch)
        while not began.exists():
            self.assertIsNone(first.poll())
            time.sleep(0.02)
        second = self.start(6)
        errors = second.communicate()[1]
        self.assertEqual(second.returncode, daily.EXIT_BUSY, errors)
        self.assertIn("another run works", errors)
        go.touch()
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
            self.assertIn("error: ", self.run_until(0, *flags, code=64))


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
