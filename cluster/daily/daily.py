#!/usr/bin/env python3
"""A day of a recommender that goes on: prepare --append, encode, train --from, evaluate, export, index; safe to run again.

    cluster/daily/daily.py --home recsys --config daily.yaml --events 'raw/events-{day}.csv.gz' --items raw/items.csv.gz

Takes every day after the last that was done, up to --day (default: yesterday, UTC), whose events are there. Each day has folders of its
own below the home, and days/DAY.json says what came of it. `current` points at the day that serves; it moves only when all of a day
is done. What was done is not done again, and what was cut off goes on: run it from cron as often as you like. Needs Python 3.9 and nothing else.
"""
from __future__ import annotations

import argparse
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import re
import shutil
import sys
import time
from typing import Any, NoReturn, Optional

from home import KINDS, Day, Home, is_day, ranges, read, write
from outcome import check, learned, rows_of, warnings
from steps import EXIT_BUSY, EXIT_USAGE, Failed, Steps, Stop


@dataclasses.dataclass(frozen=True)
class Choice:
    """The model that serves a day: a run, its phase and its step."""

    run: Day
    phase: str
    step: Optional[int]


def measured(text: str, split: str) -> dict[str, dict[str, Any]]:
    """What `evaluate --json` says of all users, by phase, in the order of training; with the step it is of."""
    found = {}
    for phase, splits in json.loads(text).items():
        entry = splits.get(split, {})
        bucket = entry.get("all", {})
        if "ndcg@10" not in bucket:
            continue
        step = re.search(r"step (\d+)$", entry.get("protocol", {}).get("checkpoint", ""))
        found[phase] = {"phase": phase, "step": int(step[1]) if step else None,
                        **{key: bucket[key] for key in ("recall@10", "ndcg@10", "mrr", "users") if key in bucket}}
    return found


def phase_of(today: dict[str, Any], yesterday: dict[str, Any], wanted: Optional[str]) -> str:
    """The phase that serves, and is compared: the one that is wanted, or the last of today's that yesterday's model has too."""
    if not today:
        raise Failed("the day's run has no phase that was measured: nobody has a held-out event")
    if wanted is not None and wanted not in today:
        raise Failed(f"--phase {wanted}: the day's run has no such phase that was measured; it has {', '.join(today)}", EXIT_USAGE)
    common = [phase for phase in today if phase in yesterday]
    return wanted or (common or list(today))[-1]


