"""SIP messages: bytes to `Request` or `Response`, and back.

Reading answers is the hot path of this program, so the bytes are split and looked up, not modelled: a header is a pair
of a name (long form, lower case) and a text, read by `fields.py` when somebody asks. A registrar writes a million answers
with the same headers in the same order: once that order has been read (`layout.py`), an answer in it is known by the
beginnings of its lines. `parse_message` is total: it returns a message or raises `SipParseError`. Rendering lets no line
end and no NUL through.
RFC 3261 §7 (messages), §7.3 (folding, compact forms), §18.3 (Content-Length over UDP), §25.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from ..errors import SipParseError
from .fields import parse_cseq, parse_via
from .layout import layout_of, remember
from .lexical import is_token, split_list

__all__ = [
    "MAX_HEADERS",
    "MAX_MESSAGE_BYTES",
    "REASON_PHRASES",
    "Request",
    "Response",
    "parse_message",
    "render_request",
    "render_response",
]

# The most that a datagram can carry.
MAX_MESSAGE_BYTES = 65535

MAX_HEADERS = 200
MAX_NAME_CHARS = 128
MAX_METHOD_CHARS = 64

# A 200 may list all contacts of an AOR in one Contact header, some 100 characters each.
MAX_VALUE_CHARS = 32768

REASON_PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 423: "Interval Too Brief",
    429: "Provide Referrer Identity", 430: "Flow Failed", 439: "First Hop Lacks Outbound Support",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip

# As they are written on the wire.
_NAMES = (
    "Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events", "Authentication-Info",
    "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition", "Content-Encoding", "Content-Language",
    "Content-Length", "Content-Type", "CSeq", "Date", "Error-Info", "Event", "Expires", "Flow-Timer", "From",
    "In-Reply-To", "Max-Forwards", "MIME-Version", "Min-Expires", "Organization", "P-Associated-URI", "Path",
    "Priority", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Require", "Reason",
    "Record-Route", "Reply-To", "Require", "Retry-After", "Route", "Security-Server", "Server", "Service-Route",
    "SIP-ETag", "SIP-If-Match", "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported",
    "User-Agent", "Via", "Warning", "WWW-Authenticate",
)  # fmt: skip

# RFC 3261 §7.3.3, and what the IANA registry has of later RFCs.
_COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

_RENDERED_NAMES = {name.lower(): name for name in _NAMES}
_READ_NAMES = (
    {name: name.lower() for name in _NAMES}
    | {name: name for name in _RENDERED_NAMES}
    | _COMPACT
    | {compact.upper(): name for compact, name in _COMPACT.items()}
)

# Where a message has two of these, two elements would each believe another one.
_SINGLE = frozenset({"call-id", "cseq", "from", "to", "content-length", "max-forwards", "expires"})

# All but HTAB, which is white space.
_CONTROLS = bytes(set(range(32)) - {9}) + b"\x7f"

_without_pairs = re.compile(rb"\\[^\r\n]").sub
_is_request_uri = re.compile('[A-Za-z][A-Za-z0-9+.-]*:[^\\s"<>]+').fullmatch
_STATUS_CODES = {str(code): code for code in range(100, 700)}

LWS = " \t"
VERSION = "SIP/2.0"


Headers = list[tuple[str, str]]  # names in lower case and long form, and texts


def _first(headers: Headers, name: str) -> str | None:
    for known, value in headers:
        if known == name:
            return value
    return None


@dataclass(slots=True)
class Request:
    """A request; the URI is as written."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def first(self, name: str) -> str | None:
        """Return the first value of a header, named in lower case and long form; None without one."""
        return _first(self.headers, name)

    def all(self, name: str) -> list[str]:
        """Return the values of a header, one for each line it stands on."""
        return [value for known, value in self.headers if known == name]


