#!/usr/bin/env python3
"""An export in Faiss: all products (flat) and a graph (HNSW), both by inner product.

    precise export run/ --out embeddings/ --format npy
    cluster/serving/faiss_index.py embeddings/ --out items.faiss

Prints recall against all products, of the graph over the items as they are exported and over the items moved to users' space
(vectors.py), and writes the better one. Where it is the latter there is a second file, .queries.npy: a user's embedding is multiplied by it.
"""
from __future__ import annotations

import argparse

import faiss
import numpy

import vectors


def graph(items: numpy.ndarray, links: int, build_width: int, breadth: int, order: numpy.ndarray) -> faiss.IndexIDMap:
    """A graph of some items, added in some order. The metric is the inner product: a score is one, and a distance finds other items."""
    index = faiss.IndexHNSWFlat(items.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = build_width, breadth
    named = faiss.IndexIDMap(index)
    named.add_with_ids(items[order], order)
    return named


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="the folder that precise export --format npy made")
    parser.add_argument("--out", help="the index's file")
    parser.add_argument("--count", type=int, default=100, help="k")
    parser.add_argument("--links", type=int, default=32, help="M")
    parser.add_argument("--build-width", type=int, default=200, help="efConstruction")
    parser.add_argument("--breadth", type=int, default=200, help="efSearch")
    options = parser.parse_args(arguments)
    export = vectors.Export(options.export)
    count = min(options.count, len(export.items))
    queries = export.sample()
    exact = vectors.best(queries, export.items, count)
    flat = faiss.IndexFlatIP(export.items.shape[1])
    flat.add(export.items)
    shares = {"flat": vectors.measure("faiss, flat", lambda rows: flat.search(rows, count)[1], queries, exact)}
    plain = graph(export.items, options.links, options.build_width, options.breadth, numpy.arange(len(export.items)))
    shares["plain"] = vectors.measure("faiss, HNSW", lambda rows: plain.search(rows, count)[1], queries, exact)
    items, matrix = vectors.user_space(export.items, export.users)
    # The longest first: most ways lead to the first ones, and most users' best items are long.
    order = numpy.argsort(-(items[:, :-1] ** 2).sum(1), kind="stable")
    moved = graph(items, options.links, options.build_width, options.breadth, order)
    shares["moved"] = vectors.measure(
        "faiss, HNSW in users' space", lambda rows: moved.search(rows @ matrix, count)[1], queries, exact)
    if options.out:
        is_moved = shares["moved"] > shares["plain"]
        faiss.write_index(moved if is_moved else plain, options.out)
        if is_moved:
            numpy.save(options.out + ".queries.npy", matrix)
        print(f"{options.out}: {len(items)} items{', queries times ' + options.out + '.queries.npy' if is_moved else ''}")
    return shares


if __name__ == "__main__":
    main()
