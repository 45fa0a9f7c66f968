#!/usr/bin/env python3
"""Tests report_test.py: a good page passes every check, and each check fails on a page that breaks its rule, and no other one.

    cluster/local/report_test_test.py        # 40 s; skips without Chromium

Standard library only.
"""
from __future__ import annotations

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import report_test
import report_values
from browser import Browser, BrowserError, find
from report_values import Fault

EVALUATION = {"universal": {"test": {"all": {"recall@10": 0.18234567890123456, "users": 9880}, "a/b~c": None, "name": "all 7768 items"}}}
METRICS = [{"phase": "universal", "step": 10, "loss": 10.871128433095027, "step_ms": 12.7042598, "positions_per_s": 92850.74601512792}]
ALL = 'data-run="0" data-file="evaluation.json" data-path="/universal/test/all'
LINE = 'data-run="0" data-file="metrics.jsonl" data-path="/0'

GOOD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A run</title>
<style>
:root {{ color-scheme: light dark }}
body {{ background: #fff; color: #222; font: 16px sans-serif; margin: 1rem }}
.box {{ overflow-x: auto }}
.wide {{ width: 1500px }}
.skip {{ position: absolute; left: -2000px }}
.skip:focus {{ left: 0 }}
.card {{ background: #eee }}
.label {{ fill: #222; font-size: 14px }}
svg {{ display: block; width: 300px; height: 100px }}
a, button, summary {{ color: #00419c }}
button {{ background: #fff }}
:focus-visible {{ outline: 2px solid #00419c }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #111; color: #eee }}
  .card {{ background: #333 }}
  .label {{ fill: #eee }}
  a, button, summary {{ color: #9cf }}
  button {{ background: #111 }}
  :focus-visible {{ outline-color: #9cf }}
}}
</style>
</head>
<body>
<a class="skip" href="#more">Skip</a>
<h1>A run</h1>
<p>See <a href="#more">more</a>, or <a href="https://example.org/">elsewhere</a>. <button type="button" id="sort">Sort</button></p>
<h2>Results</h2>
<p class="card"><span {ALL}/recall@10" data-value="0.18234567890123456">18.2 %</span>,
<span {ALL}/recall@10" data-value="0.18234567890123456">0.18</span>,
<span {LINE}/positions_per_s" data-value="92850.74601512792">92.9 k</span>,
<span {LINE}/step_ms" data-value="12.7042598">0.0127 s</span>,
<span data-run="0" data-file="evaluation.json" data-path="/universal/test/a~1b~0c" data-value="null">–</span>,
<span data-run="0" data-file="../dataset/manifest.json" data-path="/users" data-value="10000">10 k</span></p>
<div class="box"><table class="wide"><caption>By group</caption>
<tr><th scope="col">group</th><th scope="col">users</th></tr>
<tr><th scope="row">all</th><td {ALL}/users" data-value="9880">9,880</td></tr></table></div>
<svg role="img" aria-labelledby="t1" viewBox="0 0 300 100"><title id="t1">The loss</title>
<path d="M0 0 L300 100" stroke="#777" fill="none"/>
<circle cx="5" cy="5" r="4" {LINE}/loss" data-value="10.871128433095027"><title>step 10: 10.87</title></circle>
<text class="label" x="20" y="50" {LINE}/loss" data-value="10.871128433095027">10.9</text></svg>
<svg aria-hidden="true" viewBox="0 0 300 100"><rect width="300" height="100" fill="#777"/></svg>
<h3 id="more">More</h3>
<details><summary>Hidden</summary><p>Not seen at first: <a href="#t1">a link</a></p></details>
<script>document.getElementById("sort").addEventListener("click", () => console.log("sorted"))</script>
</body>
</html>
"""

# What is changed in the good page, into what, and the checks that must fail then.
BROKEN = [
    ("an exception", "<script>", "<script>undefinedFunction();", "console"),
    ("a warning", "<script>", "<script>console.warn('no data');", "console"),
    ("a message of the browser", "<script>",
     "<script>fetch('data:nonsense').catch(() => 0); new Image().src = 'file:///nonexistent.png';", "network console"),
    ("a script from elsewhere", "<script>", "<script src='https://example.org/a.js'></script><script>", "network console"),
    ("a font that is not used", "<style>", "<style>@font-face { font-family: x; src: url(https://example.org/x.woff2) }", "network"),
    ("a preconnect", "<title>A", '<link rel="preconnect" href="https://example.org"><title>A', "network"),
    ("a late request", "<script>", "<script>setTimeout(() => fetch('http://localhost:9/').catch(() => 0), 20);", "network console"),
    ("another value", 'data-value="9880"', 'data-value="9881"', "numbers"),
    ("a shortened value", 'data-value="12.7042598"', 'data-value="12.7"', "numbers"),
    ("a value of nowhere", "all/users", "all/customers", "numbers"),
    ("a pointer that is not escaped", "a~1b~0c", "a/b~c", "numbers"),
    ("a wrong rounding", "18.2 %", "18.3 %", "numbers"),
    ("a wrong rounding in a picture", ">10.9<", ">10.8<", "numbers"),
    ("a wrong title of a shape", "10: 10.87<", "10: 10.86<", "numbers"),
    ("two numbers in one element", ">9,880<", ">9,880 of 9,880<", "numbers"),
    ("a number for null", ">–<", ">0<", "numbers"),
    ("no file", ' data-file="metrics.jsonl" data-path="/0/step_ms"', ' data-path="/0/step_ms"', "numbers"),
    ("another run", 'data-run="0" data-file="metrics.jsonl" data-path="/0/step_ms"',
     'data-run="1" data-file="metrics.jsonl" data-path="/0/step_ms"', "numbers"),
    ("a file outside of the run", 'data-file="metrics.jsonl" data-path="/0/step_ms"', 'data-file="../other.json" data-path="/0/step_ms"',
     "numbers"),
    ("a file of another data set", 'data-file="metrics.jsonl" data-path="/0/step_ms"', 'data-file="../other/manifest.json" data-path="/users"',
     "numbers"),
    ("another number of the data set", 'data-file="../dataset/manifest.json" data-path="/users" data-value="10000"',
     'data-file="../dataset/manifest.json" data-path="/users" data-value="10001"', "numbers"),
    ("a button with a fault", 'console.log("sorted")', "missing.sort()", "console"),
    ("a button that asks for something", 'console.log("sorted")', "fetch('http://localhost:9/').catch(() => 0)", "network console"),
    ("a button that breaks the page", 'console.log("sorted")', "document.querySelector('.box').className = ''", "buttons"),
    ("no language", '<html lang="en">', "<html>", "page"),
    ("no title", "<title>A run</title>", "", "page"),
    ("an id twice", '<p class="card">', '<p class="card" id="more">', "page"),
    ("a phone that makes it small", '<meta name="viewport" content="width=device-width, initial-scale=1">', "", "page width:360"),
    ("no h1", "<h1>A run</h1>", "<h2>A run</h2>", "headings"),
    ("two h1", "<h2>Results</h2>", "<h1>Results</h1><h2>All</h2>", "headings"),
    ("a level left out", '<h3 id="more">More</h3>', '<h4 id="more">More</h4>', "headings"),
    ("an empty heading", "<h2>Results</h2>", "<h2>Results</h2><h2></h2>", "headings"),
    ("a picture without a role", '<svg role="img"', "<svg", "pictures"),
    ("a picture with a dangling name", '<title id="t1">The loss</title>', "", "pictures"),
    ("a hidden picture with text", 'role="img" aria-labelledby="t1"', 'aria-hidden="true"', "pictures"),
    ("a table without a name", "<caption>By group</caption>", "", "tables"),
    ("a head without a scope", '<th scope="row">', "<th>", "tables"),
    ("a table without heads", '<tr><th scope="col">group</th><th scope="col">users</th></tr>\n<tr><th scope="row">all</th>',
     "<tr><td>all</td>", "tables"),
    ("a button without a name", ">Sort</button>", "></button>", "controls"),
    ("a click on a plain element", '<p class="card">', '<p class="card" onclick="0">', "controls keyboard"),
    ("a head that sorts by a click", "<script>", "<script>document.querySelector('th').addEventListener('click', () => 0);",
     "controls keyboard"),
    ("a button that Tab skips", '<button type="button"', '<button type="button" tabindex="-1"', "keyboard"),
    ("an order of its own", '<button type="button"', '<button type="button" tabindex="3"', "controls"),
    ("a role that takes no focus", "<h2>Results</h2>", '<h2>Results</h2><span role="button">Filter</span>', "keyboard"),
    ("no focus ring", ":focus-visible { outline: 2px solid #00419c }", ":focus-visible { outline: none }", "keyboard"),
    ("a faint focus ring", "outline: 2px solid #00419c", "outline: 2px solid #eee", "keyboard"),
    ("a focus trap", "<script>", "<script>addEventListener('keydown', e => e.key === 'Tab' && e.preventDefault());", "keyboard"),
    ("gray on white", "color: #222;", "color: #888;", "contrast:light"),
    ("gray in the dark", "color: #eee }", "color: #777 }", "contrast:dark"),
    ("gray on a card", ".card { background: #eee }", ".card { background: #999; color: #444 }", "contrast:light contrast:dark"),
    ("faint by opacity", '<p class="card">', '<p class="card" style="opacity: 0.5">', "contrast:light contrast:dark"),
    ("a gradient behind", ".card { background: #eee }", ".card { background: linear-gradient(#eee, #333) }", "contrast:light"),
    ("a picture's text", ".label { fill: #222;", ".label { fill: #aaa;", "contrast:light"),
    ("a picture's text on a shape", '<text class="label"', '<rect width="300" height="100" fill="#222"/><text class="label"',
     "contrast:light"),
    ("text made by the style", "</style>", ".card::before { content: 'new'; color: #808080 }</style>", "contrast:light contrast:dark"),
    ("no dark page", "(prefers-color-scheme: dark)", "(prefers-color-scheme: none)", "contrast:dark"),
    ("a wide table", ".box { overflow-x: auto }", "", "width:360 width:768 width:1280"),
    ("a picture too wide for a phone", "svg { display: block; width: 300px", "svg { display: block; width: 500px", "width:360"),
    ("what is cut off", ".box { overflow-x: auto }", ".box { overflow-x: hidden }", "width:360 width:768 width:1280"),
    ("a page that hides what sticks out", ".box { overflow-x: auto }", "body { overflow-x: hidden }", "width:360 width:768 width:1280"),
    ("small letters in a picture", 'viewBox="0 0 300 100"><title', 'viewBox="0 0 900 300"><title', "width:360 width:768 width:1280"),
]


def key(name: str) -> str:
    """The short name of a check, as BROKEN has it."""
    first, _, rest = name.partition(":")
    if first == "contrast":
        return f"contrast:{rest.rpartition(' ')[2]}"
    return first.replace(" ", ":")


class PageTests(unittest.TestCase):
    browser: Browser
    folder: pathlib.Path

    @classmethod
    def setUpClass(cls) -> None:
        try:
            find()
        except BrowserError as error:
            raise unittest.SkipTest(str(error))
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.folder / "run").mkdir()
        (cls.folder / "run/evaluation.json").write_text(json.dumps(EVALUATION))
        (cls.folder / "run/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in METRICS))
        (cls.folder / "run/run.json").write_text(json.dumps({"dataset": str(cls.folder / "dataset")}))
        for name in "dataset", "other":
            (cls.folder / name).mkdir()
            (cls.folder / name / "manifest.json").write_text(json.dumps({"users": 10000}))
        (cls.folder / "other.json").write_text(json.dumps(METRICS))
        cls.browser = cls.enterClassContext(Browser())

    def failed(self, page: str, at_least: int = 9) -> dict[str, list[str]]:
        file = self.folder / "report.html"
        file.write_text(page)
        found = report_test.run(file, [self.folder / "run"], self.browser, at_least)
        return {key(name): faults for name, faults in found.items() if faults}

    def test_a_good_page_passes(self) -> None:
        self.assertEqual(self.failed(GOOD), {})
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        head = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>A'
        self.assertEqual(self.failed(GOOD.replace("<title>A", head)), {})

    def test_each_check_can_fail(self) -> None:
        for name, old, new, expected in BROKEN:
            with self.subTest(name):
                self.assertIn(old, GOOD)
                found = self.failed(GOOD.replace(old, new))
                self.assertEqual(set(found), set(expected.split()), found)

    def test_every_check_is_broken_once(self) -> None:
        names = {key(name) for name in report_test.run(self.folder / "report.html", [self.folder / "run"], self.browser)}
        self.assertEqual(names - {word for *_, expected in BROKEN for word in expected.split()}, set())

    def test_too_few_numbers_and_a_run_without_any(self) -> None:
        self.assertEqual(set(self.failed(GOOD, at_least=10)), {"numbers"})
        found = report_test.run(self.folder / "report.html", [self.folder / "run"] * 2, self.browser, 1)
        self.assertEqual([key(name) for name, faults in found.items() if faults], ["numbers"])

    def test_pictures_are_as_large_as_said(self) -> None:
        (self.folder / "report.html").write_text(GOOD.replace("<h2>", '<h2 style="margin-top: 5000px">'))
        with contextlib.redirect_stdout(io.StringIO()):
            report_test.take_pictures(self.folder / "report.html", self.browser, self.folder / "pictures")
        for name, width in ("desktop-light", 1280), ("desktop-dark", 1280), ("phone", 720), ("phone-2", 720):
            data = (self.folder / f"pictures/{name}.png").read_bytes()
            self.assertEqual(int.from_bytes(data[16:20], "big"), width)
        self.assertEqual(len(list((self.folder / "pictures").iterdir())), 4)
        self.assertNotEqual(*((self.folder / f"pictures/desktop-{name}.png").read_bytes() for name in ("light", "dark")))


class ValueTests(unittest.TestCase):
    def shows(self, text: str, value: str, path: str = "/x", is_named: bool = False) -> bool:
        try:
            report_values.check_shown(text, report_values.loads(value), path, is_named)
            return True
        except Fault:
            return False

    def test_roundings(self) -> None:
        for text, value in (
                ("0.182", "0.18234"), ("18.2 %", "0.18234"), ("18%", "0.18234"), ("9,880", "9880"), ("9.9 k", "9880"),
                ("1.5 MB", "1500123"), ("−0.5", "-0.5004"), ("1.3e-4", "0.00013157"), ("1.3 × 10⁻⁴", "0.00013157"), ("0.13", "0.125"),
                ("0.12", "0.125"), ("+0.1", "0.1"), ("0.2 users", "0.2"), ("1 GiB", "1073741824"), ("–", "null"), ("not measured", "null")):
            self.assertTrue(self.shows(text, value), (text, value))
        for text, value in (
                ("0.183", "0.18234"), ("0.182 %", "0.18234"), ("18.2", "0.18234"), ("9880 k", "9880"), ("0.5", "-0.5004"),
                ("0,182", "0.18234"), ("1.4e-4", "0.00013157"), ("3 0.182", "0.18234"), ("", "0.18234"), ("9.880", "9880"), ("0", "null"),
                (".18", "0.18234")):
            self.assertFalse(self.shows(text, value), (text, value))

    def test_units_of_time(self) -> None:
        for text, value, path in (("12.7 ms", "12.7042", "/0/step_ms"), ("0.013 s", "12.7042", "/0/step_ms"),
                                  ("169 ms", "0.16867", "/0/evaluation_s"), ("2 min", "118.2", "/0/evaluation_s")):
            self.assertTrue(self.shows(text, value, path), (text, value))
        self.assertFalse(self.shows("12.7 s", "12.7042", "/0/step_ms"))

    def test_the_name_of_a_shape(self) -> None:
        self.assertTrue(self.shows("recall@10 of step 152: 0.182", "0.18234", is_named=True))
        self.assertFalse(self.shows("recall@10 of step 152: 0.183", "0.18234", is_named=True))

    def test_exact_values(self) -> None:
        for written, value in (("0.1", "0.1"), ("1e-1", "0.1"), ("0.10000000000000000555", "0.1"), ("9007199254740993", "9007199254740993"),
                               ("1.0", "1"), ("null", "null"), ("true", "true")):
            self.assertTrue(report_values.is_same(written, report_values.loads(value)), (written, value))
        for written, value in (("0.1000001", "0.1"), ("9007199254740992", "9007199254740993"), ("", "0"), ("0", "null"), ("x", "1"),
                               ("1", "true")):
            self.assertFalse(report_values.is_same(written, report_values.loads(value)), (written, value))

    def test_pointers(self) -> None:
        # The examples of RFC 6901, section 5.
        document = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}
        for path, value in (("", document), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
                            ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8)):
            self.assertEqual(report_values.follow(document, path), value)
        for path in ("foo", "/foo/2", "/foo/-", "/foo/00", "/foo/0/0", "/bar"):
            self.assertRaises(Fault, report_values.follow, document, path)


if __name__ == "__main__":
    unittest.main()
