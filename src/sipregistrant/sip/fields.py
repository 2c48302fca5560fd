"""Header field values: Contact, From, To, CSeq, Via and seconds; what they are made of is in `lexical.py`.

Every parser is total: it returns a value or raises `SipParseError`, in time linear in its input. Values come from
`message.py`, which has unfolded them: the only white space is SP and HTAB. What RFC 3261 §25.1 forbids is refused, but
for what is seen in the field and does no harm: empty parameters (`;;`), commas in an unquoted display name.
RFC 3261 §7.3.1, §20, §25.1; RFC 3581 (rport).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..errors import SipParseError
from .lexical import LWS, TOKEN, is_number, is_token, match_quoted, parse_parameters, split_list, unquote
from .uri import Uri, opaque_uri, parse_any_uri, split_host_port

__all__ = [
    "MAX_CONTACTS",
    "Contact",
    "NameAddr",
    "Via",
    "parse_contact_header",
    "parse_contacts",
    "parse_cseq",
    "parse_delta_seconds",
    "parse_name_addr",
    "parse_retry_after",
    "parse_via",
]

# Of one AOR, all bindings of others included. Reading them must not hold the loop: this many take a millisecond or two.
MAX_CONTACTS = 256

MAX_DISPLAY_CHARS = 1024

MOST_REMEMBERED = 1024

# RFC 3261 §8.1.1.5.
CSEQ_LIMIT = 2**31
DIGITS_OF_LIMIT = 10

# RFC 3261 §25.1: delta-seconds is 0 to 2**32 - 1.
MAX_DELTA_SECONDS = 2**32 - 1

# RFC 3261 §20.10: a malformed `expires` is to be taken for this.
MALFORMED_EXPIRES_SECONDS = 3600

_is_q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?").fullmatch
_match_sent = re.compile(
    rf"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*({TOKEN}+)[ \t]+"
    r"(\[[0-9A-F:.]+\]|[^\s:;,\[\]]+)(?:[ \t]*:[ \t]*([0-9]+))?[ \t]*",
    re.ASCII | re.IGNORECASE,
).fullmatch

# What occurs in almost every message and needs no looking at.
_KNOWN_METHODS = frozenset({"REGISTER", "OPTIONS", "INVITE", "ACK", "BYE", "CANCEL", "NOTIFY", "SUBSCRIBE", "MESSAGE"})


@dataclass(slots=True)
class NameAddr:
    """The value of From and To: a display name without its quotes, a URI, and what follows it, as written."""

    display: str
    uri: Uri
    parameters: dict[str, str | None]

    @property
    def tag(self) -> str:
        """The tag, "" without one, as in requests of RFC 2543."""
        return self.parameters.get("tag") or ""


class Contact:
    """One contact. Parameter names are in lower case, values as written, quotes included; a flag is None.

    Of an answer, a contact whose text is the one that we sent needs no parsing: `uri` is read when somebody asks.
    """

    __slots__ = ("_uri", "parameters", "text")

    def __init__(self, text: str, parameters: Mapping[str, str | None], uri: Uri | None = None) -> None:
        self.text = text
        """The URI as written."""
        self.parameters = parameters
        self._uri = uri

    @property
    def uri(self) -> Uri:
        """The URI; one that breaks the rules in one piece."""
        if self._uri is None:
            self._uri = _uri_of_others(self.text)
        return self._uri

    @property
    def q(self) -> float | None:
        """The preference from 0 to 1; None when it is absent or malformed."""
        value = self.parameters.get("q")
        return float(value) if value is not None and _is_q(value) else None

    @property
    def expires(self) -> int | None:
        """The seconds that this contact is bound for; None when it does not say."""
        if "expires" not in self.parameters:
            return None
        return _expires(self.parameters["expires"] or "")


@lru_cache(MOST_REMEMBERED)
def _expires(text: str) -> int:
    """Read the expiry of a contact: `3600` a million times."""
    try:
        return parse_delta_seconds(unquote(text))
    except SipParseError:
        return MALFORMED_EXPIRES_SECONDS


@dataclass(slots=True)
class Via:
    """One Via: transport in upper case, sent-by, parameters as in `Contact`."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None]

    @property
    def branch(self) -> str:
        """The branch, "" without one, as in requests of RFC 2543."""
        return self.parameters.get("branch") or ""

    @property
    def received(self) -> str:
        """The address that the request came from, as the next hop saw it, "" when it did not say."""
        return self.parameters.get("received") or ""

    @property
    def rport(self) -> int | None:
        """The port that the request came from (RFC 3581); None when absent or still to be filled in."""
        value = self.parameters.get("rport")
        return int(value) if value is not None and is_number(value, 5) else None

    def __str__(self) -> str:
        sent_by = self.host if self.port is None else f"{self.host}:{self.port}"
        parameters = (f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters.items())
        return f"SIP/2.0/{self.transport} {sent_by}{''.join(parameters)}"


def parse_name_addr(value: str) -> NameAddr:
    """Read the value of From or To."""
    display, uri, parameters = _split_name_addr(value)
    return NameAddr(display, parse_any_uri(uri), parse_parameters(parameters))


