#!/usr/bin/env python3
"""What ranks are worth to `precise prepare` and `precise encode`: seconds, memory and bytes of made-up events, by numbers of ranks.

    Benchmarks/prepare_on_ranks.py [--events-million 10] [--files 8] [--users N] [--items N] [--ranks 1 2] [--runs 3] [--parquet]
                                   [--keep FOLDER] [--seed 1] [--precise PROGRAM]

Makes events in files (a heavy tail of items, times in order within a file, scenes and behaviors) and items with texts of a dozen words,
the same for the same seed. Then both commands run --runs times on each number of ranks, alternating. A row has the lowest and the median
seconds, events or items a second, the ratio to the first number of ranks, and the peak of resident memory (ranks are threads of
one process). Ends with 1 when an output file of one number of ranks differs from that of another. Needs about 4 GB of disk for 10
million events. Standard library only; --parquet writes the events with pyarrow, and
precise reads them by cluster/parquet/install.sh.
"""
import argparse, itertools, json, multiprocessing, os, pathlib, random, statistics, subprocess, sys, tempfile, time, zlib

SCENES, BEHAVIORS = ["home", "search", "video", "mail"], ["click", "like", "cart", "buy"]
BLOCK = 100_000
WORDS = 60_000
HEADER = "user,item,timestamp,scene,behavior\n"
START = 1_700_000_000


