"""Compares runs of one configuration on different ranks: python3 same_numbers.py [--equal] FOLDER RUN...

The first run is what the others are compared with. A run NAME may have a twin again-NAME, which must be equal bit for bit.
Ends with 1 when a loss differs by more than 1e-4 of itself, or an embedding by more than 1e-3 of the largest number;
with --equal, when any of them differs at all: sums are formed in rank order on every backend, so as many ranks give the same bits.
"""

import array
import filecmp
import json
import pathlib
import sys


def losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {(line["phase"], line["step"]): line["loss"] for line in lines if "loss" in line}


def numbers(file):
    data = file.read_bytes()
    start = 10 + int.from_bytes(data[8:10], "little")
    values = array.array("f")
    values.frombytes(data[start:])
    return values


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--equal"]
    loss_limit, embedding_limit = (0, 0) if len(arguments) < len(sys.argv) - 1 else (1e-4, 1e-3)
    folder, names = pathlib.Path(arguments[0]), arguments[1:]
    first = folder / names[0]
    expected = losses(first)
    embeddings = {kind: numbers(first / "embeddings" / f"{kind}.npy") for kind in ("items", "users")}
    largest = {kind: max(max(values), -min(values)) for kind, values in embeddings.items()}
    is_fine = True
    print(f"{'run':<16} {'steps':>5} {'worst loss':>12} {'worst item':>12} {'worst user':>12}")
    for name in names:
        run = folder / name
        found = losses(run)
        assert found.keys() == expected.keys(), f"{name}: not the same steps"
        worst = max(abs(found[step] - expected[step]) / abs(expected[step]) for step in expected)
        distances = []
        for kind, values in embeddings.items():
            other = numbers(run / "embeddings" / f"{kind}.npy")
            assert len(other) == len(values), f"{name}: not the same {kind}"
            distances.append(max(abs(a - b) for a, b in zip(values, other)) / largest[kind])
        is_fine = is_fine and worst <= loss_limit and max(distances) <= embedding_limit
        print(f"{name:<16} {len(found):>5} {worst:>12.2e} {distances[0]:>12.2e} {distances[1]:>12.2e}")
        twin = folder / f"again-{name}"
        if twin.exists():
            same = losses(twin) == found and all(
                filecmp.cmp(run / "embeddings" / f"{kind}.npy", twin / "embeddings" / f"{kind}.npy", shallow=False)
                for kind in embeddings
            )
            is_fine = is_fine and same
            print(f"{'  twice':<16} {'equal bit for bit' if same else 'NOT EQUAL'}")
    if {"threads-3", "processes-3"} <= set(names):
        same = losses(folder / "threads-3") == losses(folder / "processes-3")
        is_fine = is_fine and same
        print(f"threads and processes, 3 ranks: losses {'equal bit for bit' if same else 'NOT EQUAL'}")
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
