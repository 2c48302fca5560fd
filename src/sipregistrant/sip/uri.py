"""SIP, SIPS and tel URIs: reading, rendering and comparing them.

`parse_uri` is lenient in what people and peers write (a raw `#` or `[` in a user, an underscore in a host), and
rendering is strict: what §25.1 does not allow where it stands is percent-escaped, so `str(uri)` is ASCII, without any
white space.
RFC 3261 §19.1 (syntax, comparison), §10.3 step 5 (canonical AOR), §25.1; RFC 3966 (tel); RFC 5954 (IPv6 addresses).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from ..errors import SipParseError

__all__ = [
    "MAX_URI_CHARS",
    "Uri",
    "canonical_aor",
    "escape_user",
    "is_ip_address",
    "parse_any_uri",
    "parse_uri",
    "same_uri",
    "split_host_port",
]

# The longest URI of RFC 4475 has 481 characters, the longest AOR of the configuration 512.
MAX_URI_CHARS = 2048

# RFC 1035 §2.3.4: 255 octets, which are 253 characters and a dot.
MAX_HOST_CHARS = 254

UNRESERVED = r"A-Za-z0-9_.!~*'()\-"
RESERVED = ";/?:@&=+$,"  # RFC 2396, which is the one that §19.1.4 means

_IN_USER = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{UNRESERVED}&=+$,;?/]")
_IN_PASSWORD = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{UNRESERVED}&=+$,]")
_IN_PARAMETER = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{UNRESERVED}\[\]/:&+$]")
_IN_HEADERS = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{UNRESERVED}\[\]/?:+$&=]")
_IN_OTHER = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{UNRESERVED}{RESERVED}]")

_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_IS_UNRESERVED = re.compile(f"[{UNRESERVED}]").fullmatch

# White space, controls and what ends a URI in a header field: escaped, or not at all. And what no UTF-8 has.
_find_forbidden = re.compile(r'[\x00-\x20"<>\x7f\ud800-\udfff]').search

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_is_name = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?").fullmatch
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_is_ipv4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}").fullmatch
_is_port = re.compile("[0-9]{1,5}").fullmatch

_is_scheme = re.compile("[A-Za-z][A-Za-z0-9+.-]{0,31}").fullmatch
_is_phone_number = re.compile(r"\+?[().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*").fullmatch  # RFC 3966 §3
_VISUAL_SEPARATORS = str.maketrans("", "", "-.()")

SIP_SCHEMES = ("sip", "sips")

# §19.1.4: these must stand in both URIs or in neither. The list of the rules has no transport, its examples do.
_NEVER_IN_ONE_ONLY = ("user", "ttl", "method", "maddr", "transport")


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI in its parts, user and parameters as they were written.

    Of a tel URI, `user` is the number. Of any other scheme (`parse_any_uri`) it is all that follows the colon.
    """

    scheme: str
    """In lower case."""
    user: str
    host: str
    """In lower case, IPv6 in brackets; "" where the scheme has none."""
    port: int | None
    parameters: tuple[tuple[str, str | None], ...]
    """Names in lower case; the value of a flag is None."""
    headers: str
    """What follows "?"; "" when absent."""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        text = f"{self.scheme}:{self._address_text()}{self._parameter_text()}"
        if self.headers:
            text += f"?{_escape(self.headers, _IN_HEADERS)}"
        # What is parsed never comes to this; a Uri that was made by hand may.
        if not text.isascii() or _find_forbidden(text):
            raise SipParseError("URI", f"{text!r} cannot be sent")
        return text

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter, "" of one without a value; None when it is absent."""
        for known, value in self.parameters:
            if known == name:
                return value or ""
        return None

    def _address_text(self) -> str:
        if self.scheme == "tel":
            return self.user
        if not self.host:
            return _escape(self.user, _IN_OTHER)
        text = ""
        if self.user:
            text = _escape(self.user, _IN_USER)
            if self.password:
                text += f":{_escape(self.password, _IN_PASSWORD)}"
            text += "@"
        return text + (self.host if self.port is None else f"{self.host}:{self.port}")

    def _parameter_text(self) -> str:
        text = ""
        for name, value in self.parameters:
            text += f";{_escape(name, _IN_PARAMETER)}"
            if value is not None:
                text += f"={_escape(value, _IN_PARAMETER)}"
        return text


def parse_uri(text: str) -> Uri:
    """Read a sip, sips or tel URI."""
    scheme, rest = _split_scheme(text)
    if scheme in SIP_SCHEMES:
        return _parse_sip(scheme, rest)
    if scheme == "tel":
        number, _, parameters = rest.partition(";")
        if not _is_phone_number(number):
            raise SipParseError("URI", f"{number!r} is not a telephone number")
        return Uri(scheme, number, "", None, _parse_parameters(parameters), "")
    raise SipParseError("URI", f"{text!r} is not a sip, sips or tel URI")


def parse_any_uri(text: str) -> Uri:
    """Read a URI of any scheme: a Contact, From or To may have one that we know nothing of (RFC 3261 §10.2.1)."""
    scheme, rest = _split_scheme(text)
    if scheme in SIP_SCHEMES or scheme == "tel":
        return parse_uri(text)
    return opaque_uri(text)


def opaque_uri(text: str) -> Uri:
    """Return a URI that is kept in one piece. It equals none but itself."""
    scheme, rest = _split_scheme(text)
    if not rest:
        raise SipParseError("URI", f"nothing after {scheme}:")
    return Uri(scheme, rest, "", None, (), "")


def same_uri(a: Uri, b: Uri) -> bool:
    """Compare as RFC 3261 §19.1.4 says. This is no equivalence: a and b may both equal c and not each other."""
    if a.scheme != b.scheme or a.port != b.port or bool(a.host) != bool(b.host):
        return False
    if a.scheme == "tel":
        return _phone_key(a) == _phone_key(b)
    if a.user != b.user and _comparable(a.user, _IN_USER) != _comparable(b.user, _IN_USER):
        return False
    if a.password != b.password and _comparable(a.password, _IN_PASSWORD) != _comparable(b.password, _IN_PASSWORD):
        return False
    if a.host != b.host and _comparable_host(a.host) != _comparable_host(b.host):
        return False
    if a.parameters != b.parameters and not _have_same_parameters(a, b):
        return False
    return a.headers == b.headers or _comparable_headers(a.headers) == _comparable_headers(b.headers)


def canonical_aor(uri: Uri) -> str:
    """Return the index of an AOR in a location service (RFC 3261 §10.3 step 5); not a URI: its escapes are resolved.

    An escaped byte that is no UTF-8 is shown as `\\xNN`, so the text can always be encoded.
    """
    if uri.scheme == "tel":
        number, parameters = _phone_key(uri)
        context = dict(parameters).get("phone-context")
        return f"tel:{number}" if context is None else f"tel:{number};phone-context={context}"
    if not uri.host:
        return str(uri)
    user = unquote_to_bytes(escape_user(uri.user)).decode("utf-8", "backslashreplace")
    host = _comparable_host(uri.host)
    return f"{uri.scheme}:{user}{'@' if user else ''}{host}{'' if uri.port is None else f':{uri.port}'}"


def escape_user(text: str) -> str:
    """Percent-escape what §25.1 does not allow in a user, as UTF-8. What is escaped already stays so."""
    return _escape(text, _IN_USER)


def split_host_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[IPv6]:port` and a bare IPv6 address.

    The host comes in lower case, IPv6 in brackets.
    """
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        if rest and not rest.startswith(":"):
            raise SipParseError("host", f"{text!r} goes on after its bracket")
        return _checked_host(host), _parse_port(rest[1:]) if rest else None
    if text.count(":") > 1:
        return _checked_host(f"[{text}]"), None
    host, colon, port = text.partition(":")
    return _checked_host(host), _parse_port(port) if colon else None