def parse_contacts(values: list[str]) -> list[Contact]:
    """Read all Contact headers of a 200, which lists the bindings of others too.

    One whose URI breaks the rules is kept in one piece: it is not ours, and must not hide ours.
    """
    contacts: list[Contact] = []
    for value in values:
        for item in _items_of(value):
            if item == "*":
                raise SipParseError("Contact", '"*" in a response')
            _, uri, parameters = _split_name_addr(item)
            contacts.append(Contact(uri, _read_parameters(parameters)))
        if len(contacts) > MAX_CONTACTS:
            raise SipParseError("Contact", f"more than {MAX_CONTACTS}")
    return contacts


@lru_cache(MOST_REMEMBERED)
def _read_parameters(text: str) -> Mapping[str, str | None]:
    """Read the parameters of a contact of an answer: `expires=3600` a million times. Nobody changes what comes back."""
    return parse_parameters(text)


def parse_contact_header(values: list[str]) -> list[Contact] | Literal["*"]:
    """Read all Contact headers of a REGISTER. "*" stands alone (§10.2.2)."""
    items = [item for value in values for item in _items_of(value)]
    if items == ["*"]:
        return "*"
    if len(items) > MAX_CONTACTS:
        raise SipParseError("Contact", f"more than {MAX_CONTACTS}")
    contacts = []
    for item in items:
        if item == "*":
            raise SipParseError("Contact", '"*" beside other contacts')
        _, uri, parameters = _split_name_addr(item)
        contacts.append(Contact(uri, parse_parameters(parameters), parse_any_uri(uri)))
    return contacts


def parse_cseq(value: str) -> tuple[int, str]:
    """Read a CSeq: its number, below 2**31, and its method."""
    number, _, method = value.partition(" ")
    if method in _KNOWN_METHODS and len(number) < DIGITS_OF_LIMIT and number.isdecimal() and number.isascii():
        return int(number), method
    number, _, method = value.replace("\t", " ").partition(" ")
    method = method.strip(" ")
    if not is_number(number, 20) or (sequence := int(number)) >= CSEQ_LIMIT:
        raise SipParseError("CSeq", f"{number[:20]!r} is not a number below 2**31")
    if method not in _KNOWN_METHODS and not is_token(method):
        raise SipParseError("CSeq", f"{method[:20]!r} is not a method")
    return sequence, method


def parse_via(value: str) -> Via:
    """Read one Via; several of one header are to be split first."""
    sent, _, parameters = value.strip(LWS).partition(";")
    found = _match_sent(sent)
    if found is None:
        raise SipParseError("Via", f"{sent[:40]!r} is not SIP/2.0/transport host:port")
    transport, host, port = found.groups()
    host, number = split_host_port(host if port is None else f"{host}:{port}")
    return Via(transport.upper(), host, number, parse_parameters(parameters))


def parse_delta_seconds(value: str) -> int:
    """Read a number of seconds; more than 2**32 - 1 is taken for that."""
    digits = value.strip(LWS)
    if not (digits.isascii() and digits.isdigit()):
        raise SipParseError("seconds", f"{value[:20]!r} is not a number")
    digits = digits.lstrip("0")
    # Python refuses to read thousands of digits, and takes its time for hundreds.
    return min(int(digits or "0"), MAX_DELTA_SECONDS) if len(digits) <= 10 else MAX_DELTA_SECONDS


def parse_retry_after(value: str) -> int:
    """Read the seconds of a Retry-After; a comment and parameters may follow (§20.33)."""
    end = next((place for place, character in enumerate(value) if character in " \t(;"), len(value))
    rest = value[end:].lstrip(LWS)
    if rest and rest[0] not in "(;":
        raise SipParseError("Retry-After", f"{rest[:20]!r} is neither a comment nor a parameter")
    return parse_delta_seconds(value[:end])


def _items_of(value: str) -> list[str]:
    return split_list(value) if "," in value or not value else [value]


def _split_name_addr(value: str) -> tuple[str, str, str]:
    """Return display name, URI and what follows the first ";" behind it."""
    value = value.strip(LWS)
    if value.startswith("<"):
        display = ""
    elif value.startswith('"'):
        quoted = match_quoted(value)
        if quoted is None:
            raise SipParseError("display name", "its quotes are not closed")
        display = unquote(quoted.group())
        value = value[quoted.end() :].lstrip(LWS)
        if not value.startswith("<"):
            raise SipParseError("name-addr", "no <URI> after the display name")
    else:
        opening = value.find("<")
        if opening < 0 or ";" in value[:opening]:
            return _split_addr_spec(value)
        display = value[:opening].rstrip(LWS)
        if '"' in display or ">" in display:
            raise SipParseError("display name", f"{display[:20]!r} needs quotes")
        value = value[opening:]
    if len(display) > MAX_DISPLAY_CHARS:
        raise SipParseError("display name", f"longer than {MAX_DISPLAY_CHARS} characters")
    uri, closing, rest = value[1:].partition(">")
    rest = rest.lstrip(LWS)
    if not closing or (rest and rest[0] != ";"):
        raise SipParseError("name-addr", f"{rest[:20]!r} behind >" if closing else '"<" without ">"')
    return display, uri, rest[1:]


def _split_addr_spec(value: str) -> tuple[str, str, str]:
    """Split a URI without <>: a ";" ends it, and it has neither "," nor "?" (§20, §20.10)."""
    uri, _, parameters = value.partition(";")
    uri = uri.rstrip(LWS)
    if "," in uri or "?" in uri:
        raise SipParseError("URI", 'one with "," or "?" stands in <>')
    return "", uri, parameters


def _uri_of_others(text: str) -> Uri:
    try:
        return parse_any_uri(text)
    except SipParseError:
        return opaque_uri(text)
