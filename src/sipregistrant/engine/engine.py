"""The loop: rows that are due are claimed, attempted, settled.

Everything here happens on the event loop. A registration is in memory from its claim to its settle and at no other
time. Failures of one registration end in its row; failures of the store hold the claims back until the outcomes that
wait are on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from ..errors import StoreUnavailable
from ..model.schedule import Claim, Claimed, RegistrarSettings, Schedule, Sent, Settled
from ..model.standing import Standing
from ..sip.digest import Challenge
from ..sip.identifiers import call_id, from_tag, next_cseq
from ..sip.message import Response
from ..sip.outcome import Kind, Outcome
from ..sip.registration import Attempt, Tokens
from ..sip.transaction import SipTimers
from .clock import Clock
from .deadlines import Deadlines
from .dispatcher import Dispatcher
from .flight import Flight, Registrar
from .flows import FlowMaker, Flows, GroupAddress, UdpFlow
from .ordering import Target, Unreachable, build, common_lines, find_target, own_address
from .pacing import Window
from .queue import DueQueue
from .resolver import Resolver
from .settler import RETRY_STORE_SECONDS, Settler
from .settling import INTERNAL_ERROR, settlement
from .tasks import spawn
from .tokens import SystemTokens

__all__ = ["Engine", "EngineSettings"]

log = structlog.get_logger()

# With so many outcomes not yet on disk nothing more is claimed (design, rule 3).
MOST_UNSETTLED = 2000

# Rows of a block of neighbours share a phase of their refresh, so that claim and settle touch neighbouring pages
# (rule 5).
ROWS_PER_BLOCK = 1000

# The golden ratio spreads successive blocks evenly over [0, 1).
GOLDEN = 0.6180339887498949

RETRY_CRASHED_CLAIM_SECONDS = 60.0
STOP_WAIT_SECONDS = 2.0

# The event loop's clock stands still while the machine sleeps, the schedule's does not (rule 10): so soon after it
# wakes up, what fell due meanwhile is seen.
LONGEST_SLEEP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the operator said: our address ("" for the socket's), our name, the timers of the protocol."""

    own_address: str = ""
    own_fqdn: str = ""
    timers: SipTimers = SipTimers()


