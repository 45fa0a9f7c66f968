"""How every script here writes a fixture: float32, int64, and the versions that computed it."""

import json
import os
import pathlib
import platform

import numpy
import safetensors
import torch
from safetensors.torch import save as to_bytes


def save(path, tensors, metadata):
    """Writes tensors (floating -> float32, others -> int64) and metadata; returns the size in bytes."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__,
                "safetensors": safetensors.__version__}
    stored = {name: value.detach().to(torch.float32 if value.is_floating_point() else torch.int64).contiguous().clone()
              for name, value in tensors.items()}
    content = to_bytes(stored, metadata=metadata | {"versions": json.dumps(versions)})
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
    return len(content)
