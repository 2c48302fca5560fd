"""The vocabulary between the engine and the store: what `claim` hands out and what `settle` takes back.

Neither side imports the other; a test can run the engine on a list. Instants are seconds of schedule time (`float`)
here and in the engine; the store keeps milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from ..sip.registration import Credential
from .resource import Values

__all__ = ["Claim", "Claimed", "Class", "RegistrarSettings", "Rival", "Schedule", "Sent", "SentContact", "Settled"]  # fmt: skip


class Class(IntEnum):
    """Which queue of its registrar a row waits in (design, rule 2)."""

    HELD = 0
    NEW = 1
    UNREGISTER = 2
    FAILING = 3


@dataclass(slots=True)
class SentContact:
    """One contact as it stood in a REGISTER, and what the 200 said of it.

    `q` in hundredths; `asked` and `granted` in seconds, `granted` None where the 200 did not list it; `matched` says
    how it was found there: `uri` (RFC 3261 §19.1.4), `only` (the only unknown one), "" not at all.
    """

    uri: str
    q: int
    asked: int
    granted: int | None = None
    matched: str = ""


@dataclass(slots=True)
class Sent:
    """What the registrar holds, or may hold, and where: all that an un-REGISTER needs."""

    aor: str
    from_uri: str
    request_uri: str
    host: str
    port: int
    transport: str
    contacts: list[SentContact] = field(default_factory=list)

    def to_json(self) -> str:
        """Return the text that `bound.sent` keeps."""
        contacts = [[c.uri, c.q, c.asked, c.granted, c.matched] for c in self.contacts]
        values = [self.aor, self.from_uri, self.request_uri, self.host, self.port, self.transport, contacts]
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Sent:
        """Read what `to_json` wrote."""
        aor, from_uri, request_uri, host, port, transport, contacts = json.loads(text)
        return cls(aor, from_uri, request_uri, host, port, transport, [SentContact(*contact) for contact in contacts])


@dataclass(frozen=True, slots=True)
class Rival:
    """Another row of the same binding key that wants its contacts: none of them may be removed."""

    registration_id: int
    is_same_group: bool
    entry: Values
    sent: Sent | None


@dataclass(slots=True)
class RegistrarSettings:
    """A server as one signaling group reaches it: the configuration that all its registrations share."""

    id: int
    rev: int
    group_uid: int
    server_uid: int
    group: Values
    profile: Values
    server: Values
    credentials_uid: int | None
    is_gone: bool = False


@dataclass(slots=True)
class Claimed:
    """A row that is due: what an attempt needs of it, and what its settling must know.

    `entry` is None for a tombstone that has been sent (then `sent` has it all). `unanswered` is the entry as it was when a
    REGISTER of it went out of which nothing is known, where it has changed since.
    """

    id: int
    registrar_id: int
    binding_key: int
    desired: bool
    klass: Class
    due_at: float
    state: int
    wanted_rev: int
    applied_rev: int
    cseq: int
    generation: int
    expires_at: float
    maybe_held_until: float
    since_at: float
    failures: int
    last_code: int
    challenge: str | None
    nonce_count: int
    min_expires: int
    entry: Values | None
    sent: Sent | None
    unanswered: Values | None = None
    is_tombstone: bool = False
    credentials: list[Credential] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)


@dataclass(slots=True)
class Claim:
    """What one call of `claim` gives: the rows, the registrar's settings where they are news, and when the next row
    is due.
    """

    rows: list[Claimed]
    settings: RegistrarSettings | None
    next_due_at: float | None


@dataclass(slots=True)
class Settled:
    """What an attempt leaves in its row.

    `due_at` None parks the row. `is_over` tells that nothing is held any more and nothing wanted: a tombstone is
    deleted then. `sent` is None where `bound` stays as it is.
    """

    id: int
    wanted_rev: int
    klass: Class
    due_at: float | None
    state: int
    cseq: int
    generation: int
    expires_at: float
    maybe_held_until: float
    attempted_at: float
    since_at: float
    failures: int
    last_code: int
    last_reason: str | None
    challenge: str | None
    nonce_count: int
    registrar_id: int = 0
    old_state: int = 0
    is_over: bool = False
    sent: Sent | None = None
    min_expires: int | None = None


class Schedule(Protocol):
    """The only way in and out of the schedule."""

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int]) -> Claim:
        """Return at most `limit` due rows of a registrar, none of them of `in_flight`."""

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        """Write what attempts left; when this returns, it is on disk. Return the registrars of which rows are due
        again.
        """

    async def heads(self) -> list[tuple[int, float]]:
        """Return (registrar, earliest due instant) of each registrar that has anything to do."""
