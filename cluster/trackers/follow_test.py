#!/usr/bin/env python3
"""Tests follow.py: on files that grow, shrink and break, and on a training that is followed, killed and resumed.

Run by test.sh, which installs what it needs. PRECISE names the program. What the trackers hold is read by their own clients: MLflow's,
W&B's messages, TensorBoard's reader.
"""
from __future__ import annotations

import argparse
import collections
import contextlib
import fcntl
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "local"))
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}

import follow  # noqa: E402
import run_files  # noqa: E402
import runs  # noqa: E402
import stores  # noqa: E402

SETTINGS = ["universal.steps=1500", "checkpoint.every_steps=50",
            "targeted=[{name: second, history: all, steps: 300, negatives: 40, learning_rate_scale: 1}]"]
Points = dict[tuple[str, int], float]


class Memory:
    """A tracker that keeps everything."""

    name = "memory"

    def __init__(self) -> None:
        self.points: list[tuple[str, int, float]] = []
        self.last: dict[str, int] = {}
        self.closed: list[str] = []

    def describe(self, parameters: dict[str, str], tags: dict[str, str]) -> None:
        self.parameters, self.tags = parameters, tags

    def add(self, found: list[run_files.Values]) -> int:
        before = len(self.points)
        for values in found:
            for key, value in values.numbers.items():
                if values.step > self.last.get(key, -1):
                    self.last[key] = values.step
                    self.points.append((key, values.step, value))
        return len(self.points) - before

    add_tests = add

    def close(self, status: str) -> None:
        self.closed.append(status)


