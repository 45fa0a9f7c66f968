#!/usr/bin/env python3
"""Tests what daily.py says of a day's input: files of another day, no files, late ones. Run by test.sh; PRECISE names the program."""
from __future__ import annotations

import json
import os
import pathlib
import tempfile
import unittest

import home
import outcome
from steps import EXIT_INPUT, EXIT_USAGE, Failed
from world import World


class Input(World):
    """Days whose input is not as it should be, one after the other."""

    def events(self, number: int) -> pathlib.Path:
        return self.raw / f"events-{self.days[number]}.csv"

    def commands(self) -> list[str]:
        """The logs of the days that a command was run for."""
        return sorted(os.listdir(self.home / "logs")) if (self.home / "logs").exists() else []

    def test_1_what_is_missing_is_said_before_any_command(self) -> None:
        output = self.run_until(0, "--config", "no.yaml", code=EXIT_USAGE)
        self.assertIn("error: --config no.yaml: there is no such file", output)
        self.assertFalse(self.home.exists())
        self.flags = lambda: []  # type: ignore[method-assign]
        output = self.run_until(0, code=EXIT_USAGE)
        self.assertEqual(output, f"error: there are no events for {self.days[0]} ({self.events(0)}); give --first or --history\n")
        self.assertEqual(self.commands(), [])

    def test_2_none_of_the_rows_is_new(self) -> None:
        self.give(0)
        self.run_until(0)
        self.write(self.events(1), self.files[self.days[0]])
        # It is found too where an earlier try was killed right after prepare.
        for fault in (None, "kill -KILL $PPID; exit 1"):
            if fault:
                self.write(self.events(1), self.files[self.days[1]])
                self.fault("encode", fault)
                self.run_until(1, code=-9)
                place = self.home / "data" / self.days[1] / "manifest.json"
                manifest = json.loads(place.read_text())
                rows = manifest["counts"]["new_rows"]
                rows.update(kept=0, kept_share=0, duplicates=rows["rows"])
                place.write_text(json.dumps(manifest))
            output = self.run_until(1, code=EXIT_INPUT)
            self.assertRegex(output, rf"error: {self.events(1)}: none of its [\d,]+ rows is new: is it another day's file\? Replace it")
            self.assertEqual(os.listdir(self.home / "data"), [self.days[0]])
            self.assertEqual(os.listdir(self.home / "runs"), [self.days[0]])
            self.assertEqual(os.readlink(self.home / "current"), f"served/{self.days[0]}")
        self.give(1)
        self.assertNotIn("warning", self.run_until(1))
        self.assertEqual(self.record(1)["rows"]["later"], 0)

    def test_3_days_without_events_are_named_once(self) -> None:
        self.give(4)
        output = self.run_until(6)
        self.assertIn(f"{self.days[2]} to {self.days[3]}: no events; passed over\n", output)
        self.assertIn(f"{self.days[5]} to {self.days[6]}: no events yet ({self.raw}/events-{{day}}.csv)\n", output)
        output = self.run_until(6)
        self.assertEqual(output, f"{self.days[5]} to {self.days[6]}: no events yet ({self.raw}/events-{{day}}.csv)\n"
                                 f"done already: {self.days[4]} is the last day\n")

    def test_4_files_that_came_too_late_are_named_at_each_call(self) -> None:
        self.give(3)
        for _ in range(2):
            self.assertIn(f"1 file of a day before the last one lies unread: {self.days[3]}; docs/daily.md\n", self.run_until(4))
        self.give(2)
        self.assertIn(f"2 files of days before the last one lie unread: {self.days[2]} to {self.days[3]}; docs/daily.md\n", self.run_until(4))

    def test_5_less_than_half_is_used_and_events_are_later(self) -> None:
        late, known = self.files[self.days[9]], self.files[self.days[4]]
        self.write(self.events(5), late + 2 * known)
        output = self.run_until(5)
        rows = self.record(5)["rows"]
        self.assertEqual(rows["later"], len({tuple(row.values()) for row in late}))
        self.assertIn(f"warning: {self.days[5]}: {rows['later']} events of the data set are later than the day", output)
        rest = f"{rows['kept']} of {rows['rows']} rows were used; the others: {rows['duplicates']} duplicates"
        self.assertIn(f"warning: {self.days[5]}: {rest}\n", output)

    def test_6_nothing_was_learned(self) -> None:
        self.give(6)
        still = " ".join(f"--set optimizer.{name}=1e-12" for name in ("learning_rate", "id_learning_rate", "token_learning_rate"))
        output = self.run_until(6, "--train-flags", f"--ranks 1 {still}")
        self.assertIn(", nothing was learned, index", output)
        self.assertEqual((self.record(6)["learned"], self.record(6)["not_learned"]), (False, ["universal"]))
        self.assertEqual((self.record(0)["learned"], self.record(0)["not_learned"]), (True, []))


