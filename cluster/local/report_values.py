"""The numbers of a report beside those of its runs' files: JSON pointers, exact values, and what a value may be rounded to.

`report_test.py` imports it. Standard library only.
"""
from __future__ import annotations

import json
import pathlib
import re
from decimal import Decimal
from typing import Any

KEYS = ("run", "file", "path", "value")
NUMBER = re.compile(
    r"(?P<sign>[+−-]?)(?P<whole>\d{1,3}(?:[,\u2009\u202f\u00a0]\d{3})+|\d+)(?:\.(?P<part>\d+))?"
    r"(?:e(?P<e>[+−-]?\d+)|\s?[×·]\s?10(?P<raised>[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")
RAISED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "+-0123456789-")
# What a unit behind a number does to it. A prefix counts before other letters only where they are bytes: 3 m/s are no millions.
UNITS = {"%": Decimal(100)} | {
    prefix + unit: 1 / Decimal(1000) ** power
    for power, prefixes in ((1, "kK"), (2, "M"), (3, "G")) for prefix in prefixes for unit in ("", "B", "b")
} | {prefix + "iB": 1 / Decimal(1024) ** power for power, prefix in ((1, "K"), (2, "M"), (3, "G"))}
SECONDS = {"µs": Decimal("1e6"), "ms": Decimal(1000), "s": Decimal(1), "min": 1 / Decimal(60), "h": 1 / Decimal(3600)}


class Fault(Exception):
    """A value is not what the run's file has, or is not shown as what it is."""


class Run:
    """A run directory whose files are read once, with numbers as they are written."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.files: dict[str, Any] = {}

    def at(self, file: str, path: str) -> Any:
        """The value that a JSON pointer names."""
        if file not in self.files:
            self.files[file] = self.read(file)
        return follow(self.files[file], path)

    def read(self, file: str) -> Any:
        place = (self.folder / file).resolve()
        if not any(place.is_relative_to(folder.resolve()) for folder in self.folders()):
            raise Fault(f"{file} is outside of the run and its data set")
        try:
            text = place.read_text(encoding="utf-8")
        except OSError as error:
            raise Fault(f"{file} cannot be read: {error.strerror}") from None
        try:
            if place.suffix == ".jsonl":
                return [loads(line) for line in text.splitlines()]
            return loads(text)
        except ValueError as error:
            raise Fault(f"{file} is not JSON: {error}") from None


    def folders(self) -> list[pathlib.Path]:
        """The run's own, and that of its data set."""
        try:
            return [self.folder, self.folder / json.loads((self.folder / "run.json").read_text())["dataset"]]
        except (OSError, ValueError, KeyError, TypeError):
            return [self.folder]


def loads(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def follow(value: Any, path: str) -> Any:
    """What a pointer leads to (RFC 6901)."""
    if path and not path.startswith("/"):
        raise Fault(f"{path} is no JSON pointer: it does not begin with /")
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and re.fullmatch(r"0|[1-9]\d*", key) and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            raise Fault(f"there is no {path}")
    return value


def is_same(written: str, value: Any) -> bool:
    """Whether a text is a value: the same text, or for numbers the same 64-bit number, and every digit of a whole number."""
    if isinstance(value, str):
        return written == value
    try:
        found = loads(written)
    except ValueError:
        return False
    if isinstance(value, Decimal) and isinstance(found, Decimal):
        return found == value or (float(found) == float(value) and "." in str(value))
    return type(found) is type(value) and found == value


def check_shown(text: str, value: Any, path: str, is_named: bool) -> None:
    """That a text is a value's rounding. Of a shape only its name can be read: a number somewhere in it must be the rounding."""
    if not isinstance(value, Decimal):
        if isinstance(value, str) and value not in text:
            raise Fault(f"shows {quoted(text)} for {quoted(value)}")
        if value is None and re.search(r"\d", text):
            raise Fault(f"shows {quoted(text)} where the file has null")
        return
    matches = list(NUMBER.finditer(text))
    if not is_named and len(matches) == 1 and re.search(r"[\d.,]", text[:matches[0].start()] + text[matches[0].end():]):
        raise Fault(f"shows {quoted(text)}, which is not a number and a unit")
    if not is_named and len(matches) != 1:
        raise Fault(f"shows {quoted(text)}, which is not one number")
    if not any(is_rounding(match, text[match.end():], value, path) for match in matches):
        raise Fault(f"shows {quoted(text)}, which is no rounding of {value}")


def is_rounding(match: re.Match[str], rest: str, value: Decimal, path: str) -> bool:
    part = match["part"] or ""
    exponent = int((match["e"] or match["raised"] or "0").translate(RAISED))
    shown = Decimal(re.sub(r"\D", "", match["whole"]) + part).scaleb(exponent - len(part))
    if match["sign"] in ("-", "−"):
        shown = -shown
    # Half a unit of the last digit, and what a product of two 64-bit numbers may be off.
    half = Decimal(5).scaleb(exponent - len(part) - 1) * (1 + Decimal("1e-9"))
    return any(abs(shown - value * factor) <= half for factor in factors(rest, path))


def factors(rest: str, path: str) -> list[Decimal]:
    """By what the number in front of a text may have been multiplied: a percent sign, a prefix, another unit of time than the key's."""
    unit = re.match(r"\s?(%|µ?[A-Za-z]+)?", rest)
    name = unit[1] if unit else None
    if name is None:
        return [Decimal(1)]
    key = re.search(r"_(µs|ms|s|min|h)$", path)
    if name in SECONDS and key:
        return [SECONDS[name] / SECONDS[key[1]]]
    return [UNITS.get(name, Decimal(1))]


def quoted(text: str) -> str:
    text = " ".join(text.split())
    return '"' + (text if len(text) <= 60 else text[:60] + "…") + '"'


def check(element: dict[str, Any], runs: list[Run]) -> int:
    """Checks one element of a page; the run that it shows a value of. A fault says where."""
    where = f"{element['run']}:{element['file']}{element['path']}"
    if missing := [f"data-{key}" for key in KEYS if element[key] is None]:
        raise Fault(f"{element['name']} has no {', '.join(missing)}")
    if not re.fullmatch(r"\d+", element["run"]) or int(element["run"]) >= len(runs):
        raise Fault(f"{where}: there is no run {element['run']}, they count from 0")
    try:
        value = runs[int(element["run"])].at(element["file"], element["path"])
        if isinstance(value, (dict, list)):
            raise Fault("is not one value")
        if not is_same(element["value"], value):
            raise Fault(f"has data-value {element['value']}, the file {value}")
        check_shown(element["text"], value, element["path"], element["isNamed"])
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from None
    return int(element["run"])
