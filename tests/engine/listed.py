"""What the engine meets in these tests: a schedule that is a list, and a network that is a script.

    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)                       virtual time
    assert network.heard[0].request.method == "REGISTER"

`ListSchedule` is `model.schedule.Schedule` without a database. `Network` stands in for sockets: what the engine sends
is heard by the registrar at that address, whose answers come back after a moment. Both note what must never be: a row
claimed that is in flight or not due, two REGISTERs of one AOR under way at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sipregistrant.engine.clock import Clock
from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.tokens import SystemTokens
from sipregistrant.engine.transport.flows import Address, GroupAddress, Receiver, UdpFlow
from sipregistrant.errors import StoreUnavailable
from sipregistrant.model import groups, profiles, registrants, servers
from sipregistrant.model.attributes import Value
from sipregistrant.model.resource import Values
from sipregistrant.model.schedule import Claim, Claimed, Class, Monitored, RegistrarSettings, Settled
from sipregistrant.model.status import State
from sipregistrant.sip.authentication import Credential
from sipregistrant.sip.message import REASON_PHRASES, Request, parse_message, render_response
from sipregistrant.sip.registration import Tokens
from sipregistrant.sip.transaction import SipTimers
from tests.engine.zone import Zone

__all__ = [
    "EPOCH", "GROUP", "HOST", "REGISTRAR", "SECRET", "Heard", "ListSchedule", "Network", "challenge", "clock_of", "engine_on",
    "entry", "make_row", "make_settings", "ok", "refuse", "unavailable",
]  # fmt: skip

# Where the schedule's time begins in these tests: 2026-01-01.
EPOCH = 1_767_225_600.0

# Documentation addresses (RFC 5737): nothing here reaches a real network.
HOST = "192.0.2.1"
REGISTRAR = ("198.51.100.1", 5060)
GROUP = GroupAddress(1, 1, HOST, 5070, 40)

SECRET = Credential("", "alice", "secret")

# One way through the network.
LATENCY_SECONDS = 0.01


def entry(aor: str = "sip:alice@example.com", **values: Value) -> Values:
    """Return the values of a registrant entry: Static, one contact, all else as on the page."""
    made = registrants.ENTRY.to_create({"AOR": "sip:alice@example.com", "AorType": "3"})
    return {**made, "AOR": aor, "URI1": "sip:alice@192.0.2.1:5070", **values}


def make_row(id: int = 1, *, registrar_id: int = 1, due_in: float = 0.0, **changes: object) -> Claimed:
    """Return a row of the schedule: new, wanted, due at once unless said otherwise. Each id is an AOR of its own."""
    row = Claimed(
        id=id, registrar_id=registrar_id, binding_key=id, desired=True, klass=Class.NEW, due_at=EPOCH + due_in,
        state=State.UNREGISTERED, wanted_rev=1, applied_rev=0, cseq=0, generation=0, expires_at=0.0,
        maybe_held_until=0.0, since_at=EPOCH, failures=0, last_code=0, challenge=None, nonce_count=0, min_expires=0,
        entry=entry(f"sip:u{id}@example.com", URI1=f"sip:u{id}@192.0.2.1:5070"), sent=None, credentials=[SECRET],
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


A_GROUP = groups.GROUP.to_create({"Description": "group", "MediaConfigID": "1"})


def make_settings(id: int = 1, rev: int = 1, *, group: Values | None = None, profile: Values | None = None,
                  is_gone: bool = False, **server: Value) -> RegistrarSettings:  # fmt: skip
    """Return the settings of a registrar at `REGISTRAR`; keywords are attributes of its server, which nobody watches with
    OPTIONS unless that is said.
    """
    values = servers.ENTRY.to_create({"Host": REGISTRAR[0], "Monitor": "0"})
    return RegistrarSettings(
        id=id, rev=rev, group_uid=GROUP.group_uid, server_uid=1, group={**A_GROUP, **(group or {})},
        profile={**profiles.PROFILE.to_create({}), **(profile or {})},
        server={**values, **server}, credentials_uid=None, is_gone=is_gone,
    )  # fmt: skip


def clock_of(loop: asyncio.AbstractEventLoop) -> Clock:
    """Return the schedule's clock on the time of an event loop."""
    return Clock(boot=loop.time, wall=lambda: EPOCH + loop.time())


