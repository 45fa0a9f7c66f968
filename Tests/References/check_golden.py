"""Recomputes the golden cases of folders from their inputs and compares every output and gradient.

    python3 check_golden.py FOLDER...        exit 1 when a norm-wise relative error is above 1e-6

Checks our own fixtures for staleness, and this reference against any other writer of the format.
"""

import json
import pathlib
import sys

from safetensors import safe_open

from make_fixtures import evaluate
from precise_reference import Config

TOLERANCE = 1e-6
BOOLEANS = ("mask", "valid")


def read(path):
    """-> (config, {name: tensor}, float64 where floating) of a golden file; unknown config keys are an error."""
    with safe_open(path, framework="pt") as file:
        config = Config(**json.loads(file.metadata()["config"]))
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    tensors = {name: value.double() if value.is_floating_point() else value for name, value in tensors.items()}
    return config, tensors | {name: tensors[name].bool() for name in BOOLEANS}


def relative_error(actual, expected):
    """|actual - expected| / |expected|, norms over the tensor; against 1e-6 when the expected one is smaller."""
    return ((actual - expected).norm() / expected.norm().clamp(min=1e-6)).item()


def check(path):
    """Worst error of a file, with its tensor's name."""
    config, tensors = read(path)
    outputs = evaluate(config, tensors)
    expected = {name for name in tensors if name in ("e", "h", "user") or name.startswith(("loss.", "grad."))}
    if expected != outputs.keys():
        raise SystemExit(f"{path}: tensors differ: {sorted(expected ^ outputs.keys())}")
    for name, value in outputs.items():
        if value.shape != tensors[name].shape:
            raise SystemExit(f"{path}: {name}: shape {list(value.shape)}, in the file {list(tensors[name].shape)}")
    return max((relative_error(value, tensors[name]), name) for name, value in outputs.items())


def main():
    paths = [path for folder in sys.argv[1:] for path in sorted(pathlib.Path(folder).glob("*.safetensors"))]
    if not paths:
        raise SystemExit(__doc__)
    failed = 0
    for path in paths:
        error, name = check(path)
        failed += not error <= TOLERANCE
        print(f"{path.name}: worst {error:.2e} ({name})")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