def is_ip_address(host: str) -> bool:
    """Tell an IP address, IPv6 with brackets or without, from a name."""
    return _is_ipv4(host) is not None or _ipv6(host) is not None


def _split_scheme(text: str) -> tuple[str, str]:
    if len(text) > MAX_URI_CHARS:
        raise SipParseError("URI", f"longer than {MAX_URI_CHARS} characters")
    if (found := _find_forbidden(text)) is not None:
        raise SipParseError("URI", f"{found.group()!r} is not allowed in a URI")
    scheme, colon, rest = text.partition(":")
    if scheme not in SIP_SCHEMES:
        if not colon or not _is_scheme(scheme):
            raise SipParseError("URI", f"{text!r} has no scheme")
        scheme = scheme.lower()
    return scheme, rest


def _parse_sip(scheme: str, rest: str) -> Uri:
    # The first "@" ends the userinfo: a user may have ";" and "?" in it, and nothing behind it may have a raw "@".
    userinfo, at, address = rest.partition("@")
    user = password = ""
    if at:
        user, _, password = userinfo.partition(":")
        if not user:
            raise SipParseError("URI", "nothing before @")
    else:
        address = rest
    address, _, headers = address.partition("?")
    address, _, parameters = address.partition(";")
    if address.count(":") > 1 and not address.startswith("["):
        raise SipParseError("URI", "an IPv6 address stands in brackets")
    host, port = split_host_port(address)
    return Uri(scheme, user, host, port, _parse_parameters(parameters) if parameters else (), headers, password)


