"""A small run for the tests, made once by the program that PRECISE names: data set, run, evaluation, an export in each format."""
from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

import numpy as np

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "Configs/demo.yaml"
FORMATS = ("npy", "safetensors", "jsonl", "parquet")
# Items that came after the data set was made; the last has a quote and letters beyond ASCII in its id.
NEW_ITEMS = 'item,text\nnew-1,Guvo Chebi\nnew-2,\n"new ""é"" 日",Kedu\n'


def precise(*words: object) -> str:
    """What the program prints. An error of it ends the tests with its sentence."""
    done = subprocess.run([os.environ["PRECISE"], *map(str, words)], text=True, capture_output=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"precise {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def objects(*words: object) -> list[dict[str, Any]]:
    """The program's lines of JSON."""
    return [json.loads(line) for line in precise(*words, "--json", "--quiet").splitlines()]


@functools.lru_cache(maxsize=None)
def folder() -> pathlib.Path:
    """The folder with raw/, dataset/, cold/, run/ and an export in each format, export-FORMAT/."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="precise-reader-"))
    atexit.register(shutil.rmtree, place)
    precise("synth", "--out", place / "raw", "--users", 150, "--items", 120, "--quiet")
    inputs = ("--interactions", place / "raw/interactions.csv", "--items", place / "raw/items.csv", "--quiet")
    precise("prepare", *inputs, "--out", place / "dataset")
    precise("prepare", *inputs, "--out", place / "cold", "--cold-items", "20%")
    precise("encode", place / "dataset", "--quiet")
    settings = ["universal.steps=30", "targeted=[{name: second, history: all, steps: 5, negatives: 40}]", "evaluation.filter_seen=false"]
    precise("train", "--config", CONFIG, "--data", place / "dataset", "--out", place / "run", "--quiet", "--ranks", 1,
            *(word for setting in settings for word in ("--set", setting)))
    precise("evaluate", place / "run", "--quiet")
    (place / "new.csv").write_text(NEW_ITEMS, encoding="utf-8")
    for format in FORMATS:
        words = ("export", place / "run", "--out", place / f"export-{format}", "--format", format, "--items", place / "new.csv", "--quiet")
        try:
            precise(*words)
        except RuntimeError as error:
            # The program writes Parquet where Arrow's library was brought beside it.
            if format != "parquet" or "Arrow" not in str(error):
                raise
            write_parquet(place / "export-npy", place / "export-parquet")
    return place


def write_parquet(export: pathlib.Path, place: pathlib.Path) -> None:
    """An export of `npy` as the program would have written it as Parquet."""
    pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    place.mkdir()
    record = json.loads((export / "export.json").read_text())
    (place / "export.json").write_text(json.dumps({**record, "format": "parquet"}))
    for name in ("items", "users"):
        ids = (export / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        lists = pyarrow.array(list(np.load(export / f"{name}.npy")), pyarrow.list_(pyarrow.float32()))
        # Several groups of rows, as a larger table has.
        parquet.write_table(pyarrow.table({"id": ids, "embedding": lists}), place / f"{name}.parquet", row_group_size=50)
