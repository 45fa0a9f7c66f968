"""Writes the golden cases of precise_reference.py: inputs, outputs, every gradient.

    python3 make_fixtures.py [FOLDER]        default: ../Fixtures/golden

README.md beside this file describes the file format.
"""

import dataclasses
import json
import pathlib
import sys

import torch

import precise_reference as reference
from fixture_files import save

#: name -> (seed, users, negatives, what differs from the default shape)
CASES = {
    "tiny": (1, 4, 7, {}),
    "one-expert": (2, 4, 7, dict(experts=1, active=1, layers=1, heads=1, residual_user_head=False)),
    "all-experts": (3, 4, 7, dict(experts=4, active=4, heads=4)),
    "odd-widths": (15, 5, 9, dict(items=33, token_dim=7, id_dim=5, semantic_dim=10, heads=3, length=4, layers=1)),
    "long": (5, 3, 20, dict(items=40, length=32, layers=2, logit_scale=0.25, residual_user_head=False)),
    "one-position": (6, 3, 3, dict(items=5, tokens=1, experts=2, active=1, layers=1, heads=1, length=1)),
    "concat-gate": (7, 4, 7, dict(gate_input="concat")),
    "log-q": (8, 4, 9, dict(log_q=True, logit_scale=0.5)),
    "scene-behavior": (9, 5, 7, dict(scenes=3, behaviors=2)),
    "scene-only": (10, 4, 7, dict(scenes=4, layers=1)),
    "everything": (11, 5, 9, dict(gate_input="concat", log_q=True, scenes=2, behaviors=3, experts=4, active=3, logit_scale=0.7)),
    "time-gaps": (12, 4, 7, dict(time="gaps", length=30)),
    "time-request": (13, 4, 7, dict(time="request", heads=4, length=6)),
    "gated": (14, 4, 7, dict(block="gated", layers=3)),
    "gated-time": (18, 4, 7, dict(block="gated", time="request", scenes=2, id_dim=5, semantic_dim=7, heads=3, layers=1)),
}


def normal(shape, generator, scale=1.0, mean=0.0):
    """Random float64 values that are exact in float32: what a test reads is what was computed with."""
    return (mean + scale * torch.randn(shape, generator=generator)).double()


def make_inputs(config, seed, users, negatives):
    """Every input of a case, with the corners that a wrong implementation trips over."""
    generator = torch.Generator().manual_seed(seed)
    case = {}
    for name, shape in reference.parameter_shapes(config).items():
        case["param." + name] = normal(shape, generator, 0.3, mean=1.0 if name.endswith(".scale") else 0.0)
    case["ids"] = normal((config.items, config.id_dim), generator)
    case["tokens"] = normal((config.items, config.tokens, config.token_dim), generator)  # noise beyond an item's tokens too
    counts = torch.randint(0, config.tokens + 1, (config.items,), generator=generator)
    counts[0], counts[1] = 0, config.tokens
    case["mask"] = torch.arange(config.tokens) < counts[:, None]
    items = torch.randint(0, config.items, (users, config.length + 1), generator=generator)
    items[0, -1], items[1, -1] = 2, 3  # BPR needs two different targets
    items[-1, -1] = 2  # and must leave out the pairs of equal ones
    case["items"] = items
    history = torch.randint(1, config.length + 1, (users,), generator=generator)
    history[0], history[1] = config.length, 1
    case["valid"] = torch.arange(config.length) >= config.length - history[:, None]
    drawn = torch.randperm(config.items, generator=generator)[:negatives]
    drawn[0] = items[0, -1]  # an accidental hit in either phase
    case["negative"] = torch.unique(drawn)
    if config.log_q:
        case["log_q"] = -normal(case["negative"].shape, generator, mean=2.0).abs()
    if config.scenes:
        case["scene_index"] = torch.randint(0, config.scenes, (users, config.length), generator=generator)
    if config.behaviors:
        case["behavior_index"] = torch.randint(0, config.behaviors, (users, config.length), generator=generator)
    if config.time != "none":
        # Seconds to years between two events, some at the same time.
        gaps = torch.exp(18 * torch.rand((users, config.length + 1), generator=generator)).long()
        gaps[:, ::4] = 0
        times = 1_000_000_000 + gaps.cumsum(1)
        case["time"], case["request_time"] = times[:, :-1], times[:, -1]
    return case


