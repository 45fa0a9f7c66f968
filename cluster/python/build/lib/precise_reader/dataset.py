"""A data set that `precise prepare` made: items, users and events as NumPy arrays, mapped; docs/data.md, "Output"."""
from __future__ import annotations

import os
import pathlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from .files import InputError, PathLike, Safetensors, count, plain_file, read_json, snake_case, text

VERSIONS = (1, 2)
MOST_SHARDS = 4_096
MASK = (1 << 64) - 1

Ints = npt.NDArray[np.int64]


def hash_bytes(data: bytes) -> int:
    """FNV-1a of 64 bits, then MurmurHash3's finalizer: `VirtualShards.hash` of the program, part of the format."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    value = ((value ^ (value >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    value = ((value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return value ^ (value >> 33)


class Texts(Sequence[str]):
    """Texts that stand in a file as one run of UTF-8 with offsets; each is read when it is asked for."""

    def __init__(self, file: Safetensors, name: str, rows: int) -> None:
        self.bytes: npt.NDArray[np.uint8] = file.array(f"{name}_bytes", "U8", (None,))
        self.offsets: Ints = file.array(f"{name}_offsets", "I64", (rows + 1,))
        check_offsets(self.offsets, self.bytes.size, f"{name}_offsets", file.path)

    def __len__(self) -> int:
        return self.offsets.size - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        stored = self.bytes[self.offsets[row]:self.offsets[row + 1]].tobytes().decode("utf-8", "replace")
        # U+001F stands before each feature of an item's text (docs/data.md, "Several fields of an item").
        return " | ".join(filter(None, stored.split("\x1f"))) if "\x1f" in stored else stored


class UserEvents(NamedTuple):
    """A user's events in time order, and where they go; columns side by side."""

    items: npt.NDArray[np.int32]
    """Rows of the catalogue."""
    times: Ints
    """Microseconds since 1970-01-01 UTC."""
    scenes: npt.NDArray[np.uint16]
    """Places in `DatasetReader.scenes`."""
    behaviors: npt.NDArray[np.uint16]
    """Places in `DatasetReader.behaviors`."""
    train_count: int
    """The first so many are training events."""
    validation: int | None
    """Which of them is the validation event; its history is every event before it."""
    test: int | None
    """Which of them is the test event."""


class Shard:
    """The users of one virtual shard with their events, in columns; user `u` has the events `offsets[u]:offsets[u + 1]`."""

    ids: Sequence[str]
    """The users' ids."""
    offsets: Ints
    """`[users + 1]`."""
    items: npt.NDArray[np.int32]
    """`[events]`, rows of the catalogue."""
    times: Ints
    """`[events]`, microseconds since 1970-01-01 UTC."""
    scenes: npt.NDArray[np.uint16]
    """`[events]`, places in `DatasetReader.scenes`."""
    behaviors: npt.NDArray[np.uint16]
    """`[events]`, places in `DatasetReader.behaviors`."""
    train_counts: Ints
    """`[users]`: a user's first so many events are for training."""
    validation: Ints
    """`[users]`: which of a user's events is the validation event; -1 = none."""
    test: Ints
    """`[users]`: which of a user's events is the test event; -1 = none."""

    def __init__(self, path: PathLike, users: int, events: int, extents: tuple[int, int, int]) -> None:
        file = Safetensors(path)
        self.ids = Texts(file, "users.id", users)
        self.offsets = file.array("users.offsets", "I64", (users + 1,))
        self.items = file.array("events.item", "I32", (events,))
        self.times = file.array("events.time", "I64", (events,))
        self.scenes = file.array("events.scene", "U16", (events,))
        self.behaviors = file.array("events.behavior", "U16", (events,))
        splits = [file.array(f"users.{name}", "I32", (users,)).astype(np.int64) for name in ("train_count", "validation", "test")]
        self.train_counts, self.validation, self.test = splits
        check_offsets(self.offsets, events, "users.offsets", file.path)
        columns: list[npt.NDArray[Any]] = [self.items, self.scenes, self.behaviors]
        for name, column, bound in zip(("item", "scene", "behavior"), columns, extents):
            check_below(column, bound, f"events.{name}", file.path)
        self._check_split(file.path)
        self._rows: dict[str, int] | None = None

    def row(self, id: str) -> int | None:
        """The number of a user; None when the user is not in this shard."""
        if self._rows is None:
            self._rows = {one: row for row, one in enumerate(self.ids)}
        return self._rows.get(id)

    def events(self, user: int) -> UserEvents:
        """A user's events by the user's number."""
        span = slice(int(self.offsets[user]), int(self.offsets[user + 1]))
        validation, test = int(self.validation[user]), int(self.test[user])
        return UserEvents(
            self.items[span], self.times[span], self.scenes[span], self.behaviors[span], int(self.train_counts[user]),
            validation if validation >= 0 else None, test if test >= 0 else None)

    def leave_out(self, is_cold: npt.NDArray[np.bool_]) -> None:
        """Takes the training events on cold items out, as the program does: a copy of the columns in memory."""
        users = np.repeat(np.arange(len(self.ids)), np.diff(self.offsets))
        places = np.arange(self.items.size) - self.offsets[users]
        stays = (places >= self.train_counts[users]) | ~is_cold[self.items]
        gone = np.bincount(users[~stays], minlength=len(self.ids)).astype(np.int64)
        self.items, self.times = self.items[stays], self.times[stays]
        self.scenes, self.behaviors = self.scenes[stays], self.behaviors[stays]
        self.offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets) - gone)]).astype(np.int64)
        self.train_counts = self.train_counts - gone
        # A held-out event needs something to be read before it.
        for name in ("validation", "test"):
            place = getattr(self, name)
            setattr(self, name, np.where(gone > 0, np.where(place > gone, place - gone, -1), place))

    def _check_split(self, path: str) -> None:
        counts, train, validation, test = np.diff(self.offsets), self.train_counts, self.validation, self.test
        is_inside = (train >= 0) & (train <= counts) & (validation >= -1) & (validation < counts) & (test >= -1) & (test < counts)
        is_ordered = ((validation < 0) | (validation >= train)) & ((test < 0) | ((test >= train) & (test > validation)))
        if not (is_inside & is_ordered).all():
            raise InputError(f"{path}: the split of user {int(np.argmin(is_inside & is_ordered))} is damaged; make the data set again")
        falls = self.times[1:] < self.times[:-1]
        # From one user to the next time may fall.
        borders = self.offsets[1:-1]
        falls[borders[(borders > 0) & (borders < self.times.size)] - 1] = False
        if falls.any():
            raise InputError(f"{path}: the events of a user are not in time order; make the data set again")


