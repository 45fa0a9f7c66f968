#!/usr/bin/env python3
"""How much longer the slowest rank of a step computes than the mean one, because histories are not equally long.

    python3 Benchmarks/uneven_histories.py --data dataset/ml-1m [--length 200] [--draws 200]

A step ends when its slowest rank does, and a rank's work grows with its users' positions. For each number of ranks and of users a rank,
users are drawn at random, as steps do, and the largest sum of positions is divided by the mean one; the mean of so many draws.
Standard library only.
"""

import argparse
import json
import pathlib
import random
import struct

SHAPES = [(2, 32), (2, 128), (8, 32), (8, 128), (64, 32), (64, 128), (1024, 128)]


def trained_events(folder: pathlib.Path) -> list[int]:
    """The training events of every user of a folder of `precise prepare` (docs/data.md)."""
    counts: list[int] = []
    for path in sorted((folder / "shards").glob("shard-*.safetensors")):
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        start, end = json.loads(data[8 : 8 + size])["users.train_count"]["data_offsets"]
        counts += [count for (count,) in struct.iter_unpack("<i", data[8 + size + start : 8 + size + end])]
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder of `precise prepare`")
    parser.add_argument("--length", type=int, default=200, help="model.length (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=200, help="steps drawn for each line (default: %(default)s)")
    options = parser.parse_args()
    positions = [min(options.length, events - 1) for events in trained_events(options.data) if events >= 2]
    mean = sum(positions) / len(positions)
    print(f"{len(positions)} users of {mean:.1f} positions each\n\n| ranks | users a rank | slowest rank, times the mean |\n|---|---|---|")
    generator = random.Random(1)
    for ranks, users in SHAPES:
        draws = max(10, options.draws * 64 // max(64, ranks))
        longest = 0.0
        for _ in range(draws):
            sums = [sum(generator.choices(positions, k=users)) for _ in range(ranks)]
            longest += max(sums) / (sum(sums) / ranks) / draws
        print(f"| {ranks} | {users} | {longest:.2f} |")


if __name__ == "__main__":
    main()
