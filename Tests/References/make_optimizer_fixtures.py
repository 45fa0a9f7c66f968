"""Writes the expected steps of the optimizers: AdamW (PyTorch's own), row-wise AdaGrad, lazy Adam, clip, schedule.

    python3 make_optimizer_fixtures.py [FOLDER]        default: ../Fixtures/optimizers

README.md beside this file describes the file format.
"""

import json
import pathlib
import sys

import torch

import optimizer_reference as reference
from fixture_files import save

#: Rows with a gradient at each step of the sparse optimizers: 5 never, 0 late, 3 not every time, 6 always zero.
TOUCHED = ([1, 3, 6], [2, 1, 4], [3, 0, 1, 6])


def normal(shape, generator, scale=1.0):
    """Random float64 values that are exact in float32."""
    return (scale * torch.randn(shape, generator=generator)).double()


def adamw(folder):
    """Six steps on two tensors with a scheduled rate; the last gradients are zero: momentum and decay go on."""
    config = dict(learning_rate=0.01, warmup=2, steps=6, weight_decay={"weight": 0.1, "bias": 0.0},
                  beta1=0.9, beta2=0.999, epsilon=1e-8)
    generator = torch.Generator().manual_seed(1)
    weights = {name: normal(shape, generator).requires_grad_() for name, shape in (("weight", (7, 5)), ("bias", (5,)))}
    groups = [dict(params=[value], weight_decay=config["weight_decay"][name]) for name, value in weights.items()]
    optimizer = torch.optim.AdamW(groups, betas=(config["beta1"], config["beta2"]), eps=config["epsilon"])
    tensors = {f"initial.{name}": value.detach().clone() for name, value in weights.items()}
    rates = [reference.learning_rate(step, config["learning_rate"], config["warmup"], config["steps"]) for step in range(6)]
    for step, rate in enumerate(rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, value in weights.items():
            value.grad = normal(value.shape, generator, 10.0**-step)
            if step == 5:
                value.grad.zero_()
            tensors[f"gradient.{step}.{name}"] = value.grad.clone()
        optimizer.step()
        for name, value in weights.items():
            moments = optimizer.state[value]
            tensors |= {f"weight.{step}.{name}": value.detach().clone(), f"first.{step}.{name}": moments["exp_avg"].clone(),
                        f"second.{step}.{name}": moments["exp_avg_sq"].clone()}
    tensors["learning_rates"] = torch.tensor(rates, dtype=torch.float64)
    save(folder / "adamw.safetensors", tensors, describe(config))


def sparse_gradients(generator, width):
    """Yields (step, rows, gradient); row 6's gradient is exactly zero."""
    for step, touched in enumerate(TOUCHED):
        rows = torch.tensor(touched)
        gradient = normal((len(touched), width), generator)
        gradient[rows == 6] = 0
        yield step, rows, gradient


def adagrad(folder):
    config = dict(learning_rate=0.05, epsilon=1e-8, initial_accumulator=0.0)
    generator = torch.Generator().manual_seed(2)
    weight, accumulator = normal((7, 5), generator), torch.zeros(7, dtype=torch.float64)
    tensors = {"initial": weight.clone()}
    for step, rows, gradient in sparse_gradients(generator, 5):
        reference.adagrad_rows(weight, accumulator, rows, gradient, config["learning_rate"], config["epsilon"])
        tensors |= {f"rows.{step}": rows, f"gradient.{step}": gradient, f"weight.{step}": weight.clone(),
                    f"accumulator.{step}": accumulator.clone()}
    save(folder / "adagrad-rows.safetensors", tensors, describe(config))


def lazy_adam(folder):
    config = dict(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8)
    generator = torch.Generator().manual_seed(3)
    weight = normal((7, 5), generator)
    state = {"weight": weight, "first": torch.zeros_like(weight), "second": torch.zeros_like(weight),
             "steps": torch.zeros(7, dtype=torch.int64)}
    tensors = {"initial": weight.clone()}
    for step, rows, gradient in sparse_gradients(generator, 5):
        reference.lazy_adam_rows(state, rows, gradient, config["learning_rate"], config["beta1"], config["beta2"],
                                 config["epsilon"])
        tensors |= {f"rows.{step}": rows, f"gradient.{step}": gradient}
        tensors |= {f"{name}.{step}": value.clone() for name, value in state.items()}
    save(folder / "lazy-adam-rows.safetensors", tensors, describe(config))


def clip(folder):
    """`large` is above the limit, `small` below it, `zero` has no direction."""
    config = dict(clip=1.0)
    generator = torch.Generator().manual_seed(4)
    tensors = {}
    for name, scale in (("large", 3.0), ("small", 0.01), ("zero", 0.0)):
        gradients = [normal(shape, generator, scale) for shape in ((4, 3), (9,), (1,))]
        clipped, norm = reference.clip(gradients, config["clip"])
        tensors[f"norm.{name}"] = norm
        for index, (gradient, expected) in enumerate(zip(gradients, clipped)):
            tensors |= {f"gradient.{name}.{index}": gradient, f"clipped.{name}.{index}": expected}
    save(folder / "clip.safetensors", tensors, describe(config))


def schedule(folder):
    """Rates of every step: `plain` has a warm-up, `none` none, `all` nothing else, `one` a single step, `floor` an end above 0."""
    cases = {"plain": (1e-3, 5, 40, 0.0), "none": (0.1, 0, 7, 0.0), "all": (0.1, 6, 6, 0.0), "one": (0.5, 0, 1, 0.0),
             "floor": (0.1, 2, 12, 0.25)}
    config, tensors = {}, {}
    for name, (base, warmup, total, final) in cases.items():
        config[name] = dict(learning_rate=base, warmup=warmup, steps=total, final=final)
        tensors[name] = torch.tensor([reference.learning_rate(step, base, warmup, total, final) for step in range(total)],
                                     dtype=torch.float64)
    save(folder / "schedule.safetensors", tensors, describe(config))


def describe(config):
    return {"config": json.dumps(config), "script": "make_optimizer_fixtures.py"}


def main():
    default = pathlib.Path(__file__).parent.parent / "Fixtures" / "optimizers"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for write in (adamw, adagrad, lazy_adam, clip, schedule):
        write(folder)
    print(*(f"{path.name}: {path.stat().st_size} bytes" for path in sorted(folder.iterdir())), sep="\n")


if __name__ == "__main__":
    main()
