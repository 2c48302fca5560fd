"""What is too large for a datagram goes over TCP, where the server wants that: SwitchToTcp, RFC 3261 §18.1.1.

The size is known when a request is rendered, and the answer to a challenge is larger than what was challenged: so it is looked
at with each request. Contacts stay as they are for UDP. Where no connection stands, the same request goes over UDP after all.
"""

from __future__ import annotations

import structlog

from ...model.servers import SWITCHES_TO_TCP
from ...sip.targets import Target
from ..flight import Flight
from ..naming.targets import Unreachable
from .flows import Address
from .ways import Ways

__all__ = ["LARGEST_DATAGRAM", "Switching"]

log = structlog.get_logger()

LARGEST_DATAGRAM = 1300
"""Bytes: the path MTU is not known."""

# So long nobody asks again for a connection where there was none.
WITHOUT_TCP_SECONDS = 600.0

MOST_REMEMBERED = 1024


class Switching:
    """Takes attempts from UDP to TCP, and back."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._without_tcp_until: dict[Address, float] = {}

    def over_tcp(self, flight: Flight, datagram: bytes, now: float) -> bytes:
        """Return what is to be sent in the place of a request that is larger than a datagram, which was not sent yet."""
        settings = flight.registrar.settings
        if settings is None or not settings.server[SWITCHES_TO_TCP] or flight.flow.is_reliable:
            return datagram
        if self._without_tcp_until.get(flight.peer, 0.0) > now:
            return datagram
        try:
            flow = self._ways.to(Target(*flight.peer, "tcp"), settings, flight.claimed.id)
        except Unreachable:
            return datagram
        flight.socket, flight.flow = flight.flow, flow
        # Where a connection is seen from says nothing of the socket that contacts name.
        flight.seen = None
        return flight.attempt.go_over("TCP", now, is_reliable=True)

    def back(self, flight: Flight, now: float) -> bytes | None:
        """Return what goes over UDP after all, now that its connection never stood; None where nothing does."""
        if flight.socket is None or flight.attempt.outcome is not None:
            return None
        if self._without_tcp_until.get(flight.peer, 0.0) <= now:
            if len(self._without_tcp_until) >= MOST_REMEMBERED:
                self._without_tcp_until.clear()
            self._without_tcp_until[flight.peer] = now + WITHOUT_TCP_SECONDS
            log.warning("target.no_tcp", server=flight.registrar.name,
                        hint="what is too large for a datagram (SwitchToTcp) goes over UDP for ten minutes")  # fmt: skip
        flight.flow, flight.socket = flight.socket, None
        return flight.attempt.go_over("UDP", now, is_reliable=False)