class DatasetReader:
    """A prepared data set. Its items are read when it is opened, each virtual shard of users when it is asked for."""

    path: str
    """The folder, as given."""
    manifest: Mapping[str, Any]
    """`manifest.json`, its counts and file list checked."""
    item_ids: Sequence[str]
    """The items' ids; their rows are those of every model and export of this data set."""
    texts: Sequence[str]
    """The items' texts, features behind the words with ` | ` between them; empty where an item has none."""
    train_counts: npt.NDArray[np.uint32]
    """`[items]`: training events of each item."""
    is_cold: npt.NDArray[np.bool_]
    """`[items]`: which are kept out of training by the cold protocol."""
    scenes: list[str]
    """Names of the scenes by number."""
    behaviors: list[str]
    """Names of the behaviors by number."""

    def __init__(self, path: PathLike) -> None:
        folder = pathlib.Path(path)
        self.path, self._folder = os.fspath(path), folder
        place = folder / "manifest.json"
        if not place.exists():
            raise InputError(f"{folder} is no data set (it has no manifest.json); make one with precise prepare")
        self.manifest = read_manifest(place)
        self.scenes = [one["name"] for one in self.manifest["scenes"]]
        self.behaviors = [one["name"] for one in self.manifest["behaviors"]]
        self._shards: dict[int, Shard] = {}
        self._rows: dict[str, int] | None = None
        self._check_size(self.manifest["files"][0])
        self._read_items()

    def __len__(self) -> int:
        """The number of items."""
        return len(self.item_ids)

    @property
    def shard_count(self) -> int:
        """The number of virtual shards."""
        return len(self.manifest["shards"])

    def item_row(self, id: str) -> int:
        """The row of an item. Throws `InputError` when there is none."""
        if self._rows is None:
            self._rows = {one: row for row, one in enumerate(self.item_ids)}
        if id not in self._rows:
            raise InputError(f"{self.path} has no item {id!r}")
        return self._rows[id]

    def item_scenes(self, item: int) -> list[str]:
        """The scenes that an item has events or a listing in."""
        return [self.scenes[number] for number in self._scene_numbers[self._scene_offsets[item]:self._scene_offsets[item + 1]]]

    def shard(self, number: int) -> Shard:
        """A virtual shard, checked when it is first asked for and then kept; training events on cold items are left out of it.

        Throws `InputError` when its file is damaged.
        """
        if number not in self._shards:
            file, extents = self.manifest["files"][1 + range(self.shard_count)[number]], self.manifest["shards"][number]
            self._check_size(file)
            shard = Shard(
                self._folder / file["path"], extents["users"], extents["events"],
                (len(self.item_ids), len(self.scenes), len(self.behaviors)))
            if self.is_cold.any():
                shard.leave_out(self.is_cold)
            self._shards[number] = shard
        return self._shards[number]

    def shards(self) -> Iterator[Shard]:
        """All virtual shards in order."""
        return (self.shard(number) for number in range(self.shard_count))

    def user_ids(self) -> Iterator[str]:
        """The users in the order of virtual shards, as an export has them."""
        return (id for shard in self.shards() for id in shard.ids)

    def user(self, id: str) -> UserEvents:
        """A user's events by the user's id. Throws `InputError` when there is no such user."""
        shard = self.shard(hash_bytes(id.encode()) % self.shard_count)
        row = shard.row(id)
        if row is None:
            raise InputError(f"{self.path} has no user {id!r}")
        return shard.events(row)

    def had(self, user_id: str) -> list[str]:
        """The ids of the items that a user had, for `Export.recommend(exclude=…)`."""
        return [self.item_ids[row] for row in np.unique(self.user(user_id).items)]

    def verify(self) -> None:
        """Reads every file and compares its CRC-32 with the manifest. Throws `InputError` naming the first that differs."""
        for file in self.manifest["files"]:
            self._check_size(file)
            found = 0
            with open(self._folder / file["path"], "rb") as data:
                while block := data.read(1 << 20):
                    found = zlib.crc32(block, found)
            if f"{found:08x}" != file["crc32"]:
                raise InputError(
                    f"{self._folder / file['path']} has checksum {found:08x}, the manifest says {file['crc32']}; make the data set again")

    def _check_size(self, file: Mapping[str, Any]) -> None:
        size = plain_file(self._folder / file["path"])
        if size != file["bytes"]:
            raise InputError(
                f"{self._folder / file['path']} has {size} bytes, the manifest says {file['bytes']}; make the data set again")

    def _read_items(self) -> None:
        file, rows = Safetensors(self._folder / "items.safetensors"), self.manifest["items"]
        self.item_ids, self.texts = Texts(file, "ids", rows), Texts(file, "texts", rows)
        self.train_counts = file.array("train_counts", "U32", (rows,))
        self._scene_numbers: npt.NDArray[np.uint16] = file.array("scenes", "U16", (None,))
        self._scene_offsets: Ints = file.array("scene_offsets", "I64", (rows + 1,))
        check_offsets(self._scene_offsets, self._scene_numbers.size, "scene_offsets", file.path)
        check_below(self._scene_numbers, len(self.scenes), "scenes", file.path)
        self.is_cold = np.zeros(rows, np.bool_)
        if self.manifest["version"] == 2:
            cold = file.array("cold", "U8", (rows,))
            check_below(cold, 2, "cold", file.path)
            self.is_cold = cold == 1
        if self.train_counts[self.is_cold].any():
            raise InputError(f"{file.path}: a cold item has training events; make the data set again")


