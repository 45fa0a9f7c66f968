#!/usr/bin/env python3
"""Tests exports, which four readers read back, and lists that are Parquet.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import os
import pathlib
import sys
import tempfile
import unittest

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "local"))

import runs  # noqa: E402
from case import Case  # noqa: E402


class ExportTest(Case):
    """Exports, read by four, are the numbers of the .npy export, bit for bit; lists come as Parquet too."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.world.cleanup)
        root = pathlib.Path(cls.world.name)
        cls.dataset = runs.make_dataset(root, users=700, items=80)
        (root / "config.yaml").write_text(runs.CONFIG)
        runs.precise("train", "--config", root / "config.yaml", "--data", cls.dataset, "--out", root / "run", "--quiet",
                     "--set", "universal.epochs=1", "--set", "targeted=[]")
        cls.trained = str(root / "run")

    def export(self, format_: str, *more: str) -> pathlib.Path:
        done = self.run_precise("export", self.trained, "--out", format_, "--format", format_, "--quiet", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / format_

    def test_four_readers(self) -> None:
        plain, table = self.export("npy"), self.export("parquet")
        self.assertEqual(sorted(os.listdir(table)), ["export.json", "items.parquet", "model_card.md", "users.parquet"])
        for kind in ["items", "users"]:
            numbers = numpy.load(plain / f"{kind}.npy")
            ids = (plain / f"{kind}.txt").read_text().splitlines()
            path = str(table / f"{kind}.parquet")
            readers = {
                "pandas": lambda: [pandas.read_parquet(path)[name] for name in ["id", "embedding"]],
                "polars": lambda: [polars.read_parquet(path)[name].to_list() for name in ["id", "embedding"]],
                "duckdb": lambda: list(zip(*duckdb.sql(f"select id, embedding from '{path}'").fetchall())),
                "pyarrow": lambda: [pyarrow.parquet.read_table(path)[name].to_pylist() for name in ["id", "embedding"]]}
            for name, read in readers.items():
                found, vectors = read()
                self.assertEqual(list(found), ids, name)
                array = numpy.array([numpy.asarray(vector, "float32") for vector in vectors])
                self.assertEqual(array.tobytes(), numbers.tobytes(), name)
            schema = pyarrow.parquet.read_schema(path)
            self.assertEqual([str(field.type) for field in schema], ["string", "list<element: float not null>"])
            self.assertEqual(pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(1).compression, "ZSTD")

    def test_it_replaces_only_exports(self) -> None:
        self.export("parquet")
        first = (self.folder / "parquet/items.parquet").read_bytes()
        done = self.run_precise("export", self.trained, "--out", "parquet", "--format", "parquet")
        self.assertNotEqual(done.returncode, 0)
        self.export("parquet", "--overwrite")
        self.assertEqual((self.folder / "parquet/items.parquet").read_bytes(), first)

    def test_lists(self) -> None:
        ids = [line for line in (self.export("npy") / "users.txt").read_text().splitlines()][:9]
        items = (self.folder / "npy/items.txt").read_text().splitlines()[:9]
        (self.folder / "users.txt").write_text("\n".join(ids) + "\n")
        pandas.DataFrame({"user": ids, "more": 1}).to_parquet(self.path("users.parquet"))
        pandas.DataFrame({"anything": ids}).to_parquet(self.path("one.parquet"))
        pandas.DataFrame({"user": ids, "item": items}).to_csv(self.path("pairs.csv"), index=False)
        pandas.DataFrame({"item": items, "user": ids}).to_parquet(self.path("pairs/part-0.parquet"))
        new = pandas.DataFrame({"item": ["new 1", "new 2"], "text": ["a red shoe", "a blue shoe"]})
        new.to_csv(self.path("new.csv"), index=False)
        new.to_parquet(self.path("new.parquet"))
        said = {self.run_precise("recommend", self.trained, "--users-file", name, "--quiet").stdout
                for name in ["users.txt", "users.parquet", "one.parquet"]}
        self.assertEqual(len(said), 1)
        # An item list that has users too, and one with texts.
        (self.folder / "items.txt").write_text("\n".join(items) + "\n")
        pandas.DataFrame({"user": ids, "item": items}).to_parquet(self.path("items.parquet"))
        pandas.DataFrame({"item": items, "text": "a shoe"}).to_parquet(self.path("texts.parquet"))
        pandas.DataFrame({"anything": items}).to_parquet(self.path("only.parquet"))
        for option in ["--allow", "--deny"]:
            said = set()
            for name in ["items.txt", "items.parquet", "texts.parquet", "only.parquet"]:
                done = self.run_precise("recommend", self.trained, "--user", ids[0], option, name, "--no-exclude-seen", "--json",
                                        "--quiet")
                self.assertEqual(done.returncode, 0, done.stderr)
                said.add(done.stdout)
            self.assertEqual(len(said), 1)
        pandas.DataFrame({"user": ids, "more": 1}).to_parquet(self.path("no-items.parquet"))
        self.refuse("recommend", self.trained, "--user", ids[0], "--allow", "no-items.parquet", "--quiet",
                    says="has no column item, only user, more")
        # A part without users has none of the part before it.
        pandas.DataFrame({"user": ids, "item": items}).to_parquet(self.path("visits/part-0.parquet"))
        pandas.DataFrame({"item": items}).to_parquet(self.path("visits/part-1.parquet"))
        self.refuse("recommend", self.trained, "--events", "visits", "--quiet", says="part-1.parquet: row 1: the row has no user")
        scores = set()
        for name in ["pairs.csv", "pairs/part-0.parquet", "pairs"]:
            done = self.run_precise("score", self.trained, "--pairs", name, "--out", "scores.csv", "--quiet")
            self.assertEqual(done.returncode, 0, done.stderr)
            scores.add((self.folder / "scores.csv").read_text())
        self.assertEqual(len(scores), 1)
        with_new = [(self.export("npy", "--overwrite", "--items", name) / "items.npy").read_bytes()
                    for name in ["new.csv", "new.parquet"]]
        self.assertEqual(with_new[0], with_new[1])
        pandas.DataFrame({"user": [ids[0], None]}).to_parquet(self.path("null.parquet"))
        self.refuse("recommend", self.trained, "--quiet", "--users-file", "null.parquet", says="null.parquet: row 2: the user is empty")
        pandas.DataFrame({"a": [1], "b": [2]}).to_parquet(self.path("two.parquet"))
        self.refuse("recommend", self.trained, "--quiet", "--users-file", "two.parquet", says="has no column user, only a, b")


if __name__ == "__main__":
    unittest.main()