class Response:
    """A response."""

    __slots__ = ("_headers", "_lines", "_places", "body", "cseq", "reason_phrase", "status_code")

    def __init__(self, status_code: int, reason_phrase: str, headers: Headers | None, body: bytes = b"",
                 lines: Sequence[str] = (), places: dict[str, tuple[int, int]] | None = None) -> None:  # fmt: skip
        """Either `headers` are given, or `lines` and `places` as a `Layout` has them."""
        self.status_code = status_code
        self.reason_phrase = reason_phrase
        self.body = body
        self._headers = headers
        self.cseq = (0, "")
        """The number and method of CSeq, of a response that was parsed."""
        self._lines = lines
        self._places = places

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Response) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Response{self._parts()!r}"

    @property
    def headers(self) -> Headers:
        """All headers."""
        if self._headers is None:
            lines = self._lines
            self._headers = [(name, lines[at][start:].strip(LWS)) for name, (at, start) in (self._places or {}).items()]
        return self._headers

    @property
    def names(self) -> Set[str]:
        """The names of all headers."""
        return {name for name, _ in self.headers} if self._places is None else self._places.keys()

    def first(self, name: str) -> str | None:
        """Do as a request does."""
        if self._places is None:
            return _first(self.headers, name)
        place = self._places.get(name)
        if place is None:
            return None
        at, start = place
        return self._lines[at][start:].strip(LWS)

    def all(self, name: str) -> list[str]:
        """Do as a request does."""
        if self._places is None:
            return [value for known, value in self.headers if known == name]
        value = self.first(name)
        return [] if value is None else [value]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via; "" when there is none that can be read."""
        value = self.first("via")
        return "" if value is None else _branch(value)

    def _parts(self) -> tuple[int, str, Headers, bytes]:
        return self.status_code, self.reason_phrase, self.headers, self.body


def parse_message(data: bytes) -> Request | Response:
    """Read one message from the whole of a datagram, or from the one frame of a stream."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipParseError("message", f"longer than {MAX_MESSAGE_BYTES} bytes")
    if data.startswith((b"\r", b"\n")):
        data = data.lstrip(b"\r\n")  # RFC 3261 §7.5
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        raise SipParseError("message", "no empty line after the headers")
    lines = _lines(head)
    layout = layout_of(lines)
    if layout is None:
        message = _read(lines)
    else:
        _, code, phrase, places = layout
        message = Response(code, phrase, None, b"", lines, places)
    length = message.first("content-length")
    if length != "0" or body:
        message.body = _body(length, body)
    if isinstance(message, Response):
        message.cseq = parse_cseq(message.first("cseq") or "")
    return message


