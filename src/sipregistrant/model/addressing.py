"""What an entry puts on the wire at one server: AOR, From, Request-URI and contacts.

Each rule is a decision about an attribute of the SBC Edge: AorType, URIn, Qn, TTLn, the profile's FQDN choices.
Nothing here knows a socket; our own address comes in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ..sip.uri import Uri, canonical_aor, escape_user, parse_uri, split_host_port
from . import profiles
from .attributes import Value
from .registrants import CONTACTS, INHERITED_TTL
from .schedule import SentContact
from .servers import TCP, TLS, UDP
from .uris import LOCAL, NONE, REMOTE, STATIC, ContactText, read_aor, read_contact

__all__ = [
    "SHAPES_REGISTER",
    "TRANSPORTS",
    "Identity",
    "OwnAddress",
    "aor_user",
    "binding_key",
    "contact_ttl",
    "contacts",
    "identity",
]

TRANSPORTS = {UDP: "udp", TCP: "tcp", TLS: "tls"}

SHAPES_REGISTER: Mapping[str, frozenset[str]] = {
    "sipserver": frozenset({
        "ServerLookup", "Host", "HostIpVersion", "DomainName", "ServiceName", "Port", "Protocol", "ContactURIRandomizer",
        "TLSProfileID", "RemoteAuthorizationTableID", "ContactRegistrantTableID",
    }),
    "sipprofile": frozenset({"FQDNinFromHeader", "FQDNinContactHeader", "StaticHost"}),
    "sipsg": frozenset({
        "customAdminState", "ConfigIEState", "ProfileID", "ServerClusterId", "ListenPort_1", "Protocol_1",
        "NetInterfaceSignaling", "OutboundProxy", "OutboundProxyPort",
    }),
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


@dataclass(frozen=True, slots=True)
class Identity:
    """Who registers, and where: the URIs of To, From and Request-URI. `aor_uri` is the To."""

    aor_uri: str
    from_uri: str
    request_uri: str


def aor_user(aor: str, aor_type: int) -> str:
    """Return the user part of an AOR, its escapes resolved: what credentials are chosen by."""
    return unquote(read_aor(aor, aor_type).user)


def identity(entry: Mapping[str, Value], server: Mapping[str, Value], profile: Mapping[str, Value],
             own: OwnAddress) -> Identity:  # fmt: skip
    """Return the URIs of a REGISTER for this entry at this server."""
    aor_type = int(entry["AorType"] or 0)
    aor = read_aor(str(entry["AOR"]), aor_type)
    domain = server_domain(server)
    if aor_type == STATIC:
        return Identity(str(aor), str(aor), _request_uri(aor.scheme, aor.host, aor.port))
    if aor_type == LOCAL:
        aor = _at(aor, _fqdn_choice(profile, "FQDNinFromHeader", server, own) or own.host)
    elif aor_type == REMOTE:
        aor = _at(aor, domain)
    elif aor.scheme == "tel":
        # RFC 3261 §10.2: To and Request-URI of a REGISTER are SIP or SIPS URIs; §19.1.6 tells how a number becomes one.
        aor = replace(_at(aor, domain), parameters=(("user", "phone"),))
    request_uri = (
        _request_uri(aor.scheme, aor.host, aor.port) if aor_type == NONE else _request_uri_of_domain(aor.scheme, domain)
    )
    from_host = _fqdn_choice(profile, "FQDNinFromHeader", server, own) or own.host
    from_uri = _at(aor, from_host) if aor.user else aor
    return Identity(str(aor), str(from_uri), request_uri)


def server_domain(server: Mapping[str, Value]) -> str:
    """Return the domain of a server: DomainName, else Host."""
    return str(server["DomainName"] or server["Host"])


def binding_key(entry: Mapping[str, Value], server: Mapping[str, Value], profile: Mapping[str, Value],
                own: OwnAddress) -> int:  # fmt: skip
    """Return the hash of (registrar domain, canonical AOR): one binding, one owner (design, rule 7).

    64 bits, signed, as a column keeps them. Two keys that collide would only wait for each other.
    """
    names = identity(entry, server, profile, own)
    text = f"{names.request_uri.lower()} {canonical_aor(parse_uri(names.aor_uri))}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def contact_ttl(entry: Mapping[str, Value], number: int) -> int:
    """Return the seconds that are asked for contact `number`: its own TTL, else AorTtl."""
    ttl = int(entry[f"TTL{number}"] or 0)
    return int(entry["AorTtl"] or 0) if ttl in INHERITED_TTL else ttl


def contacts(entry: Mapping[str, Value], server: Mapping[str, Value], profile: Mapping[str, Value],
             own: OwnAddress, token: str = "") -> list[SentContact]:  # fmt: skip
    """Return the contacts of an entry as they are sent, completed with our address where they have none.

    `token` stands before the user of each contact at our address (ContactURIRandomizer); a contact that is written in full
    is somebody else's address, who would not know it.
    """
    host = _fqdn_choice(profile, "FQDNinContactHeader", server, own) or own.host
    here = replace(own, host=host)
    used = [n for n in range(1, CONTACTS + 1) if entry[f"URI{n}"]]
    found = []
    for number in used or [1]:
        # No URIn at all: one contact of the AOR's user at our address.
        text = str(entry[f"URI{number}"]) if used else ""
        contact = read_contact(text) if text else ContactText(scheme="sip", user=_user_of(entry))
        uri, mark = contact.uri, ""
        if not uri:
            mark = token and token + contact.user
            uri = _at_us(contact.scheme, mark or contact.user, here)
        found.append(SentContact(uri, int(entry[f"Q{number}"] or 0), contact_ttl(entry, number), token=mark))
    return found


def _user_of(entry: Mapping[str, Value]) -> str:
    return read_aor(str(entry["AOR"]), int(entry["AorType"] or 0)).user


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


def _at_us(scheme: str, user: str, own: OwnAddress) -> str:
    host, port = split_host_port(own.host)
    transport = "" if own.transport == "udp" else f";transport={own.transport}"
    return f"{scheme}:{escape_user(user)}{'@' if user else ''}{host}:{port or own.port}{transport}"
