#!/usr/bin/env python3
"""Tests an HTML report in headless Chromium: nothing is fetched, every number is the run's, everybody can read it.

    cluster/local/report_test.py REPORT.html RUN [RUN2 ...] [--at-least N] [--pictures FOLDER] [--chromium PROGRAM]

The report is one file. An element that shows a number of a run's file says which:

    <td data-run="0" data-file="evaluation.json" data-path="/universal/test/all/recall@10" data-value="0.18234">0.182</td>

`data-run` counts the runs of the page from 0, `data-path` is a JSON pointer (of metrics.jsonl its first part is the line, from 0),
`data-value` the number in full. Prints a line for each check and ends with 1 when one fails:
  - the console has no warning, no error, no exception; no address is asked for, and none stands in the file for later;
  - every `data-value` is the file's value, and the text its rounding (also as a percentage, with k or M, or in another unit of time);
  - by the browser's accessibility tree there are a language, a title, one h1, headings in order, a name for every picture, table and
    control, and a scope for every table's head;
  - Tab leads to every control, each of which shows that it has the focus;
  - text has a contrast of 4.5 in light and dark;
  - at 360, 768 and 1280 pixels nothing sticks out of the page, and no letter is smaller than 8 pixels.
`--pictures` writes desktop-light.png, desktop-dark.png and phone.png, of a long page also desktop-light-2.png and so on. What a <details> hides is tested open. Standard library only.
"""
from __future__ import annotations

import argparse
import functools
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import report_values
from browser import Browser, BrowserError, Message, Page
from report_tree import CONTROLS, Tree

HERE = pathlib.Path(__file__).resolve().parent
CONTRAST, FOCUS_CONTRAST, SMALLEST = 4.5, 3, 8
WIDTHS = ((360, 780, True), (768, 1024, False), (1280, 800, False))

Check = Callable[[], Iterator[str]]


