"""A modelled network between the engine and the registrar: it takes its time, some datagrams more, and loses some."""

from __future__ import annotations

import asyncio
import math
import random

from ..engine.transport.flows import Address, GroupAddress, Receiver, UdpFlow
from .registrar import ModelRegistrar
from .scenario import Scenario
from .wire import render, scan

__all__ = ["REGISTRAR", "ModelNetwork"]

REGISTRAR = ("198.51.100.1", 5060)
"""An address for documentation (RFC 5737): nothing here reaches a real network."""

# Answers that come so close together are read together, as a socket's are.
TICK_SECONDS = 0.002


class ModelNetwork:
    """Carries what a flow sends to the registrar, and its answers back."""

    def __init__(self, scenario: Scenario, registrar: ModelRegistrar) -> None:
        self._scenario = scenario
        self._registrar = registrar
        self._draw = random.Random(f"network {scenario.seed}")
        self._loop = asyncio.get_running_loop()
        self._arriving: dict[int, list[tuple[_ModelFlow, bytes]]] = {}

    def make_flow(self, address: GroupAddress, receiver: Receiver) -> UdpFlow:
        """Open a flow into this network."""
        return _ModelFlow(self, address, receiver)

    def carry(self, flow: _ModelFlow, datagram: bytes) -> None:
        """Take a REGISTER to the registrar, and the answer back."""
        passes = self.way()
        if passes is None:
            return
        heard = scan(datagram)
        answer = self._registrar.receive(heard.number, self._loop.time() + passes, heard.issued, heard.asked)
        if answer is None or (back := self.way()) is None:
            return
        tick = math.ceil((answer.at + back) / TICK_SECONDS)
        waiting = self._arriving.get(tick)
        if waiting is None:
            waiting = self._arriving[tick] = []
            self._loop.call_at(tick * TICK_SECONDS, self._arrive, tick)
        waiting.append((flow, render(heard, answer)))

    def way(self) -> float | None:
        """Return the seconds that a datagram takes; None where it is lost."""
        scenario = self._scenario
        if scenario.loss and self._draw.random() < scenario.loss:
            return None
        return scenario.delay + scenario.jitter * self._draw.random()

    def _arrive(self, tick: int) -> None:
        for flow, datagram in self._arriving.pop(tick):
            flow.hear(datagram)


class _ModelFlow(UdpFlow):
    """A flow without a socket."""

    def __init__(self, network: ModelNetwork, address: GroupAddress, receiver: Receiver) -> None:
        self._network = network
        self._receiver = receiver
        self.address = address
        self.host, self.port = address.host, address.port
        self._is_closed = False

    def send(self, datagram: bytes, to: Address) -> str:
        self._network.carry(self, datagram)
        return ""

    def local_host_towards(self, host: str) -> str:
        return self.host

    def hear(self, datagram: bytes) -> None:
        """Receive one datagram."""
        if not self._is_closed:
            self._receiver(self, datagram, REGISTRAR)

    def take_dscp(self, address: GroupAddress) -> None:
        self.address = address

    def close(self) -> None:
        self._is_closed = True
