"""Files that are taken as hostile: JSON objects, lists of ids, mapped arrays of safetensors and NumPy files.

A length that a file claims is held against the file's size before anything is read or allocated by it.
"""
from __future__ import annotations

import json
import math
import os
import pathlib
import re
import stat
from collections.abc import Iterator
from typing import Any, Union

import numpy as np
import numpy.typing as npt

PathLike = Union[str, "os.PathLike[str]"]

# The longest header of a safetensors file, as in the reference implementation and in `precise`.
LONGEST_HEADER = 100_000_000
# Records, manifests and evaluations are smaller than that; what is larger is another file.
LARGEST_JSON = 256 << 20
# The most extents that a tensor may have, as in `precise`.
HIGHEST_RANK = 8
DTYPES = {
    "BOOL": "|b1", "I8": "|i1", "U8": "|u1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4", "F32": "<f4",
    "I64": "<i8", "U64": "<u8", "F64": "<f8",
    # NumPy has no type for it: its bits.
    "BF16": "<u2",
}


class InputError(ValueError):
    """A file or an argument that cannot be used: one sentence with the place and what to do."""


def plain_file(path: PathLike) -> int:
    """The size of a file in bytes. Throws `InputError` for what is no plain file: reading a pipe or a device may never end."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{os.fspath(path)} is no plain file; name a file")
    return status.st_size


def read_bytes(path: PathLike, limit: int) -> bytes:
    """All of a file, of at most `limit` bytes."""
    size = plain_file(path)
    if size > limit:
        raise InputError(f"{os.fspath(path)} has {size} bytes, more than the {limit} of such a file; name another")
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be read: {error.strerror}") from None


def refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's keys, none of them twice: another reader could take the other value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Throws ValueError for anything else, and for one that is nested too deep."""
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=refuse_constant, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    return value


def read_json(path: PathLike) -> dict[str, Any]:
    """A file's JSON object."""
    try:
        return json_object(read_bytes(path, LARGEST_JSON))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{os.fspath(path)} is no file of JSON with one object: {error}") from None


