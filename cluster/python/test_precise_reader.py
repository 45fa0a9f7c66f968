"""Tests the package on a small run of the program: what it reads and computes is what the program says. Run by test.sh."""
from __future__ import annotations

import csv
import importlib
import json
import pathlib
import runpy
import shutil
import sys
import tempfile
import unittest
from typing import Any
from unittest import mock

import numpy as np

import precise_reader
import small_run
from precise_reader import Export, InputError

CLOSE = 1e-4


class ExportTest(unittest.TestCase):
    """An export's tables, and what is recommended by them."""

    place: pathlib.Path
    exports: dict[str, Export]
    export: Export
    dataset: precise_reader.DatasetReader

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = small_run.folder()
        cls.exports = {name: precise_reader.load_export(cls.place / f"export-{name}") for name in small_run.FORMATS}
        cls.export = cls.exports["npy"]
        cls.dataset = precise_reader.load_dataset(cls.place / "dataset")

    def assert_same(self, ours: list[precise_reader.Recommendation], theirs: list[dict[str, Any]], key: str) -> None:
        """The same scores in the same places; two items may change places only where their scores are the same but for rounding."""
        self.assertEqual(len(ours), len(theirs))
        np.testing.assert_allclose([one.score for one in ours], [one[key] for one in theirs], atol=CLOSE, rtol=CLOSE)
        for at, (one, other) in enumerate(zip(ours, theirs)):
            if one.item != other["item"]:
                near = [same for same in theirs if abs(same[key] - one.score) <= CLOSE]
                self.assertIn(one.item, [same["item"] for same in near] + [theirs[-1]["item"]], f"place {at}")

    def test_every_format_holds_the_same(self) -> None:
        first = self.export
        self.assertEqual(first.record.new_items, 3)
        self.assertEqual(first.items.ids[-3:], ["new-1", "new-2", 'new "é" 日'])
        self.assertEqual(first.items.ids[:-3], list(self.dataset.item_ids))
        self.assertEqual(first.users.ids, list(self.dataset.user_ids()))
        self.assertEqual(first.record.dataset_checksum, self.dataset.manifest["checksum"])
        for name, export in self.exports.items():
            self.assertEqual(export.record.format, name)
            for ours, theirs in ((export.items, first.items), (export.users, first.users)):
                self.assertEqual(ours.ids, theirs.ids)
                self.assertEqual(ours.embeddings.dtype, np.float32)
                np.testing.assert_array_equal(ours.embeddings, theirs.embeddings)
        np.testing.assert_array_equal(np.load(self.place / "export-npy/items.npy"), first.items.embeddings)

    def test_mapped_where_the_format_allows_it(self) -> None:
        for name in ("npy", "safetensors"):
            self.assertFalse(self.exports[name].items.embeddings.flags.owndata)
            self.assertFalse(self.exports[name].items.embeddings.flags.writeable)

    def test_recommends_what_the_program_does(self) -> None:
        users = self.place / "users.txt"
        users.write_text("".join(f"{id}\n" for id in self.export.users.ids[:40]))
        known = set(self.dataset.item_ids)
        for flag, exclude in (("--no-filter-seen", False), ("--filter-seen", True)):
            for theirs in small_run.objects("recommend", self.place / "run", "--users-file", users, "-k", 7, flag):
                had = self.dataset.had(theirs["user"]) if exclude else []
                for export in self.exports.values():
                    ours = export.recommend(theirs["user"], 7, exclude=had, allow=known)
                    self.assert_same(ours, theirs["recommendations"], "score")

    def test_scores_are_the_programs(self) -> None:
        users = self.export.users.ids[:5]
        pairs = [(user, item) for user in users for item in list(self.dataset.item_ids)[:20]]
        with open(self.place / "pairs.csv", "w", newline="") as file:
            csv.writer(file).writerows([("user", "item"), *pairs])
        small_run.precise("score", self.place / "run", "--pairs", self.place / "pairs.csv", "--out", self.place / "scored.csv", "--quiet")
        with open(self.place / "scored.csv", newline="") as file:
            theirs = {(row["user"], row["item"]): float(row["score"]) for row in csv.DictReader(file)}
        scores = self.export.scores(users)
        self.assertEqual(scores.shape, (5, len(self.export.items)))
        ours = [scores[users.index(user), self.export.items.row(item)] for user, item in pairs]
        np.testing.assert_allclose(ours, [theirs[pair] for pair in pairs], atol=CLOSE, rtol=CLOSE)

    def test_similar_items_are_the_programs(self) -> None:
        self.assertGreater(self.export.record.width, self.export.record.code_width)
        known = set(self.dataset.item_ids)
        for item in self.export.items.ids[:15]:
            theirs = json.loads(small_run.precise("recommend", self.place / "run", "--item", item, "-k", 6, "--json", "--quiet"))
            ours = self.export.similar(item, 6, allow=known)
            self.assert_same(ours, theirs["similar"], "cosine")
            self.assertNotIn(item, [one.item for one in ours])

    def test_cosines_leave_codes_off(self) -> None:
        record = precise_reader.ExportRecord("npy", "p", 1, "c", 3, 1, 3, 0, 1, "all")
        items = precise_reader.Table(["a", "b", "c"], np.array([[1, 0, 9], [1, 0, -9], [0, 1, 9]], np.float32), "items")
        users = precise_reader.Table(["u"], np.array([[1, 1, 1]], np.float32), "users")
        found = Export(record, items, users).similar("a")
        self.assertEqual([(one.item, one.score) for one in found], [("b", 1.0), ("c", 0.0)])

    def test_equal_scores_go_by_row(self) -> None:
        record = precise_reader.ExportRecord("npy", "p", 1, "c", 1, 0, 5, 0, 1, "all")
        items = precise_reader.Table(list("abcde"), np.array([[1], [2], [1], [2], [1]], np.float32), "items")
        export = Export(record, items, precise_reader.Table(["u"], np.ones((1, 1), np.float32), "users"))
        self.assertEqual([one.item for one in export.recommend("u", 3)], ["b", "d", "a"])
        self.assertEqual([one.item for one in export.recommend("u", 9)], ["b", "d", "a", "c", "e"])
        self.assertEqual([one.item for one in export.recommend("u", 1, deny=["b"], exclude=["d", "unknown"])], ["a"])

    def test_allow_deny_and_exclude(self) -> None:
        user, allowed = self.export.users.ids[0], self.export.items.ids[10:20]
        best = self.export.recommend(user, 10, allow=allowed)
        self.assertEqual({one.item for one in best}, set(allowed))
        fewer = self.export.recommend(user, 10, allow=allowed, deny=allowed[:3], exclude=[best[0].item])
        self.assertEqual({one.item for one in fewer}, set(allowed) - set(allowed[:3]) - {best[0].item})

    def test_many_users_are_as_one_by_one(self) -> None:
        users = self.export.users.ids
        exclude = {users[3]: self.dataset.had(users[3])}
        with mock.patch("precise_reader.export.BLOCK_USERS", 64):
            many = self.export.recommend_many(users, 5, exclude)
        self.assertEqual(len(many), len(users))
        for user, found in list(zip(users, many))[::17] + [(users[3], many[3])]:
            alone = self.export.recommend(user, 5, exclude.get(user, ()))
            np.testing.assert_allclose([one.score for one in found], [one.score for one in alone], rtol=CLOSE)
        self.assertFalse({one.item for one in many[3]} & set(exclude[users[3]]))

    def test_wrong_arguments_are_one_sentence(self) -> None:
        user = self.export.users.ids[0]
        for call, words in ((lambda: self.export.recommend("nobody"), "no id 'nobody'"), (lambda: self.export.recommend(user, 0), "k must"),
                            (lambda: self.export.similar("nothing"), "no id 'nothing'"),
                            (lambda: self.export.recommend(user, allow=["nothing"]), "allow names no item"),
                            (lambda: self.export.recommend(user, deny="i001"), "not the text"),
                            (lambda: self.export.scores(user), "not the text")):
            with self.assertRaisesRegex(InputError, words):
                call()

    def test_keys_to_come_and_keys_of_earlier_versions(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self.place / "export-npy", folder, dirs_exist_ok=True)
            place = pathlib.Path(folder) / "export.json"
            record = json.loads(place.read_text())
            record["provenance"] = {"config": [1, 2]}
            # Of an earlier version.
            record["newItems"], record["dataset"] = record.pop("new_items"), record.pop("dataset_checksum")
            place.write_text(json.dumps(record))
            export = precise_reader.load_export(folder)
            self.assertEqual(export.record.more["provenance"], {"config": [1, 2]})
            self.assertEqual((export.record.new_items, export.record.dataset_checksum), (3, self.export.record.dataset_checksum))

    def test_parquet_without_pyarrow(self) -> None:
        with mock.patch.dict(sys.modules, {"pyarrow": None, "pyarrow.parquet": None}):
            with self.assertRaisesRegex(InputError, "items.parquet needs pyarrow, which is not installed"):
                precise_reader.load_export(self.place / "export-parquet")

    def test_parquet_of_another_shape(self) -> None:
        pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self.place / "export-parquet", folder, dirs_exist_ok=True)
            rows, width = len(self.export.users), self.export.record.width
            ids, even = self.export.users.ids, [[0.0] * width] * rows
            for columns, words in (
                ({"id": ids, "embedding": pyarrow.array(even, pyarrow.list_(pyarrow.float64()))}, "float32 numbers in each row"),
                ({"id": ids, "embedding": pyarrow.array([*even[1:], [0.0]], pyarrow.list_(pyarrow.float32()))}, "float32 numbers"),
                ({"id": ids, "embedding": pyarrow.array([*even[1:], None], pyarrow.list_(pyarrow.float32()))}, "float32 numbers"),
                ({"id": [None, *ids[1:]], "embedding": pyarrow.array(even, pyarrow.list_(pyarrow.float32()))}, "a text id"),
                ({"id": ids, "embedding": ids}, "no columns id and embedding"), ({"id": ids}, "no columns id and embedding"),
            ):
                parquet.write_table(pyarrow.table(columns), pathlib.Path(folder) / "users.parquet")
                with self.assertRaisesRegex(InputError, words):
                    precise_reader.load_export(folder)


