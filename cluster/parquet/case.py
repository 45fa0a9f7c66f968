"""What the tests of Parquet have in common: a folder, rows, the program."""
from __future__ import annotations

import json
import os
import pathlib
import resource
import struct
import subprocess
import tempfile
import unittest

import numpy
import pandas

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


def tensor(file: pathlib.Path, name: str) -> list[int]:
    """The 64-bit numbers of a tensor of a safetensors file."""
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    start, end = json.loads(data[8:8 + size])[name]["data_offsets"]
    return list(struct.unpack(f"<{(end - start) // 8}q", data[8 + size + start:8 + size + end]))
