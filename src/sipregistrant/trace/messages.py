"""What is kept: the messages of an attempt, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Address", "Attempt", "Message"]

Address = tuple[str, int]
"""An IP address and a port."""


@dataclass(slots=True)
class Message:
    """One message, its secrets masked. `at` is in seconds of schedule time, which is that of the wall."""

    at: float
    is_sent: bool
    local: Address
    remote: Address
    transport: str
    """In lower case: udp, tcp, tls, ws, wss."""
    data: bytes
    is_repeated: bool = False
    """Sent once more, as it was."""

    @property
    def source(self) -> Address:
        return self.local if self.is_sent else self.remote

    @property
    def destination(self) -> Address:
        return self.remote if self.is_sent else self.local


@dataclass(slots=True)
class Attempt:
    """One attempt at a registration. `code` is 0 where no final answer came, `reason` "" where it succeeded."""

    registration: int
    aor: str
    server: str
    """Its name for people: host and port."""
    ended_at: float
    outcome: str
    """`accepted`, `removed`, `refused`, `timed_out`, `not_sent` or `crashed`."""
    code: int
    reason: str
    messages: Sequence[Message]

    @property
    def has_failed(self) -> bool:
        """Tell whether it is kept without being asked for."""
        return self.outcome not in ("accepted", "removed")