def forward(config, case):
    """Outputs and losses of a case whose parameters are in `case` -> dict of tensors."""
    parameters = {name.removeprefix("param."): value for name, value in case.items() if name.startswith("param.")}
    items, valid, negative, log_q = case["items"], case["valid"], case["negative"], case.get("log_q")
    e, balance = reference.fuse(config, parameters, case["ids"], case["tokens"], case["mask"])

    def encode(causal):
        return reference.encode(
            config, parameters, e[items[:, :-1]], valid, causal, case.get("scene_index"), case.get("behavior_index"),
            case.get("time"), case.get("request_time"))

    def softmax(queries, targets):
        return reference.sampled_softmax(config, queries, e[targets], targets, e[negative], negative, log_q)

    h = encode(causal=True)
    next_item = softmax(h[valid], items[:, 1:][valid])
    user = reference.user_embedding(config, parameters, encode(causal=False), valid)
    last = items[:, -1]
    bpr = reference.cross_user_bpr(config, user, e[last], last)
    target_softmax = softmax(user, last)
    weighted = config.balance * balance
    return {
        "e": e, "h": h * valid[..., None], "user": user,
        "loss.next_item": next_item, "loss.bpr": bpr, "loss.balance": balance, "loss.target_softmax": target_softmax,
        "loss.phase1": next_item + weighted,
        "loss.phase2": bpr + weighted,
        "loss.phase2_softmax": bpr + 0.5 * target_softmax + weighted,
    }


def gate_margin(config, case):
    """Smallest distance between the last kept and the first dropped gate logit of an item with text."""
    if config.active == config.experts:
        return float("inf")
    parameters = {name.removeprefix("param."): value for name, value in case.items()}
    logits = reference.gate_logits(config, parameters, (case["tokens"], case["mask"]))[case["mask"].any(1)]
    ordered = logits.sort(1, descending=True).values
    return (ordered[:, config.active - 1] - ordered[:, config.active]).min().item()


def bucket_margin(config, case):
    """Smallest relative distance of a time difference to the border of a bucket."""
    if config.time == "none":
        return float("inf")
    times = torch.cat([case["time"], case["request_time"][:, None]], 1)
    apart = (times[:, :, None] - times[:, None, :]).abs().clamp(min=2).double().log() / 0.301
    return (apart - apart.round()).abs().min().item()


def evaluate(config, case):
    """Outputs of a case and `grad.<loss>.<name>` of every parameter, `ids` and `tokens`, in float64."""
    trained = {name: value.double().requires_grad_() for name, value in case.items()
               if name.startswith("param.") or name in ("ids", "tokens")}
    outputs = forward(config, case | trained)
    for loss in ("phase1", "phase2", "phase2_softmax"):
        gradients = torch.autograd.grad(
            outputs["loss." + loss], list(trained.values()), retain_graph=True, allow_unused=True, materialize_grads=True)
        outputs |= {f"grad.{loss}.{name.removeprefix('param.')}": value for name, value in zip(trained, gradients)}
    return {name: value.detach() for name, value in outputs.items()}


def main():
    default = pathlib.Path(__file__).parent.parent / "Fixtures" / "golden"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name, (seed, users, negatives, overrides) in CASES.items():
        config = reference.Config(**overrides)
        case = make_inputs(config, seed, users, negatives)
        if gate_margin(config, case) < 4e-3:
            raise SystemExit(f"{name}: a gate is nearly tied, rounding could route an item elsewhere; take another seed")
        if bucket_margin(config, case) < 1e-5:
            raise SystemExit(f"{name}: a time is nearly on a bucket's border, rounding could move it; take another seed")
        outputs = evaluate(config, case)
        size = save(folder / f"{name}.safetensors", case | outputs,
                    {"config": json.dumps(dataclasses.asdict(config)), "seed": str(seed), "script": "make_fixtures.py"})
        losses = {key: round(outputs["loss." + key].item(), 4) for key in ("next_item", "bpr", "target_softmax", "balance")}
        print(f"{name}: {size} bytes, {losses}")


if __name__ == "__main__":
    main()
