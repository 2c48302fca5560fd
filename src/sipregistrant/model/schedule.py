"""The vocabulary between the engine and the store: what `claim` hands out and what `settle` takes back.

Neither side imports the other; a test can run the engine on a list. Instants are seconds of schedule time (`float`)
here and in the engine; the store keeps milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from ..sip.authentication import Credential
from ..sip.behaviour import USUAL, Behaviour
from ..sip.bindings import SentContact
from ..sip.learned import Learned
from .resource import Values
from .servers import FLOWS

__all__ = [
    "Claim",
    "Claimed",
    "Class",
    "Monitored",
    "RegistrarSettings",
    "Rival",
    "Schedule",
    "Sent",
    "SentContact",
    "Settled",
]


class Class(IntEnum):
    """Which queue of its registrar a row waits in (design, rule 2)."""

    HELD = 0
    NEW = 1
    UNREGISTER = 2
    FAILING = 3


quoted = json.encoder.encode_basestring_ascii
"""A text as JSON. An encoder for the whole costs five times as much (measured)."""


def _contact_json(contact: SentContact) -> str:
    granted = "null" if contact.granted is None else contact.granted
    token = f",{quoted(contact.token)}" if contact.token or contact.flow else ""
    if contact.flow:
        token += f",{quoted(contact.flow)}"
    return f"[{quoted(contact.uri)},{contact.q},{contact.asked},{granted},{quoted(contact.matched)}{token}]"


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
    route: str = ""
    """The value of the Route header; "" where there was none, or nobody knows any more."""

    def to_json(self) -> str:
        """Return the text that `bound.sent` keeps."""
        contacts = ",".join([_contact_json(contact) for contact in self.contacts])
        route = f",{quoted(self.route)}" if self.route else ""
        return (
            f"[{quoted(self.aor)},{quoted(self.from_uri)},{quoted(self.request_uri)},{quoted(self.host)},{self.port},"
            f"{quoted(self.transport)},[{contacts}]{route}]"
        )

    @classmethod
    def from_json(cls, text: str) -> Sent:
        """Read what `to_json` wrote."""
        aor, from_uri, request_uri, host, port, transport, contacts, *route = json.loads(text)
        return cls(aor, from_uri, request_uri, host, port, transport, [SentContact(*contact) for contact in contacts],
                   *route)  # fmt: skip


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
    tls: Values | None = None
    """The TLS profile of the server; None where it names none."""
    security: dict[str, int] = field(default_factory=dict)
    """The strength of the algorithm that each realm has shown: no weaker one is answered."""
    flow: int = 0
    """Which of the server's flows (RFC 5626), from 0."""
    behaviour: Behaviour = USUAL
    """What its provider profile comes to."""

    @property
    def reg_id(self) -> int:
        """The reg-id of registrations over this flow; 0 where the server has no flows."""
        return self.flow + 1 if self.server[FLOWS] else 0


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
    attempted_at: float = 0.0
    clears: bool = False
    """Our contacts are to be removed once before they are bound again (ClearRemoteRegistrationOnStartup)."""
    learned: str = ""
    credentials: list[Credential] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)
    entry_uid: int = 0
    """0 for a tombstone."""

    @property
    def is_removal(self) -> bool:
        """Tell whether the attempt un-registers."""
        return not self.desired or self.clears

    @property
    def preferred_credential(self) -> str:
        """Return the id of the credential that worked last, where it was not the first that fits."""
        return Learned.from_json(self.learned).credential if self.learned else ""

    @property
    def has_flow(self) -> bool:
        """Tell whether the registrar has bound it to a flow: then its binding is its own, whoever else names the same URI."""
        return Learned.from_json(self.learned).outbound if self.learned else False


@dataclass(slots=True)
class Claim:
    """What one call of `claim` gives: the rows, the registrar's settings where they are news, and when the next row
    is due.

    `good` is how many of its `total` registrations were accepted at last. Where the registrar staggers,
    `has_staggered` tells that a first REGISTER or an un-REGISTER is among the rows, `is_staggering` that more of them wait.
    """

    rows: list[Claimed]
    settings: RegistrarSettings | None
    next_due_at: float | None
    good: int = 0
    total: int = 0
    has_staggered: bool = False
    is_staggering: bool = False


@dataclass(slots=True)
class Settled:
    """What an attempt leaves in its row.

    `due_at` None parks the row. `is_over` tells that nothing is held any more and nothing wanted: a tombstone is
    deleted then. `sent`, `min_expires` and `learned` are None where `bound` stays as it is, `security` where nothing
    stronger was seen.
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
    learned: str | None = None
    security: tuple[str, int] | None = None
    flow_id: int = 0
    """The connection that it was registered over; 0 for none."""
    is_elsewhere: bool = False
    """It stays registered, but another registrar's address or other contacts are bound than before."""
    aor: str = ""
    """Of one whose state has changed, for people."""


@dataclass(slots=True)
class Monitored:
    """The settings of registrars that are to be watched, where their rev is news, and the ids of those that are not to be any
    more. `is_all` is false where more of the settings are news: to be had by asking again.
    """

    settings: list[RegistrarSettings]
    gone: list[int]
    is_all: bool = True


class Schedule(Protocol):
    """The only way in and out of the schedule."""

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        """Return at most `limit` due rows of a registrar, none of them of `in_flight`.

        Rows that were refused since `refused_since` (0: never) are due now: it was the registrar's fault.

        Of a registrar that staggers, one of them may be a first REGISTER or an un-REGISTER; none where not
        `may_stagger`.
        """

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        """Write what attempts left; when this returns, it is on disk. Return the registrars of which rows are due
        again.
        """

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        """Make rows due as they were before they were claimed: they were not sent."""

    async def lose_flow(self, flow_id: int) -> None:
        """Make due what was registered over a connection that is gone: nobody reaches it any more (design, rule 9)."""

    async def heads(self) -> list[tuple[int, float]]:
        """Return (registrar, earliest due instant) of each registrar that has anything to do."""

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        """Return what is news of the registrars that are watched (`Monitor` 1, the group on) to who knows these: id -> rev."""
