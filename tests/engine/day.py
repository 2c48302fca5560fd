"""Twenty-four hours of many registrations in virtual time: loss, three outages of the registrar, changes all day long.

    report = Day(registrations=10_000, seed=1).play()
    print(report)

The outages: one of silence, one of 503 with Retry-After, one that refuses everybody with 403. The report says in numbers
what the day was like; `Report.faults` names what was outside the rules.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from structlog.testing import capture_logs

from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.pacing import LARGEST_WINDOW
from sipregistrant.model.schedule import Claim, Claimed, Class, Settled
from sipregistrant.model.status import State
from sipregistrant.sip.auth_params import parse_auth_params
from sipregistrant.sip.authentication import Credential
from sipregistrant.sip.backoff import LONGEST_REFUSAL_WAIT_SECONDS, RETRY_SPREAD
from sipregistrant.sip.digest import verify
from sipregistrant.sip.message import Request, parse_message
from tests.engine.listed import (
    GROUP,
    LATENCY_SECONDS,
    REGISTRAR,
    Heard,
    ListSchedule,
    Network,
    clock_of,
    entry,
    make_row,
    make_settings,
    refuse,
)
from tests.engine.virtual_time import VirtualTimeLoop

__all__ = ["Day", "Outage", "Report"]

HOUR = 3600.0
TTL = 3600
TIMER = 120
NONCE_SECONDS = 7200.0
LOSS = 0.01
RETRY_AFTER = 120

# Both ways, and a REGISTER and its challenge, each with a repetition or two.
PROMPT_SECONDS = 10.0

# From the end of an outage until what waits is through: the window grows from two again.
DRAIN_SECONDS = 60.0

# An attempt: two transactions, each at its time-out.
ATTEMPT_SECONDS = 64.0


@dataclass(frozen=True, slots=True)
class Outage:
    """From when to when the registrar is not itself, and how long a registration may take to come back from it."""

    name: str
    begin: float
    end: float
    return_seconds: float


RETRY_SECONDS = TIMER * (1 + RETRY_SPREAD)

OUTAGES = (
    Outage("silence", 3 * HOUR, 3.7 * HOUR, ATTEMPT_SECONDS + RETRY_SECONDS + DRAIN_SECONDS),
    Outage("503", 9 * HOUR, 9.5 * HOUR, RETRY_AFTER * (1 + RETRY_SPREAD) + RETRY_SECONDS + DRAIN_SECONDS),
    Outage("403", 15 * HOUR, 15.3 * HOUR, LONGEST_REFUSAL_WAIT_SECONDS * (1 + RETRY_SPREAD) + DRAIN_SECONDS),
)


@dataclass(slots=True)
class Report:
    """The day in numbers."""

    registrations: int
    sends: int = 0
    resends: int = 0
    challenges: int = 0
    changes: int = 0
    most_in_a_second: int = 0
    most_under_way: int = 0
    gaps: dict[str, list[float]] = field(default_factory=dict)
    """How long registrations were wanted and not bound, by the outage after which they came back, or "" for none."""
    back_seconds: dict[str, float] = field(default_factory=dict)
    """How long after the end of each outage the last registration came back."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.registrations} registrations, 24 hours, {LOSS:.0%} loss: {self.sends} requests, "
            f"{self.resends} of them sent again, {self.challenges} challenges, {self.changes} changes",
            f"largest second: {self.most_in_a_second} sends; most under way at once: {self.most_under_way}",
        ]
        for outage in OUTAGES:
            gaps = self.gaps.get(outage.name, [])
            lines.append(
                f"{outage.name} from {outage.begin / HOUR:g} to {outage.end / HOUR:g} h: {len(gaps)} lapsed, "
                f"for {max(gaps, default=0):.0f} s at most; all back {self.back_seconds.get(outage.name, 0):.1f} s after "
                f"its end (allowed {outage.return_seconds:.0f})"
            )
        others = self.gaps.get("", [])
        lines.append(f"at other times: {len(others)} began, {max(others, default=0):.1f} s at most until bound")
        return "\n".join([*lines, *self.faults])


