#!/usr/bin/env python3
"""Measures `precise bench` and the same step in PyTorch alternating on the same cores, and prints a Markdown table.

    python3 Benchmarks/side_by_side.py [--cases base-fp32,base-bf16] [--runs 5] [--torch-jemalloc /usr/lib/.../libjemalloc.so.2]

For each case every variant of the peer that could be its fastest (eager or compiled, by the allocators at hand) runs once,
shortly; the fastest is then what ours alternates with. Positions a second over all ranks or threads: median (lowest ... highest).
"share of ceiling" is what the step's matrix products take when they are formed alone, in the same run, of the whole step.

Every run is appended to --out as a JSON line: case, side, variant, run number and what the program printed.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

#: The paper's head and objective: what the peer's phase 2 computes.
PAPER = "targeted=[{name: paper, user_head: mlp, objective: {bpr: 1, softmax: 0}}]"


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table: a shape, a phase, a precision."""

    name: str
    shape: str
    bf16: bool = False
    targeted: bool = False
    freezes_tokens: bool = False

    @property
    def title(self) -> str:
        phase = "targeted, paper's head, BPR" if self.targeted else "universal"
        return f"{self.shape}, {phase}, {'bf16' if self.bf16 else 'fp32'}{', tokens frozen' if self.freezes_tokens else ''}"

    def ours(self, options: argparse.Namespace) -> list[str]:
        command = [
            str(options.precise), "bench", "--config", str(ROOT / "Configs" / f"bench-{self.shape}.yaml"), "--json", "--quiet",
            "--steps", str(options.steps), "--ranks", str(options.cores)]
        if self.bf16:
            command += ["--set", "compute.precision=bf16"]
        if self.freezes_tokens:
            command += ["--set", "universal.token_freeze=1"]
        if self.targeted:
            command += ["--phase", "targeted", "--set", PAPER]
        return command

    def peer(self, options: argparse.Namespace, variant: "Variant", steps: int) -> list[str]:
        command = [
            sys.executable, str(options.peer), "--config", self.shape, "--threads", str(options.cores), "--steps", str(steps),
            "--phase", "2" if self.targeted else "1", "--dtype", "bf16" if variant.bf16 else "fp32"]
        if variant.compiled:
            command.append("--compile")
        if self.freezes_tokens:
            command.append("--freeze-tokens")
        return command


CASES = [
    Case("base-fp32", "base"),
    Case("base-bf16", "base", bf16=True),
    Case("base-bf16-frozen", "base", bf16=True, freezes_tokens=True),
    Case("base-targeted-fp32", "base", targeted=True),
    Case("base-targeted-bf16", "base", bf16=True, targeted=True),
    Case("small-bf16", "small", bf16=True),
    Case("large-bf16", "large", bf16=True),
]


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way to run the peer: its precision, torch.compile or not, an allocator and the environment that makes it."""

    bf16: bool
    compiled: bool
    allocator: str
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{'bf16' if self.bf16 else 'fp32'} {'compiled' if self.compiled else 'eager'}, {self.allocator}"


def allocators(jemalloc: pathlib.Path | None) -> dict[str, dict[str, str]]:
    """Names and environments. A step's large tensors are made anew in every step: what that costs is the allocator's affair."""
    found = {
        "glibc": {},
        "glibc, huge pages": {"THP_MEM_ALLOC_ENABLE": "1"},
    }
    if jemalloc:
        found["jemalloc"] = {"LD_PRELOAD": str(jemalloc)}
        found["jemalloc, huge pages"] = {
            "LD_PRELOAD": str(jemalloc), "MALLOC_CONF": "thp:always,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"}
    return found


def variants(case: Case, options: argparse.Namespace) -> list[Variant]:
    """A bf16 case may be answered in fp32 if that should be faster; an fp32 case may not be answered in bf16.

    What is not the case's precision compiled is tried with huge pages only, which are faster or make no difference.
    """
    found = [
        Variant(bf16, compiled, name, tuple(environment.items()))
        for bf16, compiled in [(case.bf16, True), (case.bf16, False)] + ([(False, True)] if case.bf16 else [])
        for name, environment in allocators(options.torch_jemalloc).items()
        if "huge pages" in name or (compiled and bf16 == case.bf16)]
    chosen = [variant for variant in found if not options.variants or options.variants in variant.name]
    if not chosen:
        raise SystemExit(f"error: no variant's name holds {options.variants!r}: {', '.join(v.name for v in found)}")
    return chosen


def execute(command: list[str], environment: dict[str, str]) -> dict | None:
    """What a program printed as JSON, or None with its last line on stderr."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode == 0:
        return json.loads(done.stdout)
    lines = done.stderr.strip().splitlines()
    print(f"failed: {' '.join(command)}\n  {lines[-1] if lines else f'exit code {done.returncode}'}", file=sys.stderr)
    return None


