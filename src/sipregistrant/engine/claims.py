"""Which registrar is asked next, and for how many rows.

Asked is one that has something due, whose target has room (`pacing.py`) and does not ask to be left alone, while not
too much waits to be written. Failures of the store put the question off. What is claimed goes to `start`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from logging import DEBUG, ERROR

import structlog

from ..errors import StoreUnavailable
from ..model.schedule import Claim, Claimed, RegistrarSettings, Schedule
from ..model.servers import IN_FLIGHT_LIMIT, RATE_LIMIT, ROUTE_SET, STAYS
from ..model.standing import Standing
from ..sip.targets import Target, Weighted, in_order
from ..sip.transaction import NEVER
from .clock import Clock
from .departure import Moved
from .flight import Registrar
from .giving_back import GivingBack
from .held_back import Rests, closed_until, why_held_back
from .naming.names import Names
from .naming.resolver import Resolver
from .naming.routing import route_of
from .naming.targets import Unreachable, find_targets, targets_of_place
from .ordering import common_lines
from .pacing import Pacing
from .queue import DueQueue
from .reach import Reach
from .servers import ServerMemory
from .settler import RETRY_STORE_SECONDS
from .tasks import spawn

__all__ = ["Claims", "Start"]

log = structlog.get_logger()

Start = Callable[[Registrar, Claimed, Target | Unreachable, Pacing], None]
"""Takes a claimed row into flight, from a slot of a pacing."""

RETRY_CRASHED_CLAIM_SECONDS = 60.0

# The event loop's clock stands still while the machine sleeps, the schedule's does not (rule 10): so soon after it
# wakes up, what fell due meanwhile is seen.
LONGEST_SLEEP_SECONDS = 10.0

# What staggers longer than half an hour is no start any more.
MOST_STAGGERED = 1800

# Where the window is wide open, so many rows are claimed ahead of the room there is: a claim costs a transaction, and the
# next should not wait for it.
CLAIMED_AHEAD = 256
WIDE_WINDOW = 64

# With a probe of a silent target so many rows are claimed: un-REGISTERs of bindings that have lapsed by themselves end without
# a request, and are not to wait for one probe each.
CLAIMED_WITH_PROBE = 64

# What was claimed ahead and could not go by then is given back (design, rule 3).
LONGEST_AHEAD_SECONDS = 2.0

# Of several targets one has no room: so many of its rows are passed by others.
MOST_BLOCKED = 1000

# Where rows fall due one after the other they are claimed together: nobody minds a refresh that is so much later.
BETWEEN_CLAIMS_SECONDS = 0.2

# Nobody minds an attempt that is so much later, and each look costs something.
SHORTEST_WAIT_SECONDS = 0.01

# Some milliseconds of work: no step holds the event loop over 5 ms.
MOST_STARTED_AT_ONCE = 64

# Some kilobytes each.
MOST_IDLE = 256

# StaggerRegistration: one first REGISTER or un-REGISTER a second.
STAGGER_SECONDS = 1.0


class Claims:
    """The registrars that have something to do, and what is known of those that have something in flight."""

    def __init__(self, schedule: Schedule, clock: Clock, start: Start, is_open: Callable[[], bool],
                 names: Names) -> None:  # fmt: skip
        """`is_open` tells whether anything may be claimed at all."""
        self._schedule = schedule
        self._clock = clock
        self._start = start
        self._is_open = is_open
        self.resolver = Resolver(clock.now, names)
        self._queue = DueQueue()
        self._timer: asyncio.TimerHandle | None = None
        self.registrars: dict[int, Registrar] = {}
        # Of targets; and of servers while none is known.
        self.pacings: dict[tuple[object, ...], Pacing] = {}
        self.servers: dict[int, ServerMemory] = {}
        # How each server (uid) answers, since the start.
        self.standings: dict[int, Standing] = {}
        # Registrars that are due, but without room: looked at again when something has ended.
        self.waiting: set[int] = set()
        # When a registrar that staggers may have its next first REGISTER.
        self._staggered_until: dict[int, float] = {}
        self._rests = Rests()
        self._giving_back = GivingBack(schedule, self._due_again)
        # The last ones that had something in flight, whose settings need not be read again while they are of the same `rev`.
        self._idle: dict[int, Registrar] = {}
        # Of all others that have nothing in flight this is all that is kept.
        self._known: dict[int, tuple[Reach, ServerMemory]] = {}
        self.is_stopped = self._is_failing = False
        self.crashed = 0

    def stop(self) -> None:
        """Claim no more."""
        self.is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    @property
    def reaches(self) -> list[Reach]:
        """How each registrar is reached that was spoken to."""
        return [reach for reach, _ in list(self._known.values())]

    def push(self, registrar_id: int, due_at: float) -> None:
        """Note that a registrar has work at `due_at`; `pump` sees to it."""
        self._queue.push(registrar_id, due_at)

    def pump(self) -> None:
        """Claim for every registrar that is due and has room, and set the timer for the next one."""
        if not self._is_open():
            return
        now = self._clock.now()
        while (registrar_id := self._queue.pop(now)) is not None:
            registrar = self.registrars.get(registrar_id)
            if registrar is None:
                registrar = self._idle.pop(registrar_id, None) or Registrar(registrar_id, *self._known_of(registrar_id))
                self.registrars[registrar_id] = registrar
            self._ask(registrar, now)
        self._arm()

    def look_again(self, registrar_ids: Iterable[int]) -> None:
        """Let those that waited for room have another look; forget those that have nothing in flight."""
        now = self._clock.now()
        for registrar_id in registrar_ids:
            registrar = self.registrars.get(registrar_id)
            if registrar is None or registrar.is_claiming:
                continue
            if registrar_id in self.waiting:
                self.waiting.discard(registrar_id)
                self._queue.push(registrar_id, now)
            elif not registrar.in_flight:
                self._idle[registrar_id] = self.registrars.pop(registrar_id)
                if len(self._idle) > MOST_IDLE:
                    del self._idle[next(iter(self._idle))]

    def _known_of(self, registrar_id: int) -> tuple[Reach, ServerMemory]:
        """Return the reach and the memory of before; new ones for a registrar that was never spoken to."""
        return self._known.get(registrar_id) or (Reach([], self.pacing_of, Pacing()), ServerMemory())

    def _ask(self, registrar: Registrar, now: float) -> None:
        reach = registrar.reach
        registrar.server.standing.held_back = why_held_back(registrar, now)
        if (until := closed_until(registrar)) > now:
            self._giving_back.give_ready(registrar)
            self._queue.push(registrar.id, until)
            return
        self._start_ready(registrar)
        room = reach.room(now)
        # A claim costs a transaction: not for a slot or two while more are about to come free.
        if registrar.is_claiming or _has_enough(registrar) or room < reach.worth():
            self._wait(registrar, now)
            return
        registrar.is_claiming = True
        limit = registrar.server.guard.limit(room, now)
        promised = reach.promise(limit, now)
        ahead = 0
        if reach.is_silent:
            ahead = CLAIMED_WITH_PROBE
        elif limit > 1 and reach.size >= WIDE_WINDOW:
            ahead = min(CLAIMED_AHEAD, reach.soon)
        spawn(self._claim(registrar, promised, limit + ahead), "engine-claim")

    def _wait(self, registrar: Registrar, now: float) -> None:
        """Have another look when an attempt has ended, or when there is room by the clock."""
        self.waiting.add(registrar.id)
        at = registrar.reach.next_at(now)
        if registrar.ready:
            at = min(at, registrar.ready_since + LONGEST_AHEAD_SECONDS)
        if not registrar.is_claiming and at < NEVER:
            self._queue.push(registrar.id, max(at, now + SHORTEST_WAIT_SECONDS))

    def wake(self, pacing: Pacing) -> None:
        """Have all registrars of a target asked: it answers again."""
        now = self._clock.now()
        for registrar_id, (reach, _) in self._known.items():
            if pacing in reach:
                self._queue.push(registrar_id, now)
        self._arm()

    def refill(self, registrar: Registrar) -> None:
        """Let what was claimed ahead go, now that an attempt has ended."""
        if not registrar.ready or registrar.is_starting:
            return
        if (until := closed_until(registrar)) > self._clock.now():
            self._giving_back.give_ready(registrar)
            self._queue.push(registrar.id, until)
        else:
            self._start_ready(registrar)

    def _start_ready(self, registrar: Registrar) -> None:
        """Start what was claimed, as far as there is room; give back what has waited for too long."""
        if not registrar.ready or registrar.is_starting:
            return
        now = self._clock.now()
        if now - registrar.ready_since > LONGEST_AHEAD_SECONDS or self.is_stopped:
            self._giving_back.give_ready(registrar)
            return
        # Where an attempt ends at once its slot comes free again, and with it `refill` is called.
        registrar.is_starting = True
        left, blocked = MOST_STARTED_AT_ONCE, 0
        try:
            # Where there are several targets, those whose own has no room stay, and others pass them.
            while left and blocked < len(registrar.ready) and registrar.reach.room(now):
                left -= 1
                row = registrar.ready.popleft()
                way = registrar.reach.pick(row, now)
                if way is None:
                    registrar.ready.append(row)
                    blocked += 1
                else:
                    self._start(registrar, row, *way)
        finally:
            registrar.is_starting = False
        if not registrar.ready and registrar.id in self.waiting:
            self.waiting.discard(registrar.id)
            self._queue.push(registrar.id, now)
            self._arm()
        elif not left and not blocked:
            asyncio.get_running_loop().call_soon(self.refill, registrar)
        elif registrar.ready and registrar.reach.next_at(now) < NEVER:
            self._wait(registrar, now)
            self._arm()

    def _due_again(self, registrar_id: int) -> None:
        self._queue.push(registrar_id, self._clock.now())
        self._arm()

    def put_off(self, registrar: Registrar, row: Claimed, until: float) -> None:
        """Let go of a row that cannot go before `until`: it is due as it was."""
        registrar.in_flight.discard(row.id)
        self._queue.push(registrar.id, until)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (at := self._queue.next_at) is not None:
            wait = min(max(0.0, at - self._clock.now()), LONGEST_SLEEP_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(wait, self.pump)

    async def _claim(self, registrar: Registrar, promised: list[tuple[Pacing, int]], limit: int) -> None:
        may_stagger = self._staggered_until.get(registrar.id, 0.0) <= self._clock.now()
        try:
            claim = await self._schedule.claim(
                registrar.id, known_rev=registrar.known_rev, limit=limit, in_flight=list(registrar.in_flight),
                may_stagger=may_stagger, refused_since=registrar.server.guard.refused_since(registrar.id),
            )  # fmt: skip
            registrar.good, registrar.total, self._is_failing = claim.good, claim.total, False
            registrar.has_all = len(claim.rows) < limit
            self._note_staggering(registrar.id, claim)
            _keep(promised)
            await self.start_all(registrar, claim)
            if claim.settings is not None:
                _warn_of_slowness(registrar, claim.total)
        except StoreUnavailable as error:
            log.log(DEBUG if self._is_failing else ERROR, "claim.failed", registrar=registrar.id, cause=str(error))
            self._is_failing = True
            self._queue.push(registrar.id, self._clock.now() + RETRY_STORE_SECONDS)
        except Exception:
            log.exception("claim.crashed", registrar=registrar.id)
            self.crashed += 1
            self._queue.push(registrar.id, self._clock.now() + RETRY_CRASHED_CLAIM_SECONDS)
        finally:
            _keep(promised)
            registrar.is_claiming = False
            self.look_again({registrar.id} | self.waiting)
            self.pump()

    async def start_all(self, registrar: Registrar, claim: Claim) -> None:
        """Take what was claimed into flight."""
        if self.is_stopped:
            return
        if claim.settings is not None:
            self._take_settings(registrar, claim.settings)
        if registrar in self._rests:
            self._giving_back.give_ready(registrar)
            registrar.in_flight.difference_update(row.id for row in claim.rows)
        elif claim.rows and registrar.settings is not None:
            await self._find_reach(registrar, registrar.settings)
            self._rests.end(registrar)
            registrar.in_flight.update(row.id for row in claim.rows)
            if not registrar.ready:
                registrar.ready_since = self._clock.now()
            registrar.ready.extend(claim.rows)
            self._start_ready(registrar)
            if registrar.ready and registrar.reach.is_silent:
                self._giving_back.give_ready(registrar)
            elif registrar.ready:
                self.waiting.add(registrar.id)
        if claim.next_due_at is not None:
            now = self._clock.now()
            is_more_due = claim.next_due_at <= now
            soonest = now if is_more_due else now + BETWEEN_CLAIMS_SECONDS
            self._queue.push(registrar.id, max(claim.next_due_at, soonest))

    async def find(self, row: Claimed, moved: Moved) -> Target | Unreachable:
        """Return the target that a 3xx names to a row."""
        try:
            found = await targets_of_place(moved.host, moved.port, moved.transport, self.resolver)
            return in_order(row.id, found)[0]
        except Unreachable as fault:
            return fault

    async def _find_reach(self, registrar: Registrar, settings: RegistrarSettings) -> None:
        """Have the targets of a registrar be those that its name stands for now."""
        targets: list[Weighted] = []
        fault = None
        try:
            targets = await find_targets(settings, self.resolver)
        except Unreachable as error:
            fault = error
        if targets != registrar.reach.targets or fault:
            self._take_reach(registrar, settings, targets, fault)

    def _take_reach(self, registrar: Registrar, settings: RegistrarSettings, targets: list[Weighted],
                    fault: Unreachable | None = None) -> None:  # fmt: skip
        server, group = settings.server, settings.group
        key = (server["Host"], server["Port"], server["Protocol"], group["OutboundProxy"], group["OutboundProxyPort"],
               server[ROUTE_SET])  # fmt: skip
        unknown = self.pacings.setdefault(key, Pacing())
        registrar.reach = Reach(targets, self.pacing_of, unknown, stays=server[STAYS] == 1, fault=fault,
                                flow=settings.flow if settings.reg_id else None)  # fmt: skip
        for pacing in registrar.reach.pacings:
            pacing.limit(settings.id, int(server[RATE_LIMIT] or 0), int(server[IN_FLIGHT_LIMIT] or 0))
        self._known[registrar.id] = registrar.reach, registrar.server

    def _take_settings(self, registrar: Registrar, settings: RegistrarSettings) -> None:
        registrar.settings = settings
        registrar.common, registrar.route = common_lines(settings), route_of(settings)
        registrar.addressing.clear()
        registrar.server = self.memory_of(settings.server_uid)
        self._take_reach(registrar, settings, [])
        self._rests.note(registrar)

    def memory_of(self, server_uid: int) -> ServerMemory:
        """Return what is remembered of a server; its groups share it."""
        memory = self.servers.setdefault(server_uid, ServerMemory())
        self.standings[server_uid] = memory.standing
        return memory

    def pacing_of(self, target: Target) -> Pacing:
        """Return the pacing of a target: servers that are one registrar share it."""
        return self.pacings.setdefault(target, Pacing())

    def _note_staggering(self, registrar_id: int, claim: Claim) -> None:
        """Have the next first REGISTER of a registrar that staggers a second later."""
        now = self._clock.now()
        if claim.has_staggered:
            self._staggered_until[registrar_id] = now + STAGGER_SECONDS
        if claim.is_staggering:
            self._queue.push(registrar_id, self._staggered_until.get(registrar_id, now))


def _keep(promised: list[tuple[Pacing, int]]) -> None:
    """Give back what was promised to a claim, once."""
    while promised:
        pacing, number = promised.pop()
        pacing.taken -= number


def _has_enough(registrar: Registrar) -> bool:
    """Tell whether what was claimed ahead has to go first; where only some of several targets have room, others may."""
    if registrar.ready and registrar.reach.has_choice and not registrar.has_all:
        return len(registrar.ready) >= MOST_BLOCKED
    return bool(registrar.ready)


def _warn_of_slowness(registrar: Registrar, total: int) -> None:
    settings = registrar.settings
    if settings is not None and settings.server["StaggerRegistration"] and total > MOST_STAGGERED:
        log.warning("server.staggers_long", server=registrar.name, registrations=total,
                    hint="StaggerRegistration sends one first REGISTER a second; leave it off for so many")  # fmt: skip
