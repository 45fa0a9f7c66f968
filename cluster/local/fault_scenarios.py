"""The commands that `faults.py` breaks: what each starts from, and what must be true of what it leaves. Standard library only."""
import json, re, shutil, subprocess

import runs
from runs import Fault, PRECISE


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


class PrepareThreads(Prepare):
    """Two ranks, each with a file to read; the second one's events are repeats, which are dropped."""
    def command(self, place):
        words = super().command(place)
        words.insert(words.index("--items"), self.world / "raw/interactions.csv")
        return words + ["--ranks", 2]


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


class EncodeThreads(EncodeFirst):
    """On two ranks, which write the same files at once."""
    def command(self, place):
        return super().command(place) + ["--ranks", 2]


class EncodeProcesses(Encode):
    """Under mpirun; faults hit rank 1 alone, which makes no file and gives none its name."""
    rank = 1

    def command(self, place):
        return [runs.MPI, 2, *super().command(place)]


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


class EvaluateUsers(Output):
    """Writes each user's ranks beside the record."""
    out = "work/users.csv.gz"

    def prepare(self, place):
        super().prepare(place)
        shutil.copytree(self.world / "run", place / "work/run")

    def command(self, place):
        return [PRECISE, "evaluate", place / "work/run", "--per-user", place / self.out, "--overwrite", "--ranks", 1, "--quiet"]


SCENARIOS = {
    "train": Train, "train-2-threads": TrainThreads, "train-2-processes": TrainProcesses,
    "train-large": TrainLarge, "resume": Resume, "overwrite": Overwrite,
    "prepare": Prepare, "prepare-2-threads": PrepareThreads, "prepare-again": PrepareAgain,
    "encode": EncodeFirst, "encode-again": Encode, "encode-2-threads": EncodeThreads, "encode-2-processes": EncodeProcesses,
    "export": Export, "export-2-threads": ExportThreads, "score": Score, "evaluate": Evaluate, "evaluate-users": EvaluateUsers,
}


def tree(path):
    """Everything below a path that has no hidden name; nothing when there is nothing."""
    if path.is_file():
        return {"": path.read_bytes()}
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    names = {str(file.relative_to(path)): file for file in files if all(part[0] != "." for part in file.relative_to(path).parts)}
    return {name: undated(file) for name, file in names.items()}


def undated(file):
    """A file's bytes; of those that say when they were written, without that."""
    found = file.read_bytes()
    return re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"TIME", found) if file.name in ("export.json", "model_card.md") else found


def make_world(folder):
    """What the scenarios start from."""
    dataset = runs.make_dataset(folder)
    (folder / "config.yaml").write_text(runs.CONFIG)
    shutil.copytree(dataset, folder / "bare")
    for name in "token_states.safetensors", "encode.json", "text_vectors.safetensors":
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