def columns(options, generator, first, count):
    """A block of events: the columns as lists."""
    draw = generator.random
    users = [f"u{int(options.users * draw())}" for _ in range(count)]
    # A tenth of the events is on the first ten-thousandth of the items.
    items = [f"i{int(options.items * draw() ** 4)}" for _ in range(count)]
    times = [START + (first + event) // 10 for event in range(count)]
    return users, items, times, generator.choices(SCENES, [8, 4, 2, 1], k=count), generator.choices(BEHAVIORS, [16, 4, 2, 1], k=count)


def write_events(job):
    """Writes one file of events."""
    options, number, first, count = job
    generator = random.Random(options.seed * 1000 + number)
    name = f"{options.folder}/events/part-{number:04}"
    blocks = (columns(options, generator, first + done, min(BLOCK, count - done)) for done in range(0, count, BLOCK))
    if options.parquet:
        import pyarrow, pyarrow.parquet
        writer = None
        for block in blocks:
            table = pyarrow.table(dict(zip(HEADER.strip().split(","), block)))
            writer = writer or pyarrow.parquet.ParquetWriter(name + ".parquet", table.schema)
            writer.write_table(table)
        writer.close()
        return
    with open(name + ".csv", "w") as file:
        file.write(HEADER)
        for block in blocks:
            file.writelines(f"{user},{item},{time},{scene},{behavior}\n" for user, item, time, scene, behavior in zip(*block))


def write_items(options):
    """Writes the items and their texts."""
    generator = random.Random(options.seed)
    words = ["".join(generator.choices("abcdefghijklmnopqrstuvwxyz", k=generator.randint(3, 10))) for _ in range(WORDS)]
    draw = generator.random
    with open(f"{options.folder}/items.csv", "w") as file:
        file.write("item,text\n")
        file.writelines(
            f"i{item},{' '.join([words[int(WORDS * draw() ** 3)] for _ in range(generator.randint(9, 15))])}\n" for item in range(options.items))


def make(options):
    """Makes the raw files, a process a core, unless they are there."""
    done = options.folder / "made.json"
    what = {name: getattr(options, name) for name in ("events", "files", "users", "items", "seed", "parquet")}
    if done.exists() and json.loads(done.read_text()) == what:
        return
    (options.folder / "events").mkdir(parents=True, exist_ok=True)
    for file in (options.folder / "events").iterdir():
        file.unlink()
    borders = [options.events * number // options.files for number in range(options.files + 1)]
    jobs = [(options, number, first, end - first) for number, (first, end) in enumerate(itertools.pairwise(borders))]
    with multiprocessing.Pool() as pool:
        items = pool.apply_async(write_items, [options])
        pool.map(write_events, jobs, 1)
        items.get()
    done.write_text(json.dumps(what))


def run(options, *words):
    """Runs a command; its seconds, and the peak of its resident memory in MiB."""
    start = time.monotonic()
    process = subprocess.Popen([str(options.precise), *map(str, words), "--quiet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"error: precise {words[0]} ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def checksums(folder, names):
    """The CRC-32 of files below a folder."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and names(path.name)):
        value = 0
        with open(path, "rb") as file:
            while piece := file.read(1 << 22):
                value = zlib.crc32(piece, value)
        found[str(path.relative_to(folder))] = value
    return found


def has_ranks(options, command):
    """Whether the command can run on ranks."""
    return "--ranks" in subprocess.run([str(options.precise), command, "--help"], capture_output=True, text=True, check=True).stdout


def measure(options):
    """Runs both commands on each number of ranks, alternating; the runs of each, and what its files are, by command and ranks."""
    dataset, made = options.folder / "dataset", ("token_states.safetensors", "text_vectors.safetensors", "encode.json")
    # A command without ranks is a row of one rank, whatever the others run on.
    able = {command: has_ranks(options, command) for command in ("prepare", "encode")}
    for command in [command for command in able if not able[command]]:
        print(f"precise {command} has no --ranks: it runs once a turn, as it comes", flush=True)
    runs, files = {}, {}
    for turn, ranks in itertools.product(range(options.runs), options.ranks):
        words = {
            "prepare": ["prepare", "--interactions", options.folder / "events", "--items", options.folder / "items.csv", "--out", dataset, "--overwrite"],
            "encode": ["encode", dataset],
        }
        for command in words:
            if not able[command] and ranks != options.ranks[0]:
                continue
            flags, key = (["--ranks", ranks], (command, ranks)) if able[command] else ([], (command, 1))
            runs.setdefault(key, []).append(run(options, *words[command], *flags))
            found = checksums(dataset, lambda name: (name in made) == (command == "encode"))
            if files.setdefault(key, found) != found:
                sys.exit(f"error: precise {command} on {ranks} ranks wrote other bytes in turn {turn + 1}")
    return runs, files, json.loads((dataset / "encode.json").read_text())["items"]


def differences(files):
    """What is not the same as with the command's first number of ranks."""
    for (command, ranks), found in files.items():
        first, other = next((key[1], entry) for key, entry in files.items() if key[0] == command)
        for name in sorted(name for name in {*found, *other} if found.get(name) != other.get(name)):
            yield f"precise {command}: {name} of {ranks} ranks is not that of {first}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--events-million", type=float, default=10)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--users", type=int, help="default: one for 50 events")
    parser.add_argument("--items", type=int, help="default: one for 10 events")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parquet", action="store_true", help="events as Parquet parts; needs pyarrow")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="where the files stay, and are found by the next call")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precise", default=pathlib.Path(__file__).resolve().parent.parent / ".build/release/precise")
    options = parser.parse_args()
    options.events = int(options.events_million * 1e6)
    options.users, options.items = options.users or max(1, options.events // 50), options.items or max(1, options.events // 10)
    options.precise = str(options.precise)
    if options.parquet:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            sys.exit("error: --parquet needs pyarrow (pip install pyarrow)")
    with tempfile.TemporaryDirectory() as temporary:
        options.folder = (options.keep or pathlib.Path(temporary)).resolve()
        make(options)
        print(f"{options.events:,} events of {options.users:,} users in {options.files} files, {options.items:,} items", flush=True)
        runs, files, items = measure(options)
    print("\n| command | ranks | seconds, lowest | median | a second | ratio | peak MiB |\n|---|---|---|---|---|---|---|")
    for (command, ranks), found in sorted(runs.items(), key=lambda entry: entry[0][0] != "prepare"):
        lowest = min(seconds for seconds, _ in found)
        first = min(seconds for seconds, _ in next(entry for key, entry in runs.items() if key[0] == command))
        of, what = (options.events, "events") if command == "prepare" else (items, "items")
        print(f"| {command} | {ranks} | {lowest:.2f} | {statistics.median(seconds for seconds, _ in found):.2f} | {of / lowest:,.0f} {what} "
              f"| {first / lowest:.2f} | {max(memory for _, memory in found):,.0f} |")
    wrong = list(differences(files))
    print("\n" + ("\n".join(wrong) or "the same bytes on every number of ranks"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
