#!/usr/bin/env python3
"""Makes the first half of docs/walkthrough.md: two people's ways through the program, with what their terminals and browsers showed,
and how long it took; walkthrough_serving.py makes the second half.

    cluster/local/walkthrough.py [--precise PROGRAM] [--work FOLDER] [--out docs]

Every command of the page is run as it stands there, in one folder (--work, by default a temporary one), and what stands below it is
what it printed. Terminals are tmux, the browser is Chromium (cluster/local/install.sh tmux chromium openmpi-bin). Ends with 1 when a command
does not end as the page says. Some five minutes on two cores.
"""
from __future__ import annotations

import argparse
import base64
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import terminal
from browser import Browser, Page

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PICTURES = "walkthrough"
# What stands from here on is walkthrough_serving.py's.
SECOND_HALF = "<!-- The second half is made by cluster/local/walkthrough_serving.py; do not edit. -->"


class Fault(Exception):
    """A command did not end as it should."""


class Walk:
    """The page as it grows, and the folder that its commands run in."""

    def __init__(self, work: pathlib.Path, out: pathlib.Path, program: pathlib.Path) -> None:
        self.work, self.out = work, out
        self.lines: list[str] = []
        self.times: list[tuple[str, float]] = []
        self.env = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        (out / PICTURES).mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        """Paragraphs of the page."""
        self.lines += [text.strip(), ""]

    def show(self, command: str, output: str) -> None:
        self.lines += ["```text", f"$ {command}", *([output] if output else []), "```", ""]

    def run(self, command: str, keep: Callable[[list[str]], list[str]] = lambda lines: lines, status: int = 0,
            name: str | None = None) -> str:
        """Runs a command line and shows it with some of the lines that it printed; all of them are returned."""
        print(f"$ {command}", flush=True)
        start = time.monotonic()
        done = subprocess.run(["bash", "-c", command], cwd=self.work, env=self.env, capture_output=True, text=True)
        seconds = time.monotonic() - start
        # As a terminal shows them: what is said before what is printed is mostly progress.
        printed = (done.stderr + done.stdout).rstrip("\n")
        if done.returncode != status:
            raise Fault(f"{command}: ended with {done.returncode}, not {status}:\n{printed}")
        self.times.append((name or command.split(" --")[0], seconds))
        self.show(command, "\n".join(keep(printed.split("\n"))))
        return printed

    def start(self, command: str, log: str) -> subprocess.Popen[bytes]:
        """Starts a command that goes on beside the next ones."""
        print(f"$ {command} &", flush=True)
        with open(self.work / log, "wb") as file:
            return subprocess.Popen(shlex.split(command), cwd=self.work, env=self.env, stdout=file, stderr=subprocess.STDOUT)

    def picture(self, name: str, look: terminal.Look, title: str, about: str) -> None:
        """A terminal's screen, as a picture of the page."""
        (self.out / PICTURES / f"{name}.svg").write_text(look.svg(title))
        self.lines += [f"![{about}]({PICTURES}/{name}.svg)", ""]

    def wait(self, what: str, found: Callable[[], bool], seconds: float = 120) -> None:
        limit = time.monotonic() + seconds
        while not found():
            if time.monotonic() > limit:
                raise Fault(f"{what} did not come within {seconds:g} s")
            time.sleep(0.1)


def between(first: str, last: str) -> Callable[[list[str]], list[str]]:
    """Lines from the first that a pattern matches to the first, from there, that another one matches."""

    def keep(lines: list[str]) -> list[str]:
        start = next((at for at, line in enumerate(lines) if re.search(first, line)), 0)
        end = next((at for at, line in enumerate(lines[start:], start) if re.search(last, line)), len(lines) - 1)
        while end > start and not lines[end].strip():
            end -= 1
        return (["..."] if start else []) + lines[start:end + 1] + (["..."] if any(line.strip() for line in lines[end + 1:]) else [])

    return keep