class Daily:
    """The days of a home, one after the other.

    A day's data set is appended to the `last` day's. Its model goes on from the run that serves, and is measured against that one: it is
    of the day `before`, an earlier one than `last` where last's own run was not good enough.
    """

    def __init__(self, options: argparse.Namespace, stop: Stop) -> None:
        self.options, self.stop = options, stop
        self.home = Home(pathlib.Path(options.home))

    def events(self, day: str) -> pathlib.Path:
        return pathlib.Path(self.options.events.replace("{day}", day))

    def due(self) -> list[str]:
        """Days to be done, oldest first: those behind the last one, or from the first one on, that have events."""
        done, end = self.home.done(), self.options.day
        begin = self.home.day(done[-1]).next if done else self.home.first(self.options.first, end)
        span = list(self.home.days(begin, end))
        days = [day for day in span if self.events(day).exists()]
        if not done and span and begin not in days:
            if not self.options.history:
                raise Failed(f"there are no events for {begin} ({self.events(begin)}); give --first or --history", EXIT_USAGE)
            say(f"{begin}: no events ({self.events(begin)}); begins with the history alone")
            days.insert(0, begin)
        if done:
            self.say_unread(done)
        missing = [day for day in span if day not in days]
        # A day is passed over by a later one; until then its events may come.
        if passed := [day for day in missing if days and day < days[-1]]:
            say(f"{ranges(passed)}: no events; passed over")
        if open_yet := missing[len(passed):]:
            say(f"{ranges(open_yet)}: no events yet ({self.options.events})")
        if not days:
            say(f"done already: {done[-1]} is the last day" if done else f"nothing to do: the first day is {begin}, the last to do {end}")
        return days

    def say_unread(self, done: list[str]) -> None:
        """Names the days that were passed over and have events now."""
        known = set(done)
        if late := [day for day in self.home.days(done[0], done[-1]) if day not in known and self.events(day).exists()]:
            what = "1 file of a day before the last one lies" if len(late) == 1 else f"{len(late)} files of days before the last one lie"
            say(f"{what} unread: {ranges(late)}; docs/daily.md")

    def inputs(self, day: Day, last: Optional[Day]) -> list[Any]:
        """The files of a day's events; the history comes before the first one's."""
        events = self.events(day.name)
        return [*(self.options.history if last is None else []), *([events] if events.exists() else [])]

    def prepare(self, steps: Steps, day: Day, last: Optional[Day]) -> None:
        data = day.folder("data")
        if (data / "manifest.json").exists():
            return
        arguments: list[Any] = ["--interactions", *self.inputs(day, last)]
        if self.options.items:
            arguments += ["--items", *self.options.items]
        if last is not None:
            arguments += ["--append", last.folder("data")]
        # Trains on all of the day but each user's last event.
        steps.run("prepare", *arguments, "--out", data, "--split", f"time:{day.next}", "--min-user-events",
                  self.options.min_user_events, "--min-item-events", self.options.min_item_events, *self.options.prepare)

    def account(self, day: Day, last: Optional[Day]) -> dict[str, Any]:
        """Where the day's rows went; ends a day that has no new row, and takes its data set away."""
        rows = rows_of(day)
        try:
            check(rows, " and ".join(map(str, self.inputs(day, last))))
        except Failed as failure:
            try:
                self.home.drop_data(day)
            except OSError as reason:
                raise Failed(f"{failure}; its data set cannot be removed: {reason}", failure.status) from None
            raise
        for sentence in warnings(rows, day):
            print(f"warning: {sentence}", file=sys.stderr, flush=True)
        return rows

    def encode(self, steps: Steps, day: Day) -> None:
        # The last file that encode writes.
        if not (day.folder("data") / "encode.json").exists():
            steps.run("encode", day.folder("data"), *self.options.encode)

    def train(self, steps: Steps, day: Day, before: Optional[Day]) -> None:
        start = [] if before is None else ["--from", before.folder("runs")]
        steps.run("train", "--config", self.options.config, "--data", day.folder("data"), "--out", day.folder("runs"), *start,
                  "--resume", *self.options.train, ranks=True)

    def evaluate(self, steps: Steps, day: Day, before: Optional[Day]) -> dict[str, Any]:
        """One phase of the day's model and of the one that serves, on the same held-out events: those of the day's data set."""
        common = ["--split", "validation", "--json", "--no-baselines"]
        today, yesterday = measured(steps.run("evaluate", day.folder("runs"), *common), "validation"), {}
        phase_of(today, {}, self.options.phase)
        if before is not None:
            yesterday = measured(steps.run("evaluate", before.folder("runs"), *self.sources(day, before), *common), "validation")
        phase = phase_of(today, yesterday, self.options.phase)
        if before is not None and phase not in yesterday:
            say(f"{day.name}: {before.folder('runs')}, which serves, has no phase {phase} to compare with; the new model takes its place")
        return {name: phases[phase] for name, phases in (("today", today), ("yesterday", yesterday)) if phase in phases}

    def sources(self, day: Day, run: Day) -> list[Any]:
        """The data sets, for a command about a run on a day's data."""
        return [] if run.name == day.name else ["--data", day.folder("data"), "--trained-on", run.folder("data")]

    def choose(self, day: Day, before: Optional[Day], record: dict[str, Any]) -> Choice:
        """The day's model; the one that serves where the new one has lost more than it may."""
        today, yesterday = record["metrics"]["today"], record["metrics"].get("yesterday")
        if before is None or yesterday is None or today["ndcg@10"] >= yesterday["ndcg@10"] * (1 - self.options.tolerance):
            return Choice(day, today["phase"], today["step"])
        say(f"{day.name}: NDCG@10 fell from {yesterday['ndcg@10']:.4f} to {today['ndcg@10']:.4f}: "
            f"{before.folder('runs')} goes on serving, on today's data")
        return Choice(before, yesterday["phase"], yesterday["step"])

    def make(self, steps: Steps, day: Day, choice: Choice, command: str, folder: pathlib.Path, *flags: Any) -> None:
        """Exports or indexes the model, unless what is there is of it, on the same data."""
        marker = folder / f"{command}.json"
        if marker.exists():
            made, checksum = read(marker), read(day.folder("data") / "manifest.json").get("checksum")
            found = (pathlib.Path(str(made.get("run"))).name, made.get("phase"), made.get("step"), made.get("dataset_checksum"))
            if found == (choice.run.name, choice.phase, choice.step, checksum):
                return
        steps.run(command, choice.run.folder("runs"), *self.sources(day, choice.run), "--phase", choice.phase, "--out", folder,
                  *(["--overwrite"] if marker.exists() else []), *flags)

    def serve(self, steps: Steps, day: Day, choice: Choice, record: dict[str, Any]) -> None:
        self.make(steps, day, choice, "export", day.folder("exports"), *self.options.export)
        if self.options.index:
            self.make(steps, day, choice, "index", day.folder("indexes"))
            index = read(day.folder("indexes") / "index.json")
            record["index"] = {key: index.get(key) for key in ("recall", "recall_at", "queries_per_second")}

    def run_day(self, name: str) -> None:
        start, done = time.monotonic(), self.home.done()
        day, last = self.home.day(name), self.home.day(done[-1]) if done else None
        before = self.home.day(self.home.serves(done[-1])) if done else None
        for kind in ("logs", *KINDS):
            (self.home.path / kind).mkdir(exist_ok=True)
        steps = Steps(self.options.precise, self.options.launcher.split(), self.home.path / "logs" / f"{name}.log", self.stop)
        record: dict[str, Any] = {"day": name, "after": last and last.name, "from": before and before.name}
        seconds: dict[str, float] = {}

        def timed(step: str, action: Any) -> Any:
            begin = time.monotonic()
            result = action()
            seconds[step] = round(time.monotonic() - begin, 2)
            return result

        timed("prepare", lambda: self.prepare(steps, day, last))
        record["rows"] = self.account(day, last)
        timed("encode", lambda: self.encode(steps, day))
        timed("train", lambda: self.train(steps, day, before))
        record.update(learned(day.folder("runs")))
        record["metrics"] = timed("evaluate", lambda: self.evaluate(steps, day, before))
        choice = self.choose(day, before, record)
        record["serves"] = str(choice.run.folder("runs"))
        timed("export_and_index", lambda: self.serve(steps, day, choice, record))
        self.home.point(day, self.options.index)
        record["seconds"] = {**seconds, "all": round(time.monotonic() - start, 2)}
        write(self.home.record_path(name), record)
        say(line(record))
        for sentence in self.home.prune(self.options.keep):
            say(sentence)

    def run(self) -> None:
        for name in self.due():
            self.stop.check()
            self.run_day(name)


