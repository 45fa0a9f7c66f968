#!/usr/bin/env python3
"""An index of precise in Python's hnswlib, and one that hnswlib builds from the same items.

    precise index run/ --out index/
    precise export run/ --out embeddings/ --format npy
    cluster/serving/hnswlib_index.py embeddings/ --index index/

Prints recall against all products, of each. Any program that has hnswlib can load items.hnsw:

    index = hnswlib.Index("ip", record["width"])
    index.load_index("index/items.hnsw")
    index.set_ef(record["search_width"])            # index/index.json has both
    labels, distances = index.knn_query(users, k=100)   # a label is a line of index/items.txt, a score 1 - distance
"""
from __future__ import annotations

import argparse
import json
import pathlib

import hnswlib
import numpy

import vectors


def load(folder: str) -> tuple[hnswlib.Index, list[str], dict]:
    """What `precise index` made: the index ready to be asked, items' ids by label, and the record."""
    path = pathlib.Path(folder)
    record = json.loads((path / "index.json").read_text(encoding="utf-8"))
    index = hnswlib.Index("ip", record["width"])
    index.load_index(str(path / "items.hnsw"))
    index.set_ef(record["search_width"])
    return index, vectors.lines(path / "items.txt"), record


def build(items: numpy.ndarray, links: int, build_width: int, breadth: int) -> hnswlib.Index:
    """The same by hnswlib alone, as its documentation does it."""
    index = hnswlib.Index("ip", items.shape[1])
    index.init_index(len(items), M=links, ef_construction=build_width, random_seed=100)
    index.add_items(items, numpy.arange(len(items)))
    index.set_ef(breadth)
    return index


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="the folder that precise export --format npy made")
    parser.add_argument("--index", help="the folder that precise index made, of the same run")
    parser.add_argument("--count", type=int, default=100, help="k")
    parser.add_argument("--links", type=int, default=32, help="M")
    parser.add_argument("--build-width", type=int, default=200, help="efConstruction")
    parser.add_argument("--breadth", type=int, default=200, help="ef")
    options = parser.parse_args(arguments)
    export = vectors.Export(options.export)
    count = min(options.count, len(export.items))
    queries = export.sample()
    exact = vectors.best(queries, export.items, count)
    own = build(export.items, options.links, options.build_width, max(options.breadth, count))
    search = lambda rows: own.knn_query(rows, k=count, num_threads=1)[0].astype(int)  # noqa: E731
    shares = {"own": vectors.measure(f"hnswlib, ef {max(options.breadth, count)}", search, queries, exact)}
    if options.index:
        index, ids, record = load(options.index)
        if ids != export.item_ids[:len(ids)] or record["step"] != export.record["step"]:
            raise SystemExit(f"error: {options.index} and {options.export} are not of one run and phase")
        index.set_ef(max(record["search_width"], count))
        search = lambda rows: index.knn_query(rows, k=count, num_threads=1)[0].astype(int)  # noqa: E731
        shares["precise"] = vectors.measure(
            f"precise's items.hnsw, ef {max(record['search_width'], count)}", search, queries, exact)
    return shares


if __name__ == "__main__":
    main()
