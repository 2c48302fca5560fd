"""From a server's configuration to its targets: RFC 3263 §4.1 and §4.2.

What was chosen in the configuration is not asked for: the transport (`Protocol` and `WebSocketPath`), and with `ServerLookup` 0
the port. A host that is an address is never looked up.
"""

from __future__ import annotations

from ..errors import SipRegistrantError
from ..model.addressing import TRANSPORTS, WEB_SOCKETS
from ..model.schedule import RegistrarSettings
from ..model.servers import BY_SRV, UDP, WEB_SOCKET_PATH
from ..sip.targets import Target, Weighted
from ..sip.uri import Uri, is_ip_address
from .resolver import Resolver
from .routing import DEFAULT_PORT, route_set

__all__ = ["DEFAULT_PORT", "Unreachable", "find_targets", "targets_at", "targets_of_uri"]

DEFAULT_PORTS = {"tls": 5061, "ws": 80, "wss": 443}  # the last two: RFC 7118 §5.3

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
    transport = (uri.parameter("transport") or transport).lower()
    if uri.scheme == "sips":
        transport = "tls"  # RFC 3261 §26.2.2: also with transport=tcp
    return await targets_at(uri.host, uri.port, resolver, transport=transport, prefer_ipv6=prefer_ipv6)


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
    name = srv_name(domain, service, transport)
    try:
        services = await resolver.services(name)
    except OSError as error:
        raise Unreachable(f"no services of {name}: {error.strerror or error}") from None
    if not services:
        # §4.2: without SRV records the domain itself is the host.
        return await targets_at(domain, default_port(transport), resolver, transport=transport, prefer_ipv6=prefer_ipv6)
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
    if not found:
        raise Unreachable(f"{name}: {'; '.join(faults)}")
    return found[:MOST_TARGETS]