def matching(*patterns: str) -> Callable[[list[str]], list[str]]:
    """Lines that one of the patterns matches."""
    return lambda lines: [line for line in lines if any(re.search(pattern, line) for pattern in patterns)]


def shorter(count: int) -> Callable[[list[str]], list[str]]:
    """The first lines."""
    return lambda lines: lines[:count] + (["..."] if len(lines) > count else [])


def live_block(walk: Walk) -> None:
    """A training in three terminals, and in one that is resized."""
    walk.say("""
The same training in terminals of 60, 80 and 130 columns, some seconds after its start. What belongs together stays in a line as long as it
fits; evaluations are printed above the block and stay.
""")
    # The moment is found by looking: machines differ in speed.
    for width in (60, 80, 130):
        command = ["precise", "train", "--config", "my.yaml", "--data", "dataset/", "--out", f"run-{width}/"]
        with terminal.Terminal(command, width, 30, walk.env, walk.work) as screen:
            look = until(screen, lambda text: text.count(": validation recall") >= 2 and "%" in text)
            walk.picture(f"train-{width}", look, " ".join(command), f"A training in a terminal of {width} columns")
    walk.say("While it runs, a window of 130 columns is made 60 columns wide, and 100 again: nothing is left behind, nothing is lost.")
    command = ["precise", "train", "--config", "my.yaml", "--data", "dataset/", "--out", "run-resized/"]
    with terminal.Terminal(command, 130, 30, walk.env, walk.work) as screen:
        until(screen, lambda text: text.count(": validation recall") >= 1 and "%" in text)
        for width in (60, 100):
            screen.resize(width, 30)
            time.sleep(1)
            look = screen.look()
            blocks = sum("phase 1 of" in line for line in look.scrollback + look.screen)
            if blocks != 1:
                raise Fault(f"{blocks} blocks stand in a window that was made {width} wide:\n{look.text}")
            walk.picture(f"resized-{width}", look, f"{' '.join(command)}, resized to {width} columns",
                         f"The window after it was made {width} columns wide")


def until(screen: terminal.Terminal, found: Callable[[str], bool], seconds: float = 120) -> terminal.Look:
    """Looks at a terminal until something stands there."""
    limit = time.monotonic() + seconds
    while True:
        look = screen.look()
        text = re.sub(r"\n +", " ", look.text)
        if found(text):
            return look
        if look.status is not None or time.monotonic() > limit:
            raise Fault(f"not what was waited for:\n{look.text}")
        time.sleep(0.2)


def report_pictures(walk: Walk, report: pathlib.Path) -> None:
    """The report as a desktop, a phone, and one who likes it dark show it."""
    with Browser() as browser:
        for name, scheme, width, height, scale, mobile, place, about in (
                ("report-desktop", "light", 1280, 1150, 1, False, "h1", "The head of the report on a desktop"),
                ("report-dark", "dark", 1280, 1000, 1, False, "#metrics", "Metrics with their errors, in the dark"),
                ("report-map", "light", 1280, 1000, 1, False, "#map", "The map of the items"),
                ("report-phone", "light", 360, 780, 2, True, "#curves", "Learning curves on a phone")):
            page = Page(browser, report, "")
            page.call("Emulation.setScrollbarsHidden", hidden=True)
            page.size(width, height, scale, mobile)
            page.scheme(scheme)
            page.load()
            top = page.evaluate(f"(document.querySelector('{place}') || document.body).getBoundingClientRect().top + scrollY")
            clip = {"x": 0, "y": max(0, top - 24), "width": width, "height": height, "scale": 1}
            answer = page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            (walk.out / PICTURES / f"{name}.png").write_bytes(base64.b64decode(answer["data"]))
            walk.lines += [f'<img src="{PICTURES}/{name}.png" alt="{about}" width="{360 if mobile else 760}">', ""]
            page.close()


def laptop(walk: Walk) -> None:
    """The way of who debugs on a laptop."""
    data(walk)
    phases = configuration(walk)
    training(walk, phases)
    findings(walk)
    comparison(walk)


