"""What is in memory of who is watched: the registrars, their targets, and the OPTIONS in flight.

Of the settings of a registrar only what is not as usual is kept, and what several have in common once: there may be thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model.resource import Values
from ..model.schedule import RegistrarSettings
from ..model.servers import BY_ADDRESS, ENTRY, ROUTE_SET
from ..sip import options
from ..sip.message import Response
from ..sip.targets import Target
from ..sip.transaction import NEVER, ClientTransaction
from ..sip.uri import is_ip_address
from .pacing import Pacing
from .transport.flows import Flow

__all__ = ["Inquiry", "Shared", "Watch", "Watched"]

USUAL: Values = ENTRY.to_create({"Host": "192.0.2.1"})

# After a start, and after a change: by then what is due has been sent, and its answer says as much.
FIRST_AFTER_SECONDS = 2.0

# A registrar that answers REGISTERs and no OPTIONS is asked so many times more seldom.
MORE_SELDOM = 10


class Watch:
    """A target as one signaling group reaches it. Times are instants of the schedule, in seconds."""

    __slots__ = (
        "asked_at", "cseq", "generation", "group_uid", "has_answered", "inquiry", "is_told", "made_at", "not_before", "pacing",
        "registrars", "target",
    )  # fmt: skip

    def __init__(self, group_uid: int, target: Target, pacing: Pacing, made_at: float) -> None:
        self.group_uid = group_uid
        self.target = target
        self.pacing = pacing
        # Those that are watched there: it is asked once for all of them.
        self.registrars: tuple[int, ...] = ()
        self.made_at = made_at
        self.not_before = made_at + FIRST_AFTER_SECONDS
        self.asked_at = float("-inf")
        self.has_answered = False
        """It has answered OPTIONS since the start, as far as is known still does: silence is silence."""
        self.is_told = False
        """That it answers none has been logged."""
        self.cseq = self.generation = 0
        self.inquiry: Inquiry | None = None

    def due_at(self, one: Watched) -> float:
        """Return when it is asked next on behalf of a registrar, as things are; infinite for never, and while it is asked."""
        pacing = self.pacing
        wait = one.recover_seconds if pacing.breaker.is_open else one.keep_alive_seconds
        if not wait or self.inquiry is not None:
            return NEVER
        since = self.asked_at
        if not pacing.breaker.is_open and self.is_told and pacing.answered_at > float("-inf"):
            wait *= MORE_SELDOM
        elif not pacing.breaker.is_open and pacing.answered_at > self.made_at:
            since = max(since, pacing.answered_at)
        return max(since + wait, self.not_before, pacing.paused_until)


class Shared:
    """Values that several registrars have in common, each kept once."""

    def __init__(self) -> None:
        self._known: dict[object, Values] = {}

    def one(self, key: object, values: Values) -> Values:
        """Return what equals these values, the same object for all."""
        known = self._known.get(key)
        if known != values:
            known = self._known[key] = values
        return known


class Watched:
    """A registrar that is watched."""

    __slots__ = ("_group", "_own", "_profile", "_tls", "group_uid", "id", "is_found", "is_looked_up", "keep_alive_seconds",
                 "needs_look_up", "recover_seconds", "rev", "server_uid", "watches")  # fmt: skip

    def __init__(self, settings: RegistrarSettings, shared: Shared, watches: Sequence[Watch] = ()) -> None:
        server, group = settings.server, settings.group
        self.id = settings.id
        self.rev = settings.rev
        self.group_uid = settings.group_uid
        self.server_uid = settings.server_uid
        self.keep_alive_seconds = float(server["KeepAliveFrequency"] or 0)
        self.recover_seconds = float(server["RecoverFrequency"] or 0)
        self.watches: Sequence[Watch] = watches
        """Its targets, as far as they are known."""
        self.is_found = False
        """They are those of these settings."""
        self.is_looked_up = False
        """A name server is being asked for them."""
        next_hop = str(group["OutboundProxy"] or server["Host"]).strip("[]")
        by_address = bool(group["OutboundProxy"]) or server["ServerLookup"] == BY_ADDRESS
        self.needs_look_up = bool(server[ROUTE_SET]) or not by_address or not is_ip_address(next_hop)
        self._own = {name: value for name, value in server.items() if value != USUAL.get(name, USUAL)}
        self._group = shared.one(("group", settings.group_uid), group)
        self._profile = shared.one(("profile", group["ProfileID"]), settings.profile)
        self._tls = settings.tls and shared.one(("tls", server["TLSProfileID"]), settings.tls)

    def settings(self) -> RegistrarSettings:
        """Return the settings, without what is for REGISTERs alone."""
        return RegistrarSettings(self.id, self.rev, self.group_uid, self.server_uid, self._group, self._profile,
                                 {**USUAL, **self._own}, None, tls=self._tls)  # fmt: skip


class Inquiry:
    """An OPTIONS in flight; what matches it goes to `taken`."""

    __slots__ = ("_taken", "cseq", "flow", "is_over", "peer", "sent_at", "transaction", "watch")

    method = options.METHOD

    def __init__(self, watch: Watch, flow: Flow, transaction: ClientTransaction, sent_at: float,
                 taken: Callable[[Inquiry, Response, float], None]) -> None:  # fmt: skip
        self.watch = watch
        self.flow = flow
        self.transaction = transaction
        self.cseq = watch.cseq
        self.peer = (watch.target.host, watch.target.port)
        self.sent_at = sent_at
        self.is_over = False
        self._taken = taken

    @property
    def peer_host(self) -> str:
        return self.peer[0]

    @property
    def next_timeout(self) -> float:
        return NEVER if self.is_over else self.transaction.next_timeout

    def answered(self, response: Response, now: float) -> None:
        """Take an answer."""
        self._taken(self, response, now)
