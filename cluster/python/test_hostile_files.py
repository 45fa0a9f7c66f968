"""Files that are cut, changed, swapped or made up: each is refused with one sentence, or read as what it is. Run by test.sh."""
from __future__ import annotations

import json
import os
import pathlib
import pickle
import random
import re
import shutil
import struct
import tempfile
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import precise_reader
import small_run
from precise_reader import InputError
from precise_reader.files import Safetensors

# Changed copies of each file that is tried.
TIMES = 150


def safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(type: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": type, "shape": shape, "data_offsets": [begin, end]}


class HostileTest(unittest.TestCase):
    """Each test works in a folder of its own."""

    def setUp(self) -> None:
        self.place = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.place)
        warnings.simplefilter("error")
        self.addCleanup(warnings.resetwarnings)

    def refuse(self, words: str, call: Callable[[], object]) -> None:
        with self.assertRaisesRegex(InputError, words) as caught:
            call()
        self.assertNotIn("\n", str(caught.exception))

    def copy(self, name: str) -> pathlib.Path:
        place = self.place / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(small_run.folder() / name, place)
        return place

    def change_json(self, path: pathlib.Path, **changes: Any) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def test_headers_of_safetensors(self) -> None:
        path = self.place / "x.safetensors"
        deep = b'{"a":' * 200_000
        twice = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'
        for content, words in (
            (b"1234567", "has 7 bytes"), (b"", "has 0 bytes"), (struct.pack("<Q", 1 << 63) + b"{}", "claims 9223372036854775808"),
            (struct.pack("<Q", 3) + b"{}", "claims 3 bytes"), (safetensors(b"[]"), "no object"), (safetensors(b"{"), "not a usable"),
            (safetensors(b"\xff{}"), "not a usable"), (safetensors(deep), "nested too deep"), (safetensors({"a": 1}), "needs dtype"),
            (safetensors({"a": {**tensor("F32", [1], 0, 4), "more": 1}}, b"1234"), "nothing else"),
            (safetensors({"a": tensor("F32", [2], 0, 8)}, b"1234"), "do not lie within"),
            (safetensors({"a": tensor("F32", [2], 0, 4)}, b"1234"), "do not fit"),
            (safetensors({"a": tensor("F32", [1], 4, 0)}, b"1234"), "do not lie within"),
            (safetensors({"a": tensor("F32", [-1], 0, 4)}, b"1234"), "that are none"),
            (safetensors({"a": tensor("F32", [True], 0, 4)}, b"1234"), "that are none"),
            (safetensors({"a": tensor("F32", [1 << 40, 1 << 40], 0, 4)}, b"1234"), "do not fit"),
            (safetensors({"a": tensor("F32", [1 << 70], 0, 4)}, b"1234"), "that are none"),
            (safetensors({"a": tensor("F32", [1] * 9, 0, 4)}, b"1234"), "that are none"),
            (safetensors({"a": tensor("Q32", [1], 0, 4)}, b"1234"), "type that is unknown"),
            (safetensors({"a": tensor("U8", [3], 0, 3), "b": tensor("U8", [2], 2, 4)}, b"1234"), "overlap"),
            (safetensors(twice, b"12"), "stands twice"),
            (safetensors({"__metadata__": {"a": 1}}), "metadata are no texts"), (safetensors(b'{"a":NaN}'), "no number of JSON"),
        ):
            path.write_bytes(content)
            self.refuse(words, lambda: Safetensors(path))
        path.write_bytes(safetensors({"a": tensor("F32", [1], 1, 5), "none": tensor("F32", [0, 7], 0, 0)}, b"x\x00\x00\x80\x3f"))
        file = Safetensors(path)
        # Not aligned, and still read.
        self.assertEqual(file.array("a", "F32", (None,)).tolist(), [1.0])
        self.assertEqual(file.array("none", "F32", (0, 7)).shape, (0, 7))
        self.refuse("has no tensor b", lambda: file.array("b", "F32", (1,)))
        self.refuse("should be I32 but is F32", lambda: file.array("a", "I32", (1,)))
        self.refuse("should have shape", lambda: file.array("a", "F32", (2,)))

    def test_no_plain_files(self) -> None:
        os.mkfifo(self.place / "pipe")
        for path in (self.place / "pipe", pathlib.Path("/dev/zero"), self.place):
            self.refuse("is no plain file", lambda: Safetensors(path))
        self.refuse("cannot be read: No such file", lambda: Safetensors(self.place / "none"))
        for load in (precise_reader.load_export, precise_reader.load_dataset):
            self.refuse("(has no export.json|has no manifest.json)", lambda: load(self.place))
        place = self.copy("export-npy")
        (place / "items.npy").unlink()
        os.mkfifo(place / "items.npy")
        self.refuse("is no plain file", lambda: precise_reader.load_export(place))

    def test_numpy_files_are_never_evaluated(self) -> None:
        place = self.copy("export-npy")
        path, whole = place / "items.npy", (place / "items.npy").read_bytes()
        with open(path, "wb") as file:
            np.save(file, np.array([{"pickled": 1}], dtype=object))
        self.refuse("no float32 matrix", lambda: precise_reader.load_export(place))
        path.write_bytes(pickle.dumps([1]))
        self.refuse("no NumPy file", lambda: precise_reader.load_export(place))
        for changed, words in ((whole[:-1], "bytes of numbers"), (whole + b"1", "bytes of numbers"), (whole[:40], "no float32 matrix"),
                               (whole[:9], "no NumPy file"), (b"", "no NumPy file"),
                               (whole.replace(b"False", b"True ", 1), "no float32 matrix"),
                               (whole.replace(b"<f4", b"<f8", 1), "no float32 matrix")):
            path.write_bytes(changed)
            self.refuse(words, lambda: precise_reader.load_export(place))
        np.save(path, np.zeros((3, 4), np.float32))
        self.refuse("has shape|does not have the|too few", lambda: precise_reader.load_export(place))

    def test_records_and_lists_of_an_export(self) -> None:
        place = self.copy("export-npy")
        record, ids = place / "export.json", place / "items.txt"
        whole, names = record.read_text(), ids.read_bytes()
        for changes, words in (
            ({"width": -1}, "width should be"), ({"width": True}, "width should be"), ({"items": 1.5}, "items should be"),
            ({"code_width": 10**9}, "code_width should be"), ({"format": "pickle"}, "format 'pickle' is unknown"),
            ({"users": 1 << 47}, "export again"), ({"phase": None}, "phase should be a text"), ({"width": 7}, "export.json says"),
        ):
            self.change_json(record, **changes)
            self.refuse(words, lambda: precise_reader.load_export(place))
            record.write_text(whole)
        first, second = names.split(b"\n")[:2]
        for changed, words in (
            (names + b"one-more\n", "does not have the"), (names[:-1], "does not have the"), (b"\xff" + names[1:], "not UTF-8"),
            (names.replace(second, first, 1), "an id twice"), (b"", "too few"),
        ):
            ids.write_bytes(changed)
            self.refuse(words, lambda: precise_reader.load_export(place))
        for text in ("[]", "", "{", '{"a":1,"a":2}', "[" * 200_000):
            record.write_text(text)
            self.refuse("no file of JSON with one object", lambda: precise_reader.load_export(place))

    def test_another_exports_numbers(self) -> None:
        place = self.copy("export-safetensors")
        self.change_json(place / "export.json", step=123456)
        self.refuse("is of step '.*', export.json of '123456'", lambda: precise_reader.load_export(place))

    def test_lines_of_an_export(self) -> None:
        place = self.copy("export-jsonl")
        path = place / "users.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        row = json.loads(lines[1])
        width = len(row["embedding"])

        def line(**changes: Any) -> bytes:
            return json.dumps({**row, **changes}).encode() + b"\n"

        for changed, words in (
            (b"{}\n", "line 2 is no row"), (b"[" * 50_000 + b"\n", "nested too deep"),
            (line(embedding=row["embedding"][1:]), "line 2"), (line(id=3), "line 2"), (line(embedding=["1"] * width), "numbers only"),
            (re.sub(rb"\[[^,]+", b"[1e999", lines[1]), "larger than float32"),
            (line(embedding=[1e300] * width), "larger than float32"), (line(embedding=[10**400] * width), "line 2"),
            (b'{"id":"x","embedding":[' + b"1" * 20_000_000 + b"]}\n", "is longer than"),
        ):
            path.write_bytes(lines[0] + changed + b"".join(lines[2:]))
            self.refuse(words, lambda: precise_reader.load_export(place))
        for changed, words in ((b"".join(lines[:-1]), "has .* rows|too short"), (b"".join([*lines, lines[0]]), "export.json says"),
                               (b"".join([*lines[:-1], lines[0]]), "an id twice")):
            path.write_bytes(changed)
            self.refuse(words, lambda: precise_reader.load_export(place))
        # Memory for what export.json claims is not taken.
        self.change_json(place / "export.json", users=1 << 40, width=1 << 19)
        self.refuse("too short", lambda: precise_reader.load_export(place))

    def test_manifests(self) -> None:
        place = self.copy("dataset")
        path = place / "manifest.json"
        whole = json.loads(path.read_text())
        other = [{**file, "path": "../secret"} for file in whole["files"]]
        for changes, words in (
            ({"format": "x"}, "no data set's manifest"), ({"version": 3}, "layout version 3"), ({"users": 10**30}, "users should be"),
            ({"shards": whole["shards"][1:]}, "do not fit together"), ({"files": other}, "do not fit together"),
            ({"files": {}}, "a list of objects"), ({"checksum": "0" * 16}, "checksum does not fit"),
            ({"files": [{**whole["files"][0], "bytes": 1}, *whole["files"][1:]]}, "checksum does not fit"),
            ({"scenes": [{"name": 1}]}, "name should be a text"), ({"events": whole["events"] + 1}, "do not fit together"),
        ):
            path.write_text(json.dumps({**whole, **changes}))
            self.refuse(words, lambda: precise_reader.load_dataset(place))

    def test_files_of_a_data_set_that_were_changed(self) -> None:
        place = self.copy("dataset")
        files = json.loads((place / "manifest.json").read_text())["files"]
        shard = place / max(files[1:], key=lambda file: int(file["bytes"]))["path"]
        whole = shard.read_bytes()
        precise_reader.load_dataset(place, verify=True)
        shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.refuse("has checksum", lambda: precise_reader.load_dataset(place, verify=True))
        shard.write_bytes(whole[:-8])
        self.refuse(f"{shard.name} has {len(whole) - 8} bytes", lambda: list(precise_reader.load_dataset(place).shards()))
        shard.unlink()
        self.refuse("No such file", lambda: list(precise_reader.load_dataset(place).shards()))

    def test_changed_bytes_raise_nothing_else(self) -> None:
        """Bytes of each kind of file are changed, seeded by the file's name: it is refused, or read within its bounds."""
        def read_all(place: pathlib.Path) -> None:
            dataset = precise_reader.load_dataset(place)
            for shard in dataset.shards():
                for number in range(len(shard.ids)):
                    shard.events(number)
            list(dataset.user_ids()), list(dataset.texts), [dataset.item_scenes(row) for row in range(len(dataset))]

        def recommend(place: pathlib.Path) -> None:
            export = precise_reader.load_export(place)
            with np.errstate(all="ignore"):
                export.recommend(export.users.ids[0], 3)
                export.similar(export.items.ids[0], 3)

        trials: list[tuple[str, str, Callable[[pathlib.Path], object]]] = [
            ("dataset", "manifest.json", read_all), ("dataset", "items.safetensors", read_all), ("cold", "items.safetensors", read_all),
            ("dataset", "shards/shard-00003.safetensors", read_all), ("cold", "shards/shard-00003.safetensors", read_all),
            ("run", "metrics.jsonl", precise_reader.read_metrics), ("run", "evaluation.json", precise_reader.read_evaluation)]
        trials += [(f"export-{format}", name, recommend) for format, name in (
            ("npy", "export.json"), ("npy", "items.npy"), ("npy", "users.txt"), ("safetensors", "users.safetensors"),
            ("jsonl", "items.jsonl"), ("parquet", "users.parquet"))]
        for folder, name, read in trials:
            with self.subTest(folder=folder, name=name):
                place, draw, refused = self.copy(folder), random.Random(f"{folder}/{name}"), 0
                whole = (place / name).read_bytes()
                for _ in range(TIMES if len(whole) < 1 << 19 else TIMES // 8):
                    changed = bytearray(whole)
                    for _ in range(draw.choice((1, 1, 3))):
                        # The first bytes are headers, where a change means most.
                        at = draw.randrange(draw.choice((min(400, len(changed)), len(changed))))
                        changed[at] = draw.choice((changed[at] ^ 1 << draw.randrange(8), 0, 0x30, 0x39, 0x7D, 0xFF))
                    (place / name).write_bytes(changed)
                    try:
                        read(place)
                    except InputError:
                        refused += 1
                if name != "metrics.jsonl":
                    self.assertGreater(refused, 0)


if __name__ == "__main__":
    unittest.main()
