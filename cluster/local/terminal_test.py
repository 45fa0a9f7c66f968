#!/usr/bin/env python3
"""Tests terminal.py with small programs of its own: sizes, resizing, keys, what has left the screen, ends, and the picture.

    cluster/local/terminal_test.py        # 10 s; skips without tmux

Standard library only.
"""
from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from unittest import mock

import terminal
import terminal_picture
from terminal import Look, capture
from terminal_picture import Style

# Says the terminal's size, again after each change of it, until q is typed.
SIZES = """
import os, select, signal, sys, termios, tty
old = termios.tcgetattr(0)
tty.setcbreak(0)
print("a terminal" if os.isatty(1) else "no terminal", *os.get_terminal_size(1), flush=True)
wake, woken = os.pipe()
os.set_blocking(woken, False)
signal.signal(signal.SIGWINCH, lambda *_: None)
signal.set_wakeup_fd(woken)
while True:
    ready = select.select([0, wake], [], [])[0]
    if wake in ready:
        os.read(wake, 100)
        print("resized", *os.get_terminal_size(1), flush=True)
    if 0 in ready and os.read(0, 1) == b"q":
        break
termios.tcsetattr(0, termios.TCSANOW, old)
sys.exit(7)
"""
# Three lines that are drawn again and again, with a line of the log in between.
BLOCK = """
import sys, time
for step in range(30):
    sys.stdout.write("\\x1b[3A\\x1b[J" if step else "")
    sys.stdout.write(f"log {step}\\n" if step % 10 == 9 else "")
    sys.stdout.write(f"a {step}\\nb {step}\\nc {step}\\n")
    sys.stdout.flush()
    time.sleep(0.02)
"""


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


