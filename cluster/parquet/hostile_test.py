#!/usr/bin/env python3
"""Tests files that are broken in many places: a sentence and 65, or the same rows, and never a crash.

Run by test.sh, which installs what it needs. PRECISE names the program, PRECISE_PARQUET the library.
"""
from __future__ import annotations

import json
import os
import random
import struct
import unittest

import numpy
import polars
import pyarrow
import pyarrow.parquet

from case import Case


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


if __name__ == "__main__":
    unittest.main()