class Test:
    """The checks of one report; each yields its faults."""

    def __init__(self, page: Page, runs: list[report_values.Run], at_least: int) -> None:
        self.page, self.runs, self.at_least = page, runs, at_least

    @functools.cached_property
    def tree(self) -> Tree:
        # Of a page that does not change but where a button is pressed, at the end.
        return Tree(self.page)

    def checks(self) -> list[tuple[str, Check]]:
        return [
            (f"numbers: at least {self.at_least}, each as in its run's file", self.numbers),
            ("page: language, title, each id once", self.document),
            ("headings: one h1, in order", self.headings),
            ("pictures: every svg is an img with a name", self.pictures),
            ("tables: a name, and heads with a scope", self.tables),
            ("controls: each has a name", self.controls),
            ("keyboard: Tab leads to every control, and shows where it is", self.keyboard),
            *((f"contrast: {CONTRAST} or more, {scheme}", lambda scheme=scheme: self.contrast(scheme)) for scheme in ("light", "dark")),
            *((f"width {width[0]}: nothing sticks out", lambda width=width: self.width(*width)) for width in WIDTHS),
            ("buttons: the page stays when each is pressed", self.buttons),
            ("network: nothing is asked for", self.network),
            ("console: no warning, no error", self.console),
        ]

    def numbers(self) -> Iterator[str]:
        elements, shown = self.page.evaluate("values()"), set()
        for element in elements:
            try:
                shown.add(report_values.check(element, self.runs))
            except report_values.Fault as fault:
                yield str(fault)
        if len(elements) < self.at_least:
            yield f"{len(elements)} numbers say where they come from, at least {self.at_least} must"
        for number in range(len(self.runs)):
            if number not in shown:
                yield f"no number is of run {number}, {self.runs[number].folder.name}"

    def document(self) -> Iterator[str]:
        tree = self.tree
        if not any(tree.elements[number]["named"].get("lang", "").strip() for number in tree.tagged("html")):
            yield "html has no lang"
        if not self.page.evaluate("document.title.trim()"):
            yield "there is no title"
        if not any("width=device-width" in tree.elements[number]["named"].get("content", "") for number in tree.tagged("meta")):
            yield 'there is no <meta name="viewport" content="width=device-width">: a phone makes the page small'
        for name in self.page.evaluate("twice()"):
            yield f"the id {name} stands twice"

    def headings(self) -> Iterator[str]:
        tree = self.tree
        found = [(tree.has(number, "level"), number) for number in tree.elements if tree.role(number) == "heading"]
        if (count := sum(level == 1 for level, _ in found)) != 1:
            yield f"{count} headings are h1"
        before = 0
        for level, number in found:
            if not tree.name(number):
                yield f"{tree.called(number)} is empty"
            if level > before + 1:
                yield f"{tree.called(number)} follows " + (f"a heading of level {before}" if before else "no heading")
            before = level

    def pictures(self) -> Iterator[str]:
        tree = self.tree
        for number in [*tree.tagged("svg"), *tree.tagged("img"), *tree.tagged("canvas")]:
            named = tree.elements[number]["named"]
            if any(tree.elements[above]["localName"] == "svg" for above in tree.above(number)):
                continue
            if number not in tree.nodes:
                # Not shown, or declared an ornament, in which there is nothing to read.
                handle = self.page.call("DOM.resolveNode", backendNodeId=number, executionContextId=self.page.world)["object"]["objectId"]
                if self.page.on(handle, "function() { return this.checkVisibility() && !!shownText(this) }"):
                    yield f"{tree.called(number)} is hidden from screen readers, but holds text"
            elif tree.role(number) not in ("image", "img", "graphics-document") or (named.get("role") != "img" and named.get("role")):
                yield f"{tree.called(number)} has no role=img"
            elif not named.get("role") and tree.elements[number]["localName"] != "img":
                yield f"{tree.called(number)} has no role=img"
            elif not tree.name(number):
                yield f"{tree.called(number)} has no name (aria-label, or aria-labelledby of a title that exists)"

    def tables(self) -> Iterator[str]:
        tree = self.tree
        for number in tree.tagged("table"):
            if number not in tree.nodes:
                continue
            inside = [cell for cell in tree.tagged("th") if number in tree.above(cell)]
            if not tree.name(number):
                yield f"{tree.called(number)} has no caption and no aria-label"
            if not inside:
                yield f"{tree.called(number)} has no th"
            for cell in inside:
                if tree.elements[cell]["named"].get("scope") not in ("col", "row", "colgroup", "rowgroup"):
                    yield f"a th of {tree.called(number)} has no scope: {tree.called(cell)}"

    def controls(self) -> Iterator[str]:
        tree = self.tree
        for number in tree.interactive():
            # A box that scrolls takes the focus, and needs a name where the page gives it one to take.
            is_box = tree.role(number) not in CONTROLS and "tabindex" not in tree.elements[number]["named"]
            if not is_box and not tree.name(number):
                yield f"{tree.called(number)} has no name"
            if number in tree.clicked and tree.role(number) not in CONTROLS:
                yield f"{tree.called(number)} takes clicks, but has no role that says so"
            if int(tree.elements[number]["named"].get("tabindex", "0") or 0) > 0:
                yield f"{tree.called(number)} has a tabindex above 0, which changes the order"

    def keyboard(self) -> Iterator[str]:
        tree = self.tree
        wanted = tree.interactive()
        reached: dict[int, tuple[str, Message]] = {}
        for _ in range(2 * len(wanted) + 20):
            self.page.press("Tab", 9)
            handle = self.page.object("document.activeElement")
            number = self.page.node(handle)
            if number in reached or tree.elements.get(number, {}).get("localName") in ("body", "html"):
                break
            reached[number] = handle, self.page.on(handle, f"function() {{ return look.call(this) }}")
        else:
            yield "Tab does not come to an end"
        self.page.evaluate("document.activeElement.blur()")
        for number in wanted:
            if number not in reached and not any(tree.is_together(number, other) for other in reached):
                yield f"Tab does not lead to {tree.called(number)}"
        for handle, focused in reached.values():
            plain = self.page.on(handle, "function() { return look.call(this) }")
            changed = focused["style"] != plain["style"]
            if not focused["isSeen"]:
                yield f"{focused['name']} has the focus, and is not seen"
            elif not changed:
                yield f"{focused['name']} looks the same with the focus as without"
            elif focused["isRing"] and focused["ring"] < FOCUS_CONTRAST and focused["style"]["boxShadow"] == plain["style"]["boxShadow"]:
                yield f"{focused['name']} has a focus ring of contrast {focused['ring']:.1f}, at least {FOCUS_CONTRAST} is needed"

    def contrast(self, scheme: str) -> Iterator[str]:
        self.page.scheme(scheme)
        # As high as the page, so that every point of it can be looked at.
        content = self.page.call("Page.getLayoutMetrics")["cssContentSize"]
        self.page.size(1280, min(int(content["height"]) + 1, 100_000))
        found = self.page.evaluate(f"contrast({CONTRAST})")
        if not found["count"]:
            yield "there is no text"
        if scheme == "dark" and found["ground"] > 0.2:
            yield "the page stays light"
        if scheme == "light" and found["ground"] < 0.5:
            yield "the page is dark"
        for text in found["low"]:
            yield f"{text['name']}: {text['ratio']:.2f}, {text['why']}"
        self.page.size(1280, 800)
        self.page.scheme("light")

    def width(self, width: int, height: int, mobile: bool) -> Iterator[str]:
        self.page.size(width, height, 2 if mobile else 1, mobile)
        found = self.page.evaluate("fit()")
        if found["scroll"] > found["width"]:
            yield f"the page is {found['scroll']} pixels wide"
        if found["inner"] != width:
            yield f"the page is laid out for {found['inner']} pixels"
        yield from found["out"]
        if found["smallest"] and found["smallest"]["size"] < SMALLEST:
            yield f"letters of {found['smallest']['size']:.1f} pixels: {report_values.quoted(found['smallest']['text'])}"
        self.page.size(1280, 800)

    def buttons(self) -> Iterator[str]:
        """What a button's script says is for the console's check, what it asks for is for the network's."""
        tree, wide = self.tree, "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        was_wide = self.page.evaluate(wide)
        for number in tree.interactive():
            if tree.role(number) not in ("button", "checkbox", "radio", "switch", "tab", "DisclosureTriangle", "DisclosureTriangleGrouped"):
                continue
            handle = self.page.call("DOM.resolveNode", backendNodeId=number, executionContextId=self.page.world)["object"]["objectId"]
            self.page.on(handle, "function() { this.focus() }")
            self.page.press(" ", 32, " ")
            self.page.frame()
            if self.page.evaluate(wide) and not was_wide:
                yield f"{tree.called(number)} makes the page wider than the window"

    def network(self) -> Iterator[str]:
        for event in self.page.events():
            parameters = event.get("params", {})
            if event["method"] == "Network.requestWillBeSent":
                address = parameters["request"]["url"]
                if address.split("#")[0] != self.page.address and not address.startswith(("data:", "blob:")):
                    yield f"asks for {address}"
            elif event["method"] in ("Network.webSocketCreated", "Network.webTransportCreated"):
                yield f"opens {parameters['url']}"
        for place in self.page.evaluate("outside()"):
            yield f"would ask for {place}"

    def console(self) -> Iterator[str]:
        for event in self.page.events():
            parameters = event.get("params", {})
            if event["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("warning", "error", "assert"):
                said = " ".join(str(word.get("value", word.get("description"))) for word in parameters["args"])
                yield f"{parameters['type']}: {said}"
            elif event["method"] == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                yield f"exception: {details.get('exception', {}).get('description', details['text'])}".split("\n")[0]
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("warning", "error"):
                yield f"{parameters['entry']['level']}: {parameters['entry']['text']}"


def run(report: pathlib.Path, runs: list[pathlib.Path], browser: Browser, at_least: int = 10) -> dict[str, list[str]]:
    """Each check and its faults."""
    page = Page(browser, report, (HERE / "report_page.js").read_text())
    page.size(1280, 800)
    page.scheme("light")
    page.load()
    page.evaluate("prepare()")
    page.frame()
    test = Test(page, [report_values.Run(folder) for folder in runs], at_least)
    found = {name: list(check()) for name, check in test.checks()}
    page.close()
    return found


def take_pictures(report: pathlib.Path, browser: Browser, folder: pathlib.Path) -> None:
    """The page as a person opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scheme, width, height, scale, mobile in (
            ("desktop-light", "light", 1280, 800, 1, False), ("desktop-dark", "dark", 1280, 800, 1, False),
            ("phone", "light", 360, 780, 2, True)):
        page = Page(browser, report, "")
        page.call("Emulation.setScrollbarsHidden", hidden=True)
        page.size(width, height, scale, mobile)
        page.scheme(scheme)
        page.load()
        for number, data in enumerate(page.pictures(scale), 1):
            file = folder / (f"{name}.png" if number == 1 else f"{name}-{number}.png")
            file.write_bytes(data)
            print(f"wrote {file}")
        page.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=pathlib.Path, metavar="REPORT.html")
    parser.add_argument("runs", type=pathlib.Path, nargs="+", metavar="RUN", help="run directories, in the page's order")
    parser.add_argument("--at-least", type=int, default=10, metavar="N", help="numbers that must say where they come from; default 10")
    parser.add_argument("--pictures", type=pathlib.Path, metavar="FOLDER", help="where to write pictures of the page")
    parser.add_argument("--chromium", metavar="PROGRAM", help="default: the installed one")
    parser.add_argument("--faults", type=int, default=5, metavar="N", help="how many faults of a check to print; default 5")
    options = parser.parse_args()
    for place in [options.report, *options.runs]:
        if not place.exists():
            parser.error(f"{place} does not exist")
    failed = 0
    try:
        with Browser(options.chromium) as browser:
            for name, faults in run(options.report, options.runs, browser, options.at_least).items():
                failed += bool(faults)
                print(f"{'FAILED' if faults else 'ok':<6}  {name}")
                for fault in faults[:options.faults]:
                    print(f"        {fault}")
                if len(faults) > options.faults:
                    print(f"        and {len(faults) - options.faults} more")
            if options.pictures:
                take_pictures(options.report, browser, options.pictures)
    except BrowserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"report: {failed} checks failed" if failed else "report: fine")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
