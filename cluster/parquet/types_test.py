#!/usr/bin/env python3
"""Tests that columns of every type make the data set that the CSV of the same rows makes.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import json
import unittest
import uuid

import duckdb
import pandas
import pyarrow
import pyarrow.parquet

from case import SECONDS, Case, tensor


class TypesTest(Case):
    """Columns of every type are what the CSV says."""

    def setUp(self) -> None:
        super().setUp()
        self.table = pyarrow.Table.from_pandas(self.events, preserve_index=False)
        self.expected = self.csv(self.events)

    def check(self, column: str, array: pyarrow.Array, *options: str, **writing: object) -> None:
        table = self.table.set_column(self.table.schema.get_field_index(column), column, array)
        pyarrow.parquet.write_table(table, self.path("x.parquet"), **writing)
        self.assertEqual(self.prepare("x.parquet", options=options)["checksum"], self.expected, array.type)

    def test_ids(self) -> None:
        users = self.table["user"].combine_chunks()
        texts = [str(user) for user in self.events["user"]]
        for type_ in [pyarrow.int8(), pyarrow.uint8(), pyarrow.int16(), pyarrow.uint16(), pyarrow.int32(), pyarrow.uint32(),
                      pyarrow.uint64(), pyarrow.float32(), pyarrow.float64(), pyarrow.string(), pyarrow.large_string(),
                      pyarrow.decimal128(20, 0)]:
            self.check("user", users.cast(type_))
        for type_ in [pyarrow.string_view(), pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view()]:
            self.check("user", pyarrow.array(texts if type_ == pyarrow.string_view() else [t.encode() for t in texts], type_))
        self.check("user", users.dictionary_encode())
        self.check("user", users.cast(pyarrow.string()).dictionary_encode())
        self.check("user", pyarrow.array(self.events["user"].to_numpy().astype("float16")))

    def test_times(self) -> None:
        seconds = self.table["timestamp"].combine_chunks()
        for unit in ["s", "ms", "us", "ns"]:
            moments = seconds.cast(pyarrow.timestamp("s")).cast(pyarrow.timestamp(unit))
            # The unit is the type's, whatever the option says.
            self.check("timestamp", moments, "--time-unit", "milliseconds")
            for zone in ["UTC", "Europe/Berlin", "+07:00"]:
                self.check("timestamp", moments.cast(pyarrow.timestamp(unit, "UTC")).cast(pyarrow.timestamp(unit, zone)))
        self.check("timestamp", seconds.cast(pyarrow.timestamp("s")).cast(pyarrow.timestamp("ns")),
                   use_deprecated_int96_timestamps=True)
        self.check("timestamp", seconds.cast(pyarrow.int32()))
        self.check("timestamp", seconds.cast(pyarrow.float64()))
        self.check("timestamp", seconds.cast(pyarrow.string()))
        self.check("timestamp", seconds.cast(pyarrow.timestamp("s")).cast(pyarrow.string()))
        milliseconds = pyarrow.array(self.events["timestamp"] * 1000)
        self.check("timestamp", milliseconds, "--time-unit", "milliseconds")

    def test_times_below_a_microsecond_are_cut_off_downward(self) -> None:
        nanoseconds = pyarrow.array(self.events["timestamp"] * 10**9 + 999).cast(pyarrow.timestamp("ns"))
        self.check("timestamp", nanoseconds)
        # Before 1970 too: a nanosecond before a second is the microsecond before it.
        seconds = self.events["timestamp"] - 2 * SECONDS
        moments = pyarrow.array(seconds * 10**9 - 1).cast(pyarrow.timestamp("ns"))
        pyarrow.parquet.write_table(self.table.set_column(2, "timestamp", moments), self.path("x.parquet"))
        self.prepare("x.parquet")
        shards = sorted((self.folder / "dataset/shards").iterdir())
        times = sorted(time for file in shards for time in tensor(file, "events.time"))
        self.assertEqual(times, sorted(second * 10**6 - 1 for second in seconds))

    def test_dates(self) -> None:
        days = pandas.to_datetime(self.events["timestamp"], unit="s").dt.date
        expected = self.csv(self.events.assign(timestamp=days))
        for type_ in [pyarrow.date32(), pyarrow.date64()]:
            table = self.table.set_column(2, "timestamp", pyarrow.array(list(days), type_))
            pyarrow.parquet.write_table(table, self.path("x.parquet"))
            self.assertEqual(self.prepare("x.parquet")["checksum"], expected)

    def test_nulls_are_empty_fields(self) -> None:
        table = self.events.astype({"user": "Int64", "item": "Int64", "timestamp": "Int64"})
        for row, column in [(3, "user"), (5, "item"), (7, "timestamp"), (9, "behavior"), (11, "scene")]:
            table.loc[row, column] = pandas.NA
        expected = self.csv(table, "--max-bad-rows", "3")
        kinds = json.loads((self.folder / "dataset/manifest.json").read_text())["counts"]["bad_rows"]
        table.to_parquet(self.path("x.parquet"))
        manifest = self.prepare("x.parquet", options=("--max-bad-rows", "3"))
        self.assertEqual((manifest["checksum"], manifest["counts"]["bad_rows"]), (expected, kinds))
        self.assertEqual(sum(kind["count"] for kind in kinds), 3)
        done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d")
        self.assertEqual(done.returncode, 65)
        self.assertIn("x.parquet: row 4: the user is empty", done.stderr)

    def test_a_column_of_nulls_alone(self) -> None:
        expected = self.csv(self.events.assign(behavior=""))
        table = self.table.set_column(3, "behavior", pyarrow.nulls(len(self.events)))
        pyarrow.parquet.write_table(table, self.path("x.parquet"))
        self.assertEqual(self.prepare("x.parquet")["checksum"], expected)

    def test_uuids_and_inner_columns(self) -> None:
        names = {user: uuid.UUID(int=int(user) * 7919 + 1) for user in range(20)}
        expected = self.csv(self.events.assign(user=[str(names[user]) for user in self.events["user"]]))
        table = self.events.assign(user=[str(names[user]) for user in self.events["user"]])  # noqa: F841
        duckdb.sql('copy (select "user"::uuid as "user", item, timestamp, behavior, scene from "table") '
                   f"to '{self.path('u.parquet')}' (format parquet)")
        self.assertEqual(self.prepare("u.parquet")["checksum"], expected)
        # pyarrow's own are an extension type, whose bytes are below it.
        ids = [names[user].bytes for user in self.events["user"]]
        own = pyarrow.ExtensionArray.from_storage(pyarrow.uuid(), pyarrow.array(ids, pyarrow.binary(16)))
        for keeps_type in [True, False]:
            pyarrow.parquet.write_table(self.table.set_column(0, "user", own), self.path("own.parquet"), store_schema=keeps_type)
            self.assertEqual(self.prepare("own.parquet")["checksum"], expected, keeps_type)
        inner = pyarrow.StructArray.from_arrays(
            [self.table[name].combine_chunks() for name in ["item", "scene", "user"]], ["iid", "where", "uid"])
        pyarrow.parquet.write_table(
            pyarrow.table({"more": [[1]] * 400, "e": inner, "timestamp": self.table["timestamp"],
                           "behavior": self.table["behavior"]}), self.path("s.parquet"))
        names = "user=e.uid,item=e.iid,scene=e.where"
        self.assertEqual(self.prepare("s.parquet", options=("--columns", names))["checksum"], self.expected)
        self.refuse("prepare", "--interactions", "s.parquet", "--columns", "user=more,item=e.iid", "--out", "d", says="list<")
        self.refuse("prepare", "--interactions", "s.parquet", "--out", "d", says="has no column user, item, only")

    def test_texts_that_are_not_utf8(self) -> None:
        text = ["caf\xe9".encode("latin-1")] * 15
        items = pyarrow.table({"item": pyarrow.array(range(15)), "text": pyarrow.array(text, pyarrow.binary())})
        pyarrow.parquet.write_table(items, self.path("items.parquet"))
        self.events.to_parquet(self.path("x.parquet"))
        manifest = self.prepare("x.parquet", options=("--items", "items.parquet"))
        self.assertTrue(any("items.parquet: row 1" in warning for warning in manifest["warnings"]), manifest["warnings"])


if __name__ == "__main__":
    unittest.main()
