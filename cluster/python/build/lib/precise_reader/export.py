"""An export of `precise export`: item and user embeddings, and what is computed of them as `precise recommend` does."""
from __future__ import annotations

import importlib
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .files import (InputError, PathLike, Safetensors, count, json_lines, json_object, map_numpy, plain_file, read_json, read_lines,
                    snake_case, text)

Floats = npt.NDArray[np.float32]

# Users whose scores are in memory at once, and item rows whose norms are.
BLOCK_USERS = 256
BLOCK_ROWS = 65_536
WIDEST = 1 << 20


@dataclass(frozen=True)
class ExportRecord:
    """`export.json`: what the embeddings are of."""

    format: str
    """How the tables are written: `safetensors`, `npy`, `jsonl`, `parquet`."""
    phase: str
    """The phase whose model made them."""
    step: int
    """Its step."""
    dataset_checksum: str
    """The data set, as `manifest.json` has it."""
    width: int
    """Columns of an embedding, codes included."""
    code_width: int
    """Columns at the end that hold codes of the newest item; left off to compare items with each other."""
    items: int
    """Items of the catalogue."""
    new_items: int
    """Items behind them that came later (`--items`)."""
    users: int
    """Users."""
    history: str
    """The events that users were read from: `all` or `training`."""
    request_time: float | None = None
    """When users were taken to ask, in seconds since 1970; None where the model does not read it."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Keys that this package does not know."""

    @staticmethod
    def read(path: PathLike) -> ExportRecord:
        """Reads a record. Throws `InputError`."""
        record = snake_case(read_json(path))
        # What earlier versions called it.
        if "dataset_checksum" not in record and isinstance(record.get("dataset"), str):
            record["dataset_checksum"] = record.pop("dataset")
        width = count(record, "width", path, 1, WIDEST)
        time = record.get("request_time")
        known = ExportRecord.__dataclass_fields__
        return ExportRecord(
            format=text(record, "format", path), phase=text(record, "phase", path), step=count(record, "step", path),
            dataset_checksum=text(record, "dataset_checksum", path), width=width,
            code_width=count({"code_width": 0, **record}, "code_width", path, 0, width - 1), items=count(record, "items", path),
            new_items=count({"new_items": 0, **record}, "new_items", path), users=count(record, "users", path),
            history=text({"history": "all", **record}, "history", path),
            request_time=float(time) if isinstance(time, (int, float)) and not isinstance(time, bool) else None,
            more={key: value for key, value in record.items() if key not in known})


class Table:
    """Embeddings with their ids, row for row."""

    ids: list[str]
    """The rows' ids."""
    embeddings: Floats
    """`[rows, width]`, float32; mapped where the format allows it."""

    def __init__(self, ids: list[str], embeddings: Floats, place: str) -> None:
        self.ids, self.embeddings, self.place = ids, embeddings, place
        self._rows = {id: row for row, id in enumerate(ids)}
        if len(self._rows) != len(ids):
            raise InputError(f"{place} has an id twice; export again")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def row(self, id: str) -> int:
        """The row of an id. Throws `InputError` when there is none."""
        try:
            return self._rows[id]
        except KeyError:
            raise InputError(f"{self.place} has no id {id!r}") from None

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """The rows of those ids that the table has, rising; others are passed over."""
        return np.unique(np.fromiter((self._rows[id] for id in ids if id in self._rows), np.int64))


class Recommendation(NamedTuple):
    """An item with its score."""

    item: str
    """The item's id."""
    score: float
    """The product of user and item, a logit; of similar items the cosine."""
    row: int
    """The item's row in the export."""


