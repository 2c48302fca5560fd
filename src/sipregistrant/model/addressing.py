"""What an entry puts on the wire at one server: AOR, From, Request-URI and contacts.

Each rule is a decision about an attribute of the SBC Edge: AorType, URIn, Qn, TTLn, the profile's FQDN choices.
Nothing here knows a socket; our own address comes in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import unquote

from ..sip.uri import Uri, canonical_aor, escape_user, parse_uri, split_host_port
from . import profiles
from .attributes import Value
from .registrants import CONTACTS, FROM_URI, INHERITED_TTL
from .schedule import SentContact
from .servers import TCP, TLS, UDP
from .uris import LOCAL, NONE, REMOTE, STATIC, match_plain, plain_user, read_aor, read_contact

__all__ = [
    "SHAPES_REGISTER",
    "TRANSPORTS",
    "WEB_SOCKETS",
    "Addressing",
    "Identity",
    "OwnAddress",
    "contact_ttl",
    "registering_user",
]

TRANSPORTS = {UDP: "udp", TCP: "tcp", TLS: "tls"}
WEB_SOCKETS = {TCP: "ws", TLS: "wss"}
"""What a server with a WebSocketPath is reached over. Over UDP there is none."""

SHAPES_REGISTER: Mapping[str, frozenset[str]] = {
    "sipserver": frozenset({
        "ServerLookup", "Host", "HostIpVersion", "DomainName", "ServiceName", "Port", "Protocol", "ContactURIRandomizer",
        "TLSProfileID", "RemoteAuthorizationTableID", "ContactRegistrantTableID", "RouteSet", "WebSocketPath",
        "OutboundFlows", "ProviderProfileID",
    }),
    "sipprofile": frozenset({"FQDNinFromHeader", "FQDNinContactHeader", "StaticHost", "ContactAsSeen"}),
    "sipsg": frozenset({
        "customAdminState", "ConfigIEState", "ProfileID", "ServerClusterId", "ListenPort_1", "Protocol_1",
        "NetInterfaceSignaling", "OutboundProxy", "OutboundProxyPort", "PublicAddress", "SourcePorts",
    }),
    # What a registrar that refused so far may be waiting for.
    "providerprofile": frozenset({"ContactMatch", "ExpiresStyle", "ExtraHeaders"}),
    # What shapes the connection that a REGISTER takes. A time-out concerns the next handshake alone.
    "siptlsprofile": frozenset({"VerifyPeersCertificate", "ValidateServerFQDN", "MutualAuth"}),
}  # fmt: skip
"""The attributes whose change makes a REGISTER necessary now. Any other change waits for the next refresh:
a million registrations are not sent again because somebody edits a description."""


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """Where registrars and callers reach us: host (name or IP address, IPv6 in brackets), port and transport."""

    host: str
    port: int
    transport: str = "udp"
    fqdn: str = ""
    """Our own name, for the profile's choice eSBCFqdn; empty: host."""
    alias: str = ""
    """What stands for host in Via and contacts, where nobody can connect to us; empty: host."""


class Identity(NamedTuple):
    """Who registers, and where: the URIs of To, From and Request-URI. `aor_uri` is the To."""

    aor_uri: str
    from_uri: str
    request_uri: str


def registering_user(entry: Mapping[str, Value]) -> str:
    """Return the user of the From, its escapes resolved: what credentials are chosen by. But for a third party the AOR's."""
    if third_party := entry.get(FROM_URI):
        return unquote(parse_uri(str(third_party)).user)
    aor, aor_type = str(entry["AOR"]), int(entry["AorType"] or 0)
    plain = plain_user(aor, aor_type)
    return plain if plain is not None else unquote(read_aor(aor, aor_type).user)


