"""Asks servers with OPTIONS whether they are there: `Monitor`, `KeepAliveFrequency` and `RecoverFrequency` of a sipserver.

Asked is a target of which nothing was heard for a while: an answered REGISTER says as much as an answered OPTIONS. An answer,
whatever its code, is an answer: the server is up, its breaker closes and what waits goes out. None within Timer F is silence
only where OPTIONS have been answered before, for some registrars ignore them: then the server is down and the breaker opens,
before any registration has waited for it. A pace is not learned from OPTIONS, for they are no REGISTERs.

One task sees to all registrars, by the instants at which they are looked at next. One OPTIONS is in flight for a target at any
time: over UDP it is sent again every four seconds until it ends, so a server that is back is noticed by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from logging import DEBUG, ERROR

import structlog

from ..errors import StoreUnavailable
from ..model.groups import PUBLIC_ADDRESS
from ..model.schedule import RegistrarSettings, Schedule
from ..sip.identifiers import next_cseq, question_names
from ..sip.message import Response
from ..sip.options import Question, uri_of
from ..sip.registration import BRANCH_COOKIE, Tokens
from ..sip.targets import Target, Weighted
from ..sip.transaction import NEVER, Action, ClientTransaction
from ..sip.uri import split_host_port
from .claims import Claims
from .clock import Clock
from .deadlines import Deadlines
from .departure import EngineSettings
from .dispatcher import Dispatcher
from .flight import Flight
from .naming.targets import Unreachable, find_targets
from .ordering import VIA_TRANSPORTS, common_lines, own_address
from .queue import DueQueue
from .settler import RETRY_STORE_SECONDS
from .tasks import cancel_all, spawn
from .transport.flows import Flow
from .transport.ways import Ways
from .watches import Inquiry, Shared, Watch, Watched

__all__ = ["Monitor"]

log = structlog.get_logger()

# No step holds the event loop over 5 ms; and nobody minds an OPTIONS that is so much later.
MOST_AT_ONCE = 64
GRAIN_SECONDS = 0.1

# The event loop's clock stands still while the machine sleeps (design, rule 10).
LONGEST_SLEEP_SECONDS = 10.0

# A breaker that REGISTERs have opened, and a name that stands for others, are noticed by then.
LOOK_EVERY_SECONDS = 60.0
MOST_LOOK_UPS = 64
RETRY_LOOK_UP_SECONDS = 1.0

# What is pushed while a step is under way, that step sees.
AWAKE = float("-inf")

# Changes of the configuration come in rows: they are read together.
BETWEEN_READS_SECONDS = 1.0
RETRY_CRASHED_SECONDS = 60.0


class Monitor:
    """Watches the targets of all registrars that are to be watched. `sent` counts OPTIONS, without those sent again."""

    def __init__(self, schedule: Schedule, clock: Clock, claims: Claims, ways: Ways, dispatcher: Dispatcher[Flight],
                 identity_key: bytes, settings: EngineSettings, tokens: Tokens) -> None:  # fmt: skip
        self._schedule = schedule
        self._clock = clock
        self._claims = claims
        self._ways = ways
        self._dispatcher = dispatcher
        self._identity_key = identity_key
        self._settings = settings
        self._tokens = tokens
        self._deadlines: Deadlines[Inquiry] = Deadlines(clock.now, self._expired)
        self._registrars: dict[int, Watched] = {}
        self._watches: dict[tuple[int, Target], Watch] = {}
        self._inquiries: set[Inquiry] = set()
        self._shared = Shared()
        self._queue = DueQueue()
        self._look_ups = 0
        self._is_unread = False
        self._is_news = True
        self._reads_from = float("-inf")
        self._woken = asyncio.Event()
        self._sleeps_until = AWAKE
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        self.crashed = 0

    # Life

    def start(self) -> None:
        """Begin to watch."""
        self._task = spawn(self._run(), "monitor")

    async def stop(self) -> None:
        """Ask nobody any more; an answer that is still to come is foreign."""
        task, self._task = self._task, None
        await cancel_all(task)
        self._deadlines.close()
        for inquiry in list(self._inquiries):
            self._end(inquiry, self._clock.now())

    def look_again(self) -> None:
        """Take the news that registrars have come, gone or changed."""
        self._is_news = True
        self._woken.set()

    def __len__(self) -> int:
        return len(self._inquiries)

    @property
    def is_running(self) -> bool:
        return self._task is not None

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            self._sleeps_until = AWAKE
            try:
                self._sleeps_until = await self._step()
            except Exception:
                log.exception("monitor.crashed")
                self.crashed += 1
                self._sleeps_until = self._clock.now() + RETRY_CRASHED_SECONDS
            left = self._sleeps_until - self._clock.now()
            wait = None if self._sleeps_until == NEVER else min(max(left, GRAIN_SECONDS), LONGEST_SLEEP_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()

    async def _step(self) -> float:
        """Do a part of what is due; return the instant of what is due next."""
        if self._is_news and self._clock.now() >= self._reads_from:
            await self._read()
        now = self._clock.now()
        room = MOST_AT_ONCE
        while room > 0 and (registrar_id := self._queue.pop(now)) is not None:
            room -= await self._visit(registrar_id, now)
        at = NEVER if self._queue.next_at is None else self._queue.next_at
        return min(at, self._reads_from) if self._is_news else at

    async def _read(self) -> None:
        """Read what the configuration says that is not known yet."""
        self._is_news = False
        try:
            found = await self._schedule.monitored({one.id: one.rev for one in self._registrars.values()})
        except StoreUnavailable as error:
            log.log(DEBUG if self._is_unread else ERROR, "monitor.unread", cause=str(error))
            self._is_unread = True
            self._is_news, self._reads_from = True, self._clock.now() + RETRY_STORE_SECONDS
            return
        self._is_unread = False
        now = self._clock.now()
        for registrar_id in found.gone:
            one = self._registrars.pop(registrar_id)
            self._leave(one, one.watches)
        for settings in found.settings:
            known = self._registrars.get(settings.id)
            watches = [] if known is None else known.watches
            self._registrars[settings.id] = Watched(settings, self._shared, watches)
            self._queue.push(settings.id, now)
        self._is_news = self._is_news or not found.is_all
        self._reads_from = now + BETWEEN_READS_SECONDS if found.is_all else now

    # Targets

    async def _visit(self, registrar_id: int, now: float) -> int:
        """Ask the targets of a registrar that are due; return for how much work that counts."""
        one = self._registrars.get(registrar_id)
        if one is None or one.is_looked_up:
            return 1
        if one.needs_look_up:
            if self._look_ups < MOST_LOOK_UPS:
                one.is_looked_up = True
                self._look_ups += 1
                spawn(self._look_up(one), "monitor-look-up")
            else:
                self._queue.push(one.id, now + RETRY_LOOK_UP_SECONDS)
            return 1
        try:
            if not one.is_found:
                await self._find(one)
            return self._ask(one)
        except Exception:
            self._crash(one)
            return 1

    async def _look_up(self, one: Watched) -> None:
        """Do as `_visit` for one whose name has to be asked for: nobody else waits for that."""
        try:
            await self._find(one)
            self._ask(one)
        except Exception:
            self._crash(one)
        finally:
            one.is_looked_up = False
            self._look_ups -= 1

    def _crash(self, one: Watched) -> None:
        log.exception("monitor.crashed", registrar=one.id)
        self.crashed += 1
        self._push(one.id, self._clock.now() + RETRY_CRASHED_SECONDS)

    async def _find(self, one: Watched) -> None:
        """Have the watches of a registrar be those of its targets as its name stands for them now."""
        targets: list[Weighted] = []
        try:
            targets = await find_targets(one.settings(), self._claims.resolver)
        except Unreachable:
            # Which REGISTERs say in their own rows.
            now = self._clock.now()
            self._claims.memory_of(one.server_uid).standing.failed(now, now)
        if not self._knows(one):
            return
        watches = [self._watch_of(one, target) for target in dict.fromkeys(each.target for each in targets)]
        self._leave(one, [watch for watch in one.watches if watch not in watches])
        one.watches = watches
        one.is_found = bool(watches)

    def _knows(self, one: Watched) -> bool:
        """Tell whether a registrar is still to be watched, as it was when this began."""
        return self.is_running and self._registrars.get(one.id) is one

    def _watch_of(self, one: Watched, target: Target) -> Watch:
        key = one.group_uid, target
        watch = self._watches.get(key)
        if watch is None:
            pacing = self._claims.pacing_of(target)
            watch = self._watches[key] = Watch(one.group_uid, target, pacing, self._clock.now())
        if one.id not in watch.registrars:
            watch.registrars += (one.id,)
        return watch

    def _leave(self, one: Watched, watches: Iterable[Watch]) -> None:
        for watch in watches:
            watch.registrars = tuple(id for id in watch.registrars if id != one.id)
            if watch.inquiry is not None and not watch.registrars:
                self._end(watch.inquiry, self._clock.now())
            self._drop_if_unused(watch)

    def _drop_if_unused(self, watch: Watch) -> None:
        if not watch.registrars and watch.inquiry is None:
            self._watches.pop((watch.group_uid, watch.target), None)

    def _of(self, watch: Watch) -> list[Watched]:
        """Return the registrars of a target, one for each server."""
        found = [self._registrars[id] for id in watch.registrars if id in self._registrars]
        return list({one.server_uid: one for one in found}.values())

    # Asking

    def _ask(self, one: Watched) -> int:
        """Ask the targets of a registrar that are due."""
        if not self._knows(one):
            return 1
        now = self._clock.now()
        standing = self._claims.memory_of(one.server_uid).standing
        sent = 1
        for watch in one.watches:
            standing.heard(watch.pacing.answered_at)
            if watch.due_at(one) <= now:
                self._send(one, watch, now)
                sent += 1
        self._plan(one, now)
        return sent

    def _plan(self, one: Watched, now: float) -> None:
        at = min([watch.due_at(one) for watch in one.watches], default=NEVER)
        self._push(one.id, min(at, now + LOOK_EVERY_SECONDS))

    def _push(self, registrar_id: int, at: float) -> None:
        self._queue.push(registrar_id, at)
        if at < self._sleeps_until:
            self._woken.set()

    def _send(self, one: Watched, watch: Watch, now: float) -> None:
        settings = one.settings()
        watch.asked_at = now
        watch.cseq, watch.generation = next_cseq(watch.cseq, watch.generation, now)
        branch = BRANCH_COOKIE + self._tokens.branch()
        try:
            flow = self._ways.to(watch.target, settings, 0)
            request = self._question(settings, watch, flow).render(watch.cseq, branch)
        except Unreachable as fault:
            if fault.until > now:
                watch.not_before = fault.until
            else:
                self._note_silence(watch, now, now)
            return
        transaction = ClientTransaction(branch, request, self._settings.timers, is_reliable=flow.is_reliable)
        transaction.start(now)
        inquiry = watch.inquiry = Inquiry(watch, flow, transaction, now, self._answered)
        self._inquiries.add(inquiry)
        if flow.send(request, inquiry.peer):
            self._unanswered(inquiry, now, was_sent=False)
            return
        self.sent += 1
        self._dispatcher.expect_exchange(branch, inquiry)
        self._deadlines.watch(inquiry)

    def _question(self, settings: RegistrarSettings, watch: Watch, flow: Flow) -> Question:
        server, target = settings.server, watch.target
        host = str(settings.group[PUBLIC_ADDRESS] or self._settings.own_address)
        own = own_address(flow, target, host=host, fqdn=self._settings.own_fqdn)
        host, port = split_host_port(own.host)
        sent_by = f"{host}:{port or own.port}"
        transport = "" if own.transport == "udp" else f";transport={own.transport}"
        domain, domain_port = split_host_port(str(server["DomainName"] or server["Host"]))
        us, peer = str(server["LocalUserName"] or ""), str(server["PeerUserName"] or "")
        request_uri = uri_of(peer, domain if domain_port is None else f"{domain}:{domain_port}")
        call_id, from_tag = question_names(self._identity_key, settings.id, target, watch.generation)
        return Question(
            request_uri, uri_of(us, host), from_tag, request_uri, call_id, uri_of(us, sent_by) + transport, sent_by,
            VIA_TRANSPORTS[target.transport], common_lines(settings),
        )  # fmt: skip

    # What comes of it

    def _answered(self, inquiry: Inquiry, response: Response, now: float) -> None:
        if inquiry.transaction.receive(response.status_code, now) is not Action.PASS_UP:
            return
        watch = inquiry.watch
        self._end(inquiry, now)
        watch.has_answered, watch.is_told = True, False
        if watch.pacing.heard(now):
            log.info("target.answers_again", target=str(watch.target), by="OPTIONS")
            self._claims.wake(watch.pacing)
        for one in self._of(watch):
            self._claims.memory_of(one.server_uid).standing.answered(now)
        self._plan_all(watch, now)

    def _expired(self, inquiry: Inquiry, now: float) -> None:
        action = inquiry.transaction.handle_timer(now)
        if action is Action.SEND:
            if inquiry.flow.send(inquiry.transaction.request, inquiry.peer):
                # Its socket is not there any more: that says nothing of the target, and the next one takes another.
                self._end(inquiry, now)
                self._plan_all(inquiry.watch, now)
        elif action is Action.TIME_OUT:
            if inquiry.watch.pacing.answered_at > inquiry.sent_at:
                # It is there, and answers OPTIONS no more.
                inquiry.watch.has_answered = False
            self._unanswered(inquiry, now, was_sent=True)

    def flow_lost(self, flow: Flow, *, was_open: bool) -> None:
        """Take the end of a connection: what was asked over it stays unanswered."""
        for inquiry in [inquiry for inquiry in self._inquiries if inquiry.flow is flow]:
            self._unanswered(inquiry, self._clock.now(), was_sent=was_open)

    def _unanswered(self, inquiry: Inquiry, now: float, *, was_sent: bool) -> None:
        watch = inquiry.watch
        self._end(inquiry, now)
        if watch.has_answered or not was_sent:
            self._note_silence(watch, inquiry.sent_at, now)
        elif not watch.is_told:
            watch.is_told = True
            log.warning("options.unanswered", target=str(watch.target),
                        hint="REGISTERs alone tell whether it is there; Monitor 0 ends OPTIONS")  # fmt: skip
        self._plan_all(watch, now)

    def _note_silence(self, watch: Watch, since: float, now: float) -> None:
        """Take a target for silent that has answered OPTIONS before, and nothing `since` an instant; its server for down where
        all its targets are silent.
        """
        pacing, registrars = watch.pacing, self._of(watch)
        if watch.has_answered and pacing.answered_at <= since:
            others = all(len(one.watches) > 1 for one in registrars)
            if pacing.breaker.open(now, others=others):
                hint = "the others go to other targets" if others else "the others wait"
                log.error("target.silent", target=str(watch.target), by="OPTIONS",
                          hint=f"one AOR is tried now and then until it answers; {hint}")  # fmt: skip
        for one in registrars:
            standing = self._claims.memory_of(one.server_uid).standing
            standing.heard(pacing.answered_at)
            has_others = any(not each.pacing.breaker.is_open for each in one.watches if each is not watch)
            standing.failed(float("-inf") if has_others else since, now)

    def _end(self, inquiry: Inquiry, now: float) -> None:
        inquiry.is_over = True
        inquiry.watch.inquiry = None
        self._inquiries.discard(inquiry)
        self._dispatcher.forget_exchange(inquiry.transaction.branch, now)
        self._drop_if_unused(inquiry.watch)

    def _plan_all(self, watch: Watch, now: float) -> None:
        for registrar_id in watch.registrars:
            if (one := self._registrars.get(registrar_id)) is not None:
                self._plan(one, now)