class Export:
    """Items and users of an export; products of their rows are the scores that evaluation ranks by."""

    record: ExportRecord
    """What `export.json` says."""
    items: Table
    """Items in catalogue order, new ones behind."""
    users: Table
    """Users."""

    def __init__(self, record: ExportRecord, items: Table, users: Table) -> None:
        self.record, self.items, self.users = record, items, users
        self._norms: Floats | None = None

    def scores(self, user_ids: Sequence[str]) -> Floats:
        """The scores of every item for some users: `[users, items]`, float32.

        All in memory at once: 4 bytes for each pair. Throws `InputError` for an unknown user.
        """
        rows = [self.users.row(id) for id in listed(user_ids)]
        return np.asarray(self.users.embeddings[rows] @ self.items.embeddings.T, dtype=np.float32)

    def recommend(
        self, user_id: str, k: int = 10, exclude: Iterable[str] = (), allow: Iterable[str] | None = None, deny: Iterable[str] = (),
    ) -> list[Recommendation]:
        """The best `k` items for a user, best first; of equal scores the lower row. Fewer when there are no more.

        - exclude: items that this user is not to get, such as those of `DatasetReader.user(id).items`.
        - allow: only these items; None = all, new ones too.
        - deny: none of these, whoever asks.

        Ids of the three that the export does not have are passed over. Throws `InputError` for an unknown user, and when `allow` names
        no item of the export.
        """
        return self.recommend_many([user_id], k, {user_id: exclude}, allow, deny)[0]

    def recommend_many(
        self, user_ids: Sequence[str], k: int = 10, exclude: Mapping[str, Iterable[str]] | None = None,
        allow: Iterable[str] | None = None, deny: Iterable[str] = (),
    ) -> list[list[Recommendation]]:
        """`recommend` for many users, block by block; `exclude` has the items of each user by the user's id."""
        candidates = self._candidates(k, allow, deny)
        found = []
        for start in range(0, len(listed(user_ids)), BLOCK_USERS):
            block = user_ids[start:start + BLOCK_USERS]
            for id, scores in zip(block, self.scores(block)):
                kept = candidates
                if exclude and id in exclude:
                    kept = np.setdiff1d(candidates, self.items.rows(listed(exclude[id])), assume_unique=True)
                found.append(self._best(kept, scores[kept], k))
        return found

    def similar(
        self, item_id: str, k: int = 10, allow: Iterable[str] | None = None, deny: Iterable[str] = (),
    ) -> list[Recommendation]:
        """The `k` items most like an item by the cosine of their embeddings without codes, never the item itself.

        Throws `InputError` for an unknown item.
        """
        row, candidates = self.items.row(item_id), self._candidates(k, allow, deny)
        norms, width = self._norms_without_codes(), self.record.width - self.record.code_width
        # The direction of a zero is none.
        kept = candidates[(candidates != row) & (norms[candidates] > 0)]
        if not norms[row] > 0:
            return []
        products = self.items.embeddings[:, :width] @ self.items.embeddings[row, :width]
        return self._best(kept, products[kept] / (norms[kept] * norms[row]), k)

    def _candidates(self, k: int, allow: Iterable[str] | None, deny: Iterable[str]) -> npt.NDArray[np.int64]:
        """The rows that may come out, rising."""
        if k < 1:
            raise InputError(f"k must be 1 or more, not {k}")
        rows: npt.NDArray[np.int64] = np.arange(len(self.items))
        if allow is not None:
            rows = self.items.rows(listed(allow))
            if not rows.size:
                raise InputError(f"allow names no item of {self.items.place}")
        return np.setdiff1d(rows, self.items.rows(listed(deny)), assume_unique=True)

    def _best(self, rows: npt.NDArray[np.int64], scores: Floats, k: int) -> list[Recommendation]:
        rows, scores = rows[~np.isnan(scores)], scores[~np.isnan(scores)]
        if k < rows.size:
            # All that are as good as the k-th, so that of equal ones the lower row wins.
            kept = scores >= np.partition(scores, rows.size - k)[rows.size - k]
            rows, scores = rows[kept], scores[kept]
        order = np.lexsort((rows, -scores))[:k]
        return [Recommendation(self.items.ids[rows[at]], float(scores[at]), int(rows[at])) for at in order]

    def _norms_without_codes(self) -> Floats:
        if self._norms is None:
            width = self.record.width - self.record.code_width
            self._norms = np.zeros(len(self.items), np.float32)
            for start in range(0, len(self.items), BLOCK_ROWS):
                block = self.items.embeddings[start:start + BLOCK_ROWS, :width]
                self._norms[start:start + BLOCK_ROWS] = np.sqrt(np.einsum("ij,ij->i", block, block))
        return self._norms


def listed(ids: Any) -> Any:
    """The ids as they are; one text would be read as its letters."""
    if isinstance(ids, str):
        raise InputError(f"a list of ids is wanted, not the text {ids!r}; write [{ids!r}]")
    return ids


