"""What is in memory of a registration while an attempt of it is in flight."""

from __future__ import annotations

from collections import deque

from ..model.addressing import Addressing
from ..model.schedule import Claimed, RegistrarSettings, Sent
from ..sip.registration import Attempt
from ..sip.transaction import NEVER
from .pacing import Pacing
from .reach import Reach
from .servers import ServerMemory
from .transport.flows import Address, Exchanged, Flow
from .transport.seen import ASTRAY, Seen

__all__ = ["Flight", "Registrar"]


class Registrar:
    """What the engine knows of a registrar while it has something to do there; settings are as of their `rev`."""

    __slots__ = (
        "addressing", "common", "good", "has_all", "id", "in_flight", "is_claiming", "is_starting", "reach", "ready",
        "ready_since", "route", "server", "settings", "total",
    )  # fmt: skip

    def __init__(self, id: int, reach: Reach, server: ServerMemory) -> None:
        self.id = id
        self.settings: RegistrarSettings | None = None
        # Header lines that all requests share, and the value of the Route among them.
        self.common = self.route = ""
        # As seen by each target, over the flow that requests took there.
        self.addressing: dict[object, Addressing] = {}
        self.server = server
        # How many of its registrations were good at the last claim, and how many there were.
        self.good = self.total = 0
        self.reach = reach
        # Claimed and not yet settled on disk (design, rule 3).
        self.in_flight: set[int] = set()
        self.is_claiming = False
        # Claimed ahead of the room there is, and since when.
        self.ready: deque[Claimed] = deque()
        self.ready_since = 0.0
        # The last claim brought all that was due.
        self.has_all = False
        self.is_starting = False

    @property
    def name(self) -> str:
        """Return the server's host and port, for people."""
        return "" if self.settings is None else f"{self.settings.server['Host']}:{self.settings.server['Port']}"

    @property
    def gives_up_nonces(self) -> bool:
        """Tell whether a second challenge on the same credentials is final, but for a slow try (RetryNonStaleNonce 0)."""
        return self.settings is not None and self.settings.server["RetryNonStaleNonce"] == 0

    @property
    def known_rev(self) -> int:
        return -1 if self.settings is None else self.settings.rev


class Flight:
    """One attempt in flight: the row it is for, and the way it goes."""

    __slots__ = (
        "attempt", "begun_at", "claimed", "exchanged", "flow", "generation", "is_late", "kept_as", "pacing", "peer", "peer_host",
        "redirections", "registrar", "seen", "sent_at", "socket", "tried",
    )  # fmt: skip

    def __init__(self, claimed: Claimed, registrar: Registrar, attempt: Attempt, flow: Flow, peer: Address, tried: Sent,
                 generation: int, begun_at: float, pacing: Pacing) -> None:  # fmt: skip
        self.claimed = claimed
        self.begun_at = begun_at
        self.registrar = registrar
        # That of its target: the slot goes back there, also when the registrar has other targets by then.
        self.pacing = pacing
        # Its slot was given back: it waits for an answer while others get theirs.
        self.is_late = False
        # When the request that is out now was first sent.
        self.sent_at = begun_at
        self.attempt = attempt
        self.flow = flow
        # That it would have taken, where it went to TCP for its size (SwitchToTcp); else None.
        self.socket: Flow | None = None
        self.peer = peer
        self.peer_host = peer[0]
        self.tried = tried
        # Where the registrar sees us, as far as contacts are to name that (ContactAsSeen); else None.
        self.seen: Seen | None = None
        # The UDP flow that its contact is bound to (RFC 5626), as `keep_alives.py` numbers them.
        self.kept_as = 0
        self.generation = generation
        # How many 3xx were followed to get here.
        self.redirections = 0
        # What went out and what came in, for traces (`tracing.py`).
        self.exchanged: list[Exchanged] = []

    def follow(self, before: Flight | None) -> None:
        """Go on where a 3xx has sent a flight; None is none."""
        if before is not None:
            self.redirections = before.redirections + 1
            self.exchanged = before.exchanged

    def send(self, datagram: bytes, now: float) -> str:
        """Send; return "" or why it did not leave."""
        reason = self.flow.send(datagram, self.peer)
        if not reason:
            self.exchanged.append((now, self.flow, self.peer, datagram, True))
        return reason

    @property
    def next_timeout(self) -> float:
        attempt = self.attempt
        return attempt.transaction.next_timeout if attempt.outcome is None else NEVER

    @property
    def flow_id(self) -> int:
        """What a row remembers its flow by: a connection, a UDP flow that is kept, or the address that a NAT gives us; else 0."""
        seen = 0 if self.seen is None else self.seen.id
        return ASTRAY if seen == ASTRAY else self.flow.id or self.kept_as or seen

    @property
    def cseq(self) -> int:
        return self.attempt.cseq
