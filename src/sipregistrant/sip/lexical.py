"""What header fields are made of: tokens, quoted strings, lists and parameters (RFC 3261 §25.1).

Every function is total, as in `fields.py`, and takes values that were unfolded: the only white space is SP and HTAB.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import SipParseError

__all__ = [
    "LWS",
    "QUOTED",
    "TOKEN",
    "is_number",
    "is_token",
    "match_quoted",
    "parse_parameters",
    "quote",
    "split_list",
    "unquote",
]

MAX_PARAMETERS = 32
MAX_PARAMETER_CHARS = 2048

LWS = " \t"

TOKEN = "[A-Za-z0-9.!%*_+`'~-]"
QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'

match_quoted = re.compile(QUOTED, re.DOTALL).match
"""Matches a quoted-string at the beginning of a text, or at a place in it."""

_is_token = re.compile(f"{TOKEN}+").fullmatch
_is_parameter_value = re.compile(rf'[^\s"<>;,]+|{QUOTED}', re.DOTALL).fullmatch
_find_in_list = re.compile('[",<]').search
_find_in_parameters = re.compile('[";]').search
_resolve_pairs = re.compile(r"\\(.)", re.DOTALL).sub

# What occurs in almost every message and needs no looking at.
_KNOWN_PARAMETERS = frozenset({"expires", "q", "tag", "branch", "rport", "received", "+sip.instance", "reg-id"})


def is_token(text: str) -> bool:
    """Tell whether this is a token of §25.1: not empty, and without anything that needs quotes."""
    return _is_token(text) is not None


def quote(text: str) -> str:
    """Return a quoted-string; refuse what can stand in none."""
    if '"' in text or "\\" in text or "\r" in text or "\n" in text or "\0" in text:
        if "\r" in text or "\n" in text or "\0" in text:
            raise SipParseError("quoted string", "a line end or NUL")
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """Return what a quoted-string says; anything else as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    return _resolve_pairs(r"\1", text) if "\\" in text else text


def split_list(value: str) -> list[str]:
    """Split at the commas that are neither in quotes nor in <>. An empty value is an empty list (§7.3.1)."""
    if '"' in value or "<" in value:
        items = _split(value, _find_in_list)
    else:
        items = value.split(",")
    items = [item.strip(LWS) for item in items]
    if items == [""]:
        return []
    if "" in items:
        raise SipParseError("list", "nothing between two commas")
    return items


def parse_parameters(text: str) -> dict[str, str | None]:
    """Read what follows the first ";"."""
    found: dict[str, str | None] = {}
    if not text:
        return found
    for part in _split(text, _find_in_parameters) if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip(LWS)
        if not name and not equals:
            continue
        if name not in _KNOWN_PARAMETERS:
            if not _is_token(name):
                raise SipParseError("parameter", f"{name[:20]!r} is not a name")
            name = name.lower()
        if name in found:
            raise SipParseError("parameter", f"{name[:20]} stands twice")
        found[name] = _parameter_value(value) if equals else None
    if len(found) > MAX_PARAMETERS or len(text) > MAX_PARAMETER_CHARS:
        raise SipParseError("parameter", "too many, or too long")
    return found


def _parameter_value(text: str) -> str:
    value = text.strip(LWS)
    if not _is_parameter_value(value):
        raise SipParseError("parameter", f"{value[:20]!r} is not a value")
    return value


def is_number(text: str, most_digits: int) -> bool:
    """Tell whether this is a number of at most so many digits."""
    # isdigit() alone takes "²" and "٣".
    return len(text) <= most_digits and text.isascii() and text.isdigit()


def _split(text: str, find: Callable[[str, int], re.Match[str] | None]) -> list[str]:
    """Split at what `find` finds and that is neither a quoted-string nor in <>."""
    items = []
    start = place = 0
    while (found := find(text, place)) is not None:
        place = found.end()
        match found.group():
            case '"':
                quoted = match_quoted(text, found.start())
                if quoted is None:
                    raise SipParseError("quoted string", "not closed")
                place = quoted.end()
            case "<":
                place = text.find(">", place) + 1
                if not place:
                    raise SipParseError("URI", '"<" without ">"')
            case _:
                items.append(text[start : found.start()])
                start = place
    items.append(text[start:])
    return items
