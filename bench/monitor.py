"""Servers that are only watched: what do OPTIONS every half minute cost, in CPU and in memory?

    ./do bench-monitor [--servers 1000] [--minutes 1]

The engine alone, with nothing to register, in this process: first with servers that nobody watches, then with the same ones
watched. The servers are addresses of loopback, all answered by a process of its own. CPU is `time.process_time`, memory what
Python's own allocator has given out (`tracemalloc`, in a run of its own, for it makes everything slower).
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import sys
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from typing import Any

from sipregistrant.engine.clock import Clock
from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.transport.flows import GroupAddress
from sipregistrant.model import groups, profiles, servers
from sipregistrant.model.schedule import Claim, Claimed, Monitored, RegistrarSettings, Settled

__all__ = ["main"]

# The first OPTIONS of all, and the memory that they take once, are not measured.
WARM_UP_SECONDS = 10.0
EVERY_SECONDS = 30.0
FIRST_ADDRESS = 2


def _address(number: int) -> str:
    return f"127.1.{number >> 8}.{number & 255}"


def _answer(port: int, number: int, is_ready: Any) -> None:
    """Answer everything that comes to any of the servers, each from its own address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    listening.bind(("0.0.0.0", port))
    is_ready.set()
    while True:
        datagram, ancillary, _, source = listening.recvmsg(65535, 256)
        _, _, headers = datagram.partition(b"\r\n")
        # The address that it came to is where the answer comes from: `ipi_spec_dst` of `in_pktinfo`.
        (info,) = [data for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO)]
        own = (socket.IPPROTO_IP, IP_PKTINFO, b"\0\0\0\0" + info[8:12] + b"\0\0\0\0")
        listening.sendmsg([b"SIP/2.0 200 OK\r\n", headers], [own], 0, source)


IP_PKTINFO = 8
"""From linux/in.h; Python's `socket` does not know it before 3.14."""


class _Nothing:
    """A schedule in which nothing is ever due, of servers that are watched or not."""

    def __init__(self, number: int, port: int, *, are_watched: bool) -> None:
        group = groups.GROUP.to_create({"Description": "group", "MediaConfigID": "1"})
        profile = profiles.PROFILE.to_create({})
        self._settings = [
            (id, servers.ENTRY.to_create({"Host": _address(FIRST_ADDRESS + id), "Port": str(port)}))
            for id in range(1, number + 1)
        ]
        self._shared = dict(group), dict(profile)
        self._are_watched = are_watched

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        """Tell of a hundred at once, with values that nobody else has, as they come from the store."""
        if not self._are_watched:
            return Monitored([], [])
        left = [(id, server) for id, server in self._settings if id not in known]
        group, profile = self._shared
        news = [
            RegistrarSettings(id, 1, 1, id, dict(group), dict(profile), dict(server), None) for id, server in left[:100]
        ]
        return Monitored(news, [], len(left) <= 100)

    async def heads(self) -> list[tuple[int, float]]:
        return []

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        return Claim([], None, None)

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        return []

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        """There is nothing."""

    async def lose_flow(self, flow_id: int) -> None:
        """There is none."""


async def _run(number: int, port: int, seconds: float, *, are_watched: bool, traces: bool) -> tuple[float, int, int]:
    """Return the CPU seconds that it took, the OPTIONS that were sent, and the bytes that are held."""
    engine = Engine(_Nothing(number, port, are_watched=are_watched), Clock(), b"key", EngineSettings())
    if traces:
        tracemalloc.start()
    await engine.start([GroupAddress(1, 1, "127.0.0.1", 0, 0)])
    await asyncio.sleep(WARM_UP_SECONDS)
    held = tracemalloc.get_traced_memory()[0] if traces else 0
    tracemalloc.stop()
    before, sent = time.process_time(), engine.monitor.sent
    await asyncio.sleep(0 if traces else seconds)
    cpu, asked = time.process_time() - before, engine.monitor.sent - sent
    if are_watched:
        up = sum(standing.is_up is True for standing in engine.standings.values())
        assert up == number, f"{up} of {number} have answered"
    await engine.stop()
    return cpu, asked, held


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./do bench-monitor", description="What watching servers with OPTIONS costs.")
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args(arguments)
    number, seconds = options.servers, 60.0 * options.minutes
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    is_ready = multiprocessing.Event()
    peer = multiprocessing.Process(target=_answer, args=(port, number, is_ready), daemon=True)
    peer.start()
    try:
        is_ready.wait(10)
        idle, _, bare = asyncio.run(_run(number, port, seconds, are_watched=False, traces=False))
        cpu, asked, _ = asyncio.run(_run(number, port, seconds, are_watched=True, traces=False))
        _, _, bare = asyncio.run(_run(number, port, seconds, are_watched=False, traces=True))
        _, _, held = asyncio.run(_run(number, port, seconds, are_watched=True, traces=True))
    finally:
        peer.kill()
        peer.join()
    print(f"{number} servers for {seconds:g} s: {asked} OPTIONS, one each {EVERY_SECONDS:g} s")
    print(f"CPU {100 * cpu / seconds:.2f} % of a processor, {100 * idle / seconds:.2f} % where nobody is watched;"
          f" {1e6 * (cpu - idle) / max(1, asked):.0f} µs for each OPTIONS")  # fmt: skip
    print(f"memory {(held - bare) / number:.0f} bytes for each server")


if __name__ == "__main__":
    main(sys.argv[1:])