class _DaySchedule(ListSchedule):
    """The list, by due moment, so that a claim does not read all of it."""

    def __init__(self, rows: Sequence[Claimed]) -> None:
        super().__init__(rows, make_settings())
        self.heap = [(row.due_at, row.id) for row in rows]
        heapq.heapify(self.heap)
        self.good = 0

    def change(self, id: int, **changes: object) -> None:
        super().change(id, **changes)
        heapq.heappush(self.heap, (self.rows[id].due_at, id))

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        await asyncio.sleep(self.commit_seconds)
        for refused in self.rows.values() if refused_since else ():
            is_meant = refused.state == State.REJECTED and refused.attempted_at >= refused_since
            if is_meant and refused.id not in self._in_flight:
                refused.due_at = min(refused.due_at, self.now)
                heapq.heappush(self.heap, (refused.due_at, refused.id))
        now = self.now
        # What the engine does not name any more it has given back.
        for id in self._in_flight.difference(in_flight):
            if id in self.rows:
                heapq.heappush(self.heap, (self.rows[id].due_at, id))
        self._in_flight.intersection_update(in_flight)
        rows: list[Claimed] = []
        while self.heap and self.heap[0][0] <= now and len(rows) < limit:
            due_at, id = heapq.heappop(self.heap)
            row = self.rows.get(id)
            # Each change of a due moment leaves an entry behind.
            if row is not None and row.due_at == due_at and id not in self._in_flight:
                self._in_flight.add(id)
                rows.append(replace(row))
        settings = self.settings[1]
        upcoming = self.heap[0][0] if self.heap else None
        return Claim(rows, settings if settings.rev != known_rev else None, upcoming, self.good, len(self.rows))

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        again = await super().settle(outcomes)
        self.settled.clear()
        for settled in outcomes:
            self.good += (settled.state == State.REGISTERED) - (settled.old_state == State.REGISTERED)
            row = self.rows.get(settled.id)
            if row is not None and row.due_at < float("inf"):
                heapq.heappush(self.heap, (row.due_at, row.id))
        return again