def data(walk: Walk) -> None:
    walk.say("""
## Who debugs on a laptop

One machine, one process, a log of events. Here the log is made up: a shop, a feed and a video page whose catalogue grows until the last
day.
""")
    walk.run("precise synth --out raw/ --kind growing --users 10000 --items 8000 --events 13", matching("next:", "wrote", "users"))
    walk.run("precise prepare --interactions raw/interactions.csv --items raw/items.csv --out dataset/ --split time:2024-04-25 "
             "--min-item-events 1", matching("data set", "split", "next:"))
    walk.run("precise encode dataset/", matching("next:", "precise train", "vectors"))


def configuration(walk: Walk) -> list[str]:
    """The names of the targeted phases, in order."""
    walk.say("""
### A configuration from one's own data

`config --data` names the scenes and behaviors of the data set, sets what its size decides, and says why. Nothing of it has to be known
before.
""")
    walk.run("precise config --data dataset/ > my.yaml", name="precise config")
    starter = (walk.work / "my.yaml").read_text().split("\n")
    choices = [at for at, line in enumerate(starter) if re.match(r"\s*# - \{name", line)]
    walk.show("cat my.yaml", "\n".join([*starter[:14], "...", *starter[choices[0] - 2:choices[0] + 6], "..."]))
    # Two of the phases that it offers, and a size for a walk.
    text = "\n".join(starter).replace("  # - {name: shop,", "  - {name: shop, epochs: 4,").replace("  # - {name: like,", "  - {name: like, epochs: 4,")
    if text == "\n".join(starter):
        raise Fault("the starter offers no phases shop and like")
    (walk.work / "my.yaml").write_text(text)
    phases = re.findall(r"^  - \{name: (\w+),", text, re.M)
    walk.say("Two of the phases that it offers are taken: the `#` before `- {name: shop, …}` and `- {name: like, …}` goes away.")
    walk.say("""
### Does it fit, and how long will it take?
""")
    walk.run("precise check --config my.yaml --data dataset/", between("fits", "^$"))
    return phases


def training(walk: Walk, phases: list[str]) -> None:
    walk.say("### The terminal")
    live_block(walk)
    walk.say("""
Piped into a file the same training leaves plain lines, and no escape sequence. Before the first step stands what is trained, on what and
where to; behind the last one what came of it. Three evaluations without a better one end a phase.
""")
    walk.run("precise train --config my.yaml --data dataset/ --out run/ --set evaluation.patience=3 2>&1 | tee train.log | cat",
             lambda lines: lines[:9] + ["..."] + matching("done in", "^the run is", "^phase ", "^universal  ", "^shop  ", "^like  ", "next:", "      precise")(lines))
    if "\x1b" in (walk.work / "train.log").read_text():
        raise Fault("a piped training writes escape sequences")
    walk.say("""
### Nothing was learned? It says so

A phase that keeps what it began with is no success, and is not told as one. Here its learning rate is far too low.
""")
    walk.run("cp -r run run-idle && precise train --config my.yaml --data dataset/ --out run-idle/ --phase like --overwrite "
             f"--set evaluation.patience=3 --set targeted.{phases.index('like')}.learning_rate_scale=1e-9", matching("Result"), name="a phase that learns nothing")


def findings(walk: Walk) -> None:
    walk.say("""
### What it found, beside what needs no training
""")
    walk.run("precise evaluate run/ --phase universal", between("^universal, test", "^ndcg@10, all"))
    walk.run("precise evaluate run/ --quiet > evaluation.txt", name="precise evaluate run/")
    walk.say("Why an item is recommended:")
    user = subprocess.run(["bash", "-c", "precise evaluate run/ --phase like 2>&1 | grep -o 'precise recommend.*'"], cwd=walk.work,
                          env=walk.env, capture_output=True, text=True, check=True).stdout.strip()
    walk.run(user.replace("--explain", "-k 5 --explain"), name="precise recommend")