class FileTests(unittest.TestCase):
    def setUp(self) -> None:
        self.run_folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.run_folder / "metrics.jsonl"
        self.opened: list[Memory] = []
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        options = argparse.Namespace(run=self.run_folder, follow=False, to="memory", name=None)
        self.follower = follow.Follower(options)
        self.follower.open = self.open  # type: ignore[method-assign]

    def open(self) -> Memory:
        self.opened.append(Memory())
        return self.opened[-1]

    @staticmethod
    def step(step: int, loss: float, **more: Any) -> str:
        return json.dumps({"phase": "universal", "step": step, "loss": loss} | more) + "\n"

    def points(self) -> list[tuple[str, int, float]]:
        return [point for store in self.opened for point in store.points]

    def test_a_line_without_its_end_waits(self) -> None:
        whole, half = self.step(1, 3), self.step(2, 2.5)
        self.file.write_text(whole + half[:20])
        self.follower.take()
        self.assertEqual(self.points(), [("universal/loss", 1, 3)])
        self.file.write_text(whole + half)
        self.follower.take()
        self.assertEqual(self.points(), [("universal/loss", 1, 3), ("universal/loss", 2, 2.5)])
        self.assertFalse(self.follower.take())

    def test_a_resumed_run_is_not_logged_twice(self) -> None:
        self.file.write_text("".join(self.step(step, 10 - step) for step in range(1, 8)))
        self.follower.take()
        # Shorter, then as long as before, then longer: in place, and as another file under the same name.
        for number, last in enumerate((4, 7, 9)):
            new = self.run_folder / f"new-{number}"
            new.write_text("".join(self.step(step, 10 - step, step_ms=number) for step in range(1, last + 1)))
            new.replace(self.file)
            self.follower.take()
        losses = [(step, value) for key, step, value in self.points() if key == "universal/loss"]
        self.assertEqual(losses, [(step, 10 - step) for step in range(1, 10)])
        self.assertEqual(len(self.opened), 1)

    def test_another_run_in_the_same_directory(self) -> None:
        self.file.write_text(self.step(1, 3) + self.step(2, 2.5))
        self.follower.take()
        # The same on other ranks, then another one.
        self.file.write_text(self.step(1, 3.00001))
        self.follower.take()
        self.assertEqual(len(self.opened), 1)
        self.file.write_text(self.step(1, 4) + self.step(2, 3))
        self.follower.take()
        self.assertEqual([store.points[0] for store in self.opened], [("universal/loss", 1, 3), ("universal/loss", 1, 4)])
        self.assertEqual(self.opened[0].closed, ["FINISHED"])

    def test_lines_and_keys_that_nobody_knows(self) -> None:
        one = {"phase": "universal", "step": 1}
        known: list[dict[str, Any]] = [
            {"phase": "universal", "step": 0, "phases": [{"phase": "universal"}], "steps": 9, "precision": "fp32"},
            one | {"loss": 2, "time": 5.5, "patience": 3, "flag": True, "none": None, "rank_step_ms": [1, 2.5], "x": {"y": 1}},
            one | {"rank_ms": [[1, 2], [3, 4]], "parts": ["a"]}, one | {"items_with_text": 7, "expert_load": [1]},
            one | {"split": "validation", "recall@5": 0.5, "protocol": {"a": 1}}, {"odd": 1}]
        lines = [*map(json.dumps, known[:2]), "no line", "[1]", "7", "", *map(json.dumps, known[2:])]
        self.file.write_text("\n".join(lines) + "\n")
        self.follower.take()
        self.assertEqual(dict(((key, step), value) for key, step, value in self.points()), {
            ("universal/steps", 0): 9, ("universal/loss", 1): 2, ("universal/patience", 1): 3, ("universal/rank_step_ms/0", 1): 1,
            ("universal/rank_step_ms/1", 1): 2.5, ("universal/rank_ms/0/0", 1): 1, ("universal/rank_ms/0/1", 1): 2,
            ("universal/rank_ms/1/0", 1): 3, ("universal/rank_ms/1/1", 1): 4, ("universal/mixture/items_with_text", 1): 7,
            ("universal/mixture/expert_load/0", 1): 1, ("universal/validation/recall@5", 1): 0.5, ("run/odd", 0): 1})
        self.assertEqual(run_files.values(known[1]).time, 5.5)

    def test_how_a_run_ended(self) -> None:
        begin = json.dumps({"phase": "universal", "step": 0, "phases": [{"phase": "universal"}, {"phase": "shop"}]}) + "\n"
        end = json.dumps({"phase": "universal", "step": 1, "end": "finished"}) + "\n"
        for text, status in ((begin + self.step(1, 3), "KILLED"), (begin + self.step(1, 3) + end, "KILLED"), (
                begin + self.step(1, 3) + end + end.replace("universal", "shop"), "FINISHED"), (self.step(1, 3), "FINISHED")):
            self.setUp()
            self.file.write_text(text)
            self.follower.follow()
            self.assertEqual(self.opened[0].closed, [status], text)
        (self.run_folder / "failure.json").write_text("{}")
        self.assertEqual(self.follower.status(), "FAILED")
        with open(self.run_folder / "train.lock", "w") as lock:
            self.assertFalse(run_files.is_training(self.run_folder))
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertTrue(run_files.is_training(self.run_folder))

    def test_configuration_tags_and_test_metrics(self) -> None:
        self.assertEqual((run_files.parameters(self.run_folder), run_files.tests(self.run_folder)), ({}, []))
        (self.run_folder / "config.yaml").write_text("seed: 1\nmodel: {time: none, block: null, experts: 4.0}\ntargeted: [{name: shop}]\n"
                                                     "evaluation: {cutoffs: [5, 10]}\nnothing: []\n")
        self.assertEqual(run_files.parameters(self.run_folder), {
            "seed": "1", "model.time": "none", "model.block": "null", "model.experts": "4.0", "targeted.0.name": "shop",
            "evaluation.cutoffs": "[5, 10]", "nothing": "[]"})
        (self.run_folder / "run.json").write_text('{"dataset_checksum": "bb", "from": null}')
        self.assertEqual(run_files.tags(self.run_folder), {"dataset_checksum": "bb", "from": "null"})
        group = {"recall@10": 0.5, "users": 3}
        (self.run_folder / "evaluation.json").write_text(json.dumps({"like": {"validation": {"all": group}, "test": {
            "all": group, "tail": group, "cold": {"users": 0}, "coverage@10": 0.25, "standard_error": {"all": group},
            "baselines": {"p": {}}, "protocol": {"checkpoint": "like, step 148"}}}}))
        self.assertEqual(run_files.tests(self.run_folder), [run_files.Values("like", 148, {
            "like/test/recall@10": 0.5, "like/test/users": 3, "like/test/tail/recall@10": 0.5, "like/test/tail/users": 3,
            "like/test/cold/users": 0, "like/test/coverage@10": 0.25})])