class _DayNetwork(Network):
    """A lossy network with the registrar at its end."""

    def __init__(self, report: Report, draw: random.Random) -> None:
        super().__init__()
        self.report = report
        self.draw = draw
        self.passwords: dict[str, str] = {}
        self.until: dict[str, dict[str, float]] = {}
        self.bound_until: dict[str, float] = {}
        self.wanted_since: dict[str, float] = {}
        self.outage: Outage | None = None
        self.paused_until = 0.0
        self.in_flight: Callable[[], int] = lambda: 0
        self._nonces: dict[str, float] = {}
        self._branches: dict[str, tuple[str, float]] = {}
        self._second = (0, 0)

    def carry(self, flow: object, datagram: bytes, to: tuple[str, int]) -> None:
        message = parse_message(datagram)
        assert isinstance(message, Request)
        heard = Heard(self._loop.time(), message, to, flow)  # type: ignore[arg-type]
        self._note(heard)
        if self.draw.random() < LOSS:
            return
        answer = self._answer(message, heard.at + LATENCY_SECONDS)
        if answer is not None and self.draw.random() >= LOSS:
            self._loop.call_later(2 * LATENCY_SECONDS, self.deliver, heard, answer, REGISTRAR)

    def deliver(self, heard: Heard, answer: bytes, source: tuple[str, int]) -> None:
        if self._branches.get(heard.aor, ("", 0.0))[0] == heard.branch:
            del self._branches[heard.aor]
        if answer.startswith(b"SIP/2.0 503"):
            self.paused_until = max(self.paused_until, self._loop.time() + RETRY_AFTER)
        heard.flow.hear(answer, source)  # type: ignore[attr-defined]

    def _note(self, heard: Heard) -> None:
        report, now = self.report, heard.at
        report.sends += 1
        second, sends = self._second
        self._second = (int(now), sends + 1 if int(now) == second else 1)
        report.most_in_a_second = max(report.most_in_a_second, self._second[1])
        branch, since = self._branches.get(heard.aor, ("", float("-inf")))
        if branch == heard.branch:
            report.resends += 1
            return
        if now < since + 32.0 - 0.001:
            report.faults.append(f"{now:.1f}: two REGISTERs under way for {heard.aor}")
        if self.paused_until - 0.001 > now:
            report.faults.append(
                f"{now:.1f}: sent while the registrar asked to be left alone until {self.paused_until:.1f}"
            )
        self._branches[heard.aor] = (heard.branch, now)
        report.most_under_way = max(report.most_under_way, self.in_flight())

    # The registrar

    def _answer(self, request: Request, now: float) -> bytes | None:
        name = "" if self.outage is None else self.outage.name
        if name == "silence":
            return None
        if name == "503":
            return refuse(request, 503, ("Retry-After", str(RETRY_AFTER)))
        aor = (request.first("to") or "").strip("<>")
        value = request.first("authorization")
        params = parse_auth_params(value)[1] if value else {}
        if self._nonces.get(params.get("nonce", ""), 0.0) <= now or not verify(
            params, password=self.passwords.get(aor, ""), method="REGISTER"
        ):
            self.report.challenges += 1
            nonce = f"{self.draw.getrandbits(64):016x}"
            self._nonces[nonce] = now + NONCE_SECONDS
            challenge = f'Digest realm="example.com", nonce="{nonce}", qop="auth", algorithm=MD5'
            return refuse(request, 401, ("WWW-Authenticate", challenge))
        return refuse(request, 403) if name == "403" else self._bind(request, aor, now)

    def _bind(self, request: Request, aor: str, now: float) -> bytes:
        bound = self.until.setdefault(aor, {})
        for value in request.all("contact"):
            uri, _, seconds = value.partition(">")
            if asked := int(seconds.rpartition("expires=")[2]):
                bound[uri[1:]] = now + asked
            else:
                bound.pop(uri[1:], None)
        for uri in [uri for uri, until in bound.items() if until <= now]:
            del bound[uri]
        self._note_binding(aor, max(bound.values(), default=now), now)
        listing = [("Contact", f"<{uri}>;expires={int(until - now)}") for uri, until in bound.items()]
        return refuse(request, 200, *listing)

    def _note_binding(self, aor: str, until: float, now: float) -> None:
        since = max(self.bound_until.get(aor, 0.0), self.wanted_since.get(aor, now))
        self.bound_until[aor] = until
        if until <= now or aor not in self.wanted_since or since >= now - 0.001:
            return
        self.note_gap(aor, since, now)

    def note_gap(self, aor: str, since: float, now: float) -> None:
        """Judge a time in which a registration was wanted and not there."""
        for outage in OUTAGES:
            if since < outage.end + outage.return_seconds and now > outage.begin:
                back = now - outage.end
                self.report.gaps.setdefault(outage.name, []).append(now - since)
                known = self.report.back_seconds.get(outage.name, 0.0)
                self.report.back_seconds[outage.name] = max(known, back)
                if back > outage.return_seconds:
                    self.report.faults.append(f"{now:.0f}: {aor} is back {back:.0f} s after the {outage.name} only")
                return
        self.report.gaps.setdefault("", []).append(now - since)
        if now - since > DRAIN_SECONDS:
            self.report.faults.append(f"{now:.0f}: {aor} was not registered for {now - since:.0f} s")


