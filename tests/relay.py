"""A relay between the service and its registrar, which does what networks do: drops, delays, repeats, and gives other addresses.

    with UdpRelay(("127.0.0.1", kamailio.port)) as relay:
        ...                       # the service sends to 127.0.0.1:relay.port
        relay.address()           # where the registrar sees the service: as behind a NAT
        relay.move()              # from now on it sees another port, and what goes to the old one is lost

One thread, loopback alone. Chance is seeded, so a run can be had again.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self

__all__ = ["UdpRelay"]

Address = tuple[str, int]

LARGEST_DATAGRAM = 65535
LOOK_SECONDS = 0.02


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


class UdpRelay:
    """Datagrams to `port` go on to `target`, each sender's from a socket of its own; answers come back that way.

    `lost` and `repeated` are shares in [0, 1] of the datagrams of either direction, `delay` seconds that each of them takes at
    most. They may be changed at any time.
    """

    def __init__(self, target: Address, *, lost: float = 0.0, repeated: float = 0.0, delay: float = 0.0,
                 seed: int = 1) -> None:  # fmt: skip
        self.target = target
        self.lost = lost
        self.repeated = repeated
        self.delay = delay
        self.carried = self.dropped = 0
        self._draw = random.Random(seed)
        self._inside = _socket()
        self.port: int = self._inside.getsockname()[1]
        # By sender; and whose each is.
        self._outside: dict[Address, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inside, selectors.EVENT_READ, None)
        self._later: list[tuple[float, int, socket.socket, bytes, Address]] = []
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="udp-relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join(5)
        for made in (self._inside, *self._outside.values()):
            made.close()
        self._selector.close()

    def addresses(self) -> list[Address]:
        """Return where the target sees its peers now."""
        with self._lock:
            return [made.getsockname() for made in self._outside.values()]

    def move(self) -> None:
        """Give each sender another address, as a NAT that has forgotten does."""
        with self._lock:
            for sender, made in list(self._outside.items()):
                self._selector.unregister(made)
                made.close()
                self._open(sender)

    def _open(self, sender: Address) -> socket.socket:
        made = self._outside[sender] = _socket()
        self._selector.register(made, selectors.EVENT_READ, sender)
        return made

    def _run(self) -> None:
        while not self._is_over.is_set():
            wait = LOOK_SECONDS
            if self._later:
                wait = min(wait, max(0.0, self._later[0][0] - time.monotonic()))
            ready = self._selector.select(wait)
            with self._lock:
                for key, _ in ready:
                    # What was moved since is closed.
                    if isinstance(key.fileobj, socket.socket) and key.fileobj.fileno() >= 0:
                        self._take(key.fileobj, key.data)
                self._carry_what_is_late()

    def _take(self, made: socket.socket, sender: Address | None) -> None:
        try:
            datagram, source = made.recvfrom(LARGEST_DATAGRAM)
        except OSError:
            return
        if self._draw.random() < self.lost:
            self.dropped += 1
            return
        if sender is None:
            way = (self._outside.get(source) or self._open(source), datagram, self.target)
        else:
            way = (self._inside, datagram, sender)
        for _ in range(2 if self._draw.random() < self.repeated else 1):
            at = time.monotonic() + self._draw.random() * self.delay
            heapq.heappush(self._later, (at, self.carried, *way))
            self.carried += 1

    def _carry_what_is_late(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, made, datagram, to = heapq.heappop(self._later)
            if made.fileno() >= 0:
                made.sendto(datagram, to)
