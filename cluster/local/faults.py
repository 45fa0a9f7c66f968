#!/usr/bin/env python3
"""Lets every single file operation of small runs fail, one after the other, and looks at what is left.

    cluster/local/faults.py [--sample K] [--scenario NAME]... [--kind KIND]... [--jobs N] [--seed S]

Each scenario is first run once to count its calls on files (`faults.c`, preloaded), then once for every n-th call and every kind of
fault: no space, a short write, a disk that stays full, an input/output error, a disk that is gone. Each time
  - the command ends with 0, or with 64, 65 or 70 and one sentence; never by a signal, never late, never as a fault of the program;
  - nothing half-written stands under a final name: every checkpoint is whole to the last bit, logs hold whole lines;
  - without the fault, the command goes on (`train --resume`, or the same again) and ends with the very same bits as a run without any.
--sample K tries K calls of each scenario and kind, drawn anew by --seed, instead of all. Needs Linux, a C compiler, Open MPI for the
scenarios under mpirun, and the release build or PRECISE. Prints a table; ends with 1 when anything was not as it must be.
"""
import argparse, collections, concurrent.futures, json, os, pathlib, random, shutil, signal, subprocess, tempfile

import runs
from runs import Fault, PRECISE

# Which calls each kind counts, as faults.c has it; None: every one.
SPACE = ["create", "mkdir", "write", "flush", "rename"]
KINDS = {"enospc": SPACE, "short": ["write"], "full": ["write"], "eio": None, "broken": None}
TIMEOUT = 60


class Scenario:
    """A command, where its faults happen, what was there before, and what must be true afterwards.

    `place` is a folder of its own for each try; faults hit what is below `place / self.below`.
    """
    below = "work"
    rank = None
    # Calls that are tried at most, of each kind.
    most = None

    def __init__(self, world):
        self.world = world

    def prepare(self, place):
        (place / self.below).mkdir(parents=True)

    def check_after(self, place, ended, kind):
        """After the fault; `ended` is the status."""

    def check_recovered(self, place):
        """After the command went on without a fault."""

    def recover(self, place):
        return self.command(place)


class Train(Scenario):
    """A whole training."""
    ranks = 1

    def command(self, place, *more):
        words = ["train", "--config", self.world / "config.yaml", "--data", self.world / "dataset", "--out", place / "work/run"]
        if self.rank is None:
            return [PRECISE, *words, "--ranks", self.ranks, "--quiet", *more]
        return [runs.MPI, self.ranks, PRECISE, *words, "--quiet", *more]

    def recover(self, place):
        return self.command(place, "--resume")

    def learn(self, place):
        self.numbers, self.losses = runs.numbers(place / "work/run"), runs.losses(place / "work/run")

    def check_after(self, place, ended, kind):
        run = place / "work/run"
        runs.checkpoints(run)
        # Where the disk is gone, half a line cannot be taken back.
        if kind != "broken":
            runs.losses(run)
            runs.check_events(run)

    def check_recovered(self, place):
        run = place / "work/run"
        if runs.numbers(run) != self.numbers:
            raise Fault("the trained numbers are others than without the fault")
        found = runs.losses(run)
        if any(found[step] != self.losses.get(step) for step in found):
            raise Fault("a loss is another than without the fault")


class TrainThreads(Train):
    ranks = 2


class TrainProcesses(Train):
    """Under mpirun; faults hit rank 1 alone."""
    ranks = 2
    rank = 1