@dataclass(slots=True)
class Day:
    """One day."""

    registrations: int
    seed: int = 1
    hours: float = 24.0
    seconds_between_changes: float = 20.0

    def play(self) -> Report:
        """Play it."""
        loop = VirtualTimeLoop()
        with capture_logs() as logs, asyncio.Runner(loop_factory=lambda: loop) as runner:
            report = runner.run(self._whole())
        crashes = Counter(line["event"] for line in logs if line["event"].endswith((".crashed", "task.failed")))
        report.faults += [f"{number} times {event}" for event, number in crashes.items()]
        report.faults += [str(fault) for fault in loop.faults]
        if report.most_under_way > LARGEST_WINDOW:
            report.faults.append(f"{report.most_under_way} under way at once")
        return report

    async def _whole(self) -> Report:
        draw = random.Random(self.seed)
        report = Report(self.registrations)
        network = _DayNetwork(report, draw)
        schedule = _DaySchedule([_row(id) for id in range(1, self.registrations + 1)])
        for id in schedule.rows:
            network.passwords[_aor(id)] = "secret"
            network.wanted_since[_aor(id)] = 0.0
        loop = asyncio.get_running_loop()
        engine = Engine(schedule, clock_of(loop), b"key", EngineSettings(), draw=draw, make_flow=network.make_flow)
        network.in_flight = lambda: engine.in_flight
        await engine.start((GROUP,))
        ends = self.hours * HOUR
        change_at = 600.0
        while loop.time() < ends:
            change_at += draw.expovariate(1 / self.seconds_between_changes)
            moments = [m for outage in OUTAGES for m in (outage.begin, outage.end) if loop.time() < m]
            await asyncio.sleep(max(0.0, min([change_at, ends, *moments]) - loop.time()))
            network.outage = next((o for o in OUTAGES if o.begin <= loop.time() < o.end), None)
            if loop.time() >= change_at:
                self._change(draw, network, schedule, engine)
                report.changes += 1
            else:
                change_at = max(change_at, loop.time())
        for aor, since in network.wanted_since.items():
            if (lapsed := max(network.bound_until.get(aor, 0.0), since)) < ends:
                network.note_gap(aor, lapsed, ends)
        await engine.stop()
        return report

    def _change(self, draw: random.Random, network: _DayNetwork, schedule: _DaySchedule, engine: Engine) -> None:
        """Do what operators do: a new password, a new contact, off and on again, gone and there again."""
        id = draw.randint(1, self.registrations)
        row, aor, now = schedule.rows.get(id), _aor(id), network._loop.time()
        if row is None:
            schedule.rows[id] = _row(id, now)
            schedule.change(id)
            network.passwords[aor] = "secret"
            network.wanted_since[aor] = now
        elif row.is_tombstone:
            return
        elif not row.desired:
            schedule.change(id, desired=True, klass=Class.NEW)
            network.wanted_since[aor] = now
        else:
            match draw.choice(["password", "contact", "off", "gone"]):
                case "password":
                    network.passwords[aor] = f"secret{now}"
                    schedule.change(id, credentials=[Credential("", "alice", f"secret{now}")])
                case "contact":
                    assert row.entry is not None
                    schedule.change(id, entry={**row.entry, "URI1": f"sip:u{id}-{int(now)}@192.0.2.1:5070"})
                case "off":
                    network.wanted_since.pop(aor, None)
                    schedule.change(id, desired=False, klass=Class.UNREGISTER)
                case "gone":
                    network.wanted_since.pop(aor, None)
                    schedule.change(id, desired=False, klass=Class.UNREGISTER, is_tombstone=True)
        if id in schedule.rows:
            schedule.rows[id] = replace(schedule.rows[id], failures=0)
        engine.knock([1])


def _aor(id: int) -> str:
    return f"sip:u{id}@example.com"


def _row(id: int, due_in: float = 0.0) -> Claimed:
    made = entry(_aor(id), URI1=f"sip:u{id}@192.0.2.1:5070", TTL1=TTL, AorTtl=TTL, FailedRegistrationRetryTimer=TIMER)
    return make_row(id, due_in=due_in, entry=made, credentials=[Credential("", "alice", "secret")])
