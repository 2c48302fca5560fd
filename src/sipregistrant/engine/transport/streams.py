"""Connections to registrars, over TCP, TLS and WebSockets: opened by what is sent, closed when idle, backed off.

A connection has one owner, its `StreamFlow`. What is sent before it stands waits in it; what cannot be sent is said to the
engine by `lost`, which tries what was under way, and what was registered over the connection, again at its own pace. No one
but a send opens a connection, and no send does before the back-off of the last failure is over (RFC 5626 §4.5; 5 s and not 30
at first, two minutes and not thirty at most: here is one client, not a million of them).
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from logging import DEBUG, WARNING
from typing import cast

import structlog

from ..tasks import cancel_all, spawn
from .framings import Framing, FramingFault, make_framing
from .marking import mark
from .tls import TlsTerms

__all__ = ["BackingOff", "Place", "StreamFlow", "Streams"]

log = structlog.get_logger()

Address = tuple[str, int]
Receiver = Callable[["StreamFlow", bytes, Address], None]

CONNECT_SECONDS = 10.0
FIRST_BACK_OFF_SECONDS = 5.0
LONGEST_BACK_OFF_SECONDS = 120.0

# A connection that lasted so long had nothing wrong with it: the next one may be opened at once.
LASTING_SECONDS = 60.0

# Within every NAT's patience with TCP (RFC 5626 §4.4.1 has 95 to 120 s where the registrar does not say).
PING_EVERY_SECONDS = 110.0
PONG_WITHIN_SECONDS = 10.0
LOOK_EVERY_SECONDS = 5.0

# What may wait with us for one peer, until the connection stands or it reads. What is more is not sent, and is tried again.
MOST_UNSENT_BYTES = 1024 * 1024

# A peer that has not once taken all that there was for so long reads too slowly, or not at all: the connection is given up. No
# registration waits longer for an answer (timer F, 32 s).
DRAIN_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection goes, and from which signaling group. `number` tells several to one target apart."""

    group_uid: int
    host: str
    port: int
    transport: str
    number: int = 0
    uri: str = ""
    """Of a WebSocket; "" for messages that lie on the connection one after the other."""


