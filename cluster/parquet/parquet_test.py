#!/usr/bin/env python3
"""Tests Parquet in and out: what precise makes of files by four writers, against the same CSV; exports, read by four; broken files.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import json
import os
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "local"))

import runs  # noqa: E402

PRECISE = os.environ["PRECISE"]
SECONDS = 1_700_000_000


def events(rows: int = 400) -> pandas.DataFrame:
    """Rows of 20 users and 15 items at times of whole seconds."""
    draws = numpy.random.default_rng(1)
    return pandas.DataFrame({
        "user": draws.integers(0, 20, rows), "item": draws.integers(0, 15, rows),
        "timestamp": SECONDS + draws.permutation(1_000_000)[:rows],
        "behavior": draws.choice(["view", "buy"], rows), "scene": draws.choice(["shop", "feed"], rows)})


class Case(unittest.TestCase):
    """A test with a folder of its own and the program."""

    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.events = events()

    def path(self, name: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def run_precise(self, *words: str, env: dict[str, str] | None = None, limit: int = 0) -> subprocess.CompletedProcess[str]:
        bound = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
        return subprocess.run([PRECISE, *words], capture_output=True, text=True, cwd=self.folder, preexec_fn=bound,
                              env={**os.environ, **(env or {})}, timeout=300)

    def prepare(self, *interactions: str, options: tuple[str, ...] = ()) -> dict:
        """The manifest of the data set that some files make."""
        done = self.run_precise("prepare", "--interactions", *interactions, "--out", "dataset", "--overwrite", "--quiet",
                                "--min-item-events", "1", "--min-user-events", "1", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads((self.folder / "dataset/manifest.json").read_text())

    def csv(self, table: pandas.DataFrame, *options: str, name: str = "events.csv") -> str:
        """The checksum of the data set that the table makes as CSV."""
        table.to_csv(self.path(name), index=False)
        return self.prepare(name, options=options)["checksum"]

    def refuse(self, *words: str, says: str = "", code: int = 65) -> str:
        """What a command says that must end with a code, one sentence and nothing left behind."""
        before = sorted(os.listdir(self.folder))
        done = self.run_precise(*words)
        self.assertEqual(done.returncode, code, (words, done.stderr))
        lines = [line for line in done.stderr.splitlines() if "bad row" not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertFalse([letter for letter in done.stderr if letter != "\n" and not letter.isprintable()], done.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        return done.stderr


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
                      sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("events/*/*/*.parquet"))]:
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
        for path, says in [(self.path("none.so"), "is not there"), (self.path("x.parquet"), "cannot load")]:
            done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d", env={"PRECISE_PARQUET": path})
            self.assertEqual(done.returncode, 65)
            self.assertIn(says, done.stderr)
            self.assertIn("cluster/parquet/install.sh", done.stderr)
        source = "int cparquet_version(void) { return 9999; }"
        subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "-o", self.path("old.so"), "-"], input=source, text=True, check=True)
        done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d",
                                env={"PRECISE_PARQUET": self.path("old.so")})
        self.assertEqual(done.returncode, 65)
        self.assertIn("version 9999", done.stderr)


class HostileTest(Case):
    """Files that are broken in many places: a sentence and 65, or the same rows, and never a crash."""

    def setUp(self) -> None:
        super().setUp()
        self.expected = self.csv(self.events)
        self.seeds = random.Random(3)

    def outcome(self, data: bytes) -> int:
        (self.folder / "x.parquet").write_bytes(data)
        done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d", "--overwrite", "--quiet",
                                "--min-item-events", "1", "--min-user-events", "1")
        self.assertIn(done.returncode, (0, 65), (done.returncode, done.stderr))
        self.assertFalse([letter for letter in done.stderr if letter not in "\n\ufffd" and not letter.isprintable()], done.stderr)
        if done.returncode == 65:
            lines = [line for line in done.stderr.splitlines() if "bad row: " not in line and "warning: " not in line]
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertFalse((self.folder / "d/manifest.json").exists() and not self.made, "left behind")
        else:
            self.made = True
        return done.returncode

    made = False

    def files(self) -> list[bytes]:
        table = self.events
        table.to_parquet(self.path("a.parquet"), row_group_size=150)
        pyarrow.parquet.write_table(pyarrow.Table.from_pandas(table), self.path("b.parquet"), compression="none",
                                    write_page_checksum=True, data_page_version="2.0")
        polars.from_pandas(table).write_parquet(self.path("c.parquet"), compression="zstd")
        return [(self.folder / name).read_bytes() for name in ["a.parquet", "b.parquet", "c.parquet"]]

    def test_truncated(self) -> None:
        for data in self.files():
            for length in sorted({0, 1, 3, 4, 7, 8, 11, 12, len(data) - 1, len(data) - 4, len(data) - 8}
                                 | {self.seeds.randrange(len(data)) for _ in range(40)}):
                self.assertEqual(self.outcome(data[:length]), 65, length)

    def test_flipped_bytes(self) -> None:
        for data in self.files():
            size = struct.unpack("<I", data[-8:-4])[0]
            for number in range(100):
                broken = bytearray(data)
                # Half of them in the footer, where the claims are.
                place = self.seeds.randrange(len(data) - 8 - size, len(data)) if number % 2 else self.seeds.randrange(len(data))
                broken[place] = self.seeds.choice([0, 0x7F, 0x80, 0xFF, broken[place] ^ 1 << self.seeds.randrange(8)])
                self.outcome(bytes(broken))

    def test_pages_with_checksums_show_every_flip(self) -> None:
        data = self.files()[1]
        place = data.index(b"view") if b"view" in data else 200
        broken = bytearray(data)
        broken[place] ^= 1
        self.assertEqual(self.outcome(bytes(broken)), 65)

    def test_claims(self) -> None:
        for data in self.files():
            size = struct.unpack("<I", data[-8:-4])[0]
            for claim in [0, 1, size - 1, size + 1, len(data), 0x7FFFFFFF, 0xFFFFFFFF]:
                self.assertEqual(self.outcome(data[:-8] + struct.pack("<I", claim) + b"PAR1"), 65, claim)
            footer = bytearray(data[-8 - size:-8])
            # 400 rows and values as zigzag numbers, and what is larger in as many bytes.
            for found in [index for index in range(size - 1) if footer[index:index + 2] == b"\xa0\x06"]:
                broken = bytearray(footer)
                broken[found:found + 2] = b"\xfe\x7f"
                self.check_claim(data[:-8 - size] + bytes(broken) + data[-8:])
                # 10 billion, by a longer number.
                longer = footer[:found] + b"\x80\xc0\xd7\xc0\x4a" + footer[found + 2:]
                tail = struct.pack("<I", len(longer)) + b"PAR1"
                self.check_claim(data[:-8 - size] + bytes(longer) + tail)

    def check_claim(self, data: bytes) -> None:
        """A wrong number of rows is refused; where a number does not matter, the rows are the same."""
        if self.outcome(data) == 0:
            self.assertEqual(json.loads((self.folder / "d/manifest.json").read_text())["checksum"], self.expected)

    def test_wrong_magic_and_other_files(self) -> None:
        data = self.files()[0]
        for broken in [b"PARE" + data[4:], b"XXXX" + data[4:], data[:-4] + b"PARE", data[:-4] + b"XXXX", b"user,item,timestamp\n1,2,3\n",
                       b"PAR1PAR1", b"PAR1" + b"\0" * 8 + b"PAR1", b""]:
            self.assertEqual(self.outcome(broken), 65, broken[:20])

    def test_10_gigabytes_of_text_in_a_small_file(self) -> None:
        rows = 1_000_000
        name = pyarrow.DictionaryArray.from_arrays(pyarrow.array(numpy.zeros(rows, "int32")), pyarrow.array(["u" * 1000]))
        item = pyarrow.array(numpy.arange(rows) % 50)
        table = pyarrow.table({"user": name, "item": item, "timestamp": item})
        with pyarrow.parquet.ParquetWriter(self.path("x.parquet"), table.schema, compression="zstd") as writer:
            for _ in range(10):
                writer.write_table(table, row_group_size=rows)
        self.assertLess(os.path.getsize(self.path("x.parquet")), 60 << 20)
        # 4 GiB of address space hold neither the texts nor a row group of them.
        done = self.run_precise("prepare", "--interactions", "x.parquet", "--out", "d", "--memory", "64M", "--quiet",
                                "--duplicates", "first", limit=4 << 30)
        self.assertIn(done.returncode, (0, 65), done.stderr)
        self.assertNotIn("memory", done.stderr)


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
        self.assertEqual(sorted(os.listdir(table)), ["export.json", "items.parquet", "users.parquet"])
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


def tensor(file: pathlib.Path, name: str) -> list[int]:
    """The 64-bit numbers of a tensor of a safetensors file."""
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    start, end = json.loads(data[8:8 + size])[name]["data_offsets"]
    return list(struct.unpack(f"<{(end - start) // 8}q", data[8 + size + start:8 + size + end]))


if __name__ == "__main__":
    unittest.main()
