#!/usr/bin/env python3
"""Whether two builds of the program give the same bits: data sets, losses, checkpoints, exports, metrics.

  cluster/local/same_results.py --before OLD/precise --after .build/release/precise [--folder FOLDER] [--ranks 1 2]
                                [--precision fp32 bf16] [--configs Configs/demo.yaml Configs/same-numbers.yaml]

Each program makes the demo's world with the same seed, prepares and encodes it, and trains every configuration on every number of
ranks in every precision. Compared byte for byte: every tensor of the data set, of the checkpoints and of the exports; number
for number: every step's loss in metrics.jsonl and every metric of evaluation. Ends with 1 at a difference. What a program has already
made in FOLDER is not made again.
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORLD = ["--kind", "growing", "--users", "10000", "--items", "8000", "--events", "13"]
CUT = ["--split", "time:2024-04-25", "--min-item-events", "1"]


def call(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def once(folder, make):
    """Makes what a folder holds, unless it has been made."""
    if not (done := folder.with_name(folder.name + ".done")).exists():
        make()
        done.touch()


def make_dataset(program, folder):
    raw, dataset = folder / "raw", folder / "dataset"
    once(raw, lambda: call(program, "synth", "--out", raw, *WORLD))
    files = ["--interactions", raw / "interactions.csv", "--items", raw / "items.csv"]
    once(dataset, lambda: (call(program, "prepare", *files, "--out", dataset, *CUT), call(program, "encode", dataset)))
    return dataset


def train(program, dataset, config, ranks, precision, run):
    def make():
        call(program, "train", "--config", config, "--data", dataset, "--out", run, "--overwrite", "--quiet", "--ranks", ranks,
             "--set", f"compute.precision={precision}")
        call(program, "export", run, "--data", dataset, "--out", run / "embeddings", "--quiet", "--ranks", ranks)
        call(program, "evaluate", run, "--data", dataset, "--quiet", "--ranks", ranks)
    once(run, make)


def checksums(folder):
    """Of every tensor of every file: name, type, shape and bytes; what a file says of itself besides may change."""
    found = {}
    for file in sorted(folder.rglob("*.safetensors")):
        content = file.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        tensors = json.loads(content[8:start])
        tensors.pop("__metadata__", None)
        for name, tensor in tensors.items():
            first, end = (start + offset for offset in tensor["data_offsets"])
            key = (str(file.relative_to(folder)), name, tensor["dtype"], tuple(tensor["shape"]))
            found[key] = hashlib.sha256(content[first:end]).hexdigest()
    return found


def losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {(line["phase"], line["step"]): line["loss"] for line in lines if "loss" in line}


def numbers(value, path=""):
    """Every number of a JSON value by its path."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in numbers(inner, f"{path}.{key}").items()}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {path: value}
    return {}


def metrics(run):
    return numbers(json.loads((run / "evaluation.json").read_text()))


def compare(name, before, after):
    """Prints how two tables agree; whether they are one."""
    differences = sorted(str(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    verdict = "the same" if not differences else f"{len(differences)} differ, first {differences[0]}"
    print(f"{name}: {len(before)} {verdict}", flush=True)
    return not differences and bool(before)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, type=pathlib.Path)
    parser.add_argument("--after", required=True, type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--ranks", nargs="+", default=["1", "2"])
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--configs", nargs="+", type=pathlib.Path, default=[ROOT / "Configs/demo.yaml", ROOT / "Configs/same-numbers.yaml"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or pathlib.Path(scratch)).resolve()
        sides = {"before": options.before.resolve(), "after": options.after.resolve()}
        for side in sides:
            (folder / side).mkdir(parents=True, exist_ok=True)
        datasets = {side: make_dataset(program, folder / side) for side, program in sides.items()}
        is_same = compare("data set, tensors", *(checksums(datasets[side]) for side in sides))
        for config in options.configs:
            for ranks in options.ranks:
                for precision in options.precision:
                    runs = {side: folder / side / f"{config.stem}-{ranks}-{precision}" for side in sides}
                    for side, program in sides.items():
                        train(program, datasets[side], config.resolve(), ranks, precision, runs[side])
                    name = f"{config.stem}, ranks {ranks}, {precision}"
                    for what, table in [("losses", losses), ("tensors", checksums), ("metrics", metrics)]:
                        is_same &= compare(f"{name}, {what}", *(table(run) for run in runs.values()))
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