def comparison(walk: Walk) -> None:
    walk.say("""
### Two runs side by side

A second run with half the width of the IDs, then both in one table; `--json` has the same for programs.
""")
    walk.run("precise train --config my.yaml --data dataset/ --out run-narrow/ --set model.id_dim=32 --set model.semantic_dim=32 "
             "--set evaluation.patience=3 --quiet && precise evaluate run-narrow/ --quiet > narrow.txt", name="precise train run-narrow/, evaluate")
    walk.run("precise compare run/ run-narrow/", shorter(34))
    walk.say("""
### The report

One file, readable without a network and without a script: curves, metrics with errors and baselines, popularity, experts and their words, a
map of the items, where the time went, users with what is recommended to them and why. Every number names the file and the place that it is
from; a test in Chromium compares them all.
""")
    walk.run("precise report run/ run-narrow/ --out report.html", name="precise report")
    report_pictures(walk, walk.work / "report.html")


def cluster(walk: Walk) -> None:
    """The way of who trains on a cluster."""
    walk.say("""
## Who trains on a cluster

The same data on several hosts. Before anything is queued, `check` says what each host must have.
""")
    walk.run("precise check --config my.yaml --data dataset/ --ranks 16 --ranks-per-host 8", between("the run", "^$"), name="precise check, 2 hosts of 8 ranks")
    walk.say("""
A job of two processes under `mpirun`, here on one machine. Its output goes through the launcher, so it gets plain lines.
""")
    mpirun = "mpirun --allow-run-as-root --oversubscribe -n 2 precise train --config my.yaml --data dataset/ --out run-mpi/ --set checkpoint.every_steps=50"
    job = walk.start(mpirun, "mpi.log")
    log = walk.work / "mpi.log"
    walk.wait("the first steps", lambda: (walk.work / "run-mpi/metrics.jsonl").exists() and '"loss"' in (walk.work / "run-mpi/metrics.jsonl").read_text())
    walk.show("mpirun -n 2 precise train --config my.yaml --data dataset/ --out run-mpi/ --set checkpoint.every_steps=50 &", "")
    walk.say("Where is it? `inspect` says so of a run that is being trained, and `watch` follows it, from any host that sees its folder.")
    walk.run("precise inspect run-mpi/", matching("^state", "^now"), name="precise inspect, of a living run")
    with terminal.Terminal(["precise", "watch", "run-mpi/"], 80, 20, walk.env, walk.work) as screen:
        look = until(screen, lambda text: "phase 1 of" in text and ": validation" in text)
        walk.picture("watch-80", look, "precise watch run-mpi/", "precise watch in a terminal of 80 columns")
    walk.say("The job is told to stop, as a scheduler does at the end of its time; it saves first, and ends with 75.")
    walk.wait("a step", lambda: job.poll() is None)
    for line in subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True).stdout.split():
        os.kill(int(line), signal.SIGUSR1)
    status = job.wait(timeout=60)
    if status != 75:
        raise Fault(f"the stopped job ended with {status}:\n{log.read_text()}")
    stopped = [line for line in log.read_text().split("\n") if "stopped by" in line]
    walk.show("kill -USR1 (every rank)", "\n".join(stopped + [f"(exit code {status})"]))
    walk.run(mpirun.replace(" &", "") + " --resume", lambda lines: matching("going on", "done in")(lines), name="mpirun train --resume")
    walk.say("""
### Trackers

TensorBoard reads the run directory: every logged number, test metrics, and the configuration on its page HPARAMS. MLflow and Weights & Biases
get the same from `metrics.jsonl`, by a script that follows it: [cluster/trackers](../cluster/trackers/README.md), whose test compares every
value in their stores with the run's files.

Two commands of a supervisor's day, in one: which of the two ways is better, and did the ranks wait for each other? `report` shows each
rank's step, part by part.
""")
    walk.run("precise evaluate run-mpi/ --quiet > mpi.txt && precise report run/ run-mpi/ --out report-mpi.html", name="precise report, of a job of two processes")


