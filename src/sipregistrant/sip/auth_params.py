"""The parameters of challenges and credentials: `scheme name=value, name="value"` (RFC 3261 §25.1, RFC 7235 §2.1)."""

from __future__ import annotations

import re

from ..errors import SipParseError
from .lexical import QUOTED, TOKEN, unquote

__all__ = ["parse_auth_param_list", "parse_auth_params"]

MAX_AUTH_PARAMETERS = 32
MAX_AUTH_VALUE_CHARS = 8192

_match_scheme = re.compile(rf"[ \t]*+({TOKEN}++)(?:[ \t]++|\Z)").match
_match_auth_param = re.compile(
    rf"[ \t,]*+({TOKEN}++)[ \t]*+=[ \t]*+({QUOTED}|[^ \t,\"]++)[ \t]*+(?:,|\Z)", re.DOTALL
).match


def parse_auth_params(value: str) -> tuple[str, dict[str, str]]:
    """Read a challenge or credentials: the scheme in lower case, and parameters without their quotes."""
    found = _match_scheme(value)
    if found is None:
        raise SipParseError("auth", f"{value[:20]!r} does not begin with a scheme")
    return found[1].lower(), parse_auth_param_list(value[found.end() :])


def parse_auth_param_list(text: str) -> dict[str, str]:
    """Read `name=value, name="value"`; a name that stands twice is refused, for who knows which one counts."""
    found: dict[str, str] = {}
    place, end = 0, len(text)
    while place < end:
        match = _match_auth_param(text, place)
        if match is None:
            if not text[place:].strip(" \t,"):
                break
            raise SipParseError("auth", f"{text[place : place + 20]!r} is not name=value")
        name = match[1].lower()
        if name in found:
            raise SipParseError("auth", f"{name} stands twice")
        if len(found) == MAX_AUTH_PARAMETERS or len(match[2]) > MAX_AUTH_VALUE_CHARS:
            raise SipParseError("auth", "too many parameters, or too long")
        found[name] = unquote(match[2])
        place = match.end()
    return found
