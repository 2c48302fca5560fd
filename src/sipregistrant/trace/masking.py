"""Secrets out of SIP messages, so that what is shown, written or sent elsewhere has none in it.

`mask(data)` returns a message that a SIP parser reads as it read the other. What is masked:

- of Digest credentials (Authorization, Proxy-Authorization; RFC 3261 §22.4) every parameter but those that say who asks for
  what with which challenge: `response` and `cnonce` above all, and whatever is not known. Each character becomes a `*`: they are
  as long as the algorithm makes them, whatever the password is, and the message stays as long as it was on the wire;
- credentials of other schemes, and headers whose names tell of a secret: the whole value becomes `***`;
- `rspauth` and `cnonce` of Authentication-Info (RFC 7616 §3.5);
- the password in a URI (`sip:alice:PASSWORD@host`, RFC 3261 §19.1.1).

A challenge stays readable: its nonce is of no use to anybody who does not know the password.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["mask"]

HIDDEN = b"***"
NAMES_REMEMBERED = 256

# What ends a URI, or comes before one.
DELIMITERS = (b" ", b"<", b">", b'"', b"\n", b"\t")

CREDENTIALS = rb"(?:proxy-)?authorization"
INFORMATION = rb"(?:proxy-)?authentication-info"
SECRET = rb"[a-z0-9._-]*(?:token|secret|passw|credential|api-?key|auth-?key|cookie)[a-z0-9._-]*"

# A value goes on in lines that begin with a blank (RFC 3261 §7.3.1).
_find_headers = re.compile(
    rb"^(?P<name>[^\s:]+)(?P<colon>[ \t]*:)(?P<value>[^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE
).sub
_is_name_of_secret = re.compile(CREDENTIALS + rb"|" + INFORMATION + rb"|" + SECRET, re.IGNORECASE).fullmatch
_is_secret = re.compile(SECRET, re.IGNORECASE).fullmatch
_is_information = re.compile(INFORMATION, re.IGNORECASE).fullmatch
_match_scheme = re.compile(rb"\s*digest\s+", re.IGNORECASE).match
_match_parameter = re.compile(
    rb'([\s,]*)([^\s=,"]+)(\s*=\s*)("(?:[^"\\]|\\.)*"|[^\s",]*)(?=\s*(?:,|\Z))', re.DOTALL
).match
_find_user = re.compile(rb"sips?:[^:]*:", re.IGNORECASE).search
_find_length = re.compile(rb"^((?:content-length|l)[ \t]*:[ \t]*)\d+", re.IGNORECASE | re.MULTILINE).sub

# What a challenge says, or the request itself does.
READABLE = frozenset({b"username", b"realm", b"nonce", b"uri", b"algorithm", b"qop", b"nc", b"opaque", b"userhash", b"stale",
                      b"nextnonce"})  # fmt: skip


def mask(data: bytes) -> bytes:
    """Return a message without the secrets in it; what is no message as well."""
    head, blank, body = data.partition(b"\r\n\r\n")
    head = _without_secrets(head)
    if not body:
        return head + blank
    masked = _without_secrets(body)
    if len(masked) != len(body):
        head = _find_length(lambda match: match[1] + str(len(masked)).encode(), head)
    return head + blank + masked


@lru_cache(NAMES_REMEMBERED)
def _has_secret(name: bytes) -> bool:
    return _is_name_of_secret(name) is not None


def _without_secrets(text: bytes) -> bytes:
    return _without_passwords(_find_headers(_masked_header, text))


def _without_passwords(text: bytes) -> bytes:
    """Mask what is between the colon behind a user and the @. Cut at each @ first: peers must not make it slow."""
    *before, last = text.split(b"@")
    for number, part in enumerate(before):
        begin = 1 + max(part.rfind(delimiter) for delimiter in DELIMITERS)
        if (user := _find_user(part, begin)) is not None:
            before[number] = part[: user.end()] + HIDDEN
    return b"@".join([*before, last])


def _masked_header(match: re.Match[bytes]) -> bytes:
    name, value = match["name"], match["value"]
    if not _has_secret(name):
        return match[0]
    end = b"\r" if value.endswith(b"\r") else b""
    value = value.removesuffix(b"\r")
    if _is_information(name):
        masked = _masked_parameters(value, 0)
    elif not _is_secret(name) and (scheme := _match_scheme(value)):
        masked = _masked_parameters(value, scheme.end())
    else:
        masked = b" " + HIDDEN
    return name + match["colon"] + masked + end


def _masked_parameters(value: bytes, place: int) -> bytes:
    """Mask what is not known to be harmless; from where it cannot be read on, everything."""
    text = bytearray(value[:place])
    while value[place:].strip(b" \t\r\n,"):
        match = _match_parameter(value, place)
        if match is None:
            return bytes(text).rstrip() + b" " + HIDDEN
        told = match[4]
        if match[2].lower() not in READABLE:
            told = b'"' + b"*" * (len(told) - 2) + b'"' if told.startswith(b'"') else b"*" * len(told)
        text += match[1] + match[2] + match[3] + told
        place = match.end()
    return bytes(text) + value[place:]
