#!/usr/bin/env python3
"""Times the training step of `precise bench`, written in PyTorch as a good user would write it.

    python3 peer_train.py --config base --threads 2 [--dtype bf16] [--compile] [--phase 2] [--freeze-tokens]

The model is docs/model.md's: embedding fusion with 8 experts, a pre-norm transformer, next-item sampled softmax (phase 1) or
the paper's user head with cross-user BPR (phase 2). Shapes are those of Configs/bench-*.yaml; items follow the same law
(chance ~ 1 / (rank + 10)), every sequence is full, negatives come from the batch.

One gather of the step's distinct items, fused attention, fused AdamW, row-wise AdaGrad on the gathered rows only. What is
timed: finding the distinct rows, gathering, forward, loss, backward, clipping, both updates. What is not: drawing the batch.
Prints JSON: the median step in ms, positions a second (padding excluded: there is none), first and last loss.
"""

import argparse
import dataclasses
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclasses.dataclass(frozen=True)
class Shape:
    """The extents of a step; the letters of docs/shapes.md."""

    users: int  # B
    length: int  # n
    items: int  # V
    id_width: int
    semantic_width: int
    layers: int  # L
    heads: int  # H
    negatives: int  # N_b + N_c, before duplicates are removed
    tokens: int = 16  # m
    token_width: int = 384  # dt
    experts: int = 8  # K
    active: int = 2  # k

    @property
    def width(self) -> int:
        """d, of an item's embedding and of the transformer."""
        return self.id_width + self.semantic_width


SHAPES = {
    "small": Shape(256, 50, 4_000, 32, 32, layers=2, heads=2, negatives=1024),
    "base": Shape(256, 50, 20_000, 64, 64, layers=2, heads=2, negatives=2048),
    "large": Shape(128, 100, 100_000, 128, 128, layers=4, heads=4, negatives=4096),
}


@dataclasses.dataclass(frozen=True)
class Batch:
    """A step's sequences [B, n + 1] and distinct shared negatives [N], as catalogue rows."""

    sequences: Tensor
    negatives: Tensor


class Block(nn.Module):
    """z += attention(norm(z)); z += ffn(norm(z))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.ffn_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, z: Tensor, causal: bool) -> Tensor:
        users, length, width = z.shape
        qkv = self.qkv(self.attention_norm(z)).view(users, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        z = z + self.out(mixed.transpose(1, 2).reshape(users, length, width))
        return z + self.down(F.gelu(self.up(self.ffn_norm(z))))


class Dense(nn.Module):
    """Everything but the item rows: from gathered rows to the loss."""

    def __init__(self, shape: Shape, phase: int) -> None:
        super().__init__()
        self.shape, self.phase = shape, phase
        width = shape.width
        self.gate = nn.Linear(shape.token_width, shape.experts)
        self.query = nn.Parameter(torch.randn(shape.experts, shape.token_width) * 0.02)
        self.expert = nn.Parameter(torch.randn(shape.experts, shape.token_width, shape.semantic_width) * 0.05)
        self.position = nn.Parameter(torch.randn(shape.length, width) * 0.02)
        self.blocks = nn.ModuleList([Block(width, shape.heads) for _ in range(shape.layers)])
        self.final_norm = nn.LayerNorm(width)
        head = [nn.Linear(shape.length * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)]
        self.user = nn.Sequential(*(head if phase == 2 else []))

    def fuse(self, ids: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [U, d] of the step's distinct items, and the load-balance loss."""
        shape = self.shape
        logits = self.gate(tokens.mean(1))
        top, chosen = logits.topk(shape.active, 1)
        gate = torch.zeros_like(logits).scatter(1, chosen, top.softmax(1))
        weights = (tokens @ self.query.T / math.sqrt(shape.token_width)).softmax(1)  # [U, m, K]
        # All experts in one product: the gate's zeros cost less than grouping items by expert does.
        pooled = (weights * gate[:, None, :]).transpose(1, 2) @ tokens  # [U, K, dt]
        semantic = pooled.flatten(1) @ self.expert.flatten(0, 1)
        routed = torch.zeros_like(logits).scatter(1, chosen, 1.0).mean(0) / shape.active
        return torch.cat([ids, semantic], 1), shape.experts * (routed * logits.softmax(1).mean(0)).sum()

    def encode(self, embedded: Tensor, causal: bool) -> Tensor:
        z = embedded + self.position
        for block in self.blocks:
            z = block(z, causal)
        return self.final_norm(z)

    def universal_loss(self, e: Tensor, at: Tensor, negative_at: Tensor, sequences: Tensor, negatives: Tensor) -> Tensor:
        """Next item of every position against the shared negatives; a negative that is the target does not count."""
        h = self.encode(e[at[:, :-1]], causal=True).flatten(0, 1)
        targets = sequences[:, 1:].flatten()
        positive = (h * e[at[:, 1:]].flatten(0, 1)).sum(1, keepdim=True)
        negative = (h @ e[negative_at].T).masked_fill(targets[:, None] == negatives[None], float("-inf"))
        labels = torch.zeros(len(h), dtype=torch.long)
        return F.cross_entropy(torch.cat([positive, negative], 1).float(), labels)

    def targeted_loss(self, e: Tensor, at: Tensor, sequences: Tensor) -> Tensor:
        """Cross-user BPR over the ordered pairs of users with different targets."""
        users = self.user(self.encode(e[at[:, :-1]], causal=False).flatten(1))
        targets = sequences[:, -1]
        scores = (users @ e[at[:, -1]].T).float()
        pairs = targets[:, None] != targets[None]
        return (F.softplus(scores - scores.diagonal()[None]) * pairs).sum() / pairs.sum()

    def forward(self, ids: Tensor, tokens: Tensor, at: Tensor, negative_at: Tensor, batch: Batch) -> Tensor:
        e, balance = self.fuse(ids, tokens)
        if self.phase == 1:
            loss = self.universal_loss(e, at, negative_at, batch.sequences, batch.negatives)
        else:
            loss = self.targeted_loss(e, at, batch.sequences)
        return loss + 0.01 * balance