def _parse_parameters(text: str) -> tuple[tuple[str, str | None], ...]:
    """Read what follows the first ";". Empty ones, as in a trailing ";", are dropped."""
    found: dict[str, str | None] = {}
    for part in text.split(";"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name = _comparable_lower(name, _IN_PARAMETER)
        if not name or name in found:
            raise SipParseError("URI", f"parameter {name!r} stands twice" if name else "a parameter without a name")
        found[name] = value if equals else None
    return tuple(found.items())


def _checked_host(host: str) -> str:
    if _is_ipv4(host):
        return host
    if len(host) > MAX_HOST_CHARS:
        raise SipParseError("host", f"longer than {MAX_HOST_CHARS} characters")
    # Before lower(): it makes an ASCII k of the Kelvin sign.
    if not host.isascii():
        raise SipParseError("host", f"{host!r} is not ASCII; an international name is written as xn--")
    host = host.lower()
    if host.startswith("["):
        if _ipv6(host) is None:
            raise SipParseError("host", f"{host!r} is not an IPv6 address")
    elif not _is_name(host):
        raise SipParseError("host", f"{host!r} is neither a name nor an address")
    # §25.1: a top label begins with a letter. Some resolvers take numbers such as 127.1 for an address.
    elif host.rstrip(".").rpartition(".")[2].isdigit():
        raise SipParseError("host", f"{host!r} is neither a name nor an IPv4 address")
    return host


def _parse_port(text: str) -> int:
    port = int(text) if _is_port(text) else 0
    if not 0 < port < 65536:
        raise SipParseError("port", f"{text[:20]!r} is not a port")
    return port


def _ipv6(host: str) -> ipaddress.IPv6Address | None:
    """Return an IPv6 address, in brackets or not. One with a zone ("%eth0") means nothing to others."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if "%" in host:
        return None
    try:
        return ipaddress.IPv6Address(host)
    except ValueError:
        return None


def _escape(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(_escape_one, text)


def _escape_one(match: re.Match[str]) -> str:
    found = match.group()
    if len(found) == 3:
        return found
    try:
        return "".join(f"%{byte:02X}" for byte in found.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise SipParseError("URI", f"{found!r} is not a character") from None


def _comparable(text: str, pattern: re.Pattern[str]) -> str:
    """Resolve the escapes that mean the same as what they stand for (§19.1.4) and write the others alike.

    `pattern` is that of the place: what would be escaped when it is sent is the same as its escape.
    """
    if text.isalnum() and text.isascii():
        return text
    return _ESCAPE.sub(_comparable_one, _escape(text, pattern))


def _comparable_lower(text: str, pattern: re.Pattern[str]) -> str:
    """The same without regard to case: all but user, password and values of headers is compared so."""
    return _ESCAPE.sub(_comparable_one, _comparable(text, pattern).lower())


def _comparable_one(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return character if _IS_UNRESERVED(character) else match.group().upper()


def _comparable_host(host: str) -> str:
    """Return an IPv6 address in its one short form (RFC 5954 §4), any other host as it is."""
    address = _ipv6(host) if host.startswith("[") else None
    return host if address is None else f"[{address.compressed}]"


def _have_same_parameters(a: Uri, b: Uri) -> bool:
    mine, theirs = dict(a.parameters), dict(b.parameters)
    if any((name in mine) != (name in theirs) for name in _NEVER_IN_ONE_ONLY):
        return False
    return all(
        _comparable_value(value) == _comparable_value(theirs[name]) for name, value in mine.items() if name in theirs
    )


def _comparable_value(value: str | None) -> str | None:
    return None if value is None else _comparable_lower(value, _IN_PARAMETER)


def _comparable_headers(headers: str) -> list[tuple[str, str]]:
    pairs = (header.partition("=") for header in headers.split("&") if header)
    return sorted((_comparable_lower(name, _IN_HEADERS), _comparable(value, _IN_HEADERS)) for name, _, value in pairs)


def _phone_key(uri: Uri) -> tuple[str, list[tuple[str, str]]]:
    """Return what two tel URIs are compared by: RFC 3966 §4, and §5.1.5 for a number as phone-context."""
    number = uri.user.translate(_VISUAL_SEPARATORS).lower()
    parameters = []
    for name, value in uri.parameters:
        text = _comparable_lower(value or "", _IN_PARAMETER)
        if text.startswith("+") or name in ("ext", "isub"):
            text = text.translate(_VISUAL_SEPARATORS)
        parameters.append((name, text))
    return number, sorted(parameters)
