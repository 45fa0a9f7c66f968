"""Running the program's commands for daily.py: one at a time, into a log, and stopping when a signal says so."""
from __future__ import annotations

import pathlib
import signal
import subprocess
from typing import Any, Optional

EXIT_USAGE = 64
EXIT_INPUT = 65
EXIT_BUSY = 75


class Failed(Exception):
    """A step that did not end with 0, or a day that cannot be done; with the status to end with."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status


class Stop:
    """The wish to stop, one for the process: kept between steps and days, and passed on to the command that runs."""

    def __init__(self) -> None:
        self.asked = False
        self.child: Optional[subprocess.Popen[str]] = None
        # The command saves when it is told to stop; a launcher is in between, and was not told yet.
        self.saves, self.launched = False, False
        self.waiting: list[int] = []

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
            # nohup wants us to outlive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.take)

    def take(self, number: int, _: Any) -> None:
        self.asked = True
        self.waiting.append(number)
        self.pass_on()

    def pass_on(self) -> None:
        """Sends what has come to the command.

        SIGUSR1 goes to training alone, which saves: it would end the others, which finish instead. A launcher gets it first in place of any
        other signal: mpirun leaves its ranks a second after SIGTERM, and passes this one on (cluster/README.md, trap 13).
        """
        while self.child is not None and self.waiting:
            number = self.waiting.pop(0)
            if self.launched:
                number, self.launched = signal.SIGUSR1, False
            if number != signal.SIGUSR1 or self.saves:
                self.child.send_signal(number)

    def check(self) -> None:
        """Throws when somebody wants us to stop."""
        if self.asked:
            raise Failed("stopped; run it again to go on", EXIT_BUSY)


class Steps:
    """Runs the program's commands of a day."""

    def __init__(self, program: str, launcher: list[str], log: pathlib.Path, stop: Stop) -> None:
        self.program, self.launcher, self.log, self.stop = program, launcher, log, stop

    def run(self, *arguments: Any, ranks: bool = False) -> str:
        """The command's standard output; what it says besides goes into the day's log."""
        self.stop.check()
        command = (self.launcher if ranks else []) + [self.program, *map(str, arguments)]
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            self.stop.saves, self.stop.launched = arguments[0] == "train", ranks and bool(self.launcher)
            # In a session of its own: the terminal's Ctrl-C would come twice, and the second one ends a training without a checkpoint.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
            self.stop.child = child
            # For a signal that came before there was a child.
            self.stop.pass_on()
            output = child.communicate()[0]
            self.stop.child = None
        if child.returncode == EXIT_BUSY or (self.stop.asked and child.returncode != 0):
            raise Failed(f"{arguments[0]} was stopped; run it again to go on", EXIT_BUSY)
        if child.returncode != 0:
            last = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-1:]
            raise Failed(f"{arguments[0]} ended with {child.returncode}: {''.join(last)} (all of it: {self.log})",
                         child.returncode if child.returncode > 0 else 1)
        return output
