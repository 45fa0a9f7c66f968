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
import argparse, collections, concurrent.futures, os, pathlib, random, shutil, signal, subprocess, tempfile

import runs
from fault_scenarios import SCENARIOS, make_world
from runs import Fault, PRECISE

# Which calls each kind counts, as faults.c has it; None: every one.
SPACE = ["create", "mkdir", "write", "flush", "rename"]
KINDS = {"enospc": SPACE, "short": ["write"], "full": ["write"], "eio": None, "broken": None}
TIMEOUT = 60


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
