"""What the answers of a registrar have in common: which header stands on which line.

A registrar writes a million answers with the same headers in the same order. Once one of them has been read, line by
line, the others are known by the beginnings of their lines, and a header is cut out of its line when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["MOST_REMEMBERED", "Layout", "layout_of", "remember"]

# A registrar has a handful, of a dozen lines each.
MOST_REMEMBERED = 64
MOST_LINES = 32
LONGEST_START_LINE = 64


class Layout(NamedTuple):
    """The layout of answers in which each header stands once, on one line."""

    beginnings: tuple[str, ...]
    """Of the lines: the start line, then `Name:` as it was written."""
    status_code: int
    reason_phrase: str
    places: dict[str, tuple[int, int]]
    """By name, in lower case and long form, the number of a header's line, and where in it the value begins."""


_known: dict[tuple[str, int], Layout] = {}
"""By start line and number of lines."""


def layout_of(lines: Sequence[str]) -> Layout | None:
    """Return the layout of the lines of an answer, where it is known: then they need no more reading."""
    layout = _known.get((lines[0], len(lines)))
    return layout if layout is not None and all(map(str.startswith, lines, layout.beginnings)) else None


def remember(lines: Sequence[str], names: Sequence[str], status_code: int) -> None:
    """Remember the layout of an answer that was read: `names` are those of the headers on its lines, none twice."""
    start = lines[0]
    if len(lines) > MOST_LINES or len(start) > LONGEST_START_LINE:
        return
    if len(_known) >= MOST_REMEMBERED:
        _known.clear()
    sizes = [line.index(":") + 1 for line in lines[1:]]
    beginnings = (start, *(line[:size] for line, size in zip(lines[1:], sizes, strict=True)))
    places = {name: (at, size) for at, (name, size) in enumerate(zip(names, sizes, strict=True), 1)}
    _known[start, len(lines)] = Layout(beginnings, status_code, start[12:], places)
