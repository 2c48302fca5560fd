"""What a random play depends on: the trouble that a registrar and a network make, and what an operator does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipregistrant.engine.departure import MOST_REDIRECTIONS
from sipregistrant.model.attributes import Value
from sipregistrant.sip.registration import MOST_REQUESTS

__all__ = ["OPTIONS", "Change", "Phase", "Play"]

OPTIONS = {
    "ContactURIRandomizer": 1,
    "StaggerRegistration": 1,
    "ClearRemoteRegistrationOnStartup": 1,
    "AuthorizationOnRefresh": 0,
    "RetryNonStaleNonce": 0,
}
"""Attributes of a server, by what is not their default."""


@dataclass(slots=True)
class Phase:
    """Some time of trouble."""

    seconds: int
    answers: list[str]
    loss: float = 0.0
    repeats: float = 0.0
    slowest: float = 0.02
    unsendable: float = 0.0
    forged: float = 0.0
    is_disk_full: bool = False


@dataclass(slots=True)
class Change:
    """Something that an operator does, so many seconds after the start, to one of the rows."""

    at: int
    what: str
    row: int = 0


@dataclass(slots=True)
class Play:
    """All that a play depends on."""

    seed: int = 0
    rows: int = 1
    phases: list[Phase] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    timer: int = 120
    ttl: int = 3600
    algorithm: str = "MD5"
    wants_digest: bool = True
    nonce_seconds: int = 300
    nonce_uses: int = 1000
    says_stale: bool = True
    commit_seconds: float = 0.0
    options: list[str] = field(default_factory=list)
    """What is set at the server: attributes that are on or off, `OPTIONS` has them."""
    second_password: str = ""
    """Of a second credential that fits, "" for none."""
    is_redirected: bool = False
    """The host that the registrar's 302 names may be followed to."""
    servers: int = 1
    """How many servers of the configuration are that one registrar; with the real store only."""
    is_stored: bool = False
    """With the real store, else with a list."""

    @property
    def server(self) -> dict[str, Value]:
        """The attributes of the server that are not as usual."""
        return {name: OPTIONS[name] for name in self.options}

    @property
    def most_requests(self) -> int:
        """The most requests of one attempt: from the start, where it is redirected."""
        return MOST_REQUESTS * (1 + MOST_REDIRECTIONS * self.is_redirected)

    @property
    def trouble_seconds(self) -> float:
        return float(max([sum(phase.seconds for phase in self.phases), *(change.at for change in self.changes)]))