class ListSchedule:
    """The schedule as a dictionary of rows. `due_at` infinite is a row that is parked."""

    def __init__(self, rows: Sequence[Claimed], *settings: RegistrarSettings) -> None:
        self.rows = {row.id: row for row in rows}
        self.settings = {one.id: one for one in settings or [make_settings()]}
        self.settled: list[Settled] = []
        self.claims: list[tuple[int, list[int]]] = []
        self.commit_seconds = 0.0
        self.claim_fault: Exception | None = None
        self.settle_fault: Callable[[Sequence[Settled]], Exception | None] = lambda outcomes: None
        self._in_flight: set[int] = set()
        self.clock: Callable[[], float] = clock_of(asyncio.get_running_loop()).now

    @property
    def now(self) -> float:
        return self.clock()

    def change(self, id: int, **changes: object) -> None:
        """Change what is wanted of a row, as a request of the API does: it is due at once."""
        row = self.rows[id]
        self.rows[id] = replace(row, wanted_rev=row.wanted_rev + 1, due_at=self.now, **changes)  # type: ignore[arg-type]

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        """Hand out due rows, earliest first; of a registrar that staggers, one first REGISTER among them."""
        await asyncio.sleep(self.commit_seconds)
        if self.claim_fault is not None:
            raise self.claim_fault
        out = set(in_flight)
        for row in self.rows.values():
            if refused_since and row.state == State.REJECTED and row.attempted_at >= refused_since:
                row.due_at = min(row.due_at, self.now)
        mine = [row for row in self.rows.values() if row.registrar_id == registrar_id and row.id not in out]
        mine.sort(key=lambda row: row.due_at)
        due = [row for row in mine if row.due_at <= self.now]
        settings = self.settings.get(registrar_id)
        first = [row for row in due if row.klass in (Class.NEW, Class.UNREGISTER)]
        if settings is None or not settings.server["StaggerRegistration"]:
            first = []
        staggered = first[:1] if may_stagger else []
        claimed = [*staggered, *(row for row in due if row not in first)][:limit]
        # What the engine does not name any more it has given back.
        self._in_flight = {
            id
            for id in self._in_flight
            if id in out or id not in self.rows or self.rows[id].registrar_id != registrar_id
        }
        assert not self._in_flight.intersection(row.id for row in claimed), "claimed while in flight"
        self._in_flight.update(row.id for row in claimed)
        self.claims.append((registrar_id, [row.id for row in claimed]))
        taken = {row.id for row in claimed} | {row.id for row in first}
        later = [row.due_at for row in mine if row.id not in taken and row.due_at < float("inf")]
        is_news = settings is not None and settings.rev != known_rev
        good = sum(row.state == State.REGISTERED for row in self.rows.values() if row.registrar_id == registrar_id)
        return Claim(
            [replace(row) for row in claimed], settings if is_news else None, min(later, default=None), good,
            len(mine), bool(staggered), len(first) > len(staggered),
        )  # fmt: skip

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        """Write what attempts left, as the store does: a row that changed meanwhile is due at once."""
        await asyncio.sleep(self.commit_seconds)
        if (fault := self.settle_fault(outcomes)) is not None:
            raise fault
        again = []
        for settled in outcomes:
            self._in_flight.discard(settled.id)
            self.settled.append(settled)
            row = self.rows.get(settled.id)
            if row is None:
                continue
            if settled.is_over and row.is_tombstone:
                del self.rows[settled.id]
                continue
            is_changed = row.wanted_rev != settled.wanted_rev
            if is_changed:
                again.append(row.registrar_id)
            due_at = float("inf") if settled.due_at is None else settled.due_at
            self.rows[settled.id] = replace(
                row, due_at=self.now if is_changed else due_at, klass=settled.klass, state=settled.state, cseq=settled.cseq,
                generation=settled.generation, expires_at=settled.expires_at, failures=settled.failures,
                maybe_held_until=settled.maybe_held_until, since_at=settled.since_at, last_code=settled.last_code,
                challenge=settled.challenge, nonce_count=settled.nonce_count, applied_rev=settled.wanted_rev,
                sent=None if settled.is_over else settled.sent or row.sent,
                min_expires=settled.min_expires or row.min_expires, attempted_at=settled.attempted_at, clears=False,
                learned=row.learned if settled.learned is None else settled.learned,
            )  # fmt: skip
        return again

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        """Nothing is put off here by a claim."""

    async def lose_flow(self, flow_id: int) -> None:
        """Make due what was registered over a connection."""
        for id in [settled.id for settled in self.settled if settled.flow_id == flow_id]:
            self.rows[id].due_at = min(self.rows[id].due_at, self.now)

    async def heads(self) -> list[tuple[int, float]]:
        """Return the earliest due row of each registrar."""
        found: dict[int, float] = {}
        for row in self.rows.values():
            if row.due_at < float("inf"):
                found[row.registrar_id] = min(row.due_at, found.get(row.registrar_id, row.due_at))
        return list(found.items())

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        """Return the settings of the registrars that are watched, where they are news."""
        watched = {one.id: one for one in self.settings.values() if one.server["Monitor"] == servers.BY_OPTIONS}
        news = [one for one in watched.values() if known.get(one.id) != one.rev]
        return Monitored(news, [id for id in known if id not in watched])