class Words(unittest.TestCase):
    """What is said of rows, days and phases."""

    ROWS = {"rows": 282, "kept": 0, "kept_share": 0.0, "duplicates": 280, "bad": 2, "too_old": 0, "below_minimums": None, "later": None}

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def test_rows(self) -> None:
        with self.assertRaisesRegex(Failed, r"a\.csv: none of its 282 rows was used \(280 duplicates, 2 unreadable\): is it another day's"):
            outcome.check(self.ROWS, "a.csv")
        outcome.check(self.ROWS | {"kept": 1}, "a.csv")
        outcome.check(self.ROWS | {"rows": None, "kept": None}, "a.csv")
        day = home.Day(self.folder, "2026-10-30")
        self.assertEqual(len(outcome.warnings(self.ROWS | {"kept_share": 0.49, "later": 1}, day)), 2)
        self.assertEqual(outcome.warnings(self.ROWS | {"kept_share": 0.5, "later": 0}, day), [])
        self.assertEqual(outcome.warnings(self.ROWS | {"kept_share": None}, day), [])

    def test_later_than_the_day(self) -> None:
        day = home.Day(self.folder, "2026-10-30")
        manifest = {"preparation": {"split": "time:2026-10-31"}, "split": {"test": 3, "unused": 9}, "audit": {"events_after_cut_unused": 4}}
        self.assertEqual(outcome.later(manifest, day), 7)
        # By a cut of somebody's own it cannot be told.
        self.assertIsNone(outcome.later(manifest | {"preparation": {"split": "leave-one-out"}}, day))

    def test_ranges(self) -> None:
        self.assertEqual(home.ranges(["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-03", "2026-12-31", "2027-01-01"]),
                         "2026-02-27 to 2026-03-01, 2026-03-03, 2026-12-31 to 2027-01-01")

    def test_the_last_end_of_each_phase(self) -> None:
        lines = [{"phase": "universal", "step": 9, "end": "finished", "result_step": 9}, {"phase": "like", "step": 3, "loss": 1.0},
                 {"phase": "universal", "step": 9, "end": "finished", "result_step": 0},
                 {"phase": "like", "step": 4, "end": "patience", "result_step": 4}]
        path = self.folder / "metrics.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"phase": "late", "result_step": ')
        self.assertEqual(outcome.learned(self.folder), {"learned": True, "not_learned": ["universal"]})
        path.write_text(json.dumps(lines[2]) + "\n")
        self.assertEqual(outcome.learned(self.folder), {"learned": False, "not_learned": ["universal"]})
        path.write_text(json.dumps(lines[1]) + "\n")
        self.assertEqual(outcome.learned(self.folder), {"learned": None, "not_learned": []})

    def test_a_data_set_is_removed_whole_and_links_are_not(self) -> None:
        place, day = home.Home(self.folder), home.Day(self.folder, "2026-10-30")
        for name in (".2026-10-30.removed", "2026-10-30", "mine"):
            (self.folder / "data" / name / "shards").mkdir(parents=True)
        place.drop_data(day)
        self.assertEqual(os.listdir(self.folder / "data"), ["mine"])
        day.folder("data").symlink_to(self.folder / "data" / "mine")
        with self.assertRaisesRegex(OSError, "is a link"):
            place.drop_data(day)
        self.assertTrue((self.folder / "data" / "mine" / "shards").is_dir())


if __name__ == "__main__":
    unittest.main()
