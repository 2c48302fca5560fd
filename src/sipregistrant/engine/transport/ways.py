"""The way to a target: the socket of the signaling group over UDP, a connection over TCP, TLS and WebSockets."""

from __future__ import annotations

from dataclasses import replace

from ...errors import ConfigurationError
from ...model.addressing import SHAPES_REGISTER
from ...model.schedule import RegistrarSettings
from ...model.servers import BY_SRV, WEB_SOCKET_PATH
from ...sip.targets import Target
from ...sip.uri import is_ip_address, split_host_port
from ..naming.routing import next_domain, route_set
from ..naming.targets import Unreachable
from .flows import Flow, Flows, UdpFlow
from .streams import BackingOff, Place, Streams
from .tls import TlsFiles, TlsTerms, handshake_seconds, make_terms

__all__ = ["Ways"]

SHAPES_TERMS = sorted(SHAPES_REGISTER["siptlsprofile"])


class Ways:
    """Finds the flow of an attempt. What TLS needs is made once for each state of a registrar's settings."""

    def __init__(self, flows: Flows, streams: Streams, files: TlsFiles) -> None:
        self._flows = flows
        self._streams = streams
        self._files = files
        # By what they are made of: registrars that say the same have the same.
        self._terms: dict[object, TlsTerms] = {}

    def to(self, target: Target, settings: RegistrarSettings, row_id: int) -> Flow:
        """Return the flow that a row of a registrar takes. Raises `Unreachable`.

        Those of several flows (RFC 5626) have connections of their own. Over UDP they have a socket each as far as the group has
        several: there a flow is no more than addresses and ports.
        """
        is_udp = target.transport == UdpFlow.transport
        socket = self._flows.of_group(settings.group_uid, row_id if is_udp and not settings.reg_id else settings.flow)
        if socket is None:
            raise Unreachable(self._flows.why_not(settings.group_uid))
        if is_udp:
            return socket
        server = settings.server
        sockets = int(server["TransportSocket"] or 1)
        number = row_id % sockets + sockets * settings.flow if server["ReuseTransport"] else row_id
        terms = None if target.transport in ("tcp", "ws") else self._terms_of(settings)
        place = Place(settings.group_uid, target.host, target.port, target.transport, number, uri_of(target, settings))
        own = (socket.local_host_towards(target.host), socket.port)
        idle_seconds = 60.0 * int(server["ReuseTimeout"] or 0)
        try:
            return self._streams.of(place, own, terms, idle_seconds, socket.address.dscp)
        except BackingOff as fault:
            reason = f"{target}: {fault}"
            if not server["ReuseTransport"]:
                # Of a connection of its own a row alone has to wait.
                raise Unreachable(reason) from None
            for number in range(sockets * settings.flow, sockets * (settings.flow + 1)):
                if (sibling := self._streams.standing(replace(place, number=number))) is not None:
                    return sibling
            raise Unreachable(reason, fault.until) from None

    def _terms_of(self, settings: RegistrarSettings) -> TlsTerms:
        if settings.tls is None:
            raise Unreachable("TLS needs a TLS profile: TLSProfileID of the server names none that exists")
        domain = next_domain(settings).strip("[]")
        made_of = (domain, *(settings.tls[name] for name in SHAPES_TERMS))
        terms = self._terms.get(made_of)
        if terms is None:
            try:
                terms = make_terms(settings.tls, domain, is_address=is_ip_address(domain), files=self._files)
            except ConfigurationError as error:
                raise Unreachable(str(error)) from None
        elif terms.seconds != (seconds := handshake_seconds(settings.tls)):
            terms = replace(terms, seconds=seconds)
        self._terms[made_of] = terms
        return terms


def uri_of(target: Target, settings: RegistrarSettings) -> str:
    """Return the URI of the WebSocket at a target, "" where that is none. The host in it is the one that was asked for."""
    if target.transport not in ("ws", "wss"):
        return ""
    server, proxy = settings.server, str(settings.group["OutboundProxy"] or "")
    by_srv = server["ServerLookup"] == BY_SRV
    routes = route_set(settings)
    host, _ = split_host_port(
        routes[0].host if routes else proxy or str((by_srv and server["DomainName"]) or server["Host"])
    )  # fmt: skip
    return f"{target.transport}://{host}:{target.port}{server[WEB_SOCKET_PATH]}"