class TrainLarge(TrainProcesses):
    """So large a table that rank 1 has files of its own to write (a file is 256 MiB); some calls only, and only when it is named."""
    most = 8

    def __init__(self, world):
        super().__init__(world)
        if (world / "large").exists():
            return
        folder, items = world / "large", 40_000
        folder.mkdir()
        text = " ".join(f"w{word}" for word in range(16))
        with open(folder / "interactions.csv", "w") as file:
            file.write("user,item,timestamp\n")
            file.writelines(f"{item // 64},{item},{item % 64}\n" for item in range(items))
        with open(folder / "items.csv", "w") as file:
            file.write("item,text\n")
            file.writelines(f"{item},{text}\n" for item in range(items))
        runs.precise("prepare", "--interactions", folder / "interactions.csv", "--items", folder / "items.csv", "--out", folder / "dataset",
                     "--virtual-shards", 4, "--min-item-events", 1, "--quiet")
        runs.precise("encode", folder / "dataset", "--tokens", 16, "--dim", 128, "--quiet")

    def command(self, place, *more):
        words = super().command(place, *more)
        words[words.index("--data") + 1] = self.world / "large/dataset"
        settings = ["targeted=[]", "universal.steps=5", "universal.token_freeze=0", "checkpoint.every_steps=2", "checkpoint.keep_last=1",
                    "evaluation.every_epochs=0"]
        return words + [word for setting in settings for word in ("--set", setting)]


class Resume(Train):
    """The way on after a kill: a checkpoint in the middle, lines behind it, leftovers."""
    def check_after(self, place, ended, kind):
        # The half line that the kill left may still be there.
        runs.checkpoints(place / "work/run")

    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "killed", place / "work/run")

    def command(self, place, *more):
        return super().command(place, "--resume", *more)

    def recover(self, place):
        return self.command(place)


class Overwrite(Train):
    """A training in the place of an older run of another seed."""
    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "other", place / "work/run")

    def command(self, place, *more):
        return super().command(place, "--overwrite", *more)

    def recover(self, place):
        return self.command(place)


class Output(Scenario):
    """A command that makes one folder or file, whole or not at all."""
    out = "work/out"

    def learn(self, place):
        self.tree = tree(place / self.out)

    def older(self, place):
        """What stood there before, if anything did."""
        return {}

    def check_after(self, place, ended, kind):
        found = tree(place / self.out)
        if found != self.tree and (ended == 0 or found != self.older(place)):
            raise Fault(f"{self.out} is neither whole nor as it was")
        left = runs.leftovers(place / "work")
        if left and kind not in ("eio", "broken"):
            raise Fault(f"left behind: {', '.join(left)}")

    def check_recovered(self, place):
        if tree(place / self.out) != self.tree:
            raise Fault(f"{self.out} is another than without the fault")


class Prepare(Output):
    def command(self, place):
        raw = self.world / "raw"
        # So little memory that events go through scratch files.
        return [PRECISE, "prepare", "--interactions", raw / "interactions.csv", "--items", raw / "items.csv", "--out", place / self.out,
                "--virtual-shards", 4, "--min-item-events", 1, "--memory", "16K", "--quiet"]


class PrepareAgain(Prepare):
    """In the place of an older data set."""
    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "older", place / self.out)

    def older(self, place):
        return tree(self.world / "older")

    def command(self, place):
        return super().command(place) + ["--overwrite"]


class Encode(Output):
    """Into a data set that has other states already.

    States and record are two files: stopped between the two, the data set says so and wants to be encoded again.
    """
    def check_after(self, place, ended, kind):
        try:
            super().check_after(place, ended, kind)
        except Fault:
            done = subprocess.run([PRECISE, "inspect", place / self.out, "--verify"], capture_output=True, text=True)
            if ended == 0 or done.returncode != 65 or "run `precise encode" not in done.stderr:
                raise

    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "encoded", place / self.out)

    def older(self, place):
        return tree(self.world / "encoded")

    def command(self, place):
        return [PRECISE, "encode", place / self.out, "--tokens", 4, "--dim", 8, "--quiet"]


class EncodeFirst(Encode):
    """Into a data set without states."""
    def prepare(self, place):
        Output.prepare(self, place)
        shutil.copytree(self.world / "bare", place / self.out)

    def older(self, place):
        return tree(self.world / "bare")


class Export(Output):
    ranks = 1

    def command(self, place):
        return [PRECISE, "export", self.world / "run", "--out", place / self.out, "--ranks", self.ranks, "--quiet"]


class ExportThreads(Export):
    ranks = 2


class Score(Output):
    out = "work/scores.csv"

    def command(self, place):
        return [PRECISE, "score", self.world / "run", "--pairs", self.world / "pairs.csv", "--out", place / self.out, "--ranks", 1, "--quiet"]


