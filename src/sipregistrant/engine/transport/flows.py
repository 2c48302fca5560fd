"""The sockets: one UDP flow for each signaling group, drained in batches.

A flow hands every datagram to one receiver and knows nothing of what is in it. Several datagrams are read for each
wake-up of the event loop, for a short time, so that neither the loop nor the other flows wait.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from .marking import mark

__all__ = ["Exchanged", "Flow", "FlowMaker", "Flows", "GroupAddress", "Receiver", "UdpFlow"]

log = structlog.get_logger()

Address = tuple[str, int]


class Flow(Protocol):
    """What requests go out on and answers come in on: a UDP socket, or a connection (`streams.py`)."""

    is_reliable: bool
    transport: str
    host: str
    port: int
    id: int
    """What rows remember a connection by; 0 for UDP, where nothing is lost with the socket."""

    def send(self, datagram: bytes, to: Address) -> str:
        """Send; return "" or why it did not leave."""

    def local_host_towards(self, host: str) -> str:
        """Return our address as `host` (an IP address) sees it."""


Receiver = Callable[[Flow, bytes, Address], None]

Exchanged = tuple[float, Flow, Address, bytes, bool]
"""A message: when, over which flow, the peer, its bytes, and whether it was sent. A tuple is made for each on the hot path."""

# The longest UDP payload there can be.
LARGEST_DATAGRAM = 65535

# No step holds the event loop for long (design, section 4): a reply of the API waits for several of these.
LONGEST_DRAIN_SECONDS = 0.001

# What the kernel is asked for; it gives what its limits allow.
BUFFER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GroupAddress:
    """What a signaling group listens on and sends from. `number` tells several apart, over which its registrations are
    spread (SourcePorts).
    """

    group_uid: int
    group_id: int
    host: str
    port: int
    dscp: int
    number: int = 0

    @property
    def key(self) -> tuple[int, int]:
        return self.group_uid, self.number


class UdpFlow:
    """One bound UDP socket.

    `host` and `port` are what it is bound to; `local_host_towards` tells the address that a peer sees where that is a
    wildcard.
    """

    is_reliable = False
    transport = "udp"
    id = 0

    def __init__(
        self, address: GroupAddress, receiver: Receiver, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Bind; raises `OSError` where the address cannot be had. `clock` gives the seconds that reading may take."""
        info = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
        self._family = info[0]
        self._socket = socket.socket(info[0], socket.SOCK_DGRAM)
        self._receiver = receiver
        self._clock = clock
        self._routes: dict[str, str] = {}
        self.address = address
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            mark(self._socket, address.dscp)
            self._socket.bind(info[4])
        except OSError:
            self._socket.close()
            raise
        self.host: str
        self.port: int
        self.host, self.port = self._socket.getsockname()[:2]
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._drain)

    @property
    def is_ipv6(self) -> bool:
        return self._family == socket.AF_INET6

    def send(self, datagram: bytes, to: Address) -> str:
        """Send; return "" or why it did not leave. A full buffer is like a loss on the way: the retransmission
        repairs it.
        """
        try:
            self._socket.sendto(datagram, to)
        except BlockingIOError:
            return ""
        except socket.gaierror:
            version = 6 if self._family == socket.AF_INET6 else 4
            return f"the signaling group listens on {self.host}, from where only IPv{version} is reached"
        except OSError as error:
            return error.strerror or type(error).__name__
        return ""

    def local_host_towards(self, host: str) -> str:
        """Return our address as the route to `host` (an IP address) has it; the one we are bound to unless that is a
        wildcard.
        """
        if self.host not in ("0.0.0.0", "::"):
            return self.host
        known = self._routes.get(host)
        if known is None:
            with socket.socket(self._family, socket.SOCK_DGRAM) as probe:
                # Connecting a datagram socket sends nothing; it only asks the routing table.
                probe.connect((host, 9))
                known = self._routes[host] = str(probe.getsockname()[0])
        return known

    def take_dscp(self, address: GroupAddress) -> None:
        """Mark packets anew; the rest of the address is as it was."""
        mark(self._socket, address.dscp)
        self.address = address

    def close(self) -> None:
        """Stop reading and give the port free."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _drain(self) -> None:
        receive = self._socket.recvfrom
        clock = self._clock
        until = clock() + LONGEST_DRAIN_SECONDS
        while clock() < until:
            try:
                datagram, source = receive(LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier send, reported here; the transaction's own timer deals with it
            self._receiver(self, datagram, source[:2])


FlowMaker = Callable[[GroupAddress, Receiver], UdpFlow]


class Flows:
    """The flows of all signaling groups. `faults` says which group lacks one, and why."""

    def __init__(self, receiver: Receiver, make_flow: FlowMaker = UdpFlow) -> None:
        self._receiver = receiver
        self._make_flow = make_flow
        # By the key of their addresses: group and number.
        self._sockets: dict[tuple[int, int], UdpFlow] = {}
        # How many each group has, or should have.
        self._numbers: Counter[int] = Counter()
        self.faults: dict[int, str] = {}

    def __len__(self) -> int:
        """Return how many sockets there are."""
        return len(self._sockets)

    def update(self, addresses: Iterable[GroupAddress]) -> None:
        """Open, close and move sockets until each address has one, but those that cannot be had.

        What is there and stays as it is, is not touched. The socket of a group that is gone stays as long as it is
        the only one and in nobody's way: its un-REGISTERs still have to go out.
        """
        wanted = {address.key: address for address in addresses}
        self._numbers = Counter(address.group_uid for address in wanted.values())
        ports = {address.port for address in wanted.values()}
        for key, flow in list(self._sockets.items()):
            address = wanted.get(key)
            if address is None:
                stays = flow.port not in ports
            else:
                stays = replace(flow.address, dscp=address.dscp) == address
                if stays and flow.address != address:
                    flow.take_dscp(address)
            if not stays:
                self._sockets.pop(key).close()
        told_before = dict(self.faults)
        self.faults.clear()
        for key, address in wanted.items():
            if key not in self._sockets:
                self._open(address, told_before)
        for key in [key for key in self._sockets if key not in wanted]:
            if len(self._sockets) > 1:
                self._sockets.pop(key).close()

    def of_group(self, uid: int, row_id: int = 0) -> UdpFlow | None:
        """Return the flow that a row of a group takes; of a group that is gone, any."""
        flow = self._sockets.get((uid, row_id % (self._numbers[uid] or 1)))
        if flow is None and uid not in self.faults:
            return next(iter(self._sockets.values()), None)
        return flow

    def why_not(self, uid: int) -> str:
        """Return why a group has no flow."""
        return self.faults.get(uid, "no signaling group has a socket")

    def close(self) -> None:
        """Close all sockets."""
        for flow in self._sockets.values():
            flow.close()
        self._sockets.clear()

    def _open(self, address: GroupAddress, told_before: Mapping[int, str]) -> None:
        where = _in_words(address.host, address.port)
        try:
            flow = self._make_flow(address, self._receiver)
        except OSError as error:
            reason = f"{where} cannot be bound: {error.strerror or error}"
            if told_before.get(address.group_uid) != reason:
                log.error("group.down", sipsg=address.group_id, reason=reason)
            self.faults.setdefault(address.group_uid, reason)
            return
        self._sockets[address.key] = flow
        log.info("group.up", sipsg=address.group_id, address=_in_words(flow.host, flow.port))


def _in_words(host: str, port: int) -> str:
    return f"udp:[{host}]:{port}" if ":" in host else f"udp:{host}:{port}"
