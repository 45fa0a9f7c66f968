#!/usr/bin/env python3
"""Runs a command in a real terminal of a given size, resizes it, types into it, and shows what stands on the screen.

    cluster/local/terminal.py [--size 80x24] [--at SECONDS ...] [--resize 60x24@2 ...] [--type C-c@3 ...] [--limit 60]
                              [--scrollback] [--svg FOLDER] [--title TEXT] COMMAND...

The terminal is tmux without a window. Each `--at` is a look at the screen so many seconds after the start; the last look comes
when the command has ended, or after `--limit` seconds, when it is ended. A resize wraps lines anew, as most terminals do. `--type` takes
tmux's names of keys (`q`, `Enter`, `C-c`) or text. `--scrollback` prints what has left the screen at the top as well. `--svg` writes a
picture of each look (terminal_picture.py). Ends with the command's status, 124 after the limit.
Options stand before COMMAND. Standard library and Debian's tmux.

As a library: `capture(["precise", "train", ...], 80, 24, at=[1, 2], resize=[(60, 24, 1.5)])` gives the looks, in order.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import terminal_picture

# `status off` leaves all lines to the command; a dead pane stays, so that its last screen can be looked at, and says nothing.
OPTIONS = """set -g status off
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g history-limit 100000
set -g default-terminal tmux-256color
set -g escape-time 0
"""
ESCAPE = re.compile(r"\x1b\[[0-9;:]*m|[\x0e\x0f]")
ENDED, STATE = "#{pane_dead}", "#{history_size},#{pane_width},#{pane_height},#{cursor_x},#{cursor_y}"
# Starts the command, and writes its status to a file: tmux 3.3 loses one now and then. Keys that end the command do not end this.
STARTER = """import os, signal, subprocess, sys
for number in signal.SIGINT, signal.SIGQUIT:
    signal.signal(number, lambda *_: None)
status = subprocess.call(sys.argv[2:])
with open(sys.argv[1] + ".part", "w") as file:
    file.write(str(status if status >= 0 else 128 - status))
