"""Flows of RFC 5626 that a registrar keeps for us: kept open, and noticed when they are dead (§4.4).

Keep-alives belong to flows, of which there are few, never to AORs (design, rule 9). A connection looks after itself
(`streams.py`) and is only told how often the registrar wants to hear of it. Over UDP a STUN request goes to the registrar now
and then; where nobody answers it any more, or it is seen to come from another address, the flow is dead: what was registered
over it registers again.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable

import structlog

from ...sip.outcome import Outcome
from ...sip.stun import binding_request, read_binding
from ..flight import Flight
from ..tasks import cancel_all, spawn
from .flows import Address, Flow
from .streams import StreamFlow

__all__ = ["KeepAlives"]

log = structlog.get_logger()

# §4.4.2: where the registrar does not say. NATs forget a UDP port after half a minute.
EVERY_SECONDS = (24.0, 29.0)

# §4.4: of what Flow-Timer says.
SHARE_OF_TIMER = (0.8, 1.0)

LOOK_EVERY_SECONDS = 1.0

# RFC 5389 §7.2.1, with a larger first step for the looks: asked again after 1, 3, 7, 15 and 23 s, and given up after 31.
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 8.0
MOST_REQUESTS = 6

# What keeps the port open where the registrar does not know STUN: nobody answers it.
CRLF = b"\r\n\r\n"

# One for each of our sockets and each target; what is more is not kept open.
MOST_KEPT = 4096


class _Kept:
    """One UDP flow to one target. `id` is what rows remember it by; negative, unlike a connection."""

    __slots__ = ("every", "flow", "id", "is_deaf", "mapped", "next_at", "requests", "target", "token", "until")

    def __init__(self, flow: Flow, target: Address) -> None:
        self.id = -secrets.randbits(62) - 2
        self.flow = flow
        self.target = target
        self.every = EVERY_SECONDS
        self.until = 0.0
        self.next_at = 0.0
        # Of the request that is under way; empty where none is.
        self.token = b""
        self.requests = 0
        self.mapped = ""
        self.is_deaf = False


class KeepAlives:
    """All of them. `lost(id)` is called when a flow over UDP is dead."""

    def __init__(self, lost: Callable[[int], None], now: Callable[[], float], draw: random.Random) -> None:
        self._lost = lost
        self._now = now
        self._draw = draw
        self._kept: dict[tuple[Flow, Address], _Kept] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    async def close(self) -> None:
        """Keep nothing any more."""
        await cancel_all(self._task)
        self._kept.clear()

    def bound(self, flight: Flight, outcome: Outcome) -> int:
        """Keep the flow that a contact was bound to; return what its row remembers it by, 0 for what the flow itself says."""
        flow = flight.flow
        every = EVERY_SECONDS
        if outcome.flow_timer:
            every = SHARE_OF_TIMER[0] * outcome.flow_timer, SHARE_OF_TIMER[1] * outcome.flow_timer
        if flow.is_reliable:
            if outcome.flow_timer and isinstance(flow, StreamFlow):
                flow.be_heard_within(self._draw.uniform(*every))
            return 0
        kept = self._kept.get((flow, flight.peer))
        now = self._now()
        if kept is None:
            if len(self._kept) >= MOST_KEPT:
                return 0
            # Asked at once where we are seen: what comes later is compared with that.
            kept = self._kept[flow, flight.peer] = _Kept(flow, flight.peer)
            if self._task is None:
                self._task = spawn(self._look_again_and_again(), "keep-alives")
        kept.every = every
        kept.until = max(kept.until, now + max(grant.expires for grant in outcome.grants))
        return kept.id

    def receive(self, flow: Flow, datagram: bytes, source: Address) -> bool:
        """Take a datagram that is no SIP; tell whether it was an answer to us."""
        found = read_binding(datagram)
        kept = self._kept.get((flow, source)) if found else None
        if found is None or kept is None or not kept.token or found[0] != kept.token:
            return False
        before, kept.mapped = kept.mapped, found[1]
        if before and before != kept.mapped:
            self._lose(kept, f"we are seen at {kept.mapped}, and no longer at {before}")
            return True
        kept.token, kept.is_deaf = b"", False
        kept.next_at = self._now() + self._draw.uniform(*kept.every)
        return True

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            now = self._now()
            for kept in list(self._kept.values()):
                if kept.until <= now:
                    del self._kept[kept.flow, kept.target]
                elif kept.next_at <= now:
                    self._ask(kept, now)

    def _ask(self, kept: _Kept, now: float) -> None:
        if kept.is_deaf:
            kept.flow.send(CRLF, kept.target)
            kept.next_at = now + self._draw.uniform(*kept.every)
            return
        if not kept.token:
            kept.token, kept.requests = secrets.token_bytes(12), 0
        if kept.requests >= MOST_REQUESTS:
            self._give_up(kept)
            return
        kept.flow.send(binding_request(kept.token), kept.target)
        kept.next_at = now + min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**kept.requests)
        kept.requests += 1

    def _give_up(self, kept: _Kept) -> None:
        if kept.mapped:
            self._lose(kept, "nobody answers a keep-alive any more")
            return
        # It has never answered one: to take that for a dead flow would have everything registered again for ever.
        kept.is_deaf, kept.token = True, b""
        log.warning("flow.without_stun", to=_in_words(kept.target),
                    hint="the registrar keeps flows but answers no STUN: a dead one is noticed at the next refresh")  # fmt: skip

    def _lose(self, kept: _Kept, reason: str) -> None:
        del self._kept[kept.flow, kept.target]
        log.warning("flow.lost", to=_in_words(kept.target), reason=reason)
        self._lost(kept.id)


def _in_words(target: Address) -> str:
    return f"udp:{target[0]}:{target[1]}"
