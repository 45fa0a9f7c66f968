"""What the recipes share: an export read back, exact best items, recall, and the space in which users tell items apart.

Reads what `precise export run/ --out embeddings/ --format npy` writes.
"""
from __future__ import annotations

import json
import pathlib
import time
from typing import Callable

import numpy

Found = Callable[[numpy.ndarray], numpy.ndarray]


class Export:
    """Items' and users' embeddings with their ids, row for row."""

    def __init__(self, folder: str) -> None:
        path = pathlib.Path(folder)
        if not (path / "items.npy").is_file():
            raise SystemExit(f"error: {folder} has no items.npy; make it with: precise export run/ --out {folder} --format npy")
        self.record = json.loads((path / "export.json").read_text(encoding="utf-8"))
        self.items = numpy.load(path / "items.npy", allow_pickle=False)
        self.users = numpy.load(path / "users.npy", allow_pickle=False)
        self.item_ids = lines(path / "items.txt")
        self.user_ids = lines(path / "users.txt")
        for rows, ids, name in [(self.items, self.item_ids, "items"), (self.users, self.user_ids, "users")]:
            if rows.ndim != 2 or rows.dtype != numpy.float32 or len(rows) != len(ids):
                raise SystemExit(f"error: {folder}/{name}.npy and {name}.txt are not of one export; export again")

    def sample(self, count: int = 500) -> numpy.ndarray:
        """The embeddings of some users, always the same ones."""
        order = numpy.random.default_rng(0).permutation(len(self.users))
        return self.users[order[:count]]


def lines(path: pathlib.Path) -> list[str]:
    """The lines of a file; str.splitlines would break at characters that an id may have."""
    text = path.read_bytes().decode("utf-8")
    return text.split("\n")[:-1]


def best(queries: numpy.ndarray, items: numpy.ndarray, count: int) -> numpy.ndarray:
    """Rows of the items with the highest products, best first, of all of them."""
    products = queries @ items.T
    rows = numpy.argpartition(-products, count - 1, axis=1)[:, :count]
    order = numpy.argsort(-numpy.take_along_axis(products, rows, 1), axis=1, kind="stable")
    return numpy.take_along_axis(rows, order, 1)


def recall(found: numpy.ndarray | list[list[int]], exact: numpy.ndarray) -> float:
    """The share of the exact best items that were found; rows of `found` may be of different lengths."""
    return float(numpy.mean([len(set(map(int, a)) & set(b.tolist())) / len(b) for a, b in zip(found, exact)]))


def measure(name: str, search: Found, queries: numpy.ndarray, exact: numpy.ndarray) -> float:
    """Prints and returns what a search finds, and how fast."""
    start = time.perf_counter()
    found = search(queries)
    seconds = time.perf_counter() - start
    share = recall(found, exact)
    print(f"{name}: recall@{exact.shape[1]} {share:.4f}, {len(queries) / max(seconds, 1e-9):,.0f} queries/s", flush=True)
    return share


def user_space(items: numpy.ndarray, users: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Items moved to where they are as far apart as users score them apart, and the matrix that moves a user there.

    With C, the mean of u uᵀ, and C = L Lᵀ: items become xL, a user u becomes u (L⁻¹)ᵀ. One more column makes all items equally long
    (Bachrach et al. 2014); a user has 0 there. Products stay what they are, and a graph of neighbors finds more of them. `precise index`
    makes its links so.
    """
    width = users.shape[1]
    moment = users.astype(numpy.float64).T @ users / len(users)
    mean = numpy.trace(moment) / width
    lower = numpy.linalg.cholesky(moment + (0.01 * mean if mean > 0 else 1) * numpy.eye(width))
    moved = items @ lower
    squares = (moved ** 2).sum(1)
    moved = numpy.hstack([moved, numpy.sqrt(squares.max() - squares)[:, None]])
    matrix = numpy.hstack([numpy.linalg.inv(lower).T, numpy.zeros((width, 1))])
    return moved.astype(numpy.float32), matrix.astype(numpy.float32)