class StreamFlow(asyncio.Protocol):
    """One connection, from before it stands until it is closed. `id` is what rows remember it by."""

    is_reliable = True

    def __init__(self, place: Place, own: Address, terms: TlsTerms | None, dscp: int, framing: Framing, receiver: Receiver,
                 closed: Callable[[StreamFlow, str], None], now: Callable[[], float]) -> None:  # fmt: skip
        """`own` is the address that peers are told. `closed(flow, reason)` is called once."""
        self.id = secrets.randbits(62)
        self.place = place
        self.terms = terms
        self.dscp = dscp
        self.transport = place.transport
        self.host, self.port = own
        self.used_at = now()
        self.idle_seconds = 0.0
        """After so many without a send it is closed; 0 for never."""
        self.opened_at = 0.0
        self.is_closed = False
        self.fault = ""
        """Why it has ended."""
        self._receiver = receiver
        self._closed = closed
        self._now = now
        self._framing = framing
        self._is_settled = asyncio.Event()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._drained_at = 0.0
        self._socket: socket.socket | None = None
        self._connection: asyncio.Transport | None = None
        self._peer = (place.host, place.port)
        self._seen_local = ""
        self.seen_port = 0
        """That of our end, once there is a connection."""
        self._heard_at = 0.0
        self._pinged_at = 0.0
        self._ping_every = PING_EVERY_SECONDS

    async def connect(self) -> None:
        """Open it, with TLS where there are terms for it, until messages can be sent."""
        loop, terms = asyncio.get_running_loop(), self.terms
        context, name, handshake = (None, None, None) if terms is None else (terms.context, terms.name, terms.seconds)
        try:
            async with asyncio.timeout(CONNECT_SECONDS + (handshake or 0.0)):
                connected = await self._connect_socket()
                await loop.create_connection(
                    lambda: self, sock=connected, ssl=context, server_hostname=name, ssl_handshake_timeout=handshake
                )
                self._begin()
                await self._is_settled.wait()
        except TimeoutError:
            what = "no connection" if self._connection is None else "no answer to the WebSocket handshake"
            self._fail(f"{what} within its time")
        except ssl.SSLCertVerificationError as error:
            self._fail(f"its certificate is not trusted: {error.verify_message}")
        except ssl.SSLError as error:
            self._fail(f"TLS: {error.reason or error}")
        except OSError as error:
            # The event loop has words of its own, which name the address and not the fault.
            self._fail(f"no connection: {os.strerror(error.errno) if error.errno else error}")

    def _begin(self) -> None:
        """Say what opens the connection, once it is clear who is there."""
        connection, terms = self._connection, self.terms
        assert connection is not None
        if self.is_closed:
            connection.abort()
            self._is_settled.set()
        elif terms is not None and (fault := terms.fault(connection.get_extra_info("ssl_object"))):
            self._fail(fault)
        else:
            self._framing.begin()
            self._go_on()

    def _go_on(self) -> None:
        """Send what the framing has to say; and what has waited, once it may be sent."""
        connection, framing = self._connection, self._framing
        assert connection is not None
        if said := framing.to_say():
            connection.write(said)
        if self.opened_at or not framing.is_ready:
            return
        self.opened_at = self._drained_at = self._now()
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            connection.write(framing.wrap(message))
        self._is_settled.set()
        log.info("flow.open", to=f"{self.transport}:{self.place.host}:{self.place.port}")

    async def _connect_socket(self) -> socket.socket:
        """Return a connected socket, marked from its first packet on."""
        self._socket = made = socket.socket(socket.AF_INET6 if self.is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            mark(made, self.dscp)
            await asyncio.get_running_loop().sock_connect(made, self._peer)
        except BaseException:
            made.close()
            raise
        return made

    def take_dscp(self, dscp: int) -> None:
        """Mark packets anew."""
        self.dscp = dscp
        if self._socket is not None:
            # One that has just ended cannot be marked, and needs it no more.
            with suppress(OSError):
                mark(self._socket, dscp)

    @property
    def tls(self) -> object:
        """Return what TLS has agreed on (an `SSLObject`), None without TLS."""
        return None if self._connection is None else self._connection.get_extra_info("ssl_object")

    # As any flow

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.place.host

    def send(self, message: bytes, to: Address) -> str:
        """Send, or keep it until the connection stands; return "" or why neither is possible."""
        if self.is_closed:
            return "the connection is closed"
        self.used_at = self._now()
        if self._connection is None or not self.opened_at:
            if self._waiting_bytes > MOST_UNSENT_BYTES:
                return "the connection does not stand yet, and enough waits for it"
            self._waiting.append(message)
            self._waiting_bytes += len(message)
            return ""
        if not self._framing.is_ready:
            return "the registrar closes the connection"
        if self._connection.get_write_buffer_size() > MOST_UNSENT_BYTES:
            return "the registrar reads too slowly"
        self._connection.write(self._framing.wrap(message))
        return ""

    def local_host_towards(self, host: str) -> str:
        """Return our address as the peer sees it; as the group has it where the connection does not stand yet."""
        return self._seen_local or self.host

    def close(self) -> None:
        """Close it; nobody is told."""
        self.is_closed = True
        if self._connection is not None and self.opened_at:
            self._connection.write(self._framing.end())
            self._connection.close()
        elif self._connection is not None:
            self._connection.abort()

    def be_heard_within(self, seconds: float) -> None:
        """Send keep-alives so often: the registrar wants to hear of the flow (RFC 5626 §4.4.1)."""
        self._ping_every = max(LOOK_EVERY_SECONDS, seconds - LOOK_EVERY_SECONDS)

    def look(self, now: float) -> None:
        """Send a keep-alive when one is due; give the connection up where an earlier one was not answered, or nothing is read."""
        if not self.opened_at or self.is_closed:
            return
        assert self._connection is not None
        if not self._connection.get_write_buffer_size():
            self._drained_at = now
        if now - self._drained_at > DRAIN_WITHIN_SECONDS:
            self._fail(f"the registrar has not read what was sent for {DRAIN_WITHIN_SECONDS:g} s")
        elif (
            self._pinged_at > self._heard_at
            and now - self._pinged_at > PONG_WITHIN_SECONDS
            and self._framing.owes_pongs
        ):
            self._fail(f"no answer to a keep-alive within {PONG_WITHIN_SECONDS:g} s")
        elif now - max(self._heard_at, self._pinged_at, self.opened_at) > self._ping_every:
            self._pinged_at = now
            self._connection.write(self._framing.ping())

    # As a protocol of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection = cast("asyncio.Transport", transport)
        host, self.seen_port = transport.get_extra_info("sockname")[:2]
        self._seen_local = str(host)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._now()
        try:
            for message in self._framing.feed(data):
                self._receiver(self, message, self._peer)
        except FramingFault as fault:
            self._fail(str(fault), self._framing.to_say())
        if not self.is_closed:
            self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_closed and (fault := self._framing.fault_at_end()):
            self._fail(fault)
        reason = getattr(error, "strerror", None) or (str(error) if error else "")
        self._fail(f"the connection ended: {reason or 'closed by the registrar'}")

    def _fail(self, reason: str, last: bytes = b"") -> None:
        """Give it up. What is to be said at `last` goes out where the peer has taken all that came before."""
        if self.is_closed:
            return
        self.is_closed, self.fault = True, reason
        self._is_settled.set()
        connection = self._connection
        if connection is not None and last and not connection.get_write_buffer_size():
            connection.write(last)
            connection.close()
        elif connection is not None:
            connection.abort()
        self._closed(self, reason)


class BackingOff(Exception):
    """No connection may be opened before the instant `until`."""

    def __init__(self, reason: str, until: float) -> None:
        super().__init__(reason)
        self.until = until


class BackOff:
    """When the next connection to a place may be opened."""

    __slots__ = ("failures", "reason", "terms", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0
        self.reason = ""
        self.terms: TlsTerms | None = None

    def failed(self, reason: str, lasted: float, now: float, spread: float) -> None:
        """Note an end after so many seconds; `spread` in [0, 1) takes many places apart."""
        self.failures = 1 if lasted >= LASTING_SECONDS else self.failures + 1
        self.reason = reason
        wait = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** (self.failures - 1))
        self.until = now if lasted >= LASTING_SECONDS else now + wait * (0.5 + 0.5 * spread)


class Streams:
    """All connections. `lost(flow, reason)` is called when one has ended that was not closed by us."""

    def __init__(self, receiver: Receiver, lost: Callable[[StreamFlow, str], None], now: Callable[[], float],
                 draw: random.Random) -> None:  # fmt: skip
        self._receiver = receiver
        self._lost = lost
        self._now = now
        self._draw = draw
        self._flows: dict[Place, StreamFlow] = {}
        self._back_offs: dict[Place, BackOff] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self.losses = 0
        """How many connections have ended, or could not be made, that were not closed by us."""

    def __len__(self) -> int:
        return len(self._flows)

    def by_transport(self) -> Counter[str]:
        """Return how many connections stand, by transport."""
        return Counter(flow.transport for flow in list(self._flows.values()) if flow.opened_at and not flow.is_closed)

    def of(self, place: Place, own: Address, terms: TlsTerms | None, idle_seconds: float, dscp: int) -> StreamFlow:
        """Return the connection to a place, opened now if there is none. Raises `BackingOff` where none may be opened now."""
        flow = self._flows.get(place)
        if flow is not None and flow.terms != terms:
            # What was changed acts at once.
            del self._flows[place]
            flow.close()
            self._lost(flow, "its TLS profile was changed")
            flow = None
        if flow is None:
            now = self._now()
            back_off = self._back_offs.get(place)
            if back_off is not None and back_off.until > now and back_off.terms == terms:
                raise BackingOff(back_off.reason, back_off.until)
            framing = make_framing(place.uri)
            flow = StreamFlow(place, own, terms, dscp, framing, self._receiver, self._ended, self._now)
            self._flows[place] = flow
            task = spawn(flow.connect(), "stream-connect")
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
            if self._watch is None:
                self._watch = spawn(self._look_again_and_again(), "streams")
        flow.idle_seconds = idle_seconds
        if flow.dscp != dscp:
            flow.take_dscp(dscp)
        return flow

    def standing(self, place: Place) -> StreamFlow | None:
        """Return the connection to a place where one stands."""
        flow = self._flows.get(place)
        return flow if flow is not None and flow.opened_at and not flow.is_closed else None

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self._look()

    def _look(self) -> None:
        """See to keep-alives; close what nobody has used for long enough."""
        now = self._now()
        for place, flow in list(self._flows.items()):
            if flow.idle_seconds and now - flow.used_at > flow.idle_seconds:
                del self._flows[place]
                flow.close()
                self._lost(flow, "closed because it was not used")
            else:
                flow.look(now)

    async def close(self) -> None:
        """Close all of them."""
        await cancel_all(self._watch, *self._connecting)
        for flow in self._flows.values():
            flow.close()
        self._flows.clear()

    def _ended(self, flow: StreamFlow, reason: str) -> None:
        now = self._now()
        if self._flows.get(flow.place) is flow:
            del self._flows[flow.place]
        lasted = now - flow.opened_at if flow.opened_at else 0.0
        back_off = self._back_offs.setdefault(flow.place, BackOff())
        back_off.failed(reason, lasted, now, self._draw.random())
        back_off.terms = flow.terms
        self.losses += 1
        place = f"{flow.transport}:{flow.place.host}:{flow.place.port}"
        log.log(DEBUG if back_off.failures > 1 else WARNING, "flow.lost", to=place, reason=reason, lasted=round(lasted))
        self._lost(flow, reason)
