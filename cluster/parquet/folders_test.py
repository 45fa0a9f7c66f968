#!/usr/bin/env python3
"""Tests what four writers write, in several codecs and row groups, and folders of parts as Spark makes them.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import os
import pathlib
import subprocess
import unittest

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

from case import PRECISE, Case


class WritersTest(Case):
    """Files of four writers and four codecs, several row groups, empty parts, folders of parts."""

    def setUp(self) -> None:
        super().setUp()
        self.expected = self.csv(self.events)

    def test_codecs_and_row_groups(self) -> None:
        for codec in ["snappy", "gzip", "zstd", "none", "brotli", "lz4"]:
            self.events.to_parquet(self.path("x.parquet"), compression=None if codec == "none" else codec, row_group_size=37)
            self.assertEqual(self.prepare("x.parquet")["checksum"], self.expected, codec)
        for version, pages in [("1.0", "1.0"), ("2.6", "2.0")]:
            pyarrow.parquet.write_table(pyarrow.Table.from_pandas(self.events), self.path("x.parquet"), version=version,
                                        data_page_version=pages, use_dictionary=False, data_page_size=100)
            self.assertEqual(self.prepare("x.parquet")["checksum"], self.expected, version)

    def test_ranks_take_row_groups(self) -> None:
        self.events.to_parquet(self.path("x.parquet"), row_group_size=37)
        self.events.assign(user=self.events["user"] + 10).to_parquet(self.path("y.parquet"), row_group_size=500)
        files = {}
        for ranks in (1, 2, 3, 7):
            self.prepare("x.parquet", "y.parquet", options=("--ranks", str(ranks)))
            paths = sorted(path for path in (self.folder / "dataset").rglob("*") if path.is_file())
            files[ranks] = [(path.name, path.read_bytes()) for path in paths]
        self.assertEqual([ranks for ranks in files if files[ranks] != files[1]], [])

    def test_polars(self) -> None:
        table = polars.from_pandas(self.events).with_columns(
            polars.col("user").cast(polars.String), polars.col("item").cast(polars.String).cast(polars.Categorical),
            polars.from_epoch("timestamp", time_unit="s").cast(polars.Datetime("ns")))
        for codec in ["snappy", "gzip", "zstd", "uncompressed"]:
            table.write_parquet(self.path("x.parquet"), compression=codec, row_group_size=64)
            self.assertEqual(self.prepare("x.parquet")["checksum"], self.expected, codec)

    def test_duckdb(self) -> None:
        table = self.events  # noqa: F841
        for codec in ["snappy", "gzip", "zstd", "uncompressed"]:
            duckdb.sql('copy (select "user"::varchar as "user", item::usmallint as item, make_timestamptz(timestamp * 1000000) as '
                       f"timestamp, behavior, scene from \"table\") to '{self.path('x.parquet')}' "
                       f"(format parquet, codec '{codec}')")
            self.assertEqual(self.prepare("x.parquet")["checksum"], self.expected, codec)

    def spark_folder(self) -> None:
        """Folders as Spark writes them; the rows in the order of the folders."""
        for folder in ["events", "tables"]:
            for behavior in ["buy", "view"]:
                for scene in ["feed", "shop"]:
                    part = self.events[(self.events["behavior"] == behavior) & (self.events["scene"] == scene)]
                    part = part[["user", "item", "timestamp"]]
                    at = f"{folder}/behavior={behavior}/scene={scene}/part-0000"
                    half = len(part) // 2
                    parts = [part[:half], part[half:], part[:0]]
                    for number, rows in enumerate(parts):
                        if folder == "events":
                            rows.to_parquet(self.path(f"{at}{number}-x.c000.snappy.parquet"), index=False)
                        else:
                            rows.to_csv(self.path(f"{at}{number}.csv"), index=False)
                    pathlib.Path(self.path(f"{folder}/behavior={behavior}/scene={scene}/.part-00000.crc")).write_bytes(b"crc\0")
            pathlib.Path(self.path(f"{folder}/_SUCCESS")).touch()
            pathlib.Path(self.path(f"{folder}/_temporary/0/part-1.parquet")).write_bytes(b"x")
        order = self.events.sort_values(["behavior", "scene"], kind="stable")
        order.to_csv(self.path("ordered.csv"), index=False)

    def test_folders_of_parts(self) -> None:
        self.spark_folder()
        expected = self.prepare("ordered.csv")["checksum"]
        for names in [["events/"], ["events"], ["events/behavior=buy", "events/behavior=view"],
                      ["events/*/*/*.parquet"], ["events/behavior=*"], ["tables"], ["tables/*/*/part-0000?.csv"],
                      sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("events/b*/*/*.parquet"))]:
            manifest = self.prepare(*names)
            self.assertEqual(manifest["checksum"], expected, names)
            inputs = [entry["path"] for entry in manifest["inputs"]]
            self.assertEqual(len(inputs), 12, inputs)
            self.assertIn("scene=feed", inputs[0])
            self.assertEqual(sum(entry["rows"] for entry in manifest["inputs"]), 400)

    def test_partitions_serve_as_columns(self) -> None:
        table = self.events.assign(store=["a b/ü%" if scene == "shop" else None for scene in self.events["scene"]])
        table = table.drop(columns=["scene"])
        for store, rows in table.groupby("store", dropna=False):
            name = "__HIVE_DEFAULT_PARTITION__" if pandas.isna(store) else "a b%2F%C3%BC%25"
            rows.drop(columns=["store"]).to_json(self.path(f"j/store={name}/part.jsonl"), orient="records", lines=True)
            rows.drop(columns=["store"]).to_parquet(self.path(f"p/store={name}/part.parquet"))
        ordered = table.sort_values("store", na_position="first", kind="stable")
        expected = self.csv(ordered, "--columns", "scene=store", name="o.csv")
        for folder in ["j", "p"]:
            manifest = self.prepare(folder, options=("--columns", "scene=store"))
            self.assertEqual(manifest["checksum"], expected)
            self.assertEqual({scene["name"] for scene in manifest["scenes"]}, {"a b/ü%", "default"})

    def test_days_as_partitions(self) -> None:
        days = pandas.to_datetime(self.events["timestamp"], unit="s").dt.date.astype(str)
        table = self.events.assign(day=days).drop(columns=["timestamp"])
        table.to_parquet(self.path("whole.parquet"))
        pyarrow.parquet.write_to_dataset(
            pyarrow.Table.from_pandas(table, preserve_index=False), self.path("days"), partition_cols=["day"])
        expected = self.csv(table.sort_values("day", kind="stable"), "--columns", "timestamp=day", name="o.csv")
        self.assertEqual(self.prepare("days", options=("--columns", "timestamp=day"))["checksum"], expected)

    def test_items_too(self) -> None:
        items = pandas.DataFrame({"item": range(15), "text": [f"title {item}, of many" for item in range(15)],
                                  "scene": ["shop"] * 15})
        items.to_csv(self.path("items.csv"), index=False)
        items[:8].to_parquet(self.path("items/part-0.parquet"))
        items[8:].to_parquet(self.path("items/part-1.parquet"))
        self.events.to_parquet(self.path("x.parquet"))
        sums = {self.prepare(interactions, options=("--items", names))["checksum"]
                for interactions, names in [("events.csv", "items.csv"), ("x.parquet", "items"), ("events.csv", "items/*.parquet")]}
        self.assertEqual(len(sums), 1)

    def test_what_cannot_be_meant_is_said_in_a_sentence(self) -> None:
        self.spark_folder()
        os.makedirs(self.path("empty"))
        os.makedirs(self.path("marked/_temporary"))
        pathlib.Path(self.path("marked/_SUCCESS")).touch()
        pathlib.Path(self.path("marked/part-0.csv")).touch()
        os.makedirs(self.path("mixed"))
        self.events.to_csv(self.path("mixed/a.csv"), index=False)
        self.events.to_parquet(self.path("mixed/b.parquet"))
        self.events.to_parquet(self.path("deep/2026/a.parquet"))
        self.events.to_parquet(self.path("delta/a.parquet"))
        os.makedirs(self.path("delta/_delta_log"))
        self.events.to_parquet(self.path("named.csv"))
        self.events.to_parquet(self.path("named.jsonl"))
        for names, says in [("empty", "empty has no file"), ("marked", "marked has no file"),
                            ("mixed", "csv (a.csv) and parquet (b.parquet)"), ("deep", "has the folder 2026 in it"),
                            ("delta", "is a Delta table"), ("none-*.csv", "no file fits none-*.csv"),
                            ("named.csv", "is a Parquet file; give --format parquet"),
                            ("named.jsonl", "is a Parquet file; give --format parquet")]:
            self.refuse("prepare", "--interactions", names, "--out", "d", says=says)
        done = subprocess.run([PRECISE, "prepare", "--interactions", "-", "--format", "parquet", "--out", "d"], cwd=self.folder,
                              input=(self.folder / "named.csv").read_bytes(), capture_output=True, check=False)
        self.assertEqual(done.returncode, 65)
        self.assertIn(b"standard input", done.stderr)
        self.prepare("named.csv", options=("--format", "parquet"))

    def test_without_the_library(self) -> None:
        self.events.to_parquet(self.path("x.parquet"))
        for name, source, more in [("dependency", "int f(void) { return 1; }", []),
                                   ("dependent", "int f(void); int g(void) { return f(); }", ["-L.", "-ldependency"])]:
            subprocess.run(["g++", "-x", "c++", "-shared", "-fPIC", "-o", f"lib{name}.so", "-", *more], input=source, text=True,
                           check=True, cwd=self.folder)
        os.remove(self.path("libdependency.so"))
        os.makedirs(self.path("folder.so"))
        for path, says in [(self.path("none.so"), "is not there"), (self.path("x.parquet"), "cannot load"),
                           (self.path("folder.so"), "cannot load"), (self.path("libdependent.so"), "libdependency.so: cannot open")]:
            done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d", env={"PRECISE_PARQUET": path})
            self.assertEqual(done.returncode, 65, done.stderr)
            self.assertIn(says, done.stderr)
            self.assertIn("cluster/parquet/install.sh", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
        source = "int cparquet_version(void) { return 9999; }"
        subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "-o", self.path("old.so"), "-"], input=source, text=True, check=True)
        done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d",
                                env={"PRECISE_PARQUET": self.path("old.so")})
        self.assertEqual(done.returncode, 65)
        self.assertIn("version 9999", done.stderr)


if __name__ == "__main__":
    unittest.main()