class Addressing:
    """What all entries at one server share on the wire: worked out once, for a million of them.

    Most AORs are a plain user, with a plain host or none; they are put together as text. Everything else is parsed.
    """

    __slots__ = ("_contact_at", "_domain", "_domain_at", "_fqdn", "_from_at", "_request_uri", "own", "sent_by")

    def __init__(self, server: Mapping[str, Value], profile: Mapping[str, Value], own: OwnAddress,
                 seen_at: str = "") -> None:  # fmt: skip
        """`seen_at` is host:port for contacts at our address, where the registrar sees another one than `own`."""
        self.own = own
        self._domain = server_domain(server)
        self._fqdn = _fqdn_choice(profile, "FQDNinFromHeader", server, own)
        contact_host = _fqdn_choice(profile, "FQDNinContactHeader", server, own)
        self._contact_at = _place(replace(own, host=contact_host or seen_at or own.alias or own.host))
        self._from_at = _in_uri(self._fqdn or own.host)
        # A server that was deleted has none: then there is only leave to be taken, with what was sent.
        self._domain_at = _in_uri(self._domain) if self._domain else ""
        self._request_uri = f"sip:{self._domain_at}"
        host, port = split_host_port(own.alias or own.host)
        self.sent_by = f"{host}:{port or own.port}"
        """Host and port for the Via, as the peer sees us."""

    def identity(self, entry: Mapping[str, Value]) -> Identity:
        """Return the URIs of a REGISTER for this entry. Somebody else may register it: RFC 3261 §10.2, third party."""
        names = self._own_identity(entry)
        third_party = entry.get(FROM_URI)
        return names._replace(from_uri=str(parse_uri(str(third_party)))) if third_party else names

    def _own_identity(self, entry: Mapping[str, Value]) -> Identity:
        text, aor_type = str(entry["AOR"]), entry["AorType"]
        plain = match_plain(text)
        if plain is not None and self._domain:
            scheme, user, host = plain.groups()
            if aor_type == REMOTE:
                aor = f"sip:{user}@{self._domain_at}"
                return Identity(aor, f"sip:{user}@{self._from_at}", self._request_uri)
            if aor_type == LOCAL:
                aor = f"sip:{user}@{self._from_at}"
                return Identity(aor, aor, self._request_uri)
            if aor_type == STATIC and scheme and host:
                return Identity(text, text, f"sip:{host}")
        return self._parsed_identity(read_aor(text, int(aor_type or 0)), int(aor_type or 0))

    def _parsed_identity(self, aor: Uri, aor_type: int) -> Identity:
        if aor_type == STATIC:
            return Identity(str(aor), str(aor), _request_uri(aor.scheme, aor.host, aor.port))
        from_host = self._fqdn or self.own.host
        if aor_type == LOCAL:
            aor = _at(aor, from_host)
        elif aor_type == REMOTE:
            aor = _at(aor, self._domain)
        elif aor.scheme == "tel":
            # RFC 3261 §10.2: To and Request-URI of a REGISTER are SIP or SIPS URIs; §19.1.6 tells how a number becomes one.
            aor = replace(_at(aor, self._domain), parameters=(("user", "phone"),))
        request_uri = (
            _request_uri(aor.scheme, aor.host, aor.port)
            if aor_type == NONE
            else _request_uri_of_domain(aor.scheme, self._domain)
        )
        from_uri = _at(aor, from_host) if aor.user else aor
        return Identity(str(aor), str(from_uri), request_uri)

    def contacts(self, entry: Mapping[str, Value], token: str = "") -> list[SentContact]:
        """Return the contacts of an entry as they are sent, completed with our address where they have none.

        `token` stands before the user of each contact at our address (ContactURIRandomizer); a contact that is written in
        full is somebody else's address, who would not know it.
        """
        if not any(URIS(entry)):
            # No URIn at all: one contact of the AOR's user at our address.
            return [self._at_us("sip", _user_of(entry), entry["Q1"], entry["TTL1"], entry["AorTtl"], token)]
        found = []
        for uri, q, ttl in CONTACT_NAMES:
            if text := entry[uri]:
                found.append(self._contact(str(text), entry[q], entry[ttl], entry["AorTtl"], token))
        return found

    def _contact(self, text: str, q: Value, ttl: Value, aor_ttl: Value, token: str) -> SentContact:
        plain = match_plain(text)
        if plain is not None and plain[1] and plain[3]:
            return SentContact(text, int(q or 0), _ttl(ttl, aor_ttl))
        contact = read_contact(text)
        if contact.uri:
            return SentContact(contact.uri, int(q or 0), _ttl(ttl, aor_ttl))
        return self._at_us(contact.scheme, contact.user, q, ttl, aor_ttl, token)

    def _at_us(self, scheme: str, user: str, q: Value, ttl: Value, aor_ttl: Value, token: str) -> SentContact:
        mark = token and token + user
        user = mark or user
        if not user.isalnum() or not user.isascii():
            user = escape_user(user)
        uri = f"{scheme}:{user}{'@' if user else ''}{self._contact_at}"
        return SentContact(uri, int(q or 0), _ttl(ttl, aor_ttl), token=mark)

    def binding_key(self, entry: Mapping[str, Value]) -> int:
        """Return the hash of (registrar domain, canonical AOR): one binding, one owner (design, rule 7).

        64 bits, signed, as a column keeps them. Two keys that collide would only wait for each other.
        """
        names = self.identity(entry)
        plain = match_plain(names.aor_uri)
        is_canonical = plain is not None and plain[1] and plain[3]
        aor = names.aor_uri if is_canonical else canonical_aor(parse_uri(names.aor_uri))
        text = f"{names.request_uri.lower()} {aor}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def server_domain(server: Mapping[str, Value]) -> str:
    """Return the domain of a server: DomainName, else Host."""
    return str(server["DomainName"] or server["Host"])