@dataclass(slots=True)
class Heard:
    """A request as it reached its target, `at` seconds after the start."""

    at: float
    request: Request
    to: Address
    flow: UdpFlow

    @property
    def branch(self) -> str:
        return (self.request.first("via") or "").partition("branch=")[2]

    @property
    def aor(self) -> str:
        return (self.request.first("to") or "").strip("<>")


Script = Callable[[Request], Sequence[bytes]]


class Network:
    """What is heard at each address, and what is answered: by `answer`, or by what stands for an address in `at`."""

    def __init__(self, answer: Script | None = None) -> None:
        self.answer: Script = answer or (lambda request: [ok(request)])
        self.at: dict[str, Script] = {}
        self.heard: list[Heard] = []
        self.latency = LATENCY_SECONDS
        self.most_under_way = 0
        """The most requests at any one time that were sent and not yet finally answered."""
        self.no_route: dict[str, str] = {}
        """What sending to a host fails with."""
        self.cannot_bind: set[int] = set()
        self._under_way: dict[str, tuple[str, float]] = {}
        self._loop = asyncio.get_running_loop()

    def make_flow(self, address: GroupAddress, receiver: Receiver) -> UdpFlow:
        """Open a flow into this network."""
        if address.port in self.cannot_bind:
            raise OSError(98, "Address already in use")
        return _NetworkFlow(self, address, receiver)

    def registers(self, id: int | None = None) -> list[Request]:
        """Return the REGISTERs heard, or those for the AOR of one row."""
        return [one.request for one in self.heard if id is None or one.aor == f"sip:u{id}@example.com"]

    def carry(self, flow: _NetworkFlow, datagram: bytes, to: Address) -> None:
        """Take a datagram of the engine to its target, and the answers back."""
        message = parse_message(datagram)
        assert isinstance(message, Request)
        heard = Heard(self._loop.time(), message, to, flow)
        self.heard.append(heard)
        if message.method == "REGISTER":
            self._note_under_way(heard)
        for answer in self.at.get(to[0], self.answer)(message):
            self._loop.call_later(2 * self.latency, self.deliver, heard, answer, to)

    def _note_under_way(self, heard: Heard) -> None:
        branch, since = self._under_way.get(heard.aor, (heard.branch, heard.at))
        is_over = heard.at >= since + SipTimers().timeout - 0.001
        assert branch == heard.branch or is_over, f"two REGISTERs under way for {heard.aor}"
        self._under_way[heard.aor] = (heard.branch, heard.at if is_over else since)
        self.most_under_way = max(self.most_under_way, len(self._under_way))

    def deliver(self, heard: Heard, answer: bytes, source: Address) -> None:
        """Let an answer to a request arrive."""
        if not answer.startswith(b"SIP/2.0 1") and self._under_way.get(heard.aor, ("", 0))[0] == heard.branch:
            del self._under_way[heard.aor]
        assert isinstance(heard.flow, _NetworkFlow)
        heard.flow.hear(answer, source)


