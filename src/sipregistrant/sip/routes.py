"""The value of a Route header, as an operator writes it: RFC 3261 §20.34, loose routes alone (§16.12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..errors import SipParseError
from .lexical import split_list
from .uri import Uri, parse_uri

__all__ = ["MOST_ROUTES", "parse_routes", "route_value"]

MOST_ROUTES = 5

TRANSPORTS = {"sip": ("udp", "tcp", "tls", "ws"), "sips": ("tcp", "tls", "ws")}


@lru_cache(256)
def parse_routes(text: str) -> tuple[Uri, ...]:
    """Read routes, none in an empty text. Raises `SipParseError`."""
    items = split_list(text)
    if len(items) > MOST_ROUTES:
        raise SipParseError("route", f"more than {MOST_ROUTES} of them")
    return tuple([_parse_route(item) for item in items])


def route_value(routes: Sequence[Uri]) -> str:
    """Return the value of a Route header."""
    return ", ".join(f"<{uri}>" for uri in routes)


def _parse_route(item: str) -> Uri:
    if not item.startswith("<") or not item.endswith(">"):
        raise SipParseError("route", f"{item!r} is not <URI>, with nothing before it and behind it")
    uri = parse_uri(item[1:-1])
    if uri.scheme not in ("sip", "sips"):
        raise SipParseError("route", f"{item!r} is neither a sip URI nor a sips URI")
    if uri.parameter("lr") is None:
        # A strict router would put the next route in the place of the Request-URI (§16.4).
        raise SipParseError("route", f"{item!r} lacks lr: only loose routes are taken")
    if uri.headers or uri.parameter("maddr") is not None:
        raise SipParseError("route", f"{item!r} has headers or maddr")
    transport = uri.parameter("transport")
    if transport is not None and transport.lower() not in TRANSPORTS[uri.scheme]:
        raise SipParseError("route", f"{item!r}: not over this transport")
    return uri