class LiveTest(unittest.TestCase):
    """A training that two followers look at, that is killed and resumed; one of them is killed as well."""

    def test_every_value_once(self) -> None:
        self.world = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.run_folder, self.store = self.world / "run", self.world / "tracked"
        runs.make_dataset(self.world, users=600, items=300)
        (self.world / "config.yaml").write_text(runs.CONFIG)
        dropped, final = self.train_and_follow()
        runs.precise("evaluate", self.run_folder, "--data", self.world / "dataset", "--quiet")
        before = snapshot(self.run_folder)
        for tracker in "mlflow", "wandb":
            self.assertRegex(self.say(tracker), r"\d+ test metrics; finished")
            self.assertRegex(self.say(tracker), "^finished")
        self.assertEqual(snapshot(self.run_folder), before, "the run directory has changed")
        tests = {key: value for values in run_files.tests(self.run_folder) for key, value in values.numbers.items()}
        self.assertIn("second/test/tail/users", tests)
        self.compare("MLflow", self.of_mlflow(tests), {(stores.named(key), step): value for (key, step), value in dropped.items()},
                     {(stores.named(key), step): value for (key, step), value in final.items()})
        self.compare("W&B", self.of_wandb(tests), dropped, final)
        self.compare_tensorboard(final)

    def train_and_follow(self) -> tuple[Points, Points]:
        """What the lines said that a resumption removed, and what they say in the end."""
        followers = {tracker: self.start(tracker) for tracker in ("mlflow", "wandb")}
        job = self.train()
        deadline = time.monotonic() + 60
        while len(metrics(self.run_folder)) < 700 and time.monotonic() < deadline:
            self.assertIsNone(job.process.poll(), job.said())
            time.sleep(0.01)
        job.send(signal.SIGKILL, job.all())
        job.wait(10)
        dropped = expected(metrics(self.run_folder))
        followers["mlflow"].kill()
        followers["mlflow"].communicate()
        # Long enough for the other one to have seen it all; shorter than it takes to call that an end.
        time.sleep(2)
        job = self.train("--resume")
        followers["mlflow"] = self.start("mlflow")
        self.assertEqual(job.wait(90), 0, job.said())
        for tracker, follower in followers.items():
            said, _ = follower.communicate(timeout=60)
            self.assertEqual(follower.returncode, 0, said)
            self.assertRegex(said.splitlines()[-1], "^finished: run 日 run", tracker)
        final = expected(metrics(self.run_folder))
        print(f"killed at {len(dropped):,} values, {len(final):,} in the end", file=sys.stderr)
        self.assertTrue({place for place in dropped if place[0] == "universal/loss"} < {place for place in final})
        return dropped, final

    def words(self, tracker: str, *more: str) -> list[str]:
        return [sys.executable, str(HERE / "follow.py"), str(self.run_folder), "--to", tracker, "--store", str(self.store),
                "--name", "日 run", *more]

    def start(self, tracker: str) -> subprocess.Popen[str]:
        words = self.words(tracker, "--follow", "--every", "0.3", "--ends-after", "8", "--begin-within", "60")
        follower = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(follower.kill)
        return follower

    def say(self, tracker: str) -> str:
        done = subprocess.run(self.words(tracker), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def train(self, *more: str) -> runs.Job:
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        words = ["train", "--config", self.world / "config.yaml", "--data", self.world / "dataset", "--out", self.run_folder, *settings]
        return runs.Job(2, "threads", [*words, *more], self.world / "log")

    def compare(self, tracker: str, found: list[tuple[str, int, float]], dropped: Points, final: Points) -> None:
        """Each place once; its value is the run's, or, where a resumption made the step anew, the one of the first time."""
        doubled = [place for place, count in collections.Counter((key, step) for key, step, _ in found).items() if count > 1]
        self.assertEqual(doubled, [], f"{tracker} has values twice")
        logged = {(key, step): value for key, step, value in found}
        self.assertEqual(final.keys() - logged.keys(), set(), f"{tracker} lacks values")
        self.assertEqual(logged.keys() - final.keys() - dropped.keys(), set(), f"{tracker} has values of its own")
        for place, value in logged.items():
            self.assertIn(value, (final.get(place), dropped.get(place)), f"{tracker}: {place}")
            # A resumed run repeats its numbers bit for bit, but for its times.
            if place[0].endswith(("/loss", "/grad_norm", "/mrr")) or place not in dropped:
                self.assertEqual(value, final[place], f"{tracker}: {place}")

    def of_mlflow(self, tests: dict[str, float]) -> list[tuple[str, int, float]]:
        from mlflow import MlflowClient
        client = MlflowClient(f"sqlite:///{self.store}/mlflow.db")
        [run] = client.search_runs([client.get_experiment_by_name("precise").experiment_id])
        self.assertEqual((run.info.status, run.info.run_name), ("FINISHED", "日 run"))
        self.assertEqual(run.data.params, run_files.parameters(self.run_folder))
        self.assertEqual(run.data.params["universal.steps"], "1500")
        self.assertEqual(run.data.tags["dataset_checksum"], run_files.tags(self.run_folder)["dataset_checksum"])
        found = [(key, point.step, point.value) for key in run.data.metrics
                 for point in client.get_metric_history(run.info.run_id, key)]
        names = {stores.named(key): value for key, value in tests.items()}
        self.assertEqual({key: value for key, _, value in found if key in names}, names)
        return [point for point in found if point[0] not in names]

    def of_wandb(self, tests: dict[str, float]) -> list[tuple[str, int, float]]:
        found, rows = [], []
        summary: dict[str, Any] = {}
        config: dict[str, Any] = {}
        files = sorted((self.store / "wandb").glob("offline-run-*/run-*.wandb"))
        self.assertEqual(len(files), 2, "a folder for the training, and one for the test metrics")
        self.assertEqual(len({file.name for file in files}), 1, "they are one run's")
        for record in (record for file in files for record in wandb_records(file)):
            if record.WhichOneof("record_type") == "history":
                row = items(record.history.item)
                rows.append(row["_step"])
                [(axis, step)] = [(key, value) for key, value in row.items() if key.endswith("/step")]
                found += [(key, step, value) for key, value in row.items() if key != axis and not key.startswith("_")]
            summary |= items(record.summary.update)
            config |= items(record.run.config.update) | items(record.config.update)
        self.assertEqual(rows, list(range(len(rows))), "rows count on")
        self.assertEqual({key: summary.get(key) for key in tests}, tests)
        parameters = run_files.parameters(self.run_folder)
        self.assertEqual({key: config.get(key) for key in parameters}, parameters)
        return found

    def compare_tensorboard(self, final: Points) -> None:
        """TensorBoard's own reader sees our event files' values, as 32-bit numbers."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        board = EventAccumulator(str(self.run_folder), size_guidance={"scalars": 0})
        board.Reload()
        for tag in ("universal/loss", "second/loss", "universal/learning_rate", "universal/validation/mrr", "second/validation/ndcg@10"):
            points = {(tag, event.step): event.value for event in board.Scalars(tag)}
            self.assertEqual(len(points), len(board.Scalars(tag)), f"TensorBoard has {tag} twice")
            self.assertEqual(points, {place: struct.unpack("f", struct.pack("f", value))[0] for place, value in final.items()
                                      if place[0] == tag})


def metrics(run: pathlib.Path) -> list[dict[str, Any]]:
    """The whole lines of metrics.jsonl."""
    try:
        text = (run / "metrics.jsonl").read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def expected(lines: list[dict[str, Any]]) -> Points:
    """What these lines say, written down anew: by the kind of the line, then key by key."""
    found: Points = {}
    for line in lines:
        kind = "validation/" if "split" in line else "mixture/" if "items_with_text" in line else ""
        for key, value in line.items():
            name = f"{line['phase']}/{kind}{key}"
            if key in ("phase", "step", "time") or isinstance(value, (bool, str, dict)) or value is None:
                continue
            if not isinstance(value, list):
                found[name, line["step"]] = value
            for at, inner in enumerate(value if isinstance(value, list) else []):
                if isinstance(inner, (int, float)):
                    found[f"{name}/{at}", line["step"]] = inner
                elif isinstance(inner, list):
                    parts = [(number, part) for number, part in enumerate(inner) if isinstance(part, (int, float))]
                    found |= {(f"{name}/{at}/{number}", line["step"]): part for number, part in parts}
    return found


def snapshot(run: pathlib.Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in run.rglob("*")}


def items(found: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in found}


def wandb_records(file: pathlib.Path) -> Any:
    """The messages of an offline file: a header of 7 bytes, then blocks of 32 KiB of records as LevelDB's log has them."""
    from wandb.proto import wandb_internal_pb2
    data, place, part = file.read_bytes(), 7, b""
    assert data[:4] == b":W&B", "not a file of W&B"
    while place + 7 <= len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        part, place = part + data[place + 7:place + 7 + length], place + 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            part = b""
            yield record


if __name__ == "__main__":
    unittest.main()