def check_offsets(offsets: Ints, end: int, name: str, path: str) -> None:
    """Throws `InputError` unless offsets begin at 0, never fall and end at `end`."""
    if offsets[0] != 0 or offsets[-1] != end or (offsets[1:] < offsets[:-1]).any():
        raise InputError(f"{path}: {name} does not rise from 0 to {end}; make the data set again")


def check_below(values: npt.NDArray[Any], bound: int, name: str, path: str) -> None:
    """Throws `InputError` unless every value is in `0..<bound`."""
    if values.size and not (values.min() >= 0 and values.max() < bound):
        raise InputError(f"{path}: {name} has values outside 0..<{bound}; make the data set again")


def read_manifest(path: pathlib.Path) -> dict[str, Any]:
    """A manifest whose counts, names and file list fit together. Throws `InputError`."""
    manifest = snake_case(read_json(path))
    if manifest.get("format") != "precise-dataset":
        raise InputError(f"{path} is no data set's manifest; make the data set with precise prepare")
    if count(manifest, "version", path) not in VERSIONS:
        raise InputError(f"{path} has layout version {manifest['version']}, this package reads 1 and 2; install a newer one")
    users, events = count(manifest, "users", path), count(manifest, "events", path)
    count(manifest, "items", path, 0, (1 << 31) - 1)
    for key in ("scenes", "behaviors", "shards", "files"):
        if not isinstance(manifest.get(key), list) or not all(isinstance(one, dict) for one in manifest[key]):
            raise InputError(f"{path}: {key} should be a list of objects; make the data set again")
    for one in manifest["scenes"] + manifest["behaviors"]:
        text(one, "name", path)
    shards, files = manifest["shards"], manifest["files"]
    sums = [sum(count(shard, key, path) for shard in shards) for key in ("users", "events")]
    paths = ["items.safetensors"] + [f"shards/shard-{number:05}.safetensors" for number in range(len(shards))]
    if not 1 <= len(shards) <= MOST_SHARDS or sums != [users, events] or [file.get("path") for file in files] != paths:
        raise InputError(f"{path} is damaged (its counts and file list do not fit together); make the data set again")
    lines = "".join(f"{file['path']} {count(file, 'bytes', path)} {text(file, 'crc32', path)}\n" for file in files)
    if text(manifest, "checksum", path) != f"{hash_bytes(lines.encode()):016x}":
        raise InputError(f"{path} is damaged (its checksum does not fit its file list); make the data set again")
    return manifest


def load_dataset(path: PathLike, verify: bool = False) -> DatasetReader:
    """Opens a data set: manifest, sizes, offsets and ranges are checked, with `verify` every byte of all files too.

    Throws `InputError` when the folder is none, or its files are damaged or do not fit together.
    """
    dataset = DatasetReader(path)
    if verify:
        dataset.verify()
    return dataset