def line(record: dict[str, Any]) -> str:
    """A day in a line."""
    rows, today, yesterday = record["rows"], record["metrics"]["today"], record["metrics"].get("yesterday")
    used = "of unknown use" if rows["kept_share"] is None else f"{100 * rows['kept_share']:.1f} % used"
    lost = f" ({rows['below_minimums']:,} below the minimums)" if rows["below_minimums"] else ""
    against = f" (yesterday's model {yesterday['ndcg@10']:.4f})" if yesterday else ""
    unlearned = f", nothing was learned{'' if record['learned'] is False else ' in ' + ', '.join(kept)}" if (kept := record["not_learned"]) else ""
    index = f", index recall@{record['index']['recall_at']} {record['index']['recall']:.3f}" if record.get("index", {}).get("recall") else ""
    return (f"{record['day']}: {rows['rows'] or 0:,} rows, {used}{lost}; {rows['users']:,} users, {rows['items']:,} items; "
            f"{today['phase']} NDCG@10 {today['ndcg@10']:.4f}{against}{unlearned}{index}; {record['seconds']['all']:.0f} s")


def say(text: str) -> None:
    print(text, flush=True)


def day(text: str) -> str:
    if not is_day(text):
        raise argparse.ArgumentTypeError(f"a day is YYYY-MM-DD, not {text}")
    return text


class Parser(argparse.ArgumentParser):
    """Ends wrong usage with the program's own status."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"error: {message}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n", 1)[1],
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    yesterday = (datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)).isoformat()
    parser.add_argument("--home", required=True, help="the folder of all days; made when missing")
    parser.add_argument("--config", required=True, help="the configuration that every day is trained by")
    parser.add_argument("--events", required=True, help="a day's events, a file or folder with {day} in its name, complete when it is there")
    parser.add_argument("--items", action="append", default=[], help="the items file, as it is now; may be given again")
    parser.add_argument("--history", action="append", default=[], help="events before the first day; may be given again")
    parser.add_argument("--day", type=day, default=yesterday, help="the last day to do; default: yesterday, UTC")
    parser.add_argument("--first", type=day, help="the first day of a new home; default: --day at the first try, which the home keeps")
    parser.add_argument("--keep", type=int, default=7, help="days whose folders stay, 2 or more")
    parser.add_argument("--phase", help="the phase that serves; default: the last that the model before has too")
    parser.add_argument("--tolerance", type=float, default=0.05, help="NDCG@10 that a new model may lose against the one that serves, as a share")
    parser.add_argument("--min-user-events", type=int, default=1, help="for new users; 1 loses none")
    parser.add_argument("--min-item-events", type=int, default=1, help="for new items; 1 loses none")
    parser.add_argument("--no-index", dest="index", action="store_false", help="build no index")
    parser.add_argument("--launcher", default="", help="before the training, such as 'mpirun -n 16 --hostfile hosts'")
    parser.add_argument("--precise", default=os.environ.get("PRECISE", "precise"), help="the program")
    for command in ("prepare", "encode", "train", "export"):
        parser.add_argument(f"--{command}-flags", dest=command, default="", type=str.split, metavar="FLAGS",
                            help=f"further flags of precise {command}, as one word")
    options = parser.parse_args(arguments)
    if options.keep < 2:
        parser.error("--keep must be 2 or more: a day begins with the one before")
    if "{day}" not in options.events:
        parser.error("--events needs {day} in its name, such as raw/events-{day}.csv.gz")
    if not os.path.isfile(options.config):
        parser.error(f"--config {options.config}: there is no such file")
    if shutil.which(options.precise) is None:
        parser.error(f"{options.precise} is no program here; give it with --precise")
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    home = pathlib.Path(options.home)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "daily.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"error: another run works in {home}; wait for it", file=sys.stderr)
            return EXIT_BUSY
        stop = Stop()
        stop.listen()
        try:
            Daily(options, stop).run()
        except Failed as failure:
            print(f"error: {failure}", file=sys.stderr)
            return failure.status
        except (OSError, KeyError, ValueError) as failure:
            print(f"error: {type(failure).__name__}: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