class Engine:
    """Keeps registered what the schedule holds."""

    def __init__(self, schedule: Schedule, clock: Clock, identity_key: bytes, settings: EngineSettings, *,
                 tokens: Tokens | None = None, draw: random.Random | None = None,
                 make_flow: FlowMaker = UdpFlow) -> None:  # fmt: skip
        """`identity_key` makes Call-IDs and tags; `draw` spreads retries; `make_flow` opens a socket."""
        self._schedule = schedule
        self._clock = clock
        self._identity_key = identity_key
        self._settings = settings
        self._tokens: Tokens = tokens or SystemTokens()
        self._draw = draw or random.Random()
        self._resolver = Resolver(clock.now)
        self._dispatcher: Dispatcher[Flight] = Dispatcher(clock.now, identity_key, self._answered)
        self._deadlines: Deadlines[Flight] = Deadlines(clock.now, self._expired)
        self._queue = DueQueue()
        self._registrars: dict[int, Registrar] = {}
        self._windows: dict[tuple[object, ...], Window] = {}
        # Registrars that are due, but without room: looked at again when something has ended.
        self._waiting: set[int] = set()
        # Binding keys that have an attempt in flight, and the rows that wait for one of them (rule 7).
        self._keys: dict[int, list[tuple[Registrar, Claimed]]] = {}
        self._settler = Settler(schedule, self._after_settle)
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self.flows = Flows(self._dispatcher.receive, make_flow)
        # How each server (uid) answers, since the start.
        self.standings: dict[int, Standing] = {}
        self.sent = 0
        self.resent = 0
        self.settled = 0
        self.crashed = 0

    # Life

    async def start(self, groups: Iterable[GroupAddress]) -> None:
        """Open the sockets and take up the schedule where it stands."""
        self.flows.update(groups)
        self._settler.start()
        for registrar_id, due_at in await self._schedule.heads():
            self._queue.push(registrar_id, due_at)
        self._pump()

    async def stop(self) -> None:
        """Claim no more, give what is in flight a moment to be answered, settle, close the sockets.

        What was not answered by then stays due and goes out at the next start.
        """
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
        until = self._clock.now() + STOP_WAIT_SECONDS
        while (len(self._dispatcher) or len(self._settler)) and self._clock.now() < until:
            await asyncio.sleep(0.01)
        await self._settler.stop()
        self._deadlines.close()
        self.flows.close()

    def knock(self, registrar_ids: Iterable[int]) -> None:
        """Take the news that there is something new to do at these registrars."""
        now = self._clock.now()
        for registrar_id in registrar_ids:
            self._queue.push(registrar_id, now)
        self._pump()

    @property
    def in_flight(self) -> int:
        """How many attempts wait for an answer."""
        return len(self._dispatcher)

    @property
    def counters(self) -> dict[str, int]:
        """What was sent, came in and was settled since the start."""
        own = {
            "sent": self.sent,
            "resent": self.resent,
            "settled": self.settled,
            "crashed": self.crashed + self._settler.crashed,
        }
        return own | self._dispatcher.counters.as_dict()

    # Claiming

    def _pump(self) -> None:
        """Claim for every registrar that is due and has room, and set the timer for the next one."""
        if self._is_stopping or not self._settler.is_running:
            return  # a knock before the start waits for it: there are no sockets yet
        now = self._clock.now()
        while (registrar_id := self._queue.pop(now)) is not None:
            registrar = self._registrars.get(registrar_id)
            if registrar is None:
                registrar = self._registrars[registrar_id] = Registrar(registrar_id, Window())
            window = registrar.window
            # A claim costs a transaction: not for a slot or two while more are about to come free.
            has_room = window.room >= max(1, window.size // 4) or (window.room and not window.taken)
            if registrar.is_claiming or not has_room or len(self._settler) > MOST_UNSETTLED:
                self._waiting.add(registrar_id)
                continue
            registrar.is_claiming = True
            limit = window.room
            # Promised to this claim: others that go to the same target must not count on the same slots.
            window.taken += limit
            spawn(self._claim(registrar, window, limit), "engine-claim")
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (at := self._queue.next_at) is not None:
            wait = min(max(0.0, at - self._clock.now()), LONGEST_SLEEP_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(wait, self._pump)

    async def _claim(self, registrar: Registrar, window: Window, limit: int) -> None:
        try:
            claim = await self._schedule.claim(
                registrar.id, known_rev=registrar.known_rev, limit=limit, in_flight=list(registrar.in_flight)
            )
            await self._start_all(registrar, claim)
        except StoreUnavailable as error:
            log.error("claim.failed", registrar=registrar.id, cause=str(error))
            self._queue.push(registrar.id, self._clock.now() + RETRY_STORE_SECONDS)
        except Exception:
            log.exception("claim.crashed", registrar=registrar.id)
            self.crashed += 1
            self._queue.push(registrar.id, self._clock.now() + RETRY_CRASHED_CLAIM_SECONDS)
        finally:
            window.taken -= limit
            registrar.is_claiming = False
            self._look_again({registrar.id} | self._waiting)
            self._pump()

    async def _start_all(self, registrar: Registrar, claim: Claim) -> None:
        if self._is_stopping:
            return
        if claim.settings is not None:
            registrar.settings = claim.settings
            registrar.common = common_lines(claim.settings)
            registrar.window = self._window_of(claim.settings)
            registrar.standing = self.standings.setdefault(claim.settings.server_uid, Standing())
        if claim.rows and registrar.settings is not None:
            target = await find_target(registrar.settings, self._resolver)
            registrar.in_flight.update(row.id for row in claim.rows)
            for row in claim.rows:
                self._start_row(registrar, row, target)
        if claim.next_due_at is not None:
            self._queue.push(registrar.id, claim.next_due_at)

    def _window_of(self, settings: RegistrarSettings) -> Window:
        """Return the window of the target: two servers that are one registrar share it."""
        server, group = settings.server, settings.group
        key = (server["Host"], server["Port"], server["Protocol"], group["OutboundProxy"], group["OutboundProxyPort"])
        return self._windows.setdefault(key, Window())

    # Attempting

    def _start_row(self, registrar: Registrar, row: Claimed, target: Target | Unreachable) -> None:
        waiting = self._keys.get(row.binding_key)
        if waiting is not None:
            waiting.append((registrar, row))
            return
        self._keys[row.binding_key] = []
        window = registrar.window
        window.taken += 1
        try:
            self._attempt(registrar, row, target)
        except Unreachable as fault:
            self._finish(window, row, Outcome(Kind.NOT_SENT, 0, str(fault), row.cseq), None, row.generation)
        except Exception:
            # One row's poison must not stop the others (rule 12).
            self._finish(window, row, self._crash("attempt.crashed", row, row.cseq), None, row.generation)

    def _attempt(self, registrar: Registrar, row: Claimed, target: Target | Unreachable) -> None:
        settings = registrar.settings
        assert settings is not None
        if not row.desired and row.sent is not None:
            # What was bound there is removed there, wherever the server has moved since.
            target = Target(row.sent.host, row.sent.port, row.sent.transport)
        now = self._clock.now()
        if isinstance(target, Unreachable):
            registrar.standing.failed(now, now)
            raise target
        flow = self.flows.of_group(settings.group_uid)
        if flow is None:
            raise Unreachable(self.flows.why_not(settings.group_uid))
        cseq, generation = next_cseq(row.cseq, row.generation, now)
        own = own_address(flow, target, host=self._settings.own_address, fqdn=self._settings.own_fqdn)
        built = build(
            row, settings, own, target, common=registrar.common,
            call_id=call_id(self._identity_key, row.id, generation), from_tag=from_tag(self._identity_key, row.id),
        )  # fmt: skip
        if built is None or (not row.desired and max(row.expires_at, row.maybe_held_until) <= now):
            removed = Outcome(Kind.REMOVED, 0, None, row.cseq)
            self._finish(registrar.window, row, removed, None, row.generation)
            return
        order, tried = built
        ahead = Challenge.decode(row.challenge) if row.challenge and settings.server["AuthorizationOnRefresh"] else None
        attempt = Attempt(
            order, cseq=cseq, tokens=self._tokens, timers=self._settings.timers, is_reliable=flow.is_reliable,
            credentials=row.credentials, ahead=ahead, nonce_count=row.nonce_count, min_expires=row.min_expires,
        )  # fmt: skip
        peer = (target.host, target.port)
        flight = Flight(row, registrar.window, registrar.standing, attempt, flow, peer, tried, generation)
        self._send(flight, attempt.start(now), now)
        self._deadlines.watch(flight)

    def _send(self, flight: Flight, datagram: bytes, now: float) -> None:
        """Send a new request of an attempt."""
        self.sent += 1
        flight.sent_at = now
        if reason := flight.flow.send(datagram, flight.peer):
            self._transport_failed(flight, reason)
        else:
            self._dispatcher.expect(flight.attempt.branch, flight)

    def _transport_failed(self, flight: Flight, reason: str) -> None:
        flight.standing.failed(flight.sent_at, self._clock.now())
        flight.attempt.transport_failed(f"not sent to {flight.peer[0]}:{flight.peer[1]}: {reason}")
        self._end_if_over(flight, flight.attempt.branch)

    def _answered(self, flight: Flight, response: Response, now: float) -> None:
        branch, watched_for = flight.attempt.branch, flight.next_timeout
        try:
            datagram = flight.attempt.receive(response, now)
        except Exception:
            flight.attempt.outcome = self._crash("answer.crashed", flight.claimed, flight.cseq, was_sent=True)
            datagram = None
        if response.status_code >= 200:
            flight.window.answered()
            flight.standing.answered(now)
        if datagram is None:
            self._end_if_over(flight, branch)
            return
        self._dispatcher.forget(branch, now)
        self._send(flight, datagram, now)
        if flight.next_timeout < watched_for:
            self._deadlines.watch(flight)

    def _expired(self, flight: Flight, now: float) -> None:
        """A deadline of an attempt has passed: send again, or give up."""
        try:
            datagram = flight.attempt.handle_timer(now)
        except Exception:
            flight.attempt.outcome = self._crash("timer.crashed", flight.claimed, flight.cseq, was_sent=True)
            datagram = None
        if datagram is not None or flight.attempt.outcome is not None:
            flight.window.lost(now)
        if flight.attempt.outcome is not None:
            flight.standing.failed(flight.sent_at, now)
        if datagram is not None:
            self.resent += 1
            if reason := flight.flow.send(datagram, flight.peer):
                self._transport_failed(flight, reason)
                return
        self._end_if_over(flight, flight.attempt.branch)

    def _end_if_over(self, flight: Flight, branch: str) -> None:
        outcome = flight.attempt.outcome
        if outcome is None:
            return
        self._dispatcher.forget(branch, self._clock.now())
        self._finish(flight.window, flight.claimed, outcome, flight.tried, flight.generation)

    def _crash(self, event: str, row: Claimed, cseq: int, *, was_sent: bool = False) -> Outcome:
        """Log and count the exception of the moment; return the outcome that it is for its row."""
        log.exception(event, registration=row.id)
        self.crashed += 1
        return Outcome(Kind.CRASHED, 0, INTERNAL_ERROR, cseq, may_have_been_bound=was_sent and row.desired)

    # Settling

    def _finish(self, window: Window, row: Claimed, outcome: Outcome, tried: Sent | None,
                generation: int) -> None:  # fmt: skip
        """Put what an attempt came to among what is to be settled, and let the next row of its binding key go."""
        window.taken -= 1
        phase = (row.id // ROWS_PER_BLOCK * GOLDEN) % 1.0
        now, spread = self._clock.now(), self._draw.random()
        try:
            settled = settlement(row, outcome, tried=tried, generation=generation, now=now, phase=phase, spread=spread)
        except Exception:
            outcome = self._crash("settlement.crashed", row, outcome.cseq, was_sent=tried is not None)
            settled = settlement(row, outcome, tried=tried, generation=generation, now=now, phase=phase, spread=spread)
        self._settler.add(settled)
        for waiting_registrar, waiting in self._keys.pop(row.binding_key, []):
            asyncio.get_running_loop().call_soon(self._start_waiting, waiting_registrar, waiting)

    def _start_waiting(self, registrar: Registrar, row: Claimed) -> None:
        spawn(self._start_all(registrar, Claim([row], None, None)), "engine-start-waiting")

    def _after_settle(self, batch: Sequence[Settled], changed: Iterable[int]) -> None:
        """Take the rows out of flight: they are on disk."""
        self.settled += len(batch)
        for settled in batch:
            if (registrar := self._registrars.get(settled.registrar_id)) is not None:
                registrar.in_flight.discard(settled.id)
            if settled.due_at is not None:
                self._queue.push(settled.registrar_id, settled.due_at)
        now = self._clock.now()
        for registrar_id in changed:
            self._queue.push(registrar_id, now)
        self._look_again({settled.registrar_id for settled in batch} | self._waiting)
        self._pump()

    def _look_again(self, registrar_ids: Iterable[int]) -> None:
        """Let those that waited for room have another look; forget those that have nothing in flight."""
        now = self._clock.now()
        for registrar_id in registrar_ids:
            registrar = self._registrars.get(registrar_id)
            if registrar is None or registrar.is_claiming:
                continue
            if registrar_id in self._waiting:
                self._waiting.discard(registrar_id)
                self._queue.push(registrar_id, now)
            elif not registrar.in_flight:
                del self._registrars[registrar_id]
