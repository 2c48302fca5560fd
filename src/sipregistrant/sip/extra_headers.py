"""Header lines that an operator adds to each REGISTER: `Name: value`, separated by `|`."""

from __future__ import annotations

import re

from ..errors import SipParseError

__all__ = ["parse_extra_headers"]

# RFC 3261 §25.1 token.
TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+", re.ASCII)

# What a line feed would end, and what else no text of a header may have.
CONTROL = re.compile("[\x00-\x1f\x7f]")

MOST_HEADERS = 16
SEPARATOR = "|"

MADE_BY_US = frozenset({
    "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "expires", "authorization",
    "proxy-authorization", "content-length", "l", "content-type", "c", "content-encoding", "e", "content-disposition",
    "route", "record-route", "max-forwards", "user-agent", "allow",
})  # fmt: skip
"""In lower case, with their short forms (RFC 3261 §7.3.3): those that have their own places, and those of a body."""


def parse_extra_headers(text: str) -> str:
    """Return the lines of a text, each ended by CRLF. Raises `SipParseError`."""
    if not text:
        return ""
    lines = []
    for part in text.split(SEPARATOR):
        name, colon, value = part.partition(":")
        name, value = name.strip(" "), value.strip(" ")
        if not colon or not TOKEN.fullmatch(name):
            raise SipParseError("extra header", "`Name: value` is wanted, others behind a |")
        if name.lower() in MADE_BY_US:
            raise SipParseError("extra header", f"{name} is made by the service itself")
        if not value or CONTROL.search(value):
            raise SipParseError("extra header", f"{name} has no value, or a control character in it")
        lines.append(f"{name}: {value}\r\n")
    if len(lines) > MOST_HEADERS:
        raise SipParseError("extra header", f"more than {MOST_HEADERS} of them")
    return "".join(lines)
