"""How the texts of AOR and URIn are read: once, for the check that takes them and for the REGISTER that they end up in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..errors import SipParseError
from ..sip.uri import MAX_URI_CHARS, Uri, parse_uri

__all__ = [
    "LOCAL",
    "NONE",
    "REMOTE",
    "STATIC",
    "ContactText",
    "is_bulk",
    "match_plain",
    "plain_contact",
    "plain_user",
    "read_aor",
    "read_contact",
]

NONE, LOCAL, REMOTE, STATIC = range(4)
"""The values of AorType."""

SIP_SCHEMES = ("sip", "sips")

# What people do write before a colon, and what is no host with a port.
OTHER_SCHEMES = ("tel", "http", "https", "mailto", "urn", "im", "pres", "xmpp")

BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
NO_HOST = "invalid"

# What is not ASCII is escaped on the wire, and a host of up to 256 characters may come to it: that must still be a URI.
LONGEST_ESCAPED = MAX_URI_CHARS // 2


# What nearly all AORs and contacts are: of this, parsing and rendering would make the same text again.
match_plain = re.compile(
    r"(sip:)?([A-Za-z0-9_.+-]{1,256})(?:@([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,31}))?",
    re.ASCII,
).fullmatch
"""Matches a URI without port, parameters, escapes: groups are scheme, user and host, each None where it is not there."""


@lru_cache(1024)
def _is_host(host: str) -> bool:
    try:
        parse_uri(f"sip:{host}")
    except SipParseError:
        return False
    return True


def plain_user(text: str, aor_type: int) -> str | None:
    """Return the user that `read_aor` would find in a plain AOR; None where it is not plain, or no AOR of this type."""
    plain = match_plain(text)
    if plain is None:
        return None
    scheme, user, host = plain.groups()
    if host is None:
        return user if aor_type in (LOCAL, REMOTE) else None
    return user if (scheme or aor_type != STATIC) and _is_host(host) else None


def plain_contact(text: str) -> Uri | None:
    """Return what a plain contact with a host is compared by, as `read_contact` would; None where it is not plain."""
    plain = match_plain(text)
    if plain is None or plain[3] is None or not _is_host(plain[3]):
        return None
    return Uri("sip", plain[2], plain[3], None, (), "")


def read_aor(text: str, aor_type: int) -> Uri:
    """Read an AOR as it was entered. Raises `SipParseError`.

    A missing scheme is sip, but not in a static one, which must be whole: scheme:user@host. In the types whose host is
    put in by us, a word without `@` is a user, whatever it looks like.
    """
    scheme, rest = _split_scheme(text, (*SIP_SCHEMES, "tel"))
    if "?" in rest:
        raise SipParseError("AOR", "headers, which no To may have (RFC 3261 §19.1.1)")
    if aor_type == STATIC:
        uri = parse_uri(text)
        if uri.scheme not in SIP_SCHEMES or not uri.user:
            raise SipParseError("AOR", "a static AOR is scheme:user@host")
        return _sendable(uri)
    if aor_type in (LOCAL, REMOTE) and scheme in SIP_SCHEMES and "@" not in rest:
        user = rest.partition(";")[0]
        return _sendable(parse_uri(f"{scheme}:{user}@{NO_HOST}"))
    return _sendable(parse_uri(f"{scheme}:{rest}"))


@dataclass(frozen=True, slots=True)
class ContactText:
    """A URIn as it is meant: a whole `uri`, or a `user` that our address completes; the other one is ""."""

    uri: str = ""
    user: str = ""
    scheme: str = "sip"
    """Of the user."""

    @property
    def comparable(self) -> Uri:
        """The contact as a URI, at no host where it is a user."""
        return parse_uri(self.uri or f"{self.scheme}:{self.user}@{NO_HOST}")


def read_contact(text: str) -> ContactText:
    """Read a URIn. Raises `SipParseError`.

    What has a user and a host is used as it is. `X` without `@` is a host if it has a dot, a colon, brackets or `;bnc`,
    else a user at our address.
    """
    scheme, rest = _split_scheme(text, SIP_SCHEMES)
    x = rest.partition("?")[0]
    is_host = "@" in x or any(mark in x.partition(";")[0] for mark in ".:[") or ";bnc" in x.lower()
    if is_host:
        uri = f"{scheme}:{rest}"
        parsed = _sendable(parse_uri(uri))
        if is_bulk(parsed) and parsed.user:
            raise SipParseError("URI", "a user beside bnc, which is for a whole range of numbers (RFC 6140 §5.2)")
        escaped = str(parsed)
        # RFC 3261 §25.1: a URI is ASCII.
        return ContactText(uri=uri if uri.isascii() else escaped)
    _sendable(parse_uri(f"{scheme}:{rest}@{NO_HOST}"))
    return ContactText(user=rest, scheme=scheme)


def is_bulk(uri: Uri) -> bool:
    """Tell whether a contact stands for all numbers of a PBX: RFC 6140 §5.2."""
    return any(name.lower() == "bnc" for name, _ in uri.parameters)


def _sendable(uri: Uri) -> Uri:
    if len(str(uri)) > LONGEST_ESCAPED:
        raise SipParseError("URI", f"escaped, it is longer than {LONGEST_ESCAPED} characters")
    return uri


def _split_scheme(text: str, known: tuple[str, ...]) -> tuple[str, str]:
    scheme, colon, rest = text.partition(":")
    if BROKEN_ESCAPE.search(text):
        raise SipParseError("URI", "a % that no two hexadecimal digits follow")
    if colon and scheme.lower() in OTHER_SCHEMES and scheme.lower() not in known:
        raise SipParseError("URI", f"{scheme}: is no SIP URI")
    return (scheme.lower(), rest) if colon and scheme.lower() in known else ("sip", text)