os.rename(sys.argv[1] + ".part", sys.argv[1])
"""


class TerminalError(Exception):
    """There is no terminal, or no such command."""


@dataclass(frozen=True)
class Look:
    """What stood in the terminal at a moment: lines as text, and with their colors."""

    seconds: float
    width: int
    height: int
    cursor: tuple[int, int]
    # The command's status, as a shell has it (128 and a signal's number); None while it runs.
    status: int | None
    # What has left the screen at the top, and the screen; a line of the command that is too long is several.
    colored_scrollback: tuple[str, ...]
    colored: tuple[str, ...]

    @property
    def screen(self) -> list[str]:
        return [plain(line) for line in self.colored]

    @property
    def scrollback(self) -> list[str]:
        return [plain(line) for line in self.colored_scrollback]

    @property
    def text(self) -> str:
        """The screen up to its last line that is not empty."""
        return "\n".join(self.screen).rstrip("\n")

    def svg(self, title: str) -> str:
        return terminal_picture.svg(self.colored_scrollback, self.colored, self.width, title)


def plain(line: str) -> str:
    return ESCAPE.sub("", line).rstrip()


class Terminal:
    """A command in a terminal, which ends with the `with` block."""

    def __init__(self, command: Sequence[str], width: int, height: int, env: Mapping[str, str] | None = None,
                 folder: str | os.PathLike[str] | None = None) -> None:
        self.command, self.width, self.height = list(map(str, command)), width, height
        self.env, self.folder = dict(env or {}), folder or os.getcwd()

    def __enter__(self) -> Terminal:
        if not shutil.which("tmux"):
            raise TerminalError("no tmux is installed; cluster/local/install.sh tmux installs it")
        if not shutil.which(self.command[0], path=self.env.get("PATH")):
            raise TerminalError(f"there is no command {self.command[0]}")
        self.place = tempfile.TemporaryDirectory(prefix="terminal-")
        options = pathlib.Path(self.place.name, "options")
        options.write_text(OPTIONS)
        words = ["env", *(f"{name}={value}" for name, value in self.env.items())]
        words += [sys.executable, "-ISc", STARTER, f"{self.place.name}/status", *self.command]
        self.start = time.monotonic()
        try:
            self.tmux("-f", str(options), "new-session", "-d", "-x", str(self.width), "-y", str(self.height),
                      "-c", str(self.folder), "--", *words)
        except TerminalError:
            self.place.cleanup()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            # The command gets a hangup.
            self.tmux("kill-server")
        except TerminalError:
            pass
        self.place.cleanup()

    def tmux(self, *words: str) -> str:
        """A command of tmux, on a server of our own; what it prints."""
        env = {name: value for name, value in os.environ.items() if name not in ("TMUX", "LANG", "LC_CTYPE")} | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run(["tmux", "-u", "-S", f"{self.place.name}/socket", *words], env=env, capture_output=True, text=True)
        if done.returncode:
            raise TerminalError(f"tmux {words[0]}: {done.stderr.strip()}")
        return done.stdout

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def look(self) -> Look:
        """What stands there now; both commands see the same moment."""
        answer = self.tmux("display-message", "-p", f"{ENDED},{STATE}", ";", "capture-pane", "-p", "-e", "-S", "-")
        head, _, body = answer.partition("\n")
        dead, history, width, height, x, y = map(int, head.split(","))
        lines = body.split("\n")[:-1]
        return Look(self.seconds, width, height, (x, y), self.status if dead else None, tuple(lines[:history]), tuple(lines[history:]))

    @property
    def runs(self) -> bool:
        return self.tmux("display-message", "-p", ENDED).strip() != "1"

    @property
    def status(self) -> int:
        """How the command ended, by what STARTER wrote; nothing, when that was killed with it."""
        file = pathlib.Path(self.place.name, "status")
        return int(file.read_text()) if file.exists() else 128 + signal.SIGKILL

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def type(self, keys: str) -> None:
        """Presses a key that has a name, or types a text."""
        self.tmux("send-keys", "--", keys)


def capture(command: Sequence[str], width: int = 80, height: int = 24, at: Sequence[float] = (),
            resize: Sequence[tuple[int, int, float]] = (), keys: Sequence[tuple[str, float]] = (), limit: float = 60,
            env: Mapping[str, str] | None = None, folder: str | os.PathLike[str] | None = None) -> list[Look]:
    """Looks at a command at moments (seconds after its start) and when it ends; resizes are (width, height, seconds), keys (keys, seconds).

    What would come after the command's end is left out. A last look with status None: the limit ended it.
    """
    looks: list[Look] = []
    with Terminal(command, width, height, env, folder) as terminal:

        def resizing(width: int, height: int) -> Callable[[], None]:
            return lambda: terminal.resize(width, height)

        def typing(text: str) -> Callable[[], None]:
            return lambda: terminal.type(text)

        plan: list[tuple[float, Callable[[], None]]] = [(moment, lambda: looks.append(terminal.look())) for moment in at]
        plan += [(moment, resizing(columns, lines)) for columns, lines, moment in resize]
        plan += [(moment, typing(text)) for text, moment in keys]
        plan.sort(key=lambda entry: entry[0])
        while terminal.runs and terminal.seconds < limit:
            while plan and plan[0][0] <= terminal.seconds:
                plan.pop(0)[1]()
            time.sleep(max(0, min(0.1, plan[0][0] - terminal.seconds if plan else 0.1)))
        looks.append(terminal.look())
    return looks


def size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or not (2 <= int(match[1]) <= 1000 and 2 <= int(match[2]) <= 1000):
        raise argparse.ArgumentTypeError(f"{text} is no size such as 80x24")
    return int(match[1]), int(match[2])


def timed(text: str) -> tuple[str, float]:
    match = re.fullmatch(r"(.+)@(\d+(?:\.\d+)?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text} has no @SECONDS at its end")
    return match[1], float(match[2])


def resized(text: str) -> tuple[int, int, float]:
    what, seconds = timed(text)
    return *size(what), seconds


def show(look: Look, with_scrollback: bool) -> str:
    """A look as text, each line between bars."""
    state = "runs" if look.status is None else f"ended with {look.status}"
    lines = [f"-- {look.seconds:.1f} s, {look.width}x{look.height}, {state}"]
    if with_scrollback and look.scrollback:
        lines += [f": {line}" for line in look.scrollback]
        lines.append("-- above: what has left the screen")
    return "\n".join(lines + [f"|{line.ljust(look.width)}|" for line in look.screen])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size, default=(80, 24), metavar="WxH", help="default 80x24")
    parser.add_argument("--at", type=float, action="append", default=[], metavar="SECONDS")
    parser.add_argument("--resize", type=resized, action="append", default=[], metavar="WxH@SECONDS")
    parser.add_argument("--type", type=timed, action="append", default=[], metavar="KEYS@SECONDS", dest="keys")
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS", help="after which the command is ended; default 60")
    parser.add_argument("--scrollback", action="store_true")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--title", metavar="TEXT", help="of the pictures; default: the command")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[options.command[:1] == ["--"]:]
    if not command:
        parser.error("which command?")
    width, height = options.size
    try:
        looks = capture(command, width, height, at=options.at, resize=options.resize, keys=options.keys, limit=options.limit)
    except TerminalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for number, look in enumerate(looks):
        print(show(look, options.scrollback))
        if options.svg:
            options.svg.mkdir(parents=True, exist_ok=True)
            file = options.svg / f"{number}-{look.width}x{look.height}.svg"
            file.write_text(look.svg(options.title or " ".join(command)))
            print(f"wrote {file}")
    return 124 if looks[-1].status is None else looks[-1].status


if __name__ == "__main__":
    sys.exit(main())
