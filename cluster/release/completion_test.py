#!/usr/bin/env python3
"""Tests what bash completes with the script that `precise --generate-completion-script bash` makes; zsh and fish read theirs without an error.

    cluster/release/completion_test.py [--precise PROGRAM]      default: .build/release/precise

Standard library only. Shells that are not installed are said to be skipped.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build/release/precise"
# Sources the script, sets what bash sets when TAB is pressed at the end of a line, calls the function and prints what it offers.
PRESS_TAB = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9
function_name=$(complete -p precise | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function_name" precise "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>&1
printf '%s\\n' "${COMPREPLY[@]}"
"""


class CompletionTest(unittest.TestCase):
    """A folder with a run, a data set and a configuration; the program is on PATH, as the script calls it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.place)
        for folder in ("run/checkpoints/universal", "run/checkpoints/shop", "runs-of-old", "bin"):
            (cls.place / folder).mkdir(parents=True)
        for file in ("run.csv", "demo.yaml", "demo.txt"):
            (cls.place / file).touch()
        shutil.copy(ROOT / "Configs/demo.yaml", cls.place / "demo.yaml")
        (cls.place / "bin/precise").symlink_to(PROGRAM.resolve())
        cls.scripts = {}
        for shell in ("bash", "zsh", "fish"):
            done = subprocess.run([PROGRAM, "--generate-completion-script", shell], check=True, capture_output=True)
            cls.scripts[shell] = cls.place / f"completion.{shell}"
            cls.scripts[shell].write_bytes(done.stdout)

    def offered(self, *words: str) -> list[str]:
        """What is offered for the last word of a command line."""
        done = subprocess.run(
            ["bash", "--norc", "-c", PRESS_TAB, "bash", str(self.scripts["bash"]), "precise", *words], cwd=self.place, text=True,
            capture_output=True, timeout=30, env=dict(os.environ, PATH=f"{self.place / 'bin'}:{os.environ['PATH']}"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return sorted(line.rstrip() for line in done.stdout.splitlines() if line)

    def test_subcommands(self) -> None:
        self.assertEqual(self.offered("rec"), ["recommend"])
        everything = self.offered("")
        for name in ("synth", "prepare", "train", "evaluate", "recommend", "report"):
            self.assertIn(name, everything)

    def test_flags_and_options(self) -> None:
        self.assertEqual(self.offered("train", "--over"), ["--overwrite"])
        self.assertIn("--filter-seen", self.offered("recommend", "run", "--"))

    def test_values_of_enumerations(self) -> None:
        self.assertEqual(self.offered("synth", "--kind", ""), ["growing", "steady"])
        self.assertEqual(self.offered("evaluate", "run", "--split", "v"), ["validation"])
        for words, value in ((("prepare", "--duplicates", "f"), "first"), (("prepare", "--item-key", "item-"), "item-scene"),
                             (("prepare", "--format", "movie"), "movielens-1m"), (("export", "run", "--format", "np"), "npy"),
                             (("export", "run", "--history", "t"), "training"), (("encode", "dataset", "--dtype", "b"), "bf16")):
            self.assertEqual(self.offered(*words), [value], words)

    def test_folders_and_files(self) -> None:
        folders = ["run", "runs-of-old"]
        self.assertEqual([path.rstrip("/") for path in self.offered("evaluate", "run")], folders)
        self.assertEqual([path.rstrip("/") for path in self.offered("train", "--data", "run")], folders)
        self.assertEqual([path.rstrip("/") for path in self.offered("export", "run")], folders)
        self.assertEqual([path.rstrip("/") for path in self.offered("prepare", "--interactions", "run")], ["run", "run.csv", "runs-of-old"])
        self.assertEqual(self.offered("train", "--config", "demo"), ["demo.yaml"])

    def test_phases_of_the_run(self) -> None:
        self.assertEqual(self.offered("recommend", "run", "--phase", ""), ["shop", "universal"])
        self.assertEqual(self.offered("evaluate", "./run/", "--phase", "s"), ["shop"])
        self.assertEqual(self.offered("evaluate", "nothing-here", "--phase", ""), [])

    def test_phases_of_the_configuration(self) -> None:
        self.assertEqual(self.offered("train", "--config", "demo.yaml", "--phase", ""), ["like", "shop", "targeted", "universal"])
        self.assertEqual(self.offered("train", "--phase", ""), ["targeted", "universal"])

    def test_keys_of_the_configuration(self) -> None:
        self.assertEqual(self.offered("train", "--set", "model.id"), ["model.id_dim="])
        self.assertTrue(all(key.startswith("evaluation.") for key in self.offered("evaluate", "run", "--set", "")))
        self.assertIn("cold_start.tail_temper=", self.offered("blend", "run", "--set", ""))

    def test_other_shells_read_their_script(self) -> None:
        for shell in ("zsh", "fish"):
            if not shutil.which(shell):
                self.skipTest(f"{shell} is not installed")
            done = subprocess.run([shell, "-n", self.scripts[shell]], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precise", type=pathlib.Path, default=PROGRAM)
    options, rest = parser.parse_known_args()
    PROGRAM = options.precise
    if not os.access(PROGRAM, os.X_OK):
        sys.exit(f"error: {PROGRAM} is not there; build it (swift build -c release), or name another with --precise")
    unittest.main(argv=[sys.argv[0], *rest])