def snake_case(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its keys as they are written now; those of the earliest versions stood in camelCase."""
    return {re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: "_" + match[0].lower(), key): value for key, value in record.items()}


def count(record: dict[str, Any], key: str, path: PathLike, least: int = 0, most: int = 1 << 48) -> int:
    """A whole number of a record within bounds."""
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{os.fspath(path)}: {key} should be a whole number from {least} to {most}")
    return value


def text(record: dict[str, Any], key: str, path: PathLike) -> str:
    """A text of a record."""
    value = record.get(key)
    if not isinstance(value, str):
        raise InputError(f"{os.fspath(path)}: {key} should be a text")
    return value


def read_lines(path: PathLike, rows: int) -> list[str]:
    """A list of ids, one a line. Throws `InputError` unless there are `rows`."""
    size = plain_file(path)
    # An id is a byte or more, and its line's end.
    if size < 2 * rows:
        raise InputError(f"{os.fspath(path)} has {size} bytes, too few for {rows} ids; export again")
    try:
        lines = pathlib.Path(path).read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{os.fspath(path)} is not UTF-8 at byte {error.start}; export again") from None
    if lines.pop() != "" or len(lines) != rows:
        raise InputError(f"{os.fspath(path)} does not have the {rows} ids that the other files have; export again")
    return lines


def map_bytes(path: PathLike) -> npt.NDArray[np.uint8]:
    """A file's bytes, mapped for reading."""
    if plain_file(path) == 0:
        return np.zeros(0, np.uint8)
    try:
        mapped: npt.NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be read: {error.strerror}") from None
    return mapped


class Safetensors:
    """A safetensors file, mapped, whose whole header is held against the file's size when it is opened."""

    path: str
    """The file's path, as given."""
    metadata: dict[str, str]
    """The free text entries of the header."""
    shapes: dict[str, tuple[int, ...]]
    """The tensors' extents by name."""

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self.bytes = map_bytes(path)
        self.metadata, self.shapes = {}, {}
        self.types: dict[str, str] = {}
        self.ranges: dict[str, tuple[int, int]] = {}
        try:
            self._read_header()
        except ValueError as error:
            raise InputError(f"{self.path} is not a usable safetensors file: {error}") from None

    def array(self, name: str, type: str, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """A view of a tensor of a type and extents (None = any); it reads from the file. Throws `InputError`."""
        if name not in self.shapes:
            raise InputError(f"{self.path} has no tensor {name}; it has {', '.join(sorted(self.shapes)[:8])}")
        found = self.shapes[name]
        if self.types[name] != type:
            raise InputError(f"{self.path}: tensor {name} should be {type} but is {self.types[name]}")
        if len(found) != len(shape) or any(want not in (None, have) for want, have in zip(shape, found)):
            wanted = ", ".join("any" if extent is None else str(extent) for extent in shape)
            raise InputError(f"{self.path}: tensor {name} should have shape [{wanted}] but has {list(found)}")
        begin, end = self.ranges[name]
        return self.bytes[begin:end].view(DTYPES[type]).reshape(found).view(np.ndarray)

    def _read_header(self) -> None:
        size = self.bytes.size
        if size < 8:
            raise ValueError(f"it has {size} bytes, fewer than the 8 of the header's length")
        length = int.from_bytes(self.bytes[:8].tobytes(), "little")
        if length > min(size - 8, LONGEST_HEADER):
            raise ValueError(f"its header claims {length} bytes, but {min(size - 8, LONGEST_HEADER)} is the most it can have")
        header = json_object(self.bytes[8:8 + length].tobytes())
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are no texts")
        self.metadata = metadata
        for name, tensor in header.items():
            self._add(name, tensor, 8 + length)
        filled = sorted(span for span in self.ranges.values() if span[0] < span[1])
        if any(first[1] > second[0] for first, second in zip(filled, filled[1:])):
            raise ValueError("two of its tensors overlap")

    def _add(self, name: str, tensor: Any, start: int) -> None:
        if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"tensor {name} needs dtype, shape and data_offsets, and nothing else")
        type, shape, offsets = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
        if not isinstance(type, str) or type not in DTYPES:
            raise ValueError(f"tensor {name} has a type that is unknown")
        if not are_extents(shape) or len(shape) > HIGHEST_RANK or not are_extents(offsets) or len(offsets) != 2:
            raise ValueError(f"tensor {name} has a shape or data_offsets that are none")
        if not offsets[0] <= offsets[1] <= self.bytes.size - start:
            raise ValueError(f"the data_offsets of tensor {name} do not lie within the file")
        if offsets[1] - offsets[0] != math.prod(shape) * np.dtype(DTYPES[type]).itemsize:
            raise ValueError(f"the data_offsets of tensor {name} do not fit its shape")
        self.types[name], self.shapes[name] = type, tuple(shape)
        self.ranges[name] = (start + offsets[0], start + offsets[1])


def are_extents(value: Any) -> bool:
    """Whether a value is a list of whole numbers that an address can hold."""
    return isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 1 << 62 for one in value)


NUMPY_HEADER = re.compile(rb"\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d{1,18}), (\d{1,18})\), \} *\n")


def map_numpy(path: PathLike) -> npt.NDArray[np.float32]:
    """A float32 matrix of a `.npy` file as `precise export` writes it, mapped; the header is matched, never evaluated."""
    data = map_bytes(path)
    head = data[:10].tobytes()
    if head[:8] != b"\x93NUMPY\x01\x00" or len(head) < 10:
        raise InputError(f"{os.fspath(path)} is no NumPy file of version 1.0; export again")
    start = 10 + int.from_bytes(head[8:], "little")
    match = NUMPY_HEADER.fullmatch(data[10:start].tobytes())
    if not match:
        raise InputError(f"{os.fspath(path)} is no float32 matrix in rows; export again")
    rows, width = int(match[1]), int(match[2])
    if data.size - start != 4 * rows * width:
        raise InputError(
            f"{os.fspath(path)} has {data.size - start} bytes of numbers, [{rows}, {width}] needs {4 * rows * width}; export again")
    return data[start:].view("<f4").reshape(rows, width).view(np.ndarray)


def json_lines(path: PathLike, longest: int) -> Iterator[tuple[int, bytes]]:
    """A file's lines with their numbers from 1, each at most `longest` bytes."""
    plain_file(path)
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            if len(line) > longest:
                raise InputError(f"{os.fspath(path)}, line {number} is longer than {longest} bytes; name another file")
            yield number, line
