"""Answers to what others ask of us, without a transaction or any other memory.

A registrant takes no calls and has no dialogs. Each answer follows from the request alone, its To tag from a secret
too, so a retransmission gets the same bytes (RFC 3261 §8.2.7). An answer goes to where the request came from.
RFC 3261 §8.2, §18.2.1 (received), RFC 3581 §4 (rport). The engine side is `engine/dispatcher.py`.
"""

from __future__ import annotations

import hmac

from ..errors import SipParseError
from .fields import Via, parse_cseq, parse_name_addr, parse_via
from .lexical import split_list
from .message import REASON_PHRASES, Request, render_response
from .uri import is_ip_address

__all__ = ["answer", "response_headers", "to_tag"]

# §8.1.1: what every request has, and an answer repeats.
REPEATED = ("Via", "From", "To", "Call-ID", "CSeq")

# RFC 3261 §11.2 would have an answer to OPTIONS say what we can do. It is little: no extension, so Supported is empty.
ALLOW = ("Allow", "OPTIONS")
CAPABILITIES = [ALLOW, ("Accept", "application/sdp"), ("Supported", "")]

# 128 bits of a MAC that nobody else can make; §19.3 asks for 32 random ones.
TAG_BYTES = 16


def answer(request: Request, *, source: tuple[str, int], secret: bytes, redirect: str = "") -> bytes | None:
    """Return the answer to a request; None for ACK and for what cannot be answered.

    `source` is where the request came from, `redirect` the URI that calls are sent on to.
    """
    if request.method == "ACK":
        return None
    try:
        if parse_cseq(request.first("cseq") or "")[1] != request.method:
            return None
        common = response_headers(request, source, to_tag(request, secret))
        status_code, headers = _judge(request, redirect)
        return render_response(status_code, REASON_PHRASES[status_code], [*common, *headers])
    except SipParseError:
        return None


def response_headers(request: Request, source: tuple[str, int], to_tag: str) -> list[tuple[str, str]]:
    """Return what each response repeats of its request (§8.2.6.2): Via, From, To with a tag, Call-ID, CSeq.

    Raise `SipParseError` where the request lacks one of them, or one cannot be read.
    """
    for name in REPEATED:
        if not request.first(name.lower()):
            raise SipParseError(name, "missing")
    topmost, *others = request.all("via")
    headers = [("Via", _stamped(topmost, source))]
    headers += [("Via", value) for value in others]
    to = request.first("to") or ""
    if not parse_name_addr(to).tag:
        to = f"{to};tag={to_tag}"
    headers.append(("From", request.first("from") or ""))
    headers.append(("To", to))
    headers += [(name, request.first(name.lower()) or "") for name in ("Call-ID", "CSeq")]
    return headers


def to_tag(request: Request, secret: bytes) -> str:
    """Return the To tag of our answers to a request, the same for its retransmissions and its CANCEL."""
    number, _ = parse_cseq(request.first("cseq") or "")
    parts = (
        request.first("call-id") or "",
        str(number),
        parse_name_addr(request.first("from") or "").tag,
        _topmost(request.first("via") or "")[0].branch,
    )
    # No header has a line end in it, so two different requests never give the same text.
    text = "\n".join(parts).encode("utf-8", "surrogateescape")
    return hmac.digest(secret, text, "sha256")[:TAG_BYTES].hex()


def _judge(request: Request, redirect: str) -> tuple[int, list[tuple[str, str]]]:
    match request.method:
        case "OPTIONS":
            # §8.2.2.3. We know no extension, so whatever is required is not supported.
            required = [tag for value in request.all("require") for tag in split_list(value)]
            if required:
                return 420, [("Unsupported", ", ".join(required))]
            return 200, CAPABILITIES
        case "INVITE":
            return (302, [("Contact", f"<{redirect}>")]) if redirect else (480, [])
        case "NOTIFY" | "BYE" | "CANCEL":
            return 481, []
        case "SUBSCRIBE":
            return 489, []
        case _:
            return 405, [ALLOW]


def _topmost(value: str) -> tuple[Via, list[str]]:
    items = split_list(value)
    if not items:
        raise SipParseError("Via", "empty")
    return parse_via(items[0]), items[1:]


def _stamped(value: str, source: tuple[str, int]) -> str:
    """Return the topmost Via header with the address that the request came from.

    A `received` that the sender wrote himself is not believed. With rport, `received` stands there even where it is what
    sent-by says (RFC 3581 §4).
    """
    via, others = _topmost(value)
    host, port = source
    address = host.strip("[]").partition("%")[0]  # a zone means nothing to others
    via.parameters.pop("received", None)
    wants_port = "rport" in via.parameters
    if wants_port:
        via.parameters["rport"] = str(port)
    if wants_port or via.host.strip("[]") != address:
        if not is_ip_address(address):
            raise SipParseError("source", f"{host!r} is not an address")
        via.parameters["received"] = address
    return ", ".join([str(via), *others])
