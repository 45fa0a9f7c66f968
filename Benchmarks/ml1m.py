"""What the ML-1M peers share: the prepared data set, a checkpoint's weights, the model, the ranking; numpy and torch alone."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

ELEMENT_TYPES = {"F32": "<f4", "I32": "<i4", "I64": "<i8", "U16": "<u2", "U32": "<u4", "U8": "u1"}


def read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Every tensor of a file, mapped and not copied: 8 bytes of header length, the header in JSON, the numbers."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    size = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + size].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = data[start:end].view(ELEMENT_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A folder written by `precise prepare` (docs/data.md), its users one after the other."""

    items: int  # V
    train_counts: np.ndarray  # [V], training events of each item
    events: np.ndarray  # catalogue rows of all events, user by user, each in time order
    starts: np.ndarray  # [users + 1], where each user's events start
    train: np.ndarray  # [users], training events of each user, which come first
    validation: np.ndarray  # [users], place of the held-out event among the user's, -1: none
    test: np.ndarray  # [users], the same

    @property
    def users(self) -> int:
        return len(self.train)

    def newest(self, before: np.ndarray, users: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """The newest `length` events before each user's event number `before`: rows [B, length], padded right, and lengths."""
        lengths = np.minimum(before, length)
        places = (self.starts[users] + before - lengths)[:, None] + np.arange(length)
        rows = self.events[np.minimum(places, len(self.events) - 1)]
        return np.where(np.arange(length) < lengths[:, None], rows, 0), lengths


def read_dataset(folder: pathlib.Path) -> Dataset:
    shards = [read_safetensors(path) for path in sorted((folder / "shards").glob("shard-*.safetensors"))]
    catalogue = read_safetensors(folder / "items.safetensors")

    def joined(name: str) -> np.ndarray:
        return np.concatenate([shard[name] for shard in shards]).astype(np.int64)

    lengths = np.concatenate([np.diff(shard["users.offsets"]) for shard in shards])
    return Dataset(
        items=len(catalogue["train_counts"]), train_counts=catalogue["train_counts"].astype(np.int64),
        events=joined("events.item"), starts=np.concatenate([[0], np.cumsum(lengths)]), train=joined("users.train_count"),
        validation=joined("users.validation"), test=joined("users.test"))


@dataclasses.dataclass(frozen=True)
class Shape:
    """The model of Configs/ml-1m.yaml, but for the catalogue."""

    items: int
    width: int = 64
    layers: int = 2
    heads: int = 2
    length: int = 200
    dropout: float = 0.0


class Block(nn.Module):
    """z += dropout(attention(norm(z))); z += dropout(ffn(norm(z)))."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads, self.dropout = shape.heads, shape.dropout
        self.attention_norm, self.ffn_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, z: Tensor) -> Tensor:
        users, length, width = z.shape
        qkv = self.qkv(self.attention_norm(z)).view(users, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(users, length, width)
        z = z + F.dropout(self.out(mixed), self.dropout, self.training)
        return z + F.dropout(self.down(F.gelu(self.up(self.ffn_norm(z)))), self.dropout, self.training)


class Recommender(nn.Module):
    """Item rows and the causal pre-norm transformer over them: docs/model.md, section 2, of IDs alone.

    Sequences are padded on the right, so that the causal mask alone keeps padding out of every event's attention.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.items = nn.Parameter(torch.randn(shape.items, shape.width) * 0.02)
        self.position = nn.Parameter(torch.randn(shape.length, shape.width) * 0.02)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.final_norm = nn.LayerNorm(shape.width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """h [B, n, d] of sequences [B, n]; positions count back from each sequence's newest event."""
        shape, places = self.shape, torch.arange(rows.shape[1])
        positions = (places + shape.length - lengths[:, None]).clamp(max=shape.length - 1)
        z = F.dropout(F.embedding(rows, self.items) + F.embedding(positions, self.position), shape.dropout, self.training)
        for block in self.blocks:
            z = block(z)
        return self.final_norm(z)

    def read_checkpoint(self, folder: pathlib.Path) -> None:
        """Takes over the weights of a checkpoint of `precise train`; its matrices are [in, out], torch's [out, in]."""
        weights = read_safetensors(folder / "dense.safetensors")
        parts = [read_safetensors(path)["ids"] for path in sorted(folder.glob("items-*.safetensors"))]
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name == "items":
                    value = np.concatenate(parts)
                else:
                    is_norm = "norm" in name
                    value = weights[name.replace(".weight", ".scale") if is_norm else name]
                    value = value.T if value.ndim == 2 and name != "position" else value
                parameter.copy_(torch.from_numpy(np.array(value)))


def read_shape(folder: pathlib.Path, items: int) -> Shape:
    """The extents of a checkpoint; heads do not show in its tensors and are the configuration's."""
    weights = read_safetensors(folder / "dense.safetensors")
    length, width = weights["position"].shape
    layers = sum(name.endswith(".qkv.weight") for name in weights)
    return Shape(items=items, width=width, layers=layers, length=length)


class RankingTask:
    """Full ranking of one held-out event a user, seen items removed: docs/model.md, section 6.

    Histories and seen items are laid out once, longest history first: a batch is cut to its own longest, so little is padded.
    """

    def __init__(self, dataset: Dataset, split: str, length: int, batch_users: int) -> None:
        held_out = dataset.test if split == "test" else dataset.validation
        users = np.flatnonzero(held_out >= 0)
        users = users[np.argsort(-np.minimum(held_out[users], length), kind="stable")]
        self.batches = []
        for start in range(0, len(users), batch_users):
            chosen = users[start : start + batch_users]
            before = held_out[chosen]
            rows, lengths = dataset.newest(before, chosen, length)
            targets = dataset.events[dataset.starts[chosen] + before]
            seen_users = np.repeat(np.arange(len(chosen)), before)
            seen = np.concatenate([dataset.events[dataset.starts[u] : dataset.starts[u] + n] for u, n in zip(chosen, before)])
            competes = seen == targets[seen_users]  # a target that the user had before stays a candidate
            self.batches.append(tuple(map(torch.from_numpy, (
                rows[:, : max(lengths.max(), 1)], lengths, targets, seen_users[~competes], seen[~competes]))))
        self.users = len(users)
        self.untrained = torch.from_numpy(np.flatnonzero(dataset.train_counts == 0))
        self.trained = torch.from_numpy(np.flatnonzero(dataset.train_counts > 0))

    @torch.inference_mode()
    def ranks(self, model: Recommender, forward: Callable[[Tensor, Tensor], Tensor], bf16: bool) -> Tensor:
        """Each user's rank, from 1; ties count against the model. Scores are float32: in bf16 thousands would tie.

        `forward` is the model or its compiled twin. Items without a training event are ranked by the mean of the others.
        """
        kept = model.items[self.untrained].clone()
        model.items[self.untrained] = model.items[self.trained].mean(0)
        ranks = []
        for rows, lengths, targets, seen_users, seen in self.batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                hidden = forward(rows, lengths)
            users = hidden[torch.arange(len(rows)), lengths - 1].float()
            scores = users @ model.items.T
            bounds = scores.gather(1, targets[:, None])
            scores[seen_users, seen] = -math.inf
            ranks.append((scores >= bounds).sum(1))
        model.items[self.untrained] = kept
        return torch.cat(ranks)


def metrics(ranks: Tensor) -> dict[str, float]:
    """recall@10 and ndcg@10 of ranks from 1."""
    hits = ranks <= 10
    gains = torch.where(hits, 1 / torch.log2(ranks + 1.0), 0.0)
    return {"recall@10": hits.float().mean().item(), "ndcg@10": gains.mean().item()}
