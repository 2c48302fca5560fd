"""One random play: the engine, a registrar and a network in trouble, then peace; and what must be true all the time.

    run(Play(seed=7, phases=[Phase(seconds=600, answers=["503 later"])], changes=[Change(300, "password", 0)]))

What is checked, and where:

- never two REGISTERs under way for one AOR, CSeq grows with each request of a Call-ID: `rough.RoughNetwork`
- a row is claimed only when it is due and not in flight: `listed.ListSchedule`
- no wait shorter or longer than the rules of `sip/backoff.py` allow; no attempt of more requests than `MOST_REQUESTS`;
  every wanted registration is due at some moment: `watched.WatchedSchedule`
- what is shown as registered is held by the registrar; what is in memory is in flight: `_Watch.look`
- in peace every registration stands at its next due moment, and nothing is held that is not wanted: `_Watch.peace`
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from structlog.testing import capture_logs

from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.errors import StoreUnavailable
from sipregistrant.model.resource import Values
from sipregistrant.model.schedule import Claimed, Class
from sipregistrant.model.status import State
from sipregistrant.sip.authentication import Credential
from sipregistrant.sip.identifiers import contact_token
from sipregistrant.store import actions
from tests.engine.listed import EPOCH, GROUP, ListSchedule, clock_of, entry, make_row, make_settings, unavailable
from tests.engine.rough import GOOD, MOVED_TO, Roughness, RoughNetwork, RoughRegistrar
from tests.engine.script import Change, Phase, Play
from tests.engine.stored import StoredSchedule
from tests.engine.virtual_time import VirtualTimeLoop
from tests.engine.watched import KEY, WatchedSchedule

__all__ = ["run"]

PASSWORD = "secret"
MAINTENANCE, ENABLED = 3, 1

# A transaction that was begun in the last moment of the trouble, and one after a challenge, have ended by then; and what
# was delayed has arrived.
ENDING_SECONDS = 150.0

# How often everything is looked at.
LOOK_EVERY_SECONDS = 11.0
LOOK_INTO_STORE_EVERY_SECONDS = 61.0

# No service is there again sooner.
RESTART_SECONDS = 2.0

# From claim to answer in peace, with a store that takes its time.
PROMPT_SECONDS = 8.0


def run(play: Play) -> None:
    """Play it; raise `AssertionError` for what must never be."""
    loop = VirtualTimeLoop()
    try:
        with capture_logs() as logs, asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(_Watch(play).whole())
    finally:
        # A callback that raised is the cause of whatever else is wrong then.
        assert not loop.faults, loop.faults
    broken = [line for line in logs if line["event"].endswith((".crashed", "task.failed"))]
    assert not broken, [repr(line) for line in broken]


class _Watch:
    """The stage of one play, and the eyes on it."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.draw = random.Random(play.seed)

    async def whole(self) -> None:
        """Trouble, then peace."""
        play = self.play
        self.loop = asyncio.get_running_loop()
        self.registrar = RoughRegistrar(
            self.draw, password=PASSWORD, algorithm=play.algorithm, wants_digest=play.wants_digest,
            nonce_seconds=play.nonce_seconds, nonce_uses=play.nonce_uses, says_stale=play.says_stale,
        )  # fmt: skip
        self.network = RoughNetwork(self.registrar, self.draw)
        self.within = self._make_stored() if play.is_stored else self._make_listed()
        self.within.commit_seconds = play.commit_seconds
        gives_up = "RetryNonStaleNonce" in play.options
        self.schedule = WatchedSchedule(self.within, self.network, play.most_requests, gives_up=gives_up)
        self.password = PASSWORD
        self.moved = 0
        # When the disk was full last; infinite while it is.
        self.well_since = 0.0
        # By server that is in maintenance, since when; and when the last one ended.
        self.resting: dict[int, float] = {}
        self.rested_until = 0.0
        self.engine = await self._start()
        events: list[tuple[float, Callable[[], Any]]] = []
        at = 0.0
        for phase in play.phases:
            events.append((at, lambda phase=phase: self._enter(phase)))  # type: ignore[misc]
            at += phase.seconds
        events += [(float(change.at), lambda change=change: self._change(change)) for change in play.changes]  # type: ignore[misc]
        events.append((play.trouble_seconds, self._pacify))
        for when, what in sorted(events, key=lambda event: event[0]):
            await self._watch_until(when)
            if (waiting := what()) is not None:
                await waiting
        await self._watch_until(play.trouble_seconds + ENDING_SECONDS)
        await self._peace()
        await self.engine.stop()
        await asyncio.sleep(2 * self.play.commit_seconds + 0.1)  # a claim that was under way comes back and is let go
        self._nothing_is_left()
        if isinstance(self.within, StoredSchedule):
            self.within.close()

    def _make_listed(self) -> ListSchedule:
        rows = [self._row(number) for number in range(1, self.play.rows + 1)]
        return ListSchedule(rows, make_settings(1, 1, group=None, profile=None, is_gone=False, **self.play.server))

    def _make_stored(self) -> StoredSchedule:
        stored = StoredSchedule(clock_of(self.loop).now)
        self.form: dict[str, str | int] = {
            "TTL1": self.play.ttl,
            "AorTtl": self.play.ttl,
            "FailedRegistrationRetryTimer": self.play.timer,
        }
        stored.make(
            self.play.rows, PASSWORD, self.form, servers=self.play.servers, server=self.play.server,
            second_password=self.play.second_password, uri=self._uri,
        )  # fmt: skip
        return stored

    def _uri(self, number: int, version: int = 0) -> str:
        """Return a contact: written in full, or one that is completed with our address and a token."""
        user = f"u{number}" + f"m{version}" * bool(version)
        return user if "ContactURIRandomizer" in self.play.options else f"sip:{user}@192.0.2.1:5070"

    def _credentials(self, password: str) -> list[Credential]:
        second = self.play.second_password
        return [Credential("", "alice", password, "1"), *([Credential("", "alice", second, "2")] if second else [])]

    def _row(self, number: int) -> Claimed:
        """Return a row; the second one has the AOR of the first, with a contact of its own."""
        aor = 1 if number == 2 else number
        made = entry(
            f"sip:u{aor}@example.com", URI1=self._uri(number), TTL1=self.play.ttl, AorTtl=self.play.ttl,
            FailedRegistrationRetryTimer=self.play.timer,
        )  # fmt: skip
        return make_row(number, binding_key=aor, entry=made, credentials=self._credentials(PASSWORD))

    async def _start(self) -> Engine:
        settings = EngineSettings(redirect_hosts=frozenset({MOVED_TO}) if self.play.is_redirected else frozenset())
        engine = Engine(
            self.schedule, clock_of(self.loop), KEY, settings, draw=self.draw, make_flow=self.network.make_flow
        )  # fmt: skip
        if isinstance(self.within, StoredSchedule):
            self.within.knocked = lambda registrar_ids: None
            self.within.write(actions.clear_at_start)
            self.within.knocked = engine.knock
        await engine.start((GROUP,))
        return engine

    # What happens

    def _enter(self, phase: Phase) -> None:
        # Who is asked twice for one contact grants the same twice: what it said last counts for both.
        unequal = {"longer", "shorter", "423", "423 growing"} if self.play.servers > 1 else set()
        self.registrar.answers = [what for what in phase.answers if what not in unequal] or ["ok"]
        self.network.roughness = Roughness(phase.loss, phase.repeats, phase.slowest, phase.unsendable, phase.forged)
        fault: StoreUnavailable | None = unavailable() if phase.is_disk_full else None
        if phase.is_disk_full or self.within.claim_fault is not None:
            self.well_since = float("inf") if phase.is_disk_full else self.schedule.now
        self.within.claim_fault = fault
        self.within.settle_fault = lambda outcomes: fault

    def _pacify(self) -> None:
        self._enter(Phase(0, [what for what in GOOD if what != "shorter"]))
        self.registrar.password = self.password
        if isinstance(self.within, StoredSchedule):
            for number in list(self.resting):
                self._rest(self.within, number, ENABLED)
            for number in range(1, self.play.rows + 1):
                self.within.set_password(number, self.password)
            return
        for id, row in list(self.within.rows.items()):
            if row.credentials[0].password != self.password:
                self._edit(id, credentials=self._credentials(self.password))

    def _change(self, change: Change) -> Any:
        match change.what:
            case "restart":
                return self._restart()
            case "crash":
                return self._crash()
            case "forget":
                return self.registrar.forget()
            case "password there":
                self.password = self.registrar.password = f"secret{change.at}"
                return None
            case "knock":
                return self.engine.knock([1])
        id = change.row % self.play.rows + 1
        self.moved += 1
        if isinstance(self.within, StoredSchedule):
            self._change_stored(self.within, change.what, id)
        else:
            self._change_listed(change.what, id)
        return None

    def _change_stored(self, stored: StoredSchedule, what: str, number: int) -> None:
        is_there = stored.exists(number)
        match what:
            case "maintenance":
                self._rest(stored, number % self.play.servers + 1, MAINTENANCE)
            case "maintenance ends":
                self._rest(stored, number % self.play.servers + 1, ENABLED)
            case "password here":
                stored.set_password(number, self.password)
            case "password wrong":
                stored.set_password(number, "wrong")
            case "contact" if is_there:
                stored.post(number, URI1=self._uri(number, self.moved))
            case "disable" if is_there:
                stored.act(number, "unregister")
            case "enable" if is_there:
                stored.act(number, "register")
            case "enable":
                stored.put(number, self._uri(number), self.form)
            case "delete" if is_there:
                stored.delete(number)

    def _rest(self, stored: StoredSchedule, server: int, state: int) -> None:
        stored.set_admin_state(server, state)
        if state == MAINTENANCE:
            self.resting.setdefault(server, self.schedule.now)
        elif self.resting.pop(server, None) is not None:
            self.rested_until = self.schedule.now

    def _change_listed(self, what: str, id: int) -> None:
        row = self.within.rows.get(id)
        if row is None or row.is_tombstone:
            return
        match what:
            case "password here":
                self._edit(id, credentials=self._credentials(self.password))
            case "password wrong":
                self._edit(id, credentials=self._credentials("wrong"))
            case "contact":
                assert row.entry is not None
                self._edit(id, entry={**row.entry, "URI1": self._uri(id, self.moved)})
            case "disable":
                self._edit(id, desired=False, klass=Class.UNREGISTER)
            case "enable":
                self._edit(id, desired=True, klass=Class.HELD if row.expires_at > self.schedule.now else Class.NEW)
            case "delete":
                self._edit(id, desired=False, klass=Class.UNREGISTER, is_tombstone=True)

    def _edit(self, id: int, **changes: Any) -> None:
        assert isinstance(self.within, ListSchedule)
        self.within.change(id, **changes)
        self.within.rows[id] = replace(self.within.rows[id], failures=0)
        self.engine.knock([1])

    async def _restart(self) -> None:
        await self.engine.stop()
        await asyncio.sleep(2 * self.play.commit_seconds + 0.1)  # a claim that was under way comes back and is let go
        self._nothing_is_left()
        self.schedule.process_died()
        self.network.process_died()
        self.engine = await self._start()

    async def _crash(self) -> None:
        """Lose all that is in memory, as a power cut does, and start again after a moment."""
        engine = self.engine
        engine._is_stopping = True
        engine._claims.stop()
        await engine._settler.stop()
        engine._deadlines.close()
        engine.flows.close()
        await asyncio.sleep(RESTART_SECONDS)
        self.schedule.process_died()
        self.network.process_died()
        self.engine = await self._start()

    # What must be true

    async def _watch_until(self, when: float) -> None:
        """Let time pass, and look again and again; never twice as long as a play lasts."""
        while (left := when - self.loop.time()) > 0:
            step = LOOK_INTO_STORE_EVERY_SECONDS if self.play.is_stored else LOOK_EVERY_SECONDS
            await asyncio.sleep(min(left, step))
            self._look()

    def _look(self) -> None:
        now = self.schedule.now
        assert not self.network.broken, self.network.broken[0]
        in_flight = {id for registrar in self.engine._claims.registrars.values() for id in registrar.in_flight}
        for id, row in self.within.rows.items():
            in_flight_since = self.schedule.taken_at.get(id)
            # What was claimed ahead and given back is due as it was.
            if in_flight_since is not None and id in in_flight:
                since = max(in_flight_since, self.well_since)
                assert now - since < 2 * self.play.most_requests * 33, f"{id} is in flight and stays there"
                continue
            if row.registrar_id in self.resting:
                # Registrars have the numbers of their servers: there is one group.
                taken_at = in_flight_since or 0.0
                assert taken_at <= self.resting[row.registrar_id], f"{id} is claimed in maintenance"
                continue
            if row.desired or row.is_tombstone:
                assert row.due_at < float("inf"), f"{id} is never due"
                pacings = self.engine._claims.pacings.values()
                allowed_from = max(
                    row.due_at, self.well_since, self.rested_until, *(pacing.paused_until for pacing in pacings), 0.0
                )
                has_room = all(pacing.room(now) > 0 for pacing in pacings) and not len(self.engine._settler)
                assert not has_room or allowed_from > now - 12.0, f"{id} is overdue by {now - row.due_at} s"
            if (
                row.desired
                and row.state == State.REGISTERED
                and row.expires_at > now
                and row.wanted_rev == row.applied_rev
            ):
                self._is_held(row)

    def _is_held(self, row: Claimed) -> None:
        assert row.sent is not None
        for contact in row.sent.contacts:
            aor = row.sent.aor
            if not contact.granted or (aor, contact.uri) in self.registrar.taken or contact.matched == "only":
                # Who is told of one other contact takes it for a rewritten one of his own: so it was decided.
                continue
            until = EPOCH + self.registrar.holds(aor, contact.uri)
            # What was granted counts from the answer's arrival: late ones make it that much longer.
            assert until >= row.expires_at - 33.0, (
                f"{row.id} is shown as held until {row.expires_at}, but is until {until}"
            )

    async def _peace(self) -> None:
        """Each registration is good from its next due moment on, and only what is wanted is bound."""
        paused = max((pacing.paused_until for pacing in self.engine._claims.pacings.values()), default=0.0)
        due = sorted((max(row.due_at, paused), id) for id, row in self.within.rows.items() if row.desired)
        for due_at, id in due:
            await self._watch_until(due_at - EPOCH + PROMPT_SECONDS)
            row = self.within.rows[id]
            assert row.state == State.REGISTERED, f"{id} is not registered in peace: {self._last(id)}"
            assert row.sent is not None
            for contact in row.sent.contacts:
                if contact.granted:
                    until = self.registrar.holds(row.sent.aor, contact.uri)
                    assert until > self.loop.time(), f"{contact.uri} is not bound"
        self._nothing_is_forgotten()

    def _nothing_is_forgotten(self) -> None:
        """What the registrar holds of ours is wanted, or somebody remembers that it is to be removed (design, rule 8)."""
        now = self.schedule.now
        known = set()
        for row in self.within.rows.values():
            if not row.desired and row.due_at == float("inf"):
                assert max(row.expires_at, row.maybe_held_until) <= now, f"{row.id} is parked and may be held"
                continue
            known |= {contact.uri for contact in row.sent.contacts} if row.sent is not None else set()
            known |= {self._completed(row, values) for values in (row.entry, row.unanswered) if values is not None}
        bound = {
            uri for of_aor in self.registrar.bindings.values() for uri, b in of_aor.items() if EPOCH + b.until > now
        }
        if self.play.is_stored:
            assert bound <= known, f"nobody remembers {bound - known}"

    def _completed(self, row: Claimed, values: Values) -> str:
        uri = str(values["URI1"])
        return uri if ":" in uri else f"sip:{contact_token(KEY, row.id)}{uri}@192.0.2.1:5070"

    def _last(self, id: int) -> str:
        return next(
            (f"{s.last_code} {s.last_reason}" for s in reversed(self.within.settled) if s.id == id), "never settled"
        )

    def _nothing_is_left(self) -> None:
        """What is in memory is in flight: what a stop did not wait for."""
        engine = self.engine
        in_flight = len(engine._dispatcher)
        assert len(engine._turns) <= in_flight
        assert sum(pacing.taken for pacing in engine._claims.pacings.values()) <= in_flight
        assert not engine._deadlines._heap