class Evaluate(Output):
    """Records in the run directory."""
    out = "work/run/evaluation.json"

    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "run", place / "work/run")

    def command(self, place):
        return [PRECISE, "evaluate", place / "work/run", "--ranks", 1, "--quiet"]

    def check_after(self, place, ended, kind):
        # Written phase by phase.
        if (place / self.out).exists():
            json.loads((place / self.out).read_text())


SCENARIOS = {
    "train": Train, "train-2-threads": TrainThreads, "train-2-processes": TrainProcesses,
    "train-large": TrainLarge, "resume": Resume, "overwrite": Overwrite,
    "prepare": Prepare, "prepare-again": PrepareAgain, "encode": EncodeFirst, "encode-again": Encode, "export": Export,
    "export-2-threads": ExportThreads, "score": Score, "evaluate": Evaluate,
}


def tree(path):
    """Everything below a path that has no hidden name; nothing when there is nothing."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file() and file.name[0] != "."}


def make_world(folder):
    """What the scenarios start from."""
    dataset = runs.make_dataset(folder)
    (folder / "config.yaml").write_text(runs.CONFIG)
    shutil.copytree(dataset, folder / "bare")
    for name in "token_states.safetensors", "encode.json":
        (folder / "bare" / name).unlink()
    shutil.copytree(folder / "bare", folder / "encoded")
    runs.precise("encode", folder / "encoded", "--tokens", 3, "--dim", 6, "--quiet")
    runs.precise("prepare", "--interactions", folder / "raw/interactions.csv", "--items", folder / "raw/items.csv", "--out", folder / "older",
                 "--virtual-shards", 8, "--min-item-events", 1, "--quiet")
    train = ["train", "--config", folder / "config.yaml", "--data", dataset, "--ranks", 1, "--quiet", "--out"]
    runs.precise(*train, folder / "run")
    runs.precise(*train, folder / "other", "--set", "seed=6")
    # As a kill leaves it: the second phase and the newest checkpoint are gone, their lines are not.
    shutil.copytree(folder / "run", folder / "killed")
    shutil.rmtree(folder / "killed/checkpoints/second")
    shutil.rmtree(sorted(folder.glob("killed/checkpoints/universal/step-*"))[-1])
    (folder / "killed/checkpoints/universal/.step-00000099.0A1B2C3D.tmp").mkdir()
    with open(folder / "killed/metrics.jsonl", "a") as file:
        file.write('{"phase":"second","st')
    events = (folder / "raw/interactions.csv").read_text().splitlines()
    (folder / "pairs.csv").write_text("\n".join(",".join(line.split(",")[:2]) for line in events[:2000]) + "\n")


def run(scenario, place, library, kind, number, log):
    """The command with a fault; its status and stderr."""
    env = dict(os.environ, FAULTS_FOLDER=str(place / scenario.below), FAULTS_KIND=kind, FAULTS_NUMBER=str(number), FAULTS_LOG=str(log))
    if scenario.rank is not None:
        env["FAULTS_RANK"] = str(scenario.rank)
    # env(1) sets the preload, so that a launcher's own files are left alone.
    words = [*map(str, scenario.command(place))]
    words.insert(words.index(PRECISE), "LD_PRELOAD=" + str(library))
    words.insert(words.index("LD_PRELOAD=" + str(library)), "env")
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    try:
        _, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Fault(f"still there after {TIMEOUT} s")
    return process.returncode, errors


def check_end(status, errors):
    """How a command may end."""
    if status < 0 or status > 128:
        raise Fault(f"ended by signal {-status if status < 0 else status - 128}: {errors.strip()[-300:]}")
    # 64: a configuration that cannot be read.
    if status not in (0, 64, 65, 70):
        raise Fault(f"ended with {status}: {errors.strip()[-300:]}")
    sentences = [line for line in errors.splitlines() if line.startswith("precise: ")]
    if status != 0 and len(sentences) != 1:
        raise Fault(f"ended with {status} and {len(sentences)} sentences: {errors.strip()[-300:]}")
    if any("a fault of this program" in line or "Error Domain" in line or "NSCocoa" in line for line in sentences):
        raise Fault(f"a system's error is taken for a fault of the program: {sentences[0]}")


def try_one(scenario, folder, library, kind, number, verbose):
    """One fault: the status it ended with, what failed, and why that is not as it must be (or nothing)."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    status, call = None, "none"
    errors = ""
    try:
        scenario.prepare(place)
        log = place / "log"
        status, errors = run(scenario, place, library, kind, number, log)
        call = log.read_text().splitlines()[0].replace(f"{place}/", "") if log.exists() and log.stat().st_size else "none"
        check_end(status, errors)
        scenario.check_after(place, status, kind)
        done = subprocess.run([*map(str, scenario.recover(place))], capture_output=True, text=True, timeout=TIMEOUT)
        # What is in place is not made again without --overwrite.
        is_there = "already" in done.stderr and (status == 0 or "is in place, but" in errors)
        if done.returncode != 0 and not is_there:
            raise Fault(f"without the fault it does not go on, but ends with {done.returncode}: {done.stderr.strip()[-300:]}")
        scenario.check_recovered(place)
        return status, call, None, errors
    except Fault as fault:
        return status, call, str(fault).replace(f"{place}/", ""), errors
    except subprocess.TimeoutExpired:
        return status, call, f"going on takes more than {TIMEOUT} s", errors
    finally:
        shutil.rmtree(place, ignore_errors=True)


