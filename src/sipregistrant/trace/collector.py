"""The way to a collector: UDP, and nobody waits for it. What it does not take is lost, and nothing else is."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from .hep import as_hep
from .messages import Message

__all__ = ["Collector", "CollectorSettings"]


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Where the collector is, an IP address and a port; None for nowhere."""

    address: tuple[str, int] | None = None
    agent: int = 2001
    """What it knows this program by."""
    gets_all: bool = False
    """It gets the messages of every attempt, and not only of those that are kept."""


class Collector:
    """Sends messages, masked as they are, as HEP3."""

    def __init__(self) -> None:
        self._settings = CollectorSettings()
        self._socket: socket.socket | None = None
        self.sent = 0
        self.lost = 0
        """Packets that did not leave this machine."""

    @property
    def gets_all(self) -> bool:
        return self._settings.address is not None and self._settings.gets_all

    def use(self, settings: CollectorSettings) -> None:
        """Send there from now on."""
        if settings != self._settings:
            self.close()
            self._settings = settings

    def send(self, messages: Sequence[Message], correlation: str) -> None:
        """Send messages; never waits, and never fails. `correlation` tells collectors which belong together."""
        address, agent = self._settings.address, self._settings.agent
        if address is None:
            return
        for message in messages:
            try:
                self._open(address[0]).sendto(as_hep(message, agent, correlation=correlation.encode()[:255]), address)
                self.sent += 1
            except OSError:
                self.lost += 1

    def _open(self, host: str) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self._socket

    def close(self) -> None:
        """Send no more, until something is to be sent again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
