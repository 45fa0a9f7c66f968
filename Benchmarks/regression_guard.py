#!/usr/bin/env python3
"""Fails when training has become slow, by ratios inside one run: no time of another day or machine is compared with.

    python3 Benchmarks/regression_guard.py [--precise .build/release/precise] [--precision fp32]

`precise bench` times steps of the base shape and, in the same run, the steps' matrix products alone. plain_product.c, three loops
compiled here with -O3, times a product that nobody tuned. Two ratios, each the median of three runs, must stay above their floors:

- share: what the products alone take of the fastest step, on one rank. It falls when anything but the products becomes slower.
- times plain: GFLOP/s a core of our products over those of the plain loops. It falls when the products become slower, which the
  share would take for progress.

Floors are half of what was measured for `times plain`, by instruction set, and three quarters for `share`. A machine that is busy for a
moment gets up to three tries. Prints a line a try; ends with 1 when the last one fails.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: What a step's products alone must take of it; measured: 0.79 and 0.64.
SHARE_FLOORS = {"fp32": 0.59, "bf16": 0.48}
#: How many times the plain loops our products must be, by the beginning of the instruction set's name. Half of what was measured with
#: gcc 12 (Zen 5: 5.8 and 11.4; clang's loops are slower, so the ratios higher), but avx2: half as many lanes, not measured.
PLAIN_FLOORS = {"fp32": {"avx512": 2.9, "avx2": 1.5}, "bf16": {"avx512_bf16": 5.7}}
#: Intel's processors do the bfloat16 instruction at half the rate of AMD's: half of the least that was measured on one (Xeon, family 6,
#: model 207, a shared machine: 4.2 to 7.0).
INTEL_BF16_FLOOR = 2.1
#: Zen 4 (AMD's family 25) takes a vector of 512 bits in two halves: 2.9 and 5.6 were measured there.
HALVING_FAMILY = ("AuthenticAMD", "25")


@dataclasses.dataclass(frozen=True)
class Ratios:
    """One run's, or the medians of several."""

    share: float
    times_plain: float
    instruction_set: str


def measure(options: argparse.Namespace, plain: pathlib.Path) -> Ratios:
    """Bench and plain loops, one right after the other."""
    command = [
        str(options.precise), "bench", "--config", str(ROOT / "Configs" / "bench-base.yaml"), "--steps", str(options.steps),
        "--json", "--quiet", "--set", f"compute.precision={options.precision}", "--ranks", str(options.ranks)]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    speed = float(subprocess.run([str(plain), "0.5"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    # The products' time is the best of a few tries, so the step's is too: a moment's load on the machine is in neither.
    return Ratios(
        result["products_ms"] / result["step_ms_min"], result["ceiling_gflops"] / speed, result["instruction_set"])


def plain_floor(precision: str, instruction_set: str) -> float:
    """0 for an instruction set that nobody has measured."""
    floors = PLAIN_FLOORS[precision]
    floor = next((floors[name] for name in floors if instruction_set.startswith(name)), 0.0)
    vendor, family = processor()
    if precision == "bf16" and vendor == "GenuineIntel":
        return min(floor, INTEL_BF16_FLOOR)
    return floor / 2 if instruction_set.startswith("avx512") and (vendor, family) == HALVING_FAMILY else floor


def processor() -> tuple[str | None, str | None]:
    """Vendor and family, where the system says so."""
    try:
        lines = (line.partition(":") for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines())
    except OSError:
        return None, None
    facts = {name.strip(): value.strip() for name, _, value in lines}
    return facts.get("vendor_id"), facts.get("cpu family")


def attempt(options: argparse.Namespace, plain: pathlib.Path) -> bool:
    runs = [measure(options, plain) for _ in range(options.runs)]
    share, times = (statistics.median(getattr(run, name) for run in runs) for name in ("share", "times_plain"))
    least = plain_floor(options.precision, runs[0].instruction_set)
    is_fine = share >= options.share and times >= least
    print(f"{options.precision}, {runs[0].instruction_set}: products alone take {share:.3f} of a step (at least {options.share}), "
          f"are {times:.1f} times the plain loops (at least {least}): {'fine' if is_fine else 'SLOW'}", flush=True)
    return is_fine


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build" / "release" / "precise")
    parser.add_argument("--precision", choices=SHARE_FLOORS, default="fp32")
    parser.add_argument("--ranks", type=int, default=1, help="more wait for each other, and for whatever else the cores do")
    parser.add_argument("--steps", type=int, default=10, help="steps of a run, of which the fastest counts")
    parser.add_argument("--runs", type=int, default=3, help="runs whose median counts")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--share", type=float, help="another floor of the share")
    options = parser.parse_args()
    if options.share is None:
        options.share = SHARE_FLOORS[options.precision]
    return options


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        plain = pathlib.Path(folder) / "plain_product"
        source = pathlib.Path(__file__).with_name("plain_product.c")
        compiler = os.environ.get("CC") or shutil.which("cc") or "clang"
        subprocess.run([compiler, "-O3", str(source), "-o", str(plain)], check=True)
        return 0 if any(attempt(options, plain) for _ in range(options.tries)) else 1


if __name__ == "__main__":
    sys.exit(main())