def count(scenario, folder, library):
    """The calls on files that a run of the scenario makes, in order; learns what it must come to."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    try:
        scenario.prepare(place)
        status, errors = run(scenario, place, library, "eio", 0, place / "log")
        if status != 0:
            raise SystemExit(f"error: without any fault it ends with {status}: {errors}")
        scenario.learn(place)
        return [line.split()[1] for line in (place / "log").read_text().splitlines()]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sample", type=int, help="calls of each scenario and kind; default: all")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--number", type=int, help="only the n-th call, and what was printed, to look at one fault")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tries at once")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw, faults = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        library = folder / "faults.so"
        compiler = [os.environ.get("CC", "cc"), "-O2", "-Wall", "-shared", "-fPIC", "-o", library, runs.HERE / "faults.c"]
        subprocess.run([*map(str, compiler)], check=True)
        make_world(folder)
        print(f"{'scenario':<18} {'kind':<7} {'calls':>6} {'tried':>6} {'hit':>6} {'ended 0':>8} {'65':>5} {'70':>5} {'not as it must be':>18}", flush=True)
        for name in options.scenario or [name for name in SCENARIOS if name != "train-large"]:
            scenario = SCENARIOS[name](folder)
            all_calls = count(scenario, folder, library)
            if not all_calls:
                raise SystemExit(f"error: {name} makes no call on files, or the preloaded library does not see it")
            for kind in options.kind or KINDS:
                calls = sum(KINDS[kind] is None or call in KINDS[kind] for call in all_calls)
                if calls == 0:
                    continue
                tried = list(range(1, calls + 1))
                if options.number:
                    tried = [options.number]
                elif (most := options.sample or scenario.most) and most < calls:
                    tried = sorted(draw.sample(tried, most))
                with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                    results = list(pool.map(lambda n: try_one(scenario, folder, library, kind, n, options.number), tried))
                ended = collections.Counter(status for status, *_ in results)
                wrong = [(n, result) for n, result in zip(tried, results) if result[2]]
                faults += len(wrong)
                hit = sum(call != "none" for _, call, *_ in results)
                print(f"{name:<18} {kind:<7} {calls:>6} {len(tried):>6} {hit:>6} {ended[0]:>8} {ended[65]:>5} {ended[70]:>5} {len(wrong):>18}", flush=True)
                for n, (_, call, fault, _) in wrong:
                    print(f"    call {n} ({call}): {fault}", flush=True)
                if options.number:
                    print(results[0][3], end="")
    print(f"{faults} not as it must be")
    runs.stop_with(faults)


if __name__ == "__main__":
    main()
