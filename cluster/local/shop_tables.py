#!/usr/bin/env python3
"""Makes tables as a data team has them out of a made-up world: events as Spark writes them, items, vectors of an embedding API.

    cluster/local/shop_tables.py raw/ shop/

shop/events/ is a folder of Parquet, parted by day, whose parts pandas, polars, DuckDB and pyarrow write in turn, with the types and codecs
that each of them likes; shop/items.parquet has a category and a price bucket beside the title; shop/vectors.parquet has a vector an item:
its title's pieces of words, projected. Needs pandas, polars, duckdb and pyarrow.
"""
from __future__ import annotations

import pathlib
import sys
import zlib

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

WIDTH = 256


def vectors(titles: list[str]) -> np.ndarray:
    """A vector a title, of length 1: hashed pieces of its words, projected by fixed random directions, as little as an API would say."""
    directions = np.random.default_rng(7).standard_normal((4096, WIDTH)).astype(np.float32)
    made = np.zeros((len(titles), WIDTH), np.float32)
    for row, title in enumerate(titles):
        for word in title.lower().split():
            for size in (3, 4, len(word)):
                for start in range(len(word) - size + 1):
                    made[row] += directions[zlib.crc32(word[start:start + size].encode()) % 4096]
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def write(part: pd.DataFrame, path: pathlib.Path, number: int) -> str:
    """A part by one of the four writers."""
    path.mkdir(parents=True, exist_ok=True)
    times = pd.to_datetime(part["happened"], unit="s", utc=True)
    if number % 4 == 0:
        part.assign(happened=times.astype("datetime64[ns, UTC]")).to_parquet(path / "part-00000-pandas.snappy.parquet", compression="snappy", index=False)
        return "pandas"
    if number % 4 == 1:
        frame = pl.from_pandas(part.assign(happened=times.dt.tz_localize(None).astype("datetime64[ms]")))
        frame.with_columns(pl.col("kind").cast(pl.Categorical)).write_parquet(path / "part-00000-polars.zstd.parquet", compression="zstd")
        return "polars"
    if number % 4 == 2:
        connection = duckdb.connect()
        connection.register("part", part)
        connection.sql("select uid, sku, page, kind, make_timestamp(cast(happened as bigint) * 1000000) as happened from part").write_parquet(
            str(path / "part-00000-duckdb.parquet"), compression="gzip")
        return "DuckDB"
    columns = {name: pa.array(part[name]) for name in ("uid", "sku", "page")} | {
        "kind": pa.array(part["kind"]).dictionary_encode(), "happened": pa.array(times.astype("datetime64[us, UTC]"))}
    pq.write_table(pa.table(columns), path / "part-00000-pyarrow.parquet", compression="snappy", row_group_size=1000)
    return "pyarrow"


def main() -> int:
    raw, shop = map(pathlib.Path, sys.argv[1:3])
    events = pd.read_csv(raw / "interactions.csv").rename(
        columns={"user": "uid", "item": "sku", "timestamp": "happened", "behavior": "kind", "scene": "page"})
    events = events[["uid", "sku", "page", "kind", "happened"]]
    writers: dict[str, int] = {}
    for number, (day, part) in enumerate(events.groupby((events["happened"] // (14 * 86_400)).astype(int))):
        name = pd.Timestamp(day * 14 * 86_400, unit="s").date().isoformat()
        writer = write(part, shop / "events" / f"from={name}", number)
        writers[writer] = writers.get(writer, 0) + 1
    (shop / "events" / "_SUCCESS").touch()
    items = pd.read_csv(raw / "items.csv").drop_duplicates("item")
    # A price bucket that says nothing, and a category that says something: the last word of a title.
    table = pd.DataFrame({"sku": items["item"], "title": items["text"], "category": items["text"].str.split().str[-1],
                          "price_bucket": [f"{zlib.crc32(item.encode()) % 5 * 20}+" for item in items["item"]]})
    table.to_parquet(shop / "items.parquet", index=False)
    made = vectors(items["text"].fillna("").tolist())
    pq.write_table(pa.table({"id": pa.array(items["item"]), "embedding": pa.array(list(made), pa.list_(pa.float32()))}),
                   shop / "vectors.parquet")
    parts = ", ".join(f"{count} by {writer}" for writer, count in writers.items())
    print(f"{len(events):,} events in {sum(writers.values())} parts ({parts}), {len(items):,} items, a vector of {WIDTH} numbers for each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