class _NetworkFlow(UdpFlow):
    """A flow without a socket."""

    def __init__(self, network: Network, address: GroupAddress, receiver: Receiver) -> None:
        self._network = network
        self._receiver = receiver
        self.address = address
        self.host, self.port = address.host, address.port
        self.is_closed = False

    def send(self, datagram: bytes, to: Address) -> str:
        if self.is_closed:
            return "Bad file descriptor"
        if reason := self._network.no_route.get(to[0]):
            return reason
        self._network.carry(self, datagram, to)
        return ""

    def local_host_towards(self, host: str) -> str:
        if self.host == "0.0.0.0":
            if reason := self._network.no_route.get(host):
                raise OSError(101, reason)
            return HOST
        return self.host

    def hear(self, datagram: bytes, source: Address) -> None:
        """Receive one datagram."""
        if not self.is_closed:
            self._receiver(self, datagram, source)

    def take_dscp(self, address: GroupAddress) -> None:
        self.address = address

    def close(self) -> None:
        self.is_closed = True


def refuse(request: Request, code: int, *headers: tuple[str, str]) -> bytes:
    """Return an answer to a request."""
    repeated = [
        (name, value) for name in ("Via", "From", "To", "Call-ID", "CSeq") for value in request.all(name.lower())
    ]
    return render_response(code, REASON_PHRASES[code], [*repeated, *headers])


def ok(request: Request, expires: int | None = None) -> bytes:
    """Return a 200 that binds what was asked for, or for `expires` seconds, and lists nothing that was removed."""
    contacts = []
    for value in request.all("contact"):
        uri, _, asked = value.partition(">")
        granted = int(asked.rpartition("expires=")[2])
        if granted:
            contacts.append(("Contact", f"{uri}>;expires={granted if expires is None else expires}"))
    return refuse(request, 200, *contacts)


def challenge(request: Request, nonce: str = "n1", *, stale: bool = False) -> bytes:
    """Return a 401."""
    value = f'Digest realm="example.com", nonce="{nonce}", qop="auth", algorithm=MD5' + ", stale=true" * stale
    return refuse(request, 401, ("WWW-Authenticate", value))


@contextlib.asynccontextmanager
async def engine_on(schedule: ListSchedule, network: Network, *, groups: Sequence[GroupAddress] = (GROUP,),
                    own_address: str = "", tokens: Tokens | None = None, timers: SipTimers | None = None,
                    redirect_hosts: frozenset[str] = frozenset(), zone: Zone | None = None,
                    crashes: int = 0) -> AsyncIterator[Engine]:  # fmt: skip
    """Run the engine; stop it at the end. `zone` is what names stand for, `crashes` how many of our own mistakes the test
    provokes.
    """
    loop = asyncio.get_running_loop()
    engine = Engine(
        schedule, clock_of(loop), b"key",
        EngineSettings(own_address=own_address, timers=timers or SipTimers(), redirect_hosts=redirect_hosts),
        tokens=tokens or SystemTokens(), make_flow=network.make_flow, names=zone or Zone(),
    )  # fmt: skip
    await engine.start(groups)
    try:
        yield engine
    finally:
        await engine.stop()
    assert engine.counters["crashed"] == crashes


def unavailable() -> StoreUnavailable:
    """Return what a store raises whose disk is full."""
    return StoreUnavailable("database or disk is full")