class Session:
    """Runs programs, records them, and sums them up."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def run(self, case: Case, variant: Variant | None, number: int, steps: int) -> dict | None:
        """One run of the peer, or of ours where there is no variant; run 0 is the choosing of a variant."""
        command = case.peer(self.options, variant, steps) if variant else case.ours(self.options)
        result = execute(command, dict(variant.environment) if variant else {})
        name = variant.name if variant else "precise"
        if result:
            print(f"{case.name}, {name}: {result['positions_per_s']:,.0f} positions/s", file=sys.stderr, flush=True)
            record = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": os.getloadavg()[0], "case": case.name,
                "side": "peer" if variant else "ours", "variant": name, "run": number, "result": result}
            with self.options.out.open("a") as file:
                file.write(json.dumps(record) + "\n")
        return result

    def fastest(self, case: Case) -> Variant | None:
        candidates = variants(case, self.options)
        if len(candidates) == 1:
            return candidates[0]
        results = [(self.run(case, variant, 0, steps=5), variant) for variant in candidates]
        speeds = [(result["positions_per_s"], place) for place, (result, _) in enumerate(results) if result]
        return candidates[max(speeds)[1]] if speeds else None

    def row(self, case: Case) -> str:
        """Runs a case; its line of the table."""
        variant = self.fastest(case)
        ours, peer, shares = [], [], []
        for number in range(1, self.options.runs + 1):
            if result := self.run(case, None, number, self.options.steps):
                ours.append(result["positions_per_s"])
                shares.append(result["share_of_ceiling"])
            if variant and (result := self.run(case, variant, number, self.options.steps)):
                peer.append(result["positions_per_s"])
        ratio = f"{statistics.median(ours) / statistics.median(peer):.1f}" if ours and peer else "–"
        share = f"{100 * statistics.median(shares):.0f} %" if shares else "–"
        return f"| {case.title} | {spread(ours)} | {spread(peer)} | {variant.name if variant else '–'} | {ratio} | {share} |"


def spread(rates: list[float]) -> str:
    """median (lowest … highest), in thousands."""
    if not rates:
        return "–"
    digits = 0 if statistics.median(rates) >= 100e3 else 1
    middle, low, high = (f"{rate / 1e3:.{digits}f}" for rate in (statistics.median(rates), min(rates), max(rates)))
    return f"{middle} k ({low} … {high})"


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def describe(runs: str) -> str:
    """Date, machine and how it was measured, for the line above a table."""
    version = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__)"], check=True, capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    busy = f"; BUSY when it began (load {load:.1f}): not worth keeping" if load > 0.5 else ""
    return (f"{time.strftime('%Y-%m-%d')}, {processor()}, cores {sorted(os.sched_getaffinity(0))}, "
            f"torch {version}, {runs}{busy}")


def parse_arguments() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(names), help="comma-separated; default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument("--steps", type=int, default=12, help="timed in a run, after 3 that are not")
    parser.add_argument("--cores", type=int, default=2, help="ranks of ours, threads of the peer; the first cores allowed are used")
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build" / "release" / "precise")
    parser.add_argument("--peer", type=pathlib.Path, default=HERE / "peer_train.py", help="another script with the same options")
    parser.add_argument("--torch-jemalloc", type=pathlib.Path, help="libjemalloc.so.2: more variants of the peer")
    parser.add_argument("--variants", help="only variants whose name holds this, as 'compiled, jemalloc'; default: all are tried")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("side_by_side.jsonl"), help="default: %(default)s")
    options = parser.parse_args()
    if unknown := set(options.cases.split(",")) - set(names):
        parser.error(f"no case is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def main() -> None:
    options = parse_arguments()
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < options.cores:
        raise SystemExit(f"error: {len(allowed)} cores are allowed here, --cores asks for {options.cores}")
    os.sched_setaffinity(0, allowed[: options.cores])
    print(describe(f"{options.runs} alternating runs of each") + "\n", flush=True)
    session = Session(options)
    rows = [session.row(case) for case in CASES if case.name in options.cases.split(",")]
    print("| shape, phase | ours, positions/s | PyTorch, positions/s | its fastest variant | ratio | share of ceiling |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
