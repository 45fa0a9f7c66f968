"""A terminal's screen as an SVG picture: a dark window that can be read on light and on dark pages, with text that can be selected.

`terminal.py` imports it. It knows what a progress display uses: bold, dim, italic, underlined, reversed, 8, 256 and all colors.
"""
from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

# Each of these, dim or not, has a contrast of 4.5 or more on the background, but for the two blacks, which are for what may be missed.
BACKGROUND, FOREGROUND, FRAME = "#161b22", "#e6edf3", "#6e7681"
NORMAL = ("#484f58", "#ff9492", "#57d364", "#e3b341", "#8fc7ff", "#d9b4ff", "#5fd7df", "#d0d7de")
BRIGHT = ("#8b949e", "#ffb1af", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#8be9f0", "#ffffff")
DIM = 0.7
FONT = "ui-monospace, 'SF Mono', SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
SIZE, COLUMN, LINE, MARGIN, BAR = 14, 8.4, 18, 14, 30
PART = re.compile(r"\x1b\[([0-9;:]*)m|([\x0e\x0f])")


@dataclass(frozen=True)
class Style:
    """How a piece of text looks; a color is None where it is the terminal's own."""

    ink: str | None = None
    paper: str | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underlined: bool = False
    reversed: bool = False

    @property
    def colors(self) -> tuple[str, str | None]:
        """Of the letters and of what is behind them."""
        ink, paper = self.ink or FOREGROUND, self.paper
        if self.reversed:
            ink, paper = paper or BACKGROUND, ink
        return (mix(ink, paper or BACKGROUND, DIM) if self.dim else ink), paper


FLAGS: dict[int, dict[str, Any]] = {
    1: {"bold": True}, 2: {"dim": True}, 3: {"italic": True}, 4: {"underlined": True}, 7: {"reversed": True},
    22: {"bold": False, "dim": False}, 23: {"italic": False}, 24: {"underlined": False}, 27: {"reversed": False}}


def mix(top: str, below: str, share: float) -> str:
    parts = [(int(top[at:at + 2], 16), int(below[at:at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02x}" for one, other in parts)


def indexed(number: int) -> str:
    """A color of the 256."""
    if number < 16:
        return (NORMAL + BRIGHT)[number]
    if number < 232:
        levels = [(number - 16) // power % 6 for power in (36, 6, 1)]
        return "#" + "".join(f"{level * 40 + 55 if level else 0:02x}" for level in levels)
    return "#" + f"{(number - 232) * 10 + 8:02x}" * 3


def changed(style: Style, codes: str) -> Style:
    """A style after an escape sequence's numbers."""
    numbers = [int(code or 0) for code in re.split("[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            style = Style()
        elif code in FLAGS:
            style = replace(style, **FLAGS[code])
        elif code in (38, 48):
            color = None
            if numbers[:1] == [5] and len(numbers) > 1:
                color, numbers = indexed(numbers[1]), numbers[2:]
            elif numbers[:1] == [2] and len(numbers) > 3:
                color, numbers = "#" + "".join(f"{part:02x}" for part in numbers[1:4]), numbers[4:]
            style = replace(style, ink=color) if code == 38 else replace(style, paper=color)
        elif code in (39, 49):
            style = replace(style, ink=None) if code == 39 else replace(style, paper=None)
        elif code % 10 < 8 and code // 10 in (3, 4, 9, 10):
            color = (BRIGHT if code >= 90 else NORMAL)[code % 10]
            style = replace(style, ink=color) if code // 10 in (3, 9) else replace(style, paper=color)
    return style


def pieces(line: str, style: Style) -> tuple[list[tuple[Style, str]], Style]:
    """A line's texts with their styles, and the style that the next line begins with."""
    found: list[tuple[Style, str]] = []
    at = 0
    for match in PART.finditer(line):
        if at < match.start():
            found.append((style, line[at:match.start()]))
        if match[1] is not None:
            style = changed(style, match[1])
        at = match.end()
    if line[at:]:
        found.append((style, line[at:]))
    return found, style


def is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def columns(text: str) -> int:
    """How many columns a text takes."""
    return sum(0 if unicodedata.combining(letter) else 2 if is_wide(letter) else 1 for letter in text)


def spans(row: int, line: list[tuple[Style, str]]) -> Iterator[str]:
    """The SVG of a line: what is behind its letters, then the letters, each piece at its column."""
    y, x = BAR + MARGIN / 2 + row * LINE, 0
    texts: list[str] = []
    # Wide letters apart: a font of their own gives them any width.
    for style, text in ((style, "".join(part)) for style, piece in line for _, part in itertools.groupby(piece, is_wide)):
        ink, paper = style.colors
        left, width = MARGIN + x * COLUMN, columns(text) * COLUMN
        if paper:
            yield f'<rect x="{left:.1f}" y="{y:.0f}" width="{width:.1f}" height="{LINE}" fill="{paper}"/>'
        if text.strip() or texts:
            shown = [f'x="{left:.1f}"', f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"']
            shown += [f'fill="{ink}"'] if ink != FOREGROUND else []
            shown += ['font-weight="bold"'] if style.bold else []
            shown += ['font-style="italic"'] if style.italic else []
            shown += ['text-decoration="underline"'] if style.underlined else []
            texts.append(f'<tspan {" ".join(shown)}>{escape(text)}</tspan>')
        x += columns(text)
    if texts:
        yield f'<text y="{y + SIZE - 1:.0f}">{"".join(texts)}</text>'


def svg(before: Sequence[str], screen: Sequence[str], width: int, title: str) -> str:
    """The picture of a screen, up to its last line that is not empty. The lines before it say which colors it begins with."""
    style, lines = Style(), []
    for line in [*before, *screen]:
        found, style = pieces(line, style)
        lines.append(found)
    lines = lines[len(before):]
    while len(lines) > 1 and not any(text.strip() for _, text in lines[-1]):
        lines.pop()
    wide, high = width * COLUMN + 2 * MARGIN, BAR + len(lines) * LINE + MARGIN + MARGIN / 2
    # A title that does not fit is cut.
    room = max(1, int((wide - 160) / COLUMN))
    shown = title if len(title) <= room else title[:room - 1] + "…"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={quoteattr(title)} viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}">',
        f"<title>{escape(title)}</title>",
        f"<style>text {{ font: {SIZE}px {FONT}; fill: {FOREGROUND}; white-space: pre }}</style>",
        f'<rect x="0.5" y="0.5" width="{wide - 1:.0f}" height="{high - 1:.0f}" rx="8" fill="{BACKGROUND}" stroke="{FRAME}"/>',
        *(f'<circle cx="{18 + 18 * at}" cy="{BAR / 2:.0f}" r="5.5" fill="{FRAME}"/>' for at in range(3)),
        f'<text x="{wide / 2:.0f}" y="{BAR / 2 + 5:.0f}" text-anchor="middle" fill-opacity="0.8">{escape(shown)}</text>',
    ]
    return "\n".join([*head, *(part for row, line in enumerate(lines) for part in spans(row, line)), "</svg>"]) + "\n"