class RunTest(unittest.TestCase):
    """Metrics and evaluation of a run."""

    run_place: pathlib.Path
    lines: list[dict[str, Any]]
    metrics: precise_reader.Metrics

    @classmethod
    def setUpClass(cls) -> None:
        cls.run_place = small_run.folder() / "run"
        cls.lines = [json.loads(line) for line in (cls.run_place / "metrics.jsonl").read_text().splitlines()]
        cls.metrics = precise_reader.read_metrics(cls.run_place)

    def test_every_line_is_of_a_kind(self) -> None:
        self.assertEqual((self.metrics.skipped_lines, len(self.metrics.records)), (0, len(self.lines)))
        self.assertEqual(self.metrics.phases, ["universal", "second"])
        for record, line in zip(self.metrics.records, self.lines):
            self.assertEqual((record.phase, record.step, record.time, record.more), (line["phase"], line["step"], line["time"], {}))
        for kind in (precise_reader.BeginRecord, precise_reader.EndRecord, precise_reader.MixtureRecord):
            self.assertEqual(len(self.metrics.of(kind)), 2)

    def test_columns_are_the_lines(self) -> None:
        steps = [line for line in self.lines if "loss" in line and line["phase"] == "universal"]
        columns = self.metrics.columns(precise_reader.StepRecord, "universal")
        np.testing.assert_array_equal(columns["step"], [line["step"] for line in steps])
        np.testing.assert_array_equal(columns["loss"], [line["loss"] for line in steps])
        np.testing.assert_array_equal(columns["expert_load"], [line["expert_load"] for line in steps])
        self.assertTrue(np.isnan(columns["bpr_loss"]).all())
        measured = [line for line in self.lines if "split" in line]
        columns = self.metrics.columns(precise_reader.EvaluationRecord)
        np.testing.assert_array_equal(columns["ndcg@10"], [line["ndcg@10"] for line in measured])
        self.assertEqual(columns["split"].tolist(), ["validation"] * len(measured))

    def test_lines_that_are_cut_damaged_or_unknown(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "metrics.jsonl"
            # The first is of an earlier version.
            place.write_text('{"phase":"a","step":1,"loss":null,"leftOut":2,"later_key":{"x":1}}\n'
                             '{"phase":"a","st\n{"phase":"a","step":2}\n{"phase":"a","step":-1,"loss":1}\n'
                             '{"phase":"a","step":3,"loss":"1"}\n[1]\n' + "[" * 100_000 + "\n"
                             '{"phase":"a","step":4,"loss":1.5}\n{"phase":"a","step":5,"loss":')
            metrics = precise_reader.read_metrics(place)
            first, second = metrics.of(precise_reader.StepRecord)
            self.assertEqual((first.step, first.loss, first.skipped, first.more), (1, None, 2, {"later_key": {"x": 1}}))
            self.assertEqual((second.step, second.loss, metrics.skipped_lines), (4, 1.5, 6))
            with self.assertRaisesRegex(InputError, "no metrics.jsonl"):
                precise_reader.read_metrics(pathlib.Path(folder) / "..")

    def test_evaluation(self) -> None:
        raw = json.loads((self.run_place / "evaluation.json").read_text())
        evaluation = precise_reader.read_evaluation(self.run_place)
        self.assertEqual({phase: list(splits) for phase, splits in evaluation.phases.items()},
                         {phase: list(raw[phase]) for phase in raw})
        ours, theirs = evaluation.split("universal"), raw["universal"]["test"]
        self.assertEqual(dict(ours.all), theirs["all"])
        self.assertEqual(set(ours.groups), {"all", "head", "mid", "tail", "cold", "unseen"})
        self.assertEqual(ours.baselines["popularity"]["all"]["ndcg@10"], theirs["baselines"]["popularity"]["all"]["ndcg@10"])
        self.assertEqual(ours.deciles["decile_1"]["mrr"], theirs["popularity"]["decile_1"]["mrr"])
        self.assertEqual(ours.standard_errors["all"]["mrr"], theirs["standard_error"]["all"]["mrr"])
        self.assertEqual(ours.protocol, theirs["protocol"])
        with self.assertRaisesRegex(InputError, "third test was not evaluated; there is .*universal test"):
            evaluation.split("third")


class DatasetTest(unittest.TestCase):
    """A data set beside the files that it was made of."""

    place: pathlib.Path
    dataset: precise_reader.DatasetReader
    rows: list[dict[str, str]]
    texts: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = small_run.folder()
        cls.dataset = precise_reader.load_dataset(cls.place / "dataset", verify=True)
        with open(cls.place / "raw/interactions.csv", newline="") as file:
            cls.rows = list(csv.DictReader(file))
        with open(cls.place / "raw/items.csv", newline="") as file:
            cls.texts = {}
            for row in csv.DictReader(file):
                cls.texts.setdefault(row["item"], row["text"])

    def test_items_are_those_of_the_files(self) -> None:
        self.assertEqual(len(self.dataset), self.dataset.manifest["items"])
        self.assertEqual([self.dataset.texts[row] for row in range(len(self.dataset))], [self.texts[id] for id in self.dataset.item_ids])
        self.assertEqual(self.dataset.item_row(self.dataset.item_ids[7]), 7)
        self.assertEqual(self.dataset.item_ids[-1], self.dataset.item_ids[len(self.dataset) - 1])
        with self.assertRaises(IndexError):
            self.dataset.item_ids[len(self.dataset)]

    def test_events_are_those_of_the_files(self) -> None:
        dataset = self.dataset
        for user in list(dataset.user_ids())[::13]:
            events = dataset.user(user)
            columns = zip(events.items, events.times, events.scenes, events.behaviors)
            ours = sorted((dataset.item_ids[item], int(time), dataset.scenes[scene], dataset.behaviors[behavior])
                          for item, time, scene, behavior in columns)
            theirs = sorted((row["item"], round(1e6 * float(row["timestamp"])), row["scene"], row["behavior"])
                            for row in self.rows if row["user"] == user and row["item"] in self.texts)
            self.assertEqual(ours, theirs)
            self.assertEqual((events.validation, events.test), (len(ours) - 2, len(ours) - 1))
        with self.assertRaisesRegex(InputError, "no user 'nobody'"):
            dataset.user("nobody")

    def test_training_counts_are_of_the_training_events(self) -> None:
        for name in ("dataset", "cold"):
            dataset = precise_reader.load_dataset(self.place / name)
            counts = np.zeros(len(dataset), np.int64)
            for shard in dataset.shards():
                for user in range(len(shard.ids)):
                    events = shard.events(user)
                    np.add.at(counts, events.items[:events.train_count], 1)
            np.testing.assert_array_equal(counts, dataset.train_counts)
            self.assertEqual(dataset.is_cold.any(), name == "cold")
            manifest = dataset.manifest
            held_out = [sum(int((getattr(shard, split) >= 0).sum()) for shard in dataset.shards()) for split in ("validation", "test")]
            self.assertEqual(held_out, [manifest["split"]["validation"], manifest["split"]["test"]])

    def test_example(self) -> None:
        place = str(self.place)
        words = ["example.py", f"{place}/export-npy", f"{place}/run", f"{place}/dataset"]
        with mock.patch("sys.argv", words), mock.patch("builtins.print") as out:
            runpy.run_path(str(pathlib.Path(__file__).with_name("example.py")), run_name="__main__")
        text = "\n".join(" ".join(map(str, call.args)) for call in out.call_args_list)
        for part in ("most like", "loss", "ndcg@10", "of all training events"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
