#!/usr/bin/env python3
"""Tests the recipes on a small run: what each index finds, and that precise's file is hnswlib's.

Run by test.sh, which installs what they need. PRECISE names the program.
"""
from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy

import faiss_index
import hnswlib_index
import pgvector
import vectors

CONFIG = """seed: 1
model: {id_dim: 16, semantic_dim: 16, experts: 4, layers: 1, length: 10}
batch: {users: 128}
universal: {epochs: 2, negatives: all}
"""


def precise(*words: str) -> str:
    """Runs the program; returns what it printed."""
    return subprocess.run([os.environ["PRECISE"], *words], check=True, capture_output=True, text=True).stdout


class RecipeTest(unittest.TestCase):
    folder: tempfile.TemporaryDirectory

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        (pathlib.Path(cls.folder.name) / "config.yaml").write_text(CONFIG)
        place = cls.path
        precise("synth", "--out", place("raw"), "--users", "1200", "--items", "1500", "--events", "10", "--quiet")
        precise("prepare", "--interactions", place("raw/interactions.csv"), "--items", place("raw/items.csv"), "--out",
                place("dataset"), "--quiet")
        precise("encode", place("dataset"), "--quiet")
        precise("train", "--config", place("config.yaml"), "--data", place("dataset"), "--out", place("run"), "--quiet")
        precise("export", place("run"), "--out", place("embeddings"), "--format", "npy", "--quiet")
        cls.summary = json.loads(precise("index", place("run"), "--out", place("index"), "--json", "--quiet"))
        cls.export = vectors.Export(place("embeddings"))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    @classmethod
    def path(cls, name: str) -> str:
        return os.path.join(cls.folder.name, name)

    def quietly(self, call, *words: str):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            result = call(list(words))
        print(output.getvalue(), end="", file=sys.stderr)
        return result

    def test_precise_finds_what_it_says(self) -> None:
        self.assertGreaterEqual(self.summary["recall"], 0.98)
        shares = self.quietly(hnswlib_index.main, self.path("embeddings"), "--index", self.path("index"))
        self.assertGreater(shares["precise"], 0.97)
        self.assertGreater(shares["own"], 0.8)

    def test_the_file_holds_the_exported_rows(self) -> None:
        index, ids, record = hnswlib_index.load(self.path("index"))
        self.assertEqual(ids, self.export.item_ids[:len(ids)])
        self.assertEqual((record["items"], record["width"]), self.export.items.shape)
        self.assertTrue(numpy.array_equal(numpy.array(index.get_items(range(len(ids)))), self.export.items))
        row = self.export.sample(1)
        labels, distances = index.knn_query(row, k=5)
        products = self.export.items @ row[0]
        self.assertTrue(numpy.allclose(1 - distances[0], products[labels[0].astype(int)], atol=1e-3))

    def test_recommend_prints_the_same_items(self) -> None:
        user = self.export.user_ids[3]
        lists = [json.loads(precise("recommend", self.path("run"), "--user", user, "-k", "5", "--json", "--quiet", *flags))
                 for flags in ([], ["--index", self.path("index")])]
        self.assertEqual(*[[(entry["item"], entry["score"]) for entry in found["recommendations"]] for found in lists])
        through = json.loads(precise("recommend", self.path("run"), "--user", user, "-k", "5", "--json", "--quiet", "--index",
                                     self.path("index"), "--through", "items"))
        self.assertEqual(len(through["recommendations"]), 5)

    def test_faiss(self) -> None:
        shares = self.quietly(faiss_index.main, self.path("embeddings"), "--out", self.path("items.faiss"))
        self.assertEqual(shares["flat"], 1)
        self.assertGreater(shares["plain"], 0.8)
        self.assertGreater(shares["moved"], 0.95)
        self.assertGreater(os.path.getsize(self.path("items.faiss")), self.export.items.nbytes)

    def test_users_space_keeps_products(self) -> None:
        items, matrix = vectors.user_space(self.export.items, self.export.users)
        queries = self.export.sample(20)
        self.assertTrue(numpy.allclose((queries @ matrix) @ items.T, queries @ self.export.items.T, atol=1e-2))
        lengths = numpy.linalg.norm(items, axis=1)
        self.assertTrue(numpy.allclose(lengths, lengths[0], rtol=1e-3))

    def test_pgvector(self) -> None:
        try:
            import pgserver  # noqa: F401
        except ImportError:
            self.skipTest("pgserver is not here")
        shares = self.quietly(pgvector.main, self.path("embeddings"), "--out", self.path("table"), "--measure")
        self.assertEqual(list(shares), ["HNSW"])
        self.assertGreater(shares["HNSW"], 0.8)
        self.assertEqual(sorted(os.listdir(self.path("table"))), ["items.copy", "table.sql"])

    def test_a_query_may_find_fewer_than_the_count(self) -> None:
        self.assertEqual(vectors.recall([[1], [3, 2], []], numpy.array([[1, 2], [2, 3], [4, 5]])), 0.5)

    def test_the_copy_file_names_each_number(self) -> None:
        rows = numpy.array([[0.1, -1e-20, 3.0], [1 / 3, 2.5e30, 0]], dtype=numpy.float32)
        path = pathlib.Path(self.path("rows.copy"))
        pgvector.write_rows(path, ["a\tb", "c\\d"], rows)
        lines = path.read_text(encoding="utf-8").split("\n")
        self.assertEqual([line.split("\t")[0] for line in lines[:2]], ["a\\tb", "c\\\\d"])
        for line, row in zip(lines, rows):
            values = numpy.array(json.loads(line.split("\t")[1]), dtype=numpy.float32)
            self.assertTrue(numpy.array_equal(values, row))

    def test_a_wide_table_has_no_index(self) -> None:
        self.assertIn("vector_ip_ops", pgvector.statements(2000, 16, 64))
        self.assertNotIn("CREATE INDEX", pgvector.statements(2001, 16, 64))

    def test_another_runs_index_is_refused(self) -> None:
        record = json.loads(pathlib.Path(self.path("embeddings/export.json")).read_text())
        self.assertEqual(record["step"], self.summary["step"])
        with self.assertRaises(SystemExit) as failure:
            vectors.Export(self.path("dataset"))
        self.assertIn("precise export run/", str(failure.exception))


if __name__ == "__main__":
    unittest.main()