class RowTable:
    """Rows under row-wise AdaGrad: G += mean(g²), w -= rate * g / (√G + ε), of the rows that a step touched."""

    def __init__(self, rows: Tensor, rate: float) -> None:
        self.rows, self.rate = rows, rate
        self.accumulator = torch.zeros(len(rows))

    def update(self, at: Tensor, gathered: Tensor) -> None:
        """Rows `at` are distinct; `gathered` is what was read from them, and is written over: no copy is made of it."""
        assert gathered.grad is not None
        values, gradient = gathered.flatten(1), gathered.grad.flatten(1)
        mean = torch.linalg.vector_norm(gradient, dim=1).square() / gradient.shape[1]
        self.accumulator.index_add_(0, at, mean)
        scale = self.accumulator[at].sqrt()[:, None] + 1e-10
        self.rows.index_copy_(0, at, values.addcdiv_(gradient, scale, value=-self.rate))


class Trainer:
    """The model with its optimizers; `step` is what is timed."""

    def __init__(self, shape: Shape, phase: int, bf16: bool, compiled: bool, freezes_tokens: bool) -> None:
        self.shape, self.phase, self.bf16, self.freezes_tokens = shape, phase, bf16, freezes_tokens
        self.dense = Dense(shape, phase)
        self.forward = torch.compile(self.dense, dynamic=True) if compiled else self.dense
        self.optimizer = torch.optim.AdamW(self.dense.parameters(), lr=1e-3, fused=True)
        self.ids = RowTable(torch.randn(shape.items, shape.id_width) * 0.02, rate=0.05)
        self.tokens = RowTable(torch.randn(shape.items, shape.tokens * shape.token_width), rate=0.005)

    def step(self, batch: Batch) -> tuple[Tensor, int]:
        """-> the loss, the number of distinct items."""
        sequences = batch.sequences
        wanted = torch.cat([sequences.flatten(), batch.negatives]) if self.phase == 1 else sequences.flatten()
        rows, places = wanted.unique(return_inverse=True)
        at, negative_at = places[: sequences.numel()].view_as(sequences), places[sequences.numel() :]
        ids = self.ids.rows[rows].requires_grad_()
        tokens = self.tokens.rows[rows].view(-1, self.shape.tokens, self.shape.token_width)
        tokens.requires_grad_(not self.freezes_tokens)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.forward(ids, tokens, at, negative_at, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self.dense.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.ids.update(rows, ids)
            if not self.freezes_tokens:
                self.tokens.update(rows, tokens)
        return loss.detach(), len(rows)


def draw_batch(shape: Shape, generator: torch.Generator) -> Batch:
    """Full sequences by Zipf's law; negatives are events of the batch, duplicates removed."""
    chances = 1.0 / (torch.arange(shape.items, dtype=torch.float64) + 10)
    events = torch.multinomial(chances, shape.users * (shape.length + 1), replacement=True, generator=generator)
    drawn = torch.randint(len(events), (shape.negatives,), generator=generator)
    return Batch(events.view(shape.users, shape.length + 1), events[drawn].unique())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=SHAPES, default="base")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16: autocast, float32 parameters")
    parser.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    parser.add_argument("--phase", type=int, choices=[1, 2], default=1, help="1: universal, 2: targeted")
    parser.add_argument("--freeze-tokens", action="store_true")
    parser.add_argument("--steps", type=int, default=12, help="steps that are timed")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    shape = SHAPES[options.config]
    trainer = Trainer(shape, options.phase, options.dtype == "bf16", options.compile, options.freeze_tokens)
    generator = torch.Generator().manual_seed(1)
    seconds, losses = [], []
    for _ in range(options.warmup + options.steps):
        batch = draw_batch(shape, generator)
        start = time.perf_counter()
        loss, unique_rows = trainer.step(batch)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    timed = seconds[options.warmup :]
    step = statistics.median(timed)
    print(json.dumps({
        "config": options.config, "threads": options.threads, "dtype": options.dtype, "compile": options.compile,
        "phase": options.phase, "freeze_tokens": options.freeze_tokens, "torch": torch.__version__,
        "positions_per_s": shape.users * shape.length / step, "step_ms": step * 1e3, "step_ms_min": min(timed) * 1e3,
        "step_ms_max": max(timed) * 1e3, "unique_items": unique_rows, "first_loss": losses[0], "last_loss": losses[-1],
    }))


if __name__ == "__main__":
    main()