def load_export(path: PathLike) -> Export:
    """Opens the folder that `precise export` made, of any format.

    `npy` and `safetensors` are mapped, `jsonl` and `parquet` are read into memory. Throws `InputError` when the folder is none, or its
    files are damaged or do not fit together.
    """
    folder = pathlib.Path(path)
    if not (folder / "export.json").exists():
        raise InputError(f"{folder} is no export (it has no export.json); make one with precise export")
    record = ExportRecord.read(folder / "export.json")
    readers = {"safetensors": read_safetensors, "npy": read_npy, "jsonl": read_jsonl, "parquet": read_parquet}
    if record.format not in readers:
        raise InputError(f"{folder / 'export.json'}: format {record.format!r} is unknown; export as one of {', '.join(readers)}")
    tables = []
    for name, rows in (("items", record.items + record.new_items), ("users", record.users)):
        ids, embeddings = readers[record.format](folder, name, rows, record)
        place = os.fspath(folder / name)
        if embeddings.shape != (rows, record.width):
            raise InputError(f"{place} has shape {list(embeddings.shape)}, export.json says [{rows}, {record.width}]; export again")
        tables.append(Table(ids, embeddings, place))
    return Export(record, *tables)


def read_safetensors(folder: pathlib.Path, name: str, rows: int, record: ExportRecord) -> tuple[list[str], Floats]:
    file = Safetensors(folder / f"{name}.safetensors")
    for key, value in (("phase", record.phase), ("step", str(record.step)), ("dataset_checksum", record.dataset_checksum)):
        if file.metadata.get(key, value) != value:
            raise InputError(f"{file.path} is of {key} {file.metadata[key]!r}, export.json of {value!r}; export again")
    embeddings = file.array("embeddings", "F32", (rows, record.width))
    return read_lines(folder / f"{name}.txt", rows), embeddings


def read_npy(folder: pathlib.Path, name: str, rows: int, record: ExportRecord) -> tuple[list[str], Floats]:
    embeddings = map_numpy(folder / f"{name}.npy")
    return read_lines(folder / f"{name}.txt", len(embeddings)), embeddings


def read_jsonl(folder: pathlib.Path, name: str, rows: int, record: ExportRecord) -> tuple[list[str], Floats]:
    path = folder / f"{name}.jsonl"
    # A number and its comma are two bytes or more, so memory is bounded by the file.
    if plain_file(path) < 2 * rows * record.width:
        raise InputError(f"{path} is too short for [{rows}, {record.width}] numbers; export again")
    ids, embeddings = [], np.empty((rows, record.width), np.float32)
    for number, line in json_lines(path, 64 * record.width + (1 << 16)):
        try:
            row = json_object(line)
            values = row["embedding"]
            if not isinstance(row["id"], str) or not isinstance(values, list) or len(values) != record.width:
                raise ValueError(f"an id and {record.width} numbers are wanted")
            if not all(type(value) in (int, float) for value in values):
                raise ValueError("an embedding has numbers only")
            if number > rows:
                raise ValueError(f"export.json says {rows} rows")
            with np.errstate(over="ignore"):
                embeddings[number - 1] = values
            if not np.isfinite(embeddings[number - 1]).all():
                raise ValueError("a number is larger than float32 has")
        except (ValueError, KeyError, OverflowError) as error:
            raise InputError(f"{path}, line {number} is no row: {error}; export again") from None
        ids.append(row["id"])
    if len(ids) != rows:
        raise InputError(f"{path} has {len(ids)} rows, export.json says {rows}; export again")
    return ids, embeddings


def read_parquet(folder: pathlib.Path, name: str, rows: int, record: ExportRecord) -> tuple[list[str], Floats]:
    path = folder / f"{name}.parquet"
    plain_file(path)
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError(f"{path} needs pyarrow, which is not installed; pip install pyarrow, or export as npy") from None
    try:
        table = parquet.read_table(path, columns=["id", "embedding"], memory_map=False).combine_chunks()
        ids, lists = table["id"].to_pylist(), table["embedding"]
        flat = np.concatenate([chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks] or [np.zeros(0, np.float32)])
        widths = {width for chunk in lists.chunks for width in chunk.value_lengths().unique().to_pylist()}
    except (ValueError, KeyError, OSError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path} has no columns id and embedding that can be read: {error}") from None
    if flat.dtype != np.float32 or widths - {record.width} or not all(isinstance(id, str) for id in ids):
        raise InputError(f"{path} does not have a text id and {record.width} float32 numbers in each row; export again")
    return ids, flat.reshape(-1, record.width)
