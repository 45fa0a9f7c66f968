#!/usr/bin/env python3
"""Tests vectors of items and texts of several fields from Parquet, held against the same from other files.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import json
import pathlib
import unittest

import numpy
import pandas
import pyarrow
import pyarrow.parquet

from case import Case

COLUMNS = ("--columns", "item=sku,text=title+brand,features=category+price")


class VectorsTest(Case):
    """`precise encode --vectors`, whatever the file."""

    def setUp(self) -> None:
        super().setUp()
        self.csv(self.events)
        self.ids = [str(item) for item in range(14)] + ["other"]
        self.vectors = numpy.random.default_rng(5).normal(size=(15, 6)).astype("float32")

    def encode(self, *words: str) -> bytes:
        """The bytes of the token states that some vectors make."""
        done = self.run_precise("encode", "dataset", "--vectors", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 of 15 items are not in the file and get no vectors", done.stderr)
        self.assertIn("1 item of the file is not in the data set", done.stderr)
        self.assertIn("14 with a vector", done.stdout)
        return (self.folder / "dataset/token_states.safetensors").read_bytes()

    def test_every_file_gives_the_same(self) -> None:
        numpy.save(self.path("v.npy"), self.vectors)
        pathlib.Path(self.path("v.npy.ids.txt")).write_text("".join(f"{item}\n" for item in self.ids))
        expected = self.encode("v.npy")
        with open(self.path("v.jsonl"), "w", encoding="utf-8") as file:
            for item, vector in zip(self.ids, self.vectors.tolist()):
                file.write(json.dumps({"id": int(item) if item.isdigit() else item, "embedding": vector}) + "\n")
        self.assertEqual(self.encode("v.jsonl"), expected)
        lists = self.vectors.tolist()
        for number, (item, vector, kind) in enumerate([
                ("id", "embedding", pyarrow.list_(pyarrow.float32())), ("item", "vector", pyarrow.list_(pyarrow.float64())),
                ("id", "anything", pyarrow.large_list(pyarrow.float32()))]):
            table = pyarrow.table({"more": list(range(15)), vector: pyarrow.array(lists, kind), item: self.ids})
            pyarrow.parquet.write_table(table, self.path(f"v{number}.parquet"), row_group_size=4)
            self.assertEqual(self.encode(f"v{number}.parquet"), expected, (item, vector))

    def test_damage_is_one_sentence(self) -> None:
        for number, (ids, vectors, says) in enumerate([
                (["1", None], [[1.0], [2.0]], "row 2: the column id is null"),
                (["1", "2"], [[1.0], None], "row 2: the column embedding is null"),
                (["1", "2"], [[1.0], [1.0, 2.0]], "row 2: the column embedding has 2 numbers, row 1 has 1"),
                (["1", "1"], [[1.0], [2.0]], 'row 2: item "1" stands twice'),
                (["1", "2"], [[1.0], [float("nan")]], 'the vector of item "2" has NaN'),
                (["x", "y"], [[1.0], [2.0]], "a vector of none of the data set's items"), ([], [], "no vector in it")]):
            name = f"d{number}.parquet"
            pyarrow.parquet.write_table(
                pyarrow.table({"id": pyarrow.array(ids, pyarrow.string()),
                               "embedding": pyarrow.array(vectors, pyarrow.list_(pyarrow.float32()))}), self.path(name))
            self.refuse("encode", "dataset", "--vectors", name, says=says)
        self.refuse("encode", "dataset", "--vectors", name, "--ids", "x", says="leave --ids out")
        self.events.to_parquet(self.path("events.parquet"))
        self.refuse("encode", "dataset", "--vectors", "events.parquet", says="has no column of vectors")


class FieldsTest(Case):
    """Joined texts and features are those of the CSV with the same rows."""

    def test_fields_and_features(self) -> None:
        items = pandas.DataFrame({
            "sku": range(15), "title": [f"thing {item}" if item % 4 else None for item in range(15)],
            "brand": ["Acme", None, "Best"] * 5, "category": ["Shoes", "Hats", None, "Toys & Co", "Books"] * 3,
            "price": [item * 10 for item in range(15)]})
        events = self.events.rename(columns={"item": "sku"})
        events.to_csv(self.path("events.csv"), index=False)
        items.to_csv(self.path("items.csv"), index=False)
        items.to_parquet(self.path("items.parquet"))
        expected = self.prepare("events.csv", options=("--items", "items.csv", *COLUMNS))
        self.assertEqual(expected["preparation"]["columns"], COLUMNS[1])
        self.assertEqual(self.prepare("events.csv", options=("--items", "items.parquet", *COLUMNS))["checksum"], expected["checksum"])
        stored = (self.folder / "dataset/items.safetensors").read_bytes()
        self.assertIn("thing 3 | Acme\x1fcategory=Toys & Co\x1fprice=30".encode(), stored)
        # A folder's name may be the field of a feature; its file lacks it.
        shoes = items[items["category"] == "Shoes"]
        shoes.drop(columns="category").to_parquet(self.path("parts/category=Shoes/a.parquet"))
        self.prepare("events.csv", options=("--items", "parts", *COLUMNS))
        self.assertIn("thing 5 | Best\x1fcategory=Shoes\x1fprice=50".encode(), (self.folder / "dataset/items.safetensors").read_bytes())


if __name__ == "__main__":
    unittest.main()
