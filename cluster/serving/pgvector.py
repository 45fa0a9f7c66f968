#!/usr/bin/env python3
"""An export as a table of PostgreSQL with pgvector: the rows for COPY, the statements, and a query.

    precise export run/ --out embeddings/ --format npy
    cluster/serving/pgvector.py embeddings/ --out table/
    cd table && psql -f table.sql

--measure starts a PostgreSQL of its own (the package pgserver, which carries the extension), loads the table and prints recall against all
products. <#> is the negative inner product, so that ascending order puts the highest score first; an index for it is one of
vector_ip_ops. pgvector indexes at most 2,000 columns: a wider table gets no index, and its queries are exact.
"""
from __future__ import annotations

import argparse
import pathlib
import re
import shutil
import tempfile
import time

import numpy

import vectors

MOST_INDEXED = 2000


def escaped(text: str) -> str:
    """A field of COPY's text format."""
    for letter, code in [("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")]:
        text = text.replace(letter, code)
    return text


def vector(row: numpy.ndarray) -> str:
    """A row as pgvector reads it, with as many digits as name each float32."""
    return "[" + ",".join(str(value) for value in row) + "]"


def write_rows(path: pathlib.Path, ids: list[str], rows: numpy.ndarray) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for name, row in zip(ids, rows):
            file.write(f"{escaped(name)}\t{vector(row)}\n")


def statements(width: int, links: int, build_width: int, table: str = "items") -> str:
    """Table, rows and index. The index is made last: rows that are there are indexed faster than rows that come."""
    text = (f"CREATE EXTENSION IF NOT EXISTS vector;\nCREATE TABLE {table} (id text PRIMARY KEY, embedding vector({width}));\n"
            f"\\copy {table} FROM '{table}.copy'\n")
    if width <= MOST_INDEXED:
        text += (f"CREATE INDEX ON {table} USING hnsw (embedding vector_ip_ops) "
                 f"WITH (m = {links}, ef_construction = {build_width});\n")
    return text + f"ANALYZE {table};\n"


def found(folder: pathlib.Path, queries: numpy.ndarray, export: vectors.Export, count: int, breadth: int,
          script: str) -> tuple[list[list[int]], float, str]:
    """What a PostgreSQL of our own finds, in how many seconds, and how it planned that."""
    import pgserver  # only for --measure
    place = tempfile.mkdtemp()
    server = pgserver.get_server(place, cleanup_mode="delete")
    try:
        server.psql(script.replace("\\copy items FROM 'items.copy'", f"\\copy items FROM '{folder / 'items.copy'}'"))
        write_rows(folder / "queries.copy", [str(place) for place in range(len(queries))], queries)
        server.psql(f"CREATE TABLE queries (id text, embedding vector({queries.shape[1]}));\n"
                    f"\\copy queries FROM '{folder / 'queries.copy'}'\n")
        setting = f"SET hnsw.ef_search = {min(1000, breadth)}; SET enable_seqscan = on;"
        statement = (f"SELECT q.id || ' ' || r.row FROM queries q CROSS JOIN LATERAL "
                     f"(SELECT i.id AS row FROM items i ORDER BY i.embedding <#> q.embedding LIMIT {count}) r")
        plan = server.psql(f"{setting} EXPLAIN {statement};")
        start = time.perf_counter()
        text = server.psql(f"{setting} {statement};")
        seconds = time.perf_counter() - start
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)
        (folder / "queries.copy").unlink(missing_ok=True)
    rows: list[list[int]] = [[] for _ in queries]
    row = {name: place for place, name in enumerate(export.item_ids)}
    for query, name in re.findall(r"^ (\d+) (.*?)\s*$", text, re.M):
        rows[int(query)].append(row[name])
    # Lists: a query may find fewer than `count`.
    return rows, seconds, plan


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="the folder that precise export --format npy made")
    parser.add_argument("--out", required=True, help="the folder for items.copy and table.sql")
    parser.add_argument("--measure", action="store_true", help="load it into a PostgreSQL of our own and measure")
    parser.add_argument("--count", type=int, default=100, help="k")
    parser.add_argument("--links", type=int, default=32, help="m")
    parser.add_argument("--build-width", type=int, default=200, help="ef_construction")
    parser.add_argument("--breadth", type=int, default=200, help="hnsw.ef_search, 1000 at most")
    options = parser.parse_args(arguments)
    export = vectors.Export(options.export)
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    width = export.items.shape[1]
    script = statements(width, options.links, options.build_width)
    write_rows(folder / "items.copy", export.item_ids, export.items)
    (folder / "table.sql").write_text(script, encoding="utf-8")
    index = "" if width <= MOST_INDEXED else f"; {width} columns are more than the {MOST_INDEXED} that can be indexed"
    print(f"{folder}: {len(export.items)} items of width {width}{index}")
    if not options.measure:
        return {}
    count = min(options.count, len(export.items))
    queries = export.sample(200)
    rows, seconds, plan = found(folder.resolve(), queries, export, count, options.breadth, script)
    share = vectors.recall(rows, vectors.best(queries, export.items, count))
    way = "HNSW" if "items_embedding_idx" in plan else "all products"
    print(f"pgvector, {way}: recall@{count} {share:.4f}, {len(queries) / seconds:,.0f} queries/s")
    return {way: share}


if __name__ == "__main__":
    main()
