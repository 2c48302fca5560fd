"""The loop: rows that are due are claimed, attempted, settled.

Everything here happens on the event loop. A registration is in memory from its claim to its settle and at no other
time. Failures of one registration end in its row; failures of the store hold the claims back until the outcomes that
wait are on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence

import structlog

from ..model.schedule import Claim, Claimed, Schedule, Sent, Settled
from ..sip.message import Response
from ..sip.outcome import Kind, Outcome
from ..sip.registration import Tokens
from ..sip.targets import Target
from ..sip.transaction import NEVER
from .changes import ChangeLog
from .claims import Claims
from .clock import Clock
from .deadlines import Deadlines
from .departure import MOST_REDIRECTIONS, Departures, EngineSettings, Moved, moved_to, why_nothing
from .dispatcher import Dispatcher
from .figures import Figures
from .flight import Flight, Registrar
from .learning import learn
from .levelling import phase_of
from .monitor import Monitor
from .naming.names import Names, NameServers
from .naming.targets import Unreachable
from .pacing import Pacing
from .probing.prober import EngineProber
from .reach import hops
from .settler import Settler
from .settling import INTERNAL_ERROR, settlement
from .tasks import spawn
from .tokens import SystemTokens
from .tracing import Tracing
from .transport.flows import FlowMaker, Flows, GroupAddress, UdpFlow
from .transport.keep_alives import KeepAlives
from .transport.streams import StreamFlow, Streams
from .transport.switching import LARGEST_DATAGRAM, Switching
from .transport.ways import Ways
from .turns import Turns
from .watchdog import Watchdog

__all__ = ["Engine"]

log = structlog.get_logger()

# With so many outcomes not yet on disk nothing more is claimed (design, rule 3).
MOST_UNSETTLED = 2000

STOP_WAIT_SECONDS = 2.0


class Engine:
    """Keeps registered what the schedule holds."""

    def __init__(self, schedule: Schedule, clock: Clock, identity_key: bytes, settings: EngineSettings, *,
                 tokens: Tokens | None = None, draw: random.Random | None = None,
                 make_flow: FlowMaker = UdpFlow, names: Names | None = None) -> None:  # fmt: skip
        """`identity_key` makes Call-IDs and tags; `draw` spreads retries; `make_flow` opens sockets; `names` knows names."""
        self._schedule = schedule
        self._clock = clock
        self._redirect_hosts = settings.redirect_hosts
        tokens = tokens or SystemTokens()
        self._departures = Departures(identity_key, settings, tokens)
        self._draw = draw or random.Random()
        self._dispatcher: Dispatcher[Flight] = Dispatcher(clock.now, identity_key, self._answered)
        self._deadlines: Deadlines[Flight] = Deadlines(clock.now, self._expired)
        names = names or NameServers()
        self._claims = Claims(schedule, clock, self._start_row, self._is_open, names)
        self._turns = Turns(self._start_waiting)
        self._settler = Settler(schedule, self._after_settle)
        self._changes = ChangeLog(self._claims.registrars)
        # Registrars that there was news of since something was settled.
        self._knocked: set[int] = set()
        # What is in flight, by row: for the watchdog alone.
        self._flights: dict[int, Flight] = {}
        self._watchdog = Watchdog(schedule, self._claims, clock.now, self._flights, self._end_overdue)
        self._is_stopping = False
        self.flows = Flows(self._dispatcher.receive, make_flow)
        self.streams = Streams(self._dispatcher.receive, self._stream_lost, clock.now, self._draw)
        self._keep_alives = KeepAlives(self._settler.lose_flow, clock.now, self._draw)
        self._dispatcher.receive_other = self._keep_alives.receive
        self._ways = Ways(self.flows, self.streams, settings.tls)
        self.monitor = Monitor(schedule, clock, self._claims, self._ways, self._dispatcher, identity_key, settings,
                               tokens)  # fmt: skip
        self.prober = EngineProber(clock.now, names, self._ways, self._dispatcher, identity_key, settings, tokens)
        self._parts = (self._claims, self._settler, self._watchdog, self.monitor)
        self._switching = Switching(self._ways)
        self.tracing = Tracing(clock.now)
        self.standings = self._claims.standings
        self.unsettled = self._settler.unsettled
        self.figures = Figures(self._claims, self._settler, self._departures, self._keep_alives)
        self.sent = self.resent = self.settled = self.crashed = 0

    # Life

    async def start(self, groups: Iterable[GroupAddress]) -> None:
        """Open the sockets and take up the schedule where it stands."""
        self.flows.update(groups)
        self._settler.start()
        for registrar_id, due_at in await self._schedule.heads():
            self._claims.push(registrar_id, due_at)
        self._watchdog.start()
        self._claims.pump()
        self.monitor.start()

    async def stop(self) -> None:
        """Claim no more, give what is in flight a moment to be answered, settle, close the sockets.

        What was not answered by then stays due and goes out at the next start.
        """
        self._is_stopping = True
        self._claims.stop()
        await self.monitor.stop()
        await self._watchdog.stop()
        until = self._clock.now() + STOP_WAIT_SECONDS
        while (len(self._dispatcher) or len(self._settler)) and self._clock.now() < until:
            await asyncio.sleep(0.01)
        await self._settler.stop()
        self._changes.close()
        self._deadlines.close()
        await self._keep_alives.close()
        await self.streams.close()
        self.flows.close()

    def knock(self, registrar_ids: Iterable[int]) -> None:
        """Take the news that there is something new to do at these registrars."""
        now = self._clock.now()
        for registrar_id in registrar_ids:
            self._claims.push(registrar_id, now)
            # What was settled in the same commit counts as in flight until that is known here, and is not claimed yet.
            self._knocked.add(registrar_id)
        self._claims.pump()

    def begin_again(self) -> None:
        """Begin small with everybody, as at a start: whatever was learned of registrars is of before a pause."""
        for pacing in self._claims.pacings.values():
            pacing.begin_again()

    @property
    def in_flight(self) -> int:
        """How many attempts wait for an answer."""
        return len(self._dispatcher)

    @property
    def counters(self) -> dict[str, int]:
        """What was sent, came in and was settled since the start."""
        own = {"sent": self.sent, "options": self.monitor.sent, "resent": self.resent, "settled": self.settled,
               "healed": self._watchdog.healed, "crashed": self.crashed + sum(part.crashed for part in self._parts)}  # fmt: skip
        return own | self._dispatcher.counters.as_dict()

    def _is_open(self) -> bool:
        """Tell whether anything may be claimed: not before there are sockets, nor while too much waits to be written."""
        return not self._is_stopping and self._settler.is_running and len(self._settler) <= MOST_UNSETTLED

    # Attempting

    def _start_row(self, registrar: Registrar, row: Claimed, target: Target | Unreachable, pacing: Pacing) -> None:
        if self._turns.take(registrar, row):
            pacing.started()
            self._attempt(registrar, pacing, row, target)

    def _attempt(self, registrar: Registrar, pacing: Pacing, row: Claimed, target: Target | Unreachable,
                 moved: Moved | None = None, before: Flight | None = None) -> None:  # fmt: skip
        """Send the first request of an attempt, from a slot of `pacing`; settle what cannot be sent."""
        now = self._clock.now()
        try:
            flight = self._depart(registrar, pacing, row, target, moved, now)
        except Unreachable as fault:
            if fault.until > now:
                self._put_off(registrar, pacing, row, fault)
                return
            outcome = Outcome(Kind.NOT_SENT, 0, str(fault), row.cseq)
        except Exception:
            # One row's poison must not stop the others (rule 12).
            outcome = self._crash("attempt.crashed", row, row.cseq)
        else:
            if flight is not None:
                flight.follow(before)
                self._flights[row.id] = flight
                self._send(flight, flight.attempt.start(now), now)
                self._deadlines.watch(flight)
                return
            outcome = Outcome(Kind.REMOVED, 0, why_nothing(registrar, row, now), row.cseq)
        self.tracing.ended(registrar, row, outcome, before)
        self._finish(registrar, pacing, row, outcome, None, row.generation)

    def _depart(self, registrar: Registrar, pacing: Pacing, row: Claimed, target: Target | Unreachable,
                moved: Moved | None, now: float) -> Flight | None:  # fmt: skip
        settings = registrar.settings
        assert settings is not None
        if isinstance(target, Unreachable):
            registrar.server.standing.failed(now, now)
            raise target
        flow = self._ways.to(target, settings, row.id)
        return self._departures.make(registrar, pacing, row, flow, target, now, moved)

    def _put_off(self, registrar: Registrar, pacing: Pacing, row: Claimed, fault: Unreachable) -> None:
        """Leave a row due as it is: the connection that it would take may not be opened yet."""
        registrar.server.standing.fault = str(fault)
        pacing.ended(is_late=False)
        pacing.hold(fault.until)
        self._claims.put_off(registrar, row, fault.until)
        self._turns.give(row)

    async def _follow(self, flight: Flight, moved: Moved, outcome: Outcome) -> None:
        """Go where a 3xx sends us: the same attempt at another place, with the numbers that were used up so far."""
        # What has a route takes it, whatever the Request-URI is (RFC 3261 §8.1.2).
        way = Target(*flight.peer, flight.tried.transport) if flight.registrar.route else None
        target = way or await self._claims.find(flight.claimed, moved)
        row = flight.claimed
        if self._is_stopping:
            # It stays due, and goes out at the next start.
            flight.pacing.ended(is_late=flight.is_late)
            self._flights.pop(row.id, None)
            self._turns.drop(row)
            return
        if flight.is_late:
            flight.pacing.ended(is_late=True)
            flight.pacing.started()
        row.cseq, row.generation = outcome.cseq, flight.generation
        row.nonce_count = max(row.nonce_count, outcome.nonce_count)
        self._attempt(flight.registrar, flight.pacing, row, target, moved, flight)

    def _send(self, flight: Flight, datagram: bytes, now: float) -> None:
        """Send a new request of an attempt."""
        if len(datagram) > LARGEST_DATAGRAM:
            datagram = self._switching.over_tcp(flight, datagram, now)
        self.sent += 1
        flight.pacing.sent(now)
        flight.sent_at = now
        if reason := flight.send(datagram, now):
            self._transport_failed(flight, reason)
        else:
            self._dispatcher.expect(flight.attempt.transaction.branch, flight)

    def _transport_failed(self, flight: Flight, reason: str, *, was_sent: bool = False) -> None:
        flight.registrar.server.standing.failed(flight.sent_at, self._clock.now())
        what = "no answer from" if was_sent else "not sent to"
        flight.attempt.transport_failed(f"{what} {flight.peer[0]}:{flight.peer[1]}: {reason}", was_sent=was_sent)
        self._end_if_over(flight, flight.attempt.branch, self._clock.now())

    def _stream_lost(self, flow: StreamFlow, reason: str) -> None:
        """End what was under way on a connection that is gone, and have registered again what was over it."""
        if self._is_stopping:
            return
        was_open = flow.opened_at > 0
        self.monitor.flow_lost(flow, was_open=was_open)
        now = self._clock.now()
        for flight in [flight for flight in self._flights.values() if flight.flow is flow]:
            if not was_open and (datagram := self._switching.back(flight, now)) is not None:
                self._send(flight, datagram, now)
                self._deadlines.watch(flight)
            else:
                self._transport_failed(flight, reason, was_sent=was_open)
        if was_open:
            self._settler.lose_flow(flow.id)

    def _answered(self, flight: Flight, response: Response, now: float) -> None:
        attempt = flight.attempt
        branch, watched_for = attempt.transaction.branch, attempt.transaction.next_timeout
        try:
            if flight.seen is not None and response.status_code >= 200:
                self._settler.lose_flow(self._departures.see(flight, response, now))
            datagram = attempt.receive(response, now)
        except Exception:
            attempt.outcome = self._crash("answer.crashed", flight.claimed, flight.cseq, was_sent=True)
            datagram = None
        if response.status_code >= 200:
            if flight.pacing.answered(response.status_code, now - flight.sent_at, now):
                log.info("target.answers_again", server=flight.registrar.name)
                self._claims.wake(flight.pacing)
            flight.registrar.server.answered(response.status_code, now - flight.sent_at, now)
        if datagram is None:
            self._end_if_over(flight, branch, now)
            return
        self._dispatcher.forget(branch, now)
        self._send(flight, datagram, now)
        if attempt.transaction.next_timeout < watched_for:
            self._deadlines.watch(flight)

    def _expired(self, flight: Flight, now: float) -> None:
        """A deadline of an attempt has passed: send again, or give up."""
        try:
            datagram = flight.attempt.handle_timer(now)
        except Exception:
            flight.attempt.outcome = self._crash("timer.crashed", flight.claimed, flight.cseq, was_sent=True)
            datagram = None
        if datagram is not None or flight.attempt.outcome is not None:
            self._lost(flight, now)
        if flight.attempt.outcome is not None:
            flight.registrar.server.standing.failed(flight.sent_at, now)
        if datagram is not None:
            self.resent += 1
            flight.pacing.rate.sent(now)
            if reason := flight.send(datagram, now):
                self._transport_failed(flight, reason)
                return
        self._end_if_over(flight, flight.attempt.branch, now)

    def _lost(self, flight: Flight, now: float) -> None:
        standing = flight.registrar.server.standing
        if flight.pacing.lost(now - flight.sent_at, standing.answered_at, now, is_late=flight.is_late):
            flight.is_late = True
            self._claims.refill(flight.registrar)
            self._claims.look_again(list(self._claims.waiting))
            self._claims.pump()

    def _end_if_over(self, flight: Flight, branch: str, now: float) -> None:
        outcome = flight.attempt.outcome
        if outcome is None:
            return
        self._dispatcher.forget(branch, now)
        if outcome.moved_to and flight.redirections < MOST_REDIRECTIONS:
            moved = moved_to(outcome.moved_to, self._redirect_hosts)
            if moved is not None:
                spawn(self._follow(flight, moved, outcome), "engine-follow")
                return
        self._land(flight, outcome)

    def _land(self, flight: Flight, outcome: Outcome) -> None:
        """End an attempt that was sent."""
        if outcome.is_outbound:
            flight.kept_as = self._keep_alives.bound(flight, outcome)
        self.tracing.ended(flight.registrar, flight.claimed, outcome, flight)
        self._finish(flight.registrar, flight.pacing, flight.claimed, outcome, flight.tried, flight.generation,
                     is_late=flight.is_late, flow_id=flight.flow_id)  # fmt: skip

    def _crash(self, event: str, row: Claimed, cseq: int, *, was_sent: bool = False) -> Outcome:
        """Log and count the exception of the moment; return the outcome that it is for its row."""
        log.exception(event, registration=row.id)
        self.crashed += 1
        return Outcome(Kind.CRASHED, 0, INTERNAL_ERROR, cseq, may_have_been_bound=was_sent and row.desired)

    def _end_overdue(self, flight: Flight, now: float) -> None:
        """End an attempt that is in flight for longer than any may be."""
        self._dispatcher.forget(flight.attempt.branch, now)
        row = flight.claimed
        outcome = Outcome(Kind.CRASHED, 0, INTERNAL_ERROR, flight.cseq, may_have_been_bound=row.desired)
        flight.attempt.outcome = outcome
        self._land(flight, outcome)

    # Settling

    def _finish(self, registrar: Registrar, pacing: Pacing, row: Claimed, outcome: Outcome, tried: Sent | None,
                generation: int, *, is_late: bool = False, flow_id: int = 0) -> None:  # fmt: skip
        """Put what an attempt came to among what is to be settled, and let the next row of its binding key go."""
        pacing.ended(is_late=is_late)
        self._flights.pop(row.id, None)
        now = self._clock.now()
        try:
            if learn(registrar, pacing, row, outcome, tried, now):
                self._claims.push(registrar.id, now)
            settled = self._settlement(registrar, row, outcome, tried, generation, now)
            settled.flow_id = flow_id if outcome.kind is Kind.ACCEPTED else 0
        except Exception:
            outcome = self._crash("settlement.crashed", row, outcome.cseq, was_sent=tried is not None)
            settled = self._settlement(registrar, row, outcome, tried, generation, now)
        self._settler.add(settled)
        self._turns.give(row)
        self._claims.refill(registrar)

    def _settlement(self, registrar: Registrar, row: Claimed, outcome: Outcome, tried: Sent | None, generation: int,
                    now: float) -> Settled:  # fmt: skip
        return settlement(
            row, outcome, tried, generation, now, phase_of(row.id, registrar.total), self._draw.random(), registrar.total,
            registrar.gives_up_nonces, hops(row, outcome, len(registrar.reach.targets)),
        )  # fmt: skip

    def _start_waiting(self, registrar: Registrar, row: Claimed) -> None:
        spawn(self._claims.start_all(registrar, Claim([row], None, None)), "engine-start-waiting")

    def _after_settle(self, batch: Sequence[Settled], changed: Iterable[int]) -> None:
        """Take the rows out of flight: they are on disk."""
        self.settled += len(batch)
        earliest: dict[int, float] = {}
        for settled in batch:
            registrar_id, due_at = settled.registrar_id, settled.due_at
            if settled.state != settled.old_state or settled.failures:
                self._changes.note(settled)
            if (registrar := self._claims.registrars.get(registrar_id)) is not None:
                registrar.in_flight.discard(settled.id)
            if due_at is not None and due_at < earliest.get(registrar_id, NEVER):
                earliest[registrar_id] = due_at
        for registrar_id, due_at in earliest.items():
            self._claims.push(registrar_id, due_at)
        now = self._clock.now()
        for registrar_id in {*changed, *self._knocked}:
            self._claims.push(registrar_id, now)
        self._knocked.clear()
        self._claims.look_again({settled.registrar_id for settled in batch} | self._claims.waiting)
        self._claims.pump()
