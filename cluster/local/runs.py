"""What the commands that break runs have in common: a small data set, a configuration, and what must be true of a run directory.

`faults.py`, `kill_and_resume.py`, `resume_chain.py` and `soak.py` import it. Standard library only.
"""
import json, os, pathlib, signal, struct, subprocess, sys, zlib

HERE = pathlib.Path(__file__).resolve().parent
PRECISE = os.path.realpath(os.environ.get("PRECISE", HERE.parent.parent / ".build/release/precise"))
MPI = str(HERE / "mpi.sh")

# Both phases, dropout, drawn negatives, trained token states: everything that a run which goes on could get wrong. With this seed no
# phase's best model is its last.
CONFIG = """seed: 1
model: {id_dim: 8, semantic_dim: 8, experts: 2, active_experts: 1, layers: 1, heads: 2, length: 6, dropout: 0.1}
batch: {users: 32}
universal: {epochs: 3, negatives: 40, token_freeze: 0.5}
targeted:
  - {name: second, history: all, epochs: 2, negatives: 40, learning_rate_scale: 1}
optimizer: {learning_rate: 0.01}
checkpoint: {every_steps: 3, keep_last: 2, keep_best: 1}
evaluation: {every_epochs: 1, cutoffs: [5, 10], select_by: ndcg@10}
log: {every_steps: 1, tensorboard: true}
"""


class Fault(Exception):
    """Something is not as it must be."""


def precise(*words, env=None):
    """Runs a command that must succeed."""
    done = subprocess.run([PRECISE, *map(str, words)], capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise Fault(f"precise {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr.strip()}")
    return done


def make_dataset(folder, users=120, items=60):
    """A made-up data set below a folder; its raw files stay beside it."""
    precise("synth", "--out", folder / "raw", "--users", users, "--items", items, "--scenes", 2, "--behaviors", 2, "--quiet")
    precise("prepare", "--interactions", folder / "raw/interactions.csv", "--items", folder / "raw/items.csv",
            "--out", folder / "dataset", "--virtual-shards", 4, "--min-item-events", 1, "--quiet")
    precise("encode", folder / "dataset", "--tokens", 4, "--dim", 8, "--quiet")
    return folder / "dataset"


def checkpoints(run):
    """Every folder that has a checkpoint's name, with its manifest; each must be whole, to the last bit."""
    found = {}
    for folder in sorted(run.glob("checkpoints/*/step-*")):
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
        except (OSError, ValueError) as error:
            raise Fault(f"{folder} is not whole: {error}")
        for file in manifest["files"]:
            data = folder / file["name"]
            if not data.exists() or f"{zlib.crc32(data.read_bytes()):08x}" != file["crc32"]:
                raise Fault(f"{data} is missing or has another checksum than its manifest says")
        found.setdefault(manifest["phase"], []).append(manifest)
    return found


def numbers(run):
    """The checksums of the newest and the best checkpoint of each phase: equal when every trained number is, bit for bit."""
    result = {}
    for phase, manifests in checkpoints(run).items():
        newest = max(manifests, key=lambda manifest: manifest["step"])
        best = max(manifests, key=lambda manifest: (manifest.get("score", -1), -manifest["step"]))
        for name, manifest in ("newest", newest), ("best", best):
            files = {file["name"]: file["crc32"] for file in manifest["files"] if file["name"] != "config.yaml"}
            result[phase, name] = (manifest["step"], manifest.get("score"), files)
    return result


def lines(run):
    """The lines of metrics.jsonl, which must be whole."""
    try:
        text = (run / "metrics.jsonl").read_text()
    except FileNotFoundError:
        return []
    if text and not text.endswith("\n"):
        raise Fault("the last line of metrics.jsonl is not whole")
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise Fault(f"metrics.jsonl has a line that is not JSON: {error}")


def losses(run):
    """Each step's loss; a step, and each evaluation, may stand in metrics.jsonl once."""
    found, evaluations = {}, set()
    for line in lines(run):
        place = (line["phase"], line["step"])
        if "loss" in line:
            if place in found:
                raise Fault(f"{line['phase']}, step {line['step']} stands in metrics.jsonl twice")
            found[place] = line["loss"]
        if "split" in line:
            if place in evaluations:
                raise Fault(f"the evaluation of {line['phase']} after step {line['step']} stands in metrics.jsonl twice")
            evaluations.add(place)
    return found


def check_events(run):
    """TensorBoard's files are records, whole to the last; a scalar may stand in them once a step."""
    found = set()
    for file in run.glob("events.out.tfevents.*"):
        data, place = file.read_bytes(), 0
        while place < len(data):
            length = struct.unpack_from("<Q", data, place)[0] if len(data) - place >= 8 else len(data)
            event = dict(fields(data[place + 12:place + 12 + length]))
            for scalar in (value for number, value in fields(event.get(5, b"")) if number == 1):
                scalar = dict(fields(scalar))[1].decode(), event.get(2, 0)
                if scalar in found:
                    raise Fault(f"{scalar[0]} of step {scalar[1]} stands in TensorBoard's files twice")
                found.add(scalar)
            place += 16 + length
        if place != len(data):
            raise Fault(f"{file.name} has a record that is not whole")


def fields(message):
    """The fields of a protocol-buffer message: pairs of a number and a number or bytes."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte, place = message[place], place + 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while place < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        length = varint() if kind == 2 else 8 if kind == 1 else 4
        yield key >> 3, message[place:place + length]
        place += length


def leftovers(folder):
    """Hidden files and folders: what was being written when something failed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


class Job:
    """A training that is started and then disturbed: one process of many threads, or processes under mpirun."""

    def __init__(self, ranks, backend, words, output):
        self.ranks, self.backend = ranks, backend
        self.output = output
        if backend == "threads":
            words = [PRECISE, *words, "--ranks", ranks]
        else:
            words = [MPI, ranks, PRECISE, *words]
        with open(output, "w") as file:
            self.process = subprocess.Popen([*map(str, words)], stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

    def members(self):
        """The ranks' processes."""
        if self.backend == "threads":
            return [self.process.pid]
        return [pid for pid in descendants(self.process.pid) if executable(pid) == PRECISE]

    def all(self):
        """Every process of the job, the launcher too."""
        return [self.process.pid, *descendants(self.process.pid)]

    def send(self, signal_number, pids):
        for pid in pids:
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                pass

    def wait(self, seconds):
        """The status; a job that does not end in time is ended, and is a fault."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL, self.all())
            self.process.wait()
            raise Fault(f"still there after {seconds} s: {self.said()}")

    def said(self):
        """What it printed."""
        return pathlib.Path(self.output).read_text(errors="replace").strip()


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def descendants(pid):
    """The processes that a process has started, and those that they have."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except OSError:
                pass
    found, next_ones = [], [pid]
    while next_ones:
        next_ones = [child for parent in next_ones for child in children.get(parent, [])]
        found += next_ones
    return found


def stop_with(faults):
    """Ends a command: 1 when there were faults."""
    sys.stdout.flush()
    sys.exit(1 if faults else 0)