@unittest.skipUnless(shutil.which("tmux"), "no tmux is installed; cluster/local/install.sh tmux installs it")
class TerminalTests(unittest.TestCase):
    def test_a_program_sees_a_terminal_of_that_size(self) -> None:
        looks = capture(python(SIZES), 60, 10, at=[0.8], keys=[("q", 1)])
        self.assertEqual([look.text for look in looks], ["a terminal 60 10"] * 2)
        self.assertEqual([(look.width, look.height, look.status) for look in looks], [(60, 10, None), (60, 10, 7)])
        self.assertEqual(len(looks[0].screen), 10)

    def test_resizing_is_told_and_shown(self) -> None:
        looks = capture(python(SIZES), 60, 10, at=[0.8, 1.4, 2], resize=[(130, 20, 1), (40, 5, 1.6)], keys=[("q", 2.2)])
        self.assertEqual([(look.width, look.height) for look in looks], [(60, 10), (130, 20), (40, 5), (40, 5)])
        self.assertEqual(looks[2].text, "a terminal 60 10\nresized 130 20\nresized 40 5")

    def test_a_narrower_terminal_wraps_lines(self) -> None:
        looks = capture(python("import time; print('x' * 50, flush=True); time.sleep(1)"), 60, 5, at=[0.5], resize=[(20, 5, 0.7)])
        self.assertEqual([look.scrollback + look.text.split("\n") for look in looks], [["x" * 50], ["x" * 20, "x" * 20, "x" * 10]])

    def test_what_has_left_the_screen(self) -> None:
        [look] = capture(python("for line in range(100): print('line', line)"), 30, 10)
        self.assertEqual(look.scrollback + look.text.split("\n"), [f"line {line}" for line in range(100)])
        self.assertEqual(len(look.screen), 10)

    def test_a_block_that_is_drawn_again(self) -> None:
        looks = capture(python(BLOCK), 40, 12, at=[0.4])
        self.assertRegex(looks[0].text, r"^(log 9\n)?(log 19\n)?a (\d+)\nb \3\nc \3$")
        self.assertEqual(looks[-1].text, "log 9\nlog 19\nlog 29\na 29\nb 29\nc 29")

    def test_keys(self) -> None:
        [look] = capture(["cat"], 40, 5, keys=[("hello; $HOME", 0.2), ("Enter", 0.3), ("C-d", 0.5)])
        self.assertEqual((look.text, look.status), ("hello; $HOME\nhello; $HOME", 0))
        [look] = capture(["sleep", "20"], 40, 5, keys=[("C-c", 0.3)])
        self.assertEqual(look.status, 130)

    def test_a_word_stays_a_word(self) -> None:
        [look] = capture(["printf", "%s|", "a b", "$HOME", "c;d", "'"], 40, 5)
        self.assertEqual(look.text, "a b|$HOME|c;d|'|")

    def test_the_limit_ends_the_command(self) -> None:
        looks = capture(python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"), 40, 5, limit=0.6)
        self.assertIsNone(looks[-1].status)
        for _ in range(100):
            if not os.path.exists(f"/proc/{looks[-1].text}"):
                break
            subprocess.run(["sleep", "0.02"], check=True)
        else:
            self.fail("the command is still there")

    def test_variables_and_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            [look] = capture(python("import os; print(os.environ['NO_COLOR'], os.getcwd())"), 100, 5, env={"NO_COLOR": "1"}, folder=folder)
            self.assertEqual(look.text, f"1 {os.path.realpath(folder)}")

    def test_there_is_no_such_command(self) -> None:
        with self.assertRaisesRegex(terminal.TerminalError, "there is no command nonexistent"):
            capture(["nonexistent"], 40, 5)

    def test_the_command_prints_looks_and_writes_pictures(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said, mock.patch.object(
                sys, "argv", ["terminal.py", "--size", "30x3", "--svg", folder, "--scrollback", "--", *python("print('a\\nb\\nc\\nd')")]):
            self.assertEqual(terminal.main(), 0)
            self.assertEqual(os.listdir(folder), ["0-30x3.svg"])
        self.assertIn(f": a\n: b\n-- above: what has left the screen\n|c{' ' * 29}|\n|d{' ' * 29}|\n|{' ' * 30}|\nwrote", said.getvalue())


class PictureTests(unittest.TestCase):
    LINES = ["\x1b[1mbold\x1b[0m \x1b[2mdim\x1b[22m <&> \x1b[32mgreen", "still green\x1b[39m \x1b[7mreversed\x1b[0m", "日本 é ━━\x0f", "", ""]

    def test_the_text_is_all_there(self) -> None:
        root = ElementTree.fromstring(terminal_picture.svg([], self.LINES, 40, 'a "title" <&>'))
        space = "{http://www.w3.org/2000/svg}"
        texts = ["".join(text.itertext()) for text in root.findall(f"{space}text")]
        self.assertEqual(texts, ['a "title" <&>', "bold dim <&> green", "still green reversed", "日本 é ━━"])
        self.assertEqual(root.get("aria-label"), 'a "title" <&>')
        wide = [span.get("textLength") for span in root.iter(f"{space}tspan") if span.text == "日本"]
        self.assertEqual(wide, ["33.6"])

    def test_colors_go_on_in_the_next_line_and_from_above_the_screen(self) -> None:
        first, style = terminal_picture.pieces(self.LINES[0], Style())
        self.assertEqual([piece for piece in first if piece[1] == "green"], [(Style(ink=terminal_picture.NORMAL[2]), "green")])
        second, style = terminal_picture.pieces(self.LINES[1], style)
        self.assertEqual(second[0], (Style(ink=terminal_picture.NORMAL[2]), "still green"))
        self.assertEqual(style, Style())
        self.assertIn(terminal_picture.NORMAL[1], terminal_picture.svg(["\x1b[31mabove"], ["red"], 10, ""))

    def test_sequences(self) -> None:
        for codes, style in (
                ("", Style()), ("0;1", Style(bold=True)), ("38;5;208", Style(ink="#ff8700")), ("38;5;244", Style(ink="#808080")),
                ("48;2;1;2;3", Style(paper="#010203")), ("1;2;22", Style()), ("31;39", Style()), ("38;5;9;1", Style(
                    ink=terminal_picture.BRIGHT[1], bold=True)), ("97", Style(ink=terminal_picture.BRIGHT[7])), ("38", Style())):
            self.assertEqual(terminal_picture.changed(Style(), codes), style, codes)
        self.assertEqual(Style(reversed=True).colors, (terminal_picture.BACKGROUND, terminal_picture.FOREGROUND))

    def test_every_color_can_be_read(self) -> None:
        names = terminal_picture.NORMAL[1:] + terminal_picture.BRIGHT[1:]
        for color in [terminal_picture.FOREGROUND, *names]:
            for style in Style(ink=color), Style(ink=color, dim=True):
                self.assertGreaterEqual(contrast(style.colors[0], terminal_picture.BACKGROUND), 4.5, (color, style))

    def test_a_look_has_no_colors_in_its_text(self) -> None:
        look = Look(1, 40, 5, (0, 0), None, ("\x1b[31mabove",), tuple(self.LINES))
        self.assertEqual((look.scrollback, look.text), (["above"], "bold dim <&> green\nstill green reversed\n日本 é ━━"))


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


if __name__ == "__main__":
    unittest.main()
