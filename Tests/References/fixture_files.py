"""How every script here writes a fixture: float32, int64, and the versions that computed it."""

import json
import os
import pathlib
import platform
import struct

import numpy
import safetensors
import torch
from safetensors.torch import save as to_bytes


def with_sorted_metadata(content):
    """The file with its metadata in order of keys: the library's own order differs from run to run."""
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def save(path, tensors, metadata):
    """Writes tensors (floating -> float32, others -> int64) and metadata; returns the size in bytes."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__,
                "safetensors": safetensors.__version__}
    stored = {name: value.detach().to(torch.float32 if value.is_floating_point() else torch.int64).contiguous().clone()
              for name, value in tensors.items()}
    content = with_sorted_metadata(to_bytes(stored, metadata=metadata | {"versions": json.dumps(versions)}))
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
    return len(content)