def contact_ttl(entry: Mapping[str, Value], number: int) -> int:
    """Return the seconds that are asked for contact `number`: its own TTL, else AorTtl."""
    return _ttl(entry[f"TTL{number}"], entry["AorTtl"])


URIS = itemgetter(*(f"URI{number}" for number in range(1, CONTACTS + 1)))
CONTACT_NAMES = [(f"URI{number}", f"Q{number}", f"TTL{number}") for number in range(1, CONTACTS + 1)]


def _ttl(ttl: Value, aor_ttl: Value) -> int:
    return int(aor_ttl or 0) if (ttl or 0) in INHERITED_TTL else int(ttl or 0)


def _user_of(entry: Mapping[str, Value]) -> str:
    text, aor_type = str(entry["AOR"]), int(entry["AorType"] or 0)
    plain = match_plain(text)
    # Without a host, what stands there is a user only where we put a host in.
    if plain is not None and (plain[3] or aor_type in (LOCAL, REMOTE)):
        return plain[2]
    return read_aor(text, aor_type).user


def _at(aor: Uri, host_port: str) -> Uri:
    """Return the AOR's user at another host: a given host is replaced. A number of a tel URI becomes the user."""
    host, port = split_host_port(host_port)
    scheme = "sip" if aor.scheme == "tel" else aor.scheme
    return Uri(scheme, aor.user, host, port, (), "")


def _request_uri(scheme: str, host: str, port: int | None) -> str:
    """RFC 3261 §10.2: the domain of the location service; no user part."""
    return f"{scheme}:{host}" if port is None else f"{scheme}:{host}:{port}"


def _request_uri_of_domain(scheme: str, domain: str) -> str:
    host, port = split_host_port(domain)
    return _request_uri("sip" if scheme == "tel" else scheme, host, port)


def _fqdn_choice(profile: Mapping[str, Value], attribute: str, server: Mapping[str, Value], own: OwnAddress) -> str:
    """Return the host that the profile chooses, or "" for our address."""
    match profile[attribute]:
        case profiles.SBC_FQDN:
            return own.fqdn
        case profiles.SERVER_FQDN:
            return server_domain(server)
        case profiles.STATIC:
            return str(profile["StaticHost"] or "")
        case _:
            return ""


def _in_uri(host_port: str) -> str:
    """Return host and port as they stand in a URI."""
    host, port = split_host_port(host_port)
    return host if port is None else f"{host}:{port}"


def _place(own: OwnAddress) -> str:
    """Return what stands behind the user in a contact at our address."""
    host, port = split_host_port(own.host)
    # RFC 7118 §5.2: `ws` also where TLS is under it.
    name = "ws" if own.transport == "wss" else own.transport
    transport = "" if name == "udp" else f";transport={name}"
    return f"{host}:{port or own.port}{transport}"
