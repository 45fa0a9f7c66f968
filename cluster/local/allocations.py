#!/usr/bin/env python3
"""What a training step allocates: the difference of two counts that `allocations.c` wrote, of a shorter and of a longer run.

    allocations.py NAME STEPS SHORTER LONGER [--sites]

STEPS is how many steps the longer run has more. Prints one line, and with --sites every place that allocates in a step; ends with 1
when a step allocates anything. What stands still between the two runs - the start, the end, what is reserved before the first step -
drops out.
"""
import bisect, collections, functools, subprocess, sys

# As the compiler mangles TrainStep.run. Not part of a step are the plan of its memory, evaluation, whose users' ranks differ from run
# to run, and what the runtime writes down of a type when it is first used.
STEP = "Training9TrainStepC3run"
ONCE = ("Training9TrainStepC13planWorkspace", "10Evaluation9EvaluatorC", "MetadataAllocator")
# What the compiler calls where a type, or how it conforms to a protocol, is first used: which of two ranks is first, and so which of two
# places the runtime's next page is booked on, differs from run to run.
FIRST_USE = ("__swift_instantiateConcreteTypeFromMangledName", "Wl")


def read(path):
    """Bytes and calls of each distinct stack."""
    counts = collections.defaultdict(lambda: [0, 0])
    for line in open(path):
        bytes_, calls, *stack = line.split()
        counts[tuple(stack)][0] += int(bytes_)
        counts[tuple(stack)][1] += int(calls)
    return counts


@functools.cache
def symbols(path):
    """Starts and names of a file's functions, ascending."""
    command = ["nm", "--defined-only"] + (["-D"] if ".so" in path else []) + [path]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.split("\n")
    found = sorted((int(part[0], 16), part[2]) for part in map(str.split, lines) if len(part) == 3 and part[1] in "tTwWiu")
    return [start for start, _ in found], [name for _, name in found]


@functools.cache
def name(frame):
    """The mangled name of the function that an address is in."""
    path, _, offset = frame.rpartition("+")
    starts, names = symbols(path) if path and path != "?" else ([], [])
    place = bisect.bisect_right(starts, int(offset, 16)) - 1
    return names[place] if place >= 0 else frame


def kind(stack):
    names = [name(frame) for frame in stack]
    if any(once in text for text in names for once in ONCE) or any(text.endswith(FIRST_USE) for text in names):
        return "once"
    return "step" if any(STEP in text for text in names) else "around"


def sites(changes, steps):
    """The innermost named callers of what is allocated, largest first."""
    total = collections.defaultdict(lambda: [0, 0])
    for stack, (bytes_, calls) in changes.items():
        callers = [name(frame) for frame in stack]
        callers = [text for text in callers if not text.startswith(("swift_", "_swift"))][:6]
        total[tuple(callers)][0] += bytes_
        total[tuple(callers)][1] += calls
    for callers, (bytes_, calls) in sorted(total.items(), key=lambda site: -abs(site[1][0])):
        if not bytes_ and not calls:
            continue
        text = subprocess.run(
            ["swift", "demangle", "--simplified", "--compact"], input="\n".join(callers), capture_output=True, text=True).stdout
        print(f"  {bytes_ / steps:.1f} bytes in {calls / steps:.2f} calls a step")
        print("".join(f"    {line[:140]}\n" for line in text.split("\n") if line), end="")


def main():
    title, steps, before, after = sys.argv[1], int(sys.argv[2]), read(sys.argv[3]), read(sys.argv[4])
    stacks = before.keys() | after.keys()
    if not any(kind(stack) in ("step", "once") for stack in stacks):
        print(f"{title}: no step was seen; the program has no symbols, or TrainStep.run goes by another name")
        return 1
    changes = collections.defaultdict(dict)
    for stack in stacks:
        change = [new - old for new, old in zip(after.get(stack, (0, 0)), before.get(stack, (0, 0)))]
        # Outside the step only what happens in every step counts: the start and the end differ by a few texts from run to run.
        if kind(stack) != "around" or change[1] >= steps:
            changes[kind(stack)][stack] = change
    changes["step"].update(changes["around"])
    bytes_, calls = (sum(change[index] for change in changes["step"].values()) / steps for index in (0, 1))
    print(f"{title:<56} {bytes_:>10,.1f} {calls:>8.1f}", flush=True)
    if "--sites" in sys.argv:
        sites(changes["step"], steps)
    return 1 if bytes_ > 0 or calls > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