def render_request(method: str, uri: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """Return the bytes of a request. Content-Length is ours; header names may be given in any form."""
    if not is_token(method):
        raise SipParseError("method", f"{method!r} is not a token")
    if not _is_request_uri(uri):
        raise SipParseError("Request-URI", f"{uri!r} is not a URI")
    return _render(f"{method} {uri} {VERSION}", headers, body)


def render_response(
    status_code: int, reason_phrase: str, headers: Iterable[tuple[str, str]], body: bytes = b""
) -> bytes:
    """Return the bytes of a response, as `render_request` does."""
    if not 100 <= status_code <= 699:
        raise SipParseError("status code", f"{status_code} is none")
    return _render(f"{VERSION} {status_code} {reason_phrase}", headers, body)


def _lines(head: bytes) -> list[str]:
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    # One look for control characters and for CR and LF that stand alone: no more may be there than the line ends.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * len(lines) - 2:
        _refuse_controls(head)
    if len(lines) > MAX_HEADERS + 1:
        raise SipParseError("message", f"more than {MAX_HEADERS} lines of headers")
    if len(text) > MAX_VALUE_CHARS and max(map(len, lines)) > MAX_VALUE_CHARS:
        raise SipParseError("message", f"a line of more than {MAX_VALUE_CHARS} characters")
    return lines


def _refuse_controls(head: bytes) -> None:
    """Raise, unless each control character is the second half of a quoted-pair: any but CR and LF may be (§25.1)."""
    rest = _without_pairs(b"", head.replace(b"\r\n", b" "))
    if len(rest.translate(None, _CONTROLS)) != len(rest):
        raise SipParseError("message", "a control character, or CR or LF alone, in its headers")


def _headers(lines: list[str]) -> Headers:
    headers: Headers = []
    append, find = headers.append, _READ_NAMES.get
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        known = find(name)
        if known is None or not colon:
            if line.startswith((" ", "\t")):
                _unfold(headers, line)
                continue
            known = _unusual_name(name, colon)
        append((known, value.strip(" \t")))
    return headers


def _unfold(headers: Headers, line: str) -> None:
    """Join a line that begins with white space to the header before it (§7.3.1)."""
    if not headers:
        raise SipParseError("message", "a start line is not folded")
    name, value = headers[-1]
    headers[-1] = (name, f"{value} {line.strip(LWS)}".strip(LWS))


def _unusual_name(name: str, colon: str) -> str:
    """Return the name of a header that is not written as most write it."""
    name = name.rstrip(LWS)
    # A token is ASCII; lower() makes an ASCII letter of some that are not.
    if not colon or len(name) > MAX_NAME_CHARS or not is_token(name):
        raise SipParseError("header", f"{name[:40]!r} is not a name and a colon")
    name = name.lower()
    return _COMPACT.get(name, name)


def _refuse_repeated(headers: Headers) -> None:
    seen = set()
    for name, _ in headers:
        if name in _SINGLE:
            if name in seen:
                raise SipParseError(name, "stands twice")
            seen.add(name)


def _body(length: str | None, body: bytes) -> bytes:
    """Return as much as Content-Length says: what follows is to be discarded, fewer bytes are an error (§18.3)."""
    if length is None:
        return body
    if not (length.isascii() and length.isdigit() and len(length) <= 10):
        raise SipParseError("Content-Length", f"{length[:20]!r} is not a number")
    wanted = int(length)
    if wanted > len(body):
        raise SipParseError("Content-Length", f"{wanted} bytes, and {len(body)} are there")
    return body[:wanted]


def _read(lines: list[str]) -> Request | Response:
    """Read the start line and the headers."""
    start = lines[0]
    headers = _headers(lines)
    names = {name for name, _ in headers}
    if len(names) != len(headers):
        _refuse_repeated(headers)
    if start.startswith("SIP/2.0 ") or _is_version(start[:7]):
        code = _STATUS_CODES.get(start[8:11])
        if code is None or start[7] != " " or start[11:12] not in ("", " "):
            raise SipParseError("status line", f"{start[:20]!r} has no code from 100 to 699")
        if len(names) == len(lines) - 1:
            remember(lines, [name for name, _ in headers], code)
        return Response(code, start[12:], headers)
    parts = start.split(" ")
    if len(parts) != 3 or not _is_version(parts[2]):
        raise SipParseError("request line", "not a method, a URI and SIP/2.0, parted by one space each")
    method, uri, _ = parts
    if len(method) > MAX_METHOD_CHARS or not is_token(method):
        raise SipParseError("request line", f"{method[:20]!r} is not a method")
    if not _is_request_uri(uri):
        raise SipParseError("request line", f"{uri[:40]!r} is not a URI")
    return Request(method, uri, headers)


def _is_version(text: str) -> bool:
    """RFC 3261 §7.1: the version is compared without regard to case."""
    return text == VERSION or (text.isascii() and text.upper() == VERSION)


def _branch(value: str) -> str:
    if '"' not in value and "," not in value:
        # Almost all are written so.
        _, found, rest = value.partition(";branch=")
        if found:
            return rest.partition(";")[0].strip(LWS)
    try:
        return parse_via(split_list(value)[0]).branch
    except (SipParseError, IndexError):
        return ""


def _render(start: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [start]
    for name, value in headers:
        written = _RENDERED_NAMES.get(name) or _written_name(name)
        if written != "Content-Length":
            lines.append(f"{written}: {value}")
    lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if "\0" in text or text.count("\r") != ends or text.count("\n") != ends:
        raise SipParseError("message", "a line end or NUL in the start line or a header")
    try:
        return text.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
    except UnicodeEncodeError as error:
        raise SipParseError("message", f"{text[error.start]!r} is not a character") from None


def _written_name(name: str) -> str:
    if not is_token(name):
        raise SipParseError("header", f"{name!r} is not a name")
    lower = name.lower()
    lower = _COMPACT.get(lower, lower)
    if lower in _RENDERED_NAMES:
        return _RENDERED_NAMES[lower]
    return name if name != lower else "-".join(part.capitalize() for part in name.split("-"))