ASKED = """
## What was asked for

What users of this and of its peers stumbled at, with the weights that trying it gave (5 is worst), and the command above that shows it
done.

| who | what | weight | shown by |
|---|---|---|---|
| all | validation lines glued to the bar; a narrowed terminal floods; rate and time left wrong at the start | 5 | the terminals of three widths, and the one that is resized |
| all | a phase, or a day, that kept its step 0 is never said | 5 | "Nothing was learned? It says so" |
| trains | a starter configuration from one's own data; key reference; JSON Schema | 5 | `precise config --data`, `--docs`, `--schema` |
| trains | early stopping | 4 | `--set evaluation.patience=3` |
| trains | sweeps, seeds, ablations | 4 | `precise ablate` ([ablation.md](ablation.md)) |
| trains | hours in `check`; whether it fits; what to change | 4 | `precise check`, twice |
| trains | TensorBoard lacks quantities; W&B and MLflow | 3 | "Trackers" |
| debugs | baselines beside the metric | 5 | `precise evaluate`, the report |
| debugs | compare runs; an HTML report; a live view; `inspect` of a living run | 5 | `precise compare`, `report`, `watch`, `inspect` |
| debugs | metrics by scene and behavior, errors, per user, coverage, novelty; why an item was recommended | 4 | `precise evaluate`, `recommend --explain` |
| debugs | a glossary, troubleshooting by message | 3 | [concepts.md](concepts.md), [troubleshooting.md](troubleshooting.md) |

## What stayed rough

- The time left takes later phases to go as fast as the one that is trained; they may have other batches and losses.
- `watch` knows what was logged: with `log.every_steps: 10` and slow steps it lags behind by as many, and says after ten seconds how old
  the last line is.
- A window that is pulled at for more than three seconds while something must be printed keeps a remnant of the block. A terminal that does
  not break lines anew when it is narrowed (xterm) loses a line above it.
- Under `mpirun` there are plain lines only: a launcher passes on no terminal. `watch` has the block.
- `evaluate`, `inspect` and `check` print tables that need some 100 columns.
- `report` and `compare` refuse a run whose evaluation.json or config.yaml is damaged, with all that stand beside it.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build/release/precise", metavar="PROGRAM")
    parser.add_argument("--work", type=pathlib.Path, metavar="FOLDER", help="where commands run; must be empty; default: a temporary one")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs", metavar="FOLDER", help="where the page and its pictures go")
    options = parser.parse_args()
    program = options.precise.resolve()
    if not program.exists() or not shutil.which("tmux") or not shutil.which("mpirun"):
        parser.error(f"build {program} (swift build -c release), and cluster/local/install.sh tmux chromium openmpi-bin")
    with tempfile.TemporaryDirectory(prefix="walkthrough-") as temporary:
        work = options.work or pathlib.Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if any(work.iterdir()):
            parser.error(f"{work} is not empty")
        walk = Walk(work, options.out, program)
        start = time.monotonic()
        try:
            laptop(walk)
            cluster(walk)
        except (Fault, terminal.TerminalError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        seconds = time.monotonic() - start
    slowest = "\n".join(f"| `{name}` | {taken:.1f} |" if name.startswith("precise") else f"| {name} | {taken:.1f} |"
                        for name, taken in walk.times)
    head = f"""# Walkthrough

<!-- Made by cluster/local/walkthrough.py; do not edit. -->

Two people's ways, from raw events to a report. Every command was run as it stands here, one after the other, and what stands below it
is what it printed. All of it took {seconds / 60:.1f} minutes on {os.cpu_count()} cores. `cluster/local/walkthrough.py` makes this page anew.
"""
    times = f"""
## Times

| command | seconds |
|---|---|
{slowest}
"""
    page = options.out / "walkthrough.md"
    second = page.read_text().partition(SECOND_HALF) if page.exists() else ("", "", "")
    half = f"\n{second[1]}{second[2]}" if second[1] else ""
    page.write_text("\n".join([head, *walk.lines]).rstrip() + "\n" + times.rstrip() + "\n" + ASKED.rstrip() + "\n" + half)
    print(f"wrote {options.out / 'walkthrough.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
