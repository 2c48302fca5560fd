"""From a server's configuration, a route or a 3xx to targets: RFC 3263 §4.1 and §4.2.

What was chosen in the configuration is not asked for: the transport (`Protocol` and `WebSocketPath`), and with `ServerLookup` 0
the port. A host that is an address is never looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import SipRegistrantError
from ...model.addressing import TRANSPORTS, WEB_SOCKETS
from ...model.schedule import RegistrarSettings
from ...model.servers import BY_SRV, UDP, WEB_SOCKET_PATH
from ...sip.targets import Target, Weighted
from ...sip.uri import Uri, is_ip_address
from .resolver import Resolver
from .routing import DEFAULT_PORT, route_set

__all__ = [
    "DEFAULT_PORT",
    "Unreachable",
    "find_targets",
    "targets_at",
    "targets_of_domain",
    "targets_of_place",
    "targets_of_uri",
]

DEFAULT_PORTS = {"tls": 5061, "ws": 80, "wss": 443}  # the last two: RFC 7118 §5.3

NAPTR_SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
"""RFC 3263 §4.1; what else there is we do not speak."""

# More behind one name are not tried.
MOST_TARGETS = 16


class Unreachable(SipRegistrantError):
    """A request cannot be sent as things are; the sentence says why. Before the instant `until` nothing can be sent there."""

    def __init__(self, reason: str, until: float = 0.0) -> None:
        super().__init__(reason)
        self.until = until


def default_port(transport: str) -> int:
    """Return the port of a transport where none is said."""
    return DEFAULT_PORTS.get(transport, DEFAULT_PORT)


def transport_to(settings: RegistrarSettings) -> str:
    """Return what a server is reached over. Raises `Unreachable`."""
    server = settings.server
    protocol = int(server["Protocol"] or UDP)
    if not server[WEB_SOCKET_PATH]:
        return TRANSPORTS[protocol]
    if protocol not in WEB_SOCKETS:
        raise Unreachable("a WebSocket needs TCP or TLS: WebSocketPath of the server goes with Protocol 2 or 4")
    return WEB_SOCKETS[protocol]


async def find_targets(settings: RegistrarSettings, resolver: Resolver) -> list[Weighted]:
    """Return where requests to a registrar may go. Raises `Unreachable`."""
    server, group = settings.server, settings.group
    if settings.is_gone:
        raise Unreachable("the server or its signaling group was deleted")
    transport = transport_to(settings)
    prefer_ipv6 = server["HostIpVersion"] == 1
    if routes := route_set(settings):
        return await targets_of_uri(routes[0], resolver, transport=transport, prefer_ipv6=prefer_ipv6)
    if proxy := str(group["OutboundProxy"] or ""):
        port = int(group["OutboundProxyPort"] or default_port(transport))
        return await targets_at(proxy, port, resolver, transport=transport, prefer_ipv6=prefer_ipv6)
    if server["ServerLookup"] == BY_SRV:
        domain, service = str(server["DomainName"] or server["Host"]), str(server["ServiceName"] or "sip")
        return await _by_srv(domain, service, transport, resolver, prefer_ipv6=prefer_ipv6)
    port = int(server["Port"] or default_port(transport))
    return await targets_at(str(server["Host"]), port, resolver, transport=transport, prefer_ipv6=prefer_ipv6)


async def targets_of_uri(uri: Uri, resolver: Resolver, *, transport: str, prefer_ipv6: bool) -> list[Weighted]:
    """Return the targets that a URI stands for; over `transport` where it names none. Raises `Unreachable`."""
    named = uri.parameter("transport")
    if transport in WEB_SOCKETS.values():
        # What is reached over a WebSocket has no other way; `ws` stands for both in a URI (RFC 7118 §5.2).
        return await targets_at(uri.host, uri.port, resolver, transport=transport, prefer_ipv6=prefer_ipv6)
    if uri.scheme == "sips":
        transport = "tls"  # RFC 3261 §26.2.2: also with transport=tcp
    elif named:
        transport = named.lower()
    if uri.port is None and named is None:
        # Who wants TLS gets nothing less.
        transports = [transport] if transport == "tls" else sorted(("tcp", "udp"), key=lambda one: one != transport)
        return await targets_of_domain(uri.host, resolver, transports, prefer_ipv6=prefer_ipv6)
    return await targets_at(uri.host, uri.port, resolver, transport=transport, prefer_ipv6=prefer_ipv6)


async def targets_of_place(host: str, port: int | None, transport: str, resolver: Resolver) -> list[Weighted]:
    """Return the targets of a place that a 3xx names, with the transport that it names or "". Raises `Unreachable`."""
    if port is None and not transport:
        return await targets_of_domain(host, resolver, ("udp", "tcp"))
    return await targets_at(host, port, resolver, transport=transport or "udp")


async def targets_of_domain(domain: str, resolver: Resolver, transports: Sequence[str], *,
                            prefer_ipv6: bool = False) -> list[Weighted]:  # fmt: skip
    """Return the targets of a domain that chooses the transport, among some of which the first is taken where it chooses none.

    RFC 3263 §4.1: NAPTR records, else SRV records of each transport, else the domain itself. Raises `Unreachable`.
    """
    if is_ip_address(domain.strip("[]")):
        return await targets_at(domain, None, resolver, transport=transports[0], prefer_ipv6=prefer_ipv6)
    names = await _pointed_to(domain, resolver, transports)
    names += [(srv_name(domain, "sip", transport), transport) for transport in transports]
    fault = None
    for name, transport in dict.fromkeys(names):
        try:
            if found := await _at_services(name, transport, resolver, prefer_ipv6=prefer_ipv6):
                return found
        except Unreachable as error:
            fault = fault or error
    if fault is not None:
        raise fault
    port = default_port(transports[0])
    return await targets_at(domain, port, resolver, transport=transports[0], prefer_ipv6=prefer_ipv6)


async def _pointed_to(domain: str, resolver: Resolver, transports: Sequence[str]) -> list[tuple[str, str]]:
    """Return the names of SRV records that NAPTR records point to, and their transports, in their order; a record that we can do
    nothing with is passed over (RFC 3263 §4.1). Nothing that it points to is asked for NAPTR again: there are no circles.
    """
    try:
        pointers = await resolver.pointers(domain)
    except OSError:
        # Some name servers know nothing of NAPTR; where none answers at all the next question tells.
        return []
    return [
        (pointer.replacement, transport)
        for pointer in sorted(pointers)[:MOST_TARGETS]
        if (transport := NAPTR_SERVICES.get(pointer.service)) in transports
        and transport is not None and pointer.flags == "s" and pointer.replacement and not pointer.regexp
    ]  # fmt: skip


async def targets_at(host: str, port: int | None, resolver: Resolver, *, transport: str = "udp",
                     prefer_ipv6: bool = False) -> list[Weighted]:  # fmt: skip
    """Return the targets that a host and a port stand for; without a port a name is asked for services first.

    Raises `Unreachable`.
    """
    if port is None and not is_ip_address(host.strip("[]")):
        return await _by_srv(host, "sip", transport, resolver, prefer_ipv6=prefer_ipv6)
    try:
        addresses = await resolver.addresses(host, prefer_ipv6=prefer_ipv6)
    except OSError as error:
        raise Unreachable(f"no address for {host}: {error.strerror or error}") from None
    port = port or default_port(transport)
    # They are alike: each registration has its own order among them.
    return [Weighted(Target(address, port, transport), 0, 1) for address in addresses[:MOST_TARGETS]]


def srv_name(domain: str, service: str, transport: str) -> str:
    """Return the name whose SRV records are asked for: RFC 3263 §4.1; TLS is the service `sips` over TCP, `wss`
    over `ws` likewise.
    """
    if transport in ("tls", "wss"):
        return f"_{'sips' if service == 'sip' else service}._{'tcp' if transport == 'tls' else 'ws'}.{domain}"
    return f"_{service}._{transport}.{domain}"


async def _by_srv(domain: str, service: str, transport: str, resolver: Resolver, *,
                  prefer_ipv6: bool) -> list[Weighted]:  # fmt: skip
    found = await _at_services(srv_name(domain, service, transport), transport, resolver, prefer_ipv6=prefer_ipv6)
    if found:
        return found
    # §4.2: without SRV records the domain itself is the host.
    return await targets_at(domain, default_port(transport), resolver, transport=transport, prefer_ipv6=prefer_ipv6)


async def _at_services(name: str, transport: str, resolver: Resolver, *, prefer_ipv6: bool) -> list[Weighted]:
    """Return the targets that SRV records name, none where there are no records. Raises `Unreachable`."""
    try:
        services = await resolver.services(name)
    except OSError as error:
        raise Unreachable(f"no services of {name}: {error.strerror or error}") from None
    found: list[Weighted] = []
    faults: list[str] = []
    for one in sorted(services)[:MOST_TARGETS]:
        if not one.host:
            faults.append("the service is not offered there")
            continue
        try:
            addresses = await resolver.addresses(one.host, prefer_ipv6=prefer_ipv6)
        except OSError as error:
            faults.append(f"no address for {one.host}: {error.strerror or error}")
            continue
        found += [Weighted(Target(address, one.port, transport), one.priority, one.weight) for address in addresses]
    if faults and not found:
        raise Unreachable(f"{name}: {'; '.join(faults)}")
    return found[:MOST_TARGETS]
