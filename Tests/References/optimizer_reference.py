"""The optimizers in plain float64 PyTorch, one small function each; README.md has the formulas."""

import math

import torch


def learning_rate(step, base, warmup, total, final=0.0):
    """Rate of step 0 ... total-1: up to `base` at step warmup-1, then half a cosine toward final * base at `total` (ours)."""
    if step < warmup:
        return base * (step + 1) / warmup
    return base * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))))


def clip(gradients, limit):
    """Scales a list of gradients to a global 2-norm of at most `limit` -> (gradients, norm before)."""
    norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
    scale = min(1.0, limit / norm.item()) if norm > 0 else 1.0
    return [gradient * scale for gradient in gradients], norm


def adagrad_rows(weight, accumulator, rows, gradient, rate, epsilon):
    """Row-wise AdaGrad, in place: one accumulator per row. weight [R, D], accumulator [R], rows [U], gradient [U, D]."""
    accumulator[rows] += gradient.square().mean(1)
    weight[rows] -= rate * gradient / (accumulator[rows].sqrt() + epsilon)[:, None]


def lazy_adam_rows(state, rows, gradient, rate, beta1, beta2, epsilon):
    """Adam on the touched rows only, in place. `state`: weight, first, second [R, D], steps [R].

    Bias correction counts a row's own updates, not the global steps (ours): with global steps the
    first update of a row first seen late would be (1-beta1)/sqrt(1-beta2), some three times, too large.
    """
    state["steps"][rows] += 1
    count = state["steps"][rows].double()[:, None]
    state["first"][rows] = beta1 * state["first"][rows] + (1 - beta1) * gradient
    state["second"][rows] = beta2 * state["second"][rows] + (1 - beta2) * gradient.square()
    first = state["first"][rows] / (1 - beta1**count)
    second = state["second"][rows] / (1 - beta2**count)
    state["weight"][rows] -= rate * first / (second.sqrt() + epsilon)
