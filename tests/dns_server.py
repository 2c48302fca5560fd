"""A name server on loopback, whose zone can be changed while it runs.

    with NameServer({"sip.test.": {"A": ["127.0.0.1"]}}) as server:
        server.set("_sip._udp.sip.test.", "SRV", ["10 1 5060 sip.test."], ttl=1)
        server.failing.add("sip.test.")  # it answers SERVFAIL to questions for this name
        server.is_down = True            # it does not answer any more

dnspython reads and writes the messages. What is too long for a datagram is truncated there and whole over TCP. It serves in
threads of its own, until the end of the block.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.ports import free_port

__all__ = ["NameServer"]

LONGEST_MESSAGE = 65535
LEAST_PAYLOAD = 512
LONGEST_CHAIN = 8
TTL = 5


class NameServer:
    """Answers what its zone says, NXDOMAIN else. `asked` notes each question."""

    def __init__(self, zone: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        self._zone: dict[tuple[str, str], tuple[list[str], int]] = {}
        for name, kinds in (zone or {}).items():
            for kind, records in kinds.items():
                self.set(name, kind, records)
        self.asked: list[tuple[str, str]] = []
        self.is_down = False
        self.failing: set[str] = set()
        self.asked_over_tcp = 0
        self._is_over = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()
        self._socket.bind(("127.0.0.1", self.port))
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve, self._serve_tcp)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(5)
        self._socket.close()
        self._listener.close()

    def set(self, name: str, kind: str, records: Sequence[str], *, ttl: int = TTL) -> None:
        """Have a name mean this from now on; `name` ends in a dot."""
        self._zone[name, kind] = list(records), ttl

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(LONGEST_MESSAGE)
            if not data:
                return
            query = dns.message.from_wire(data)
            answer = self._answer(query)
            if self.is_down:
                continue
            wire = answer.to_wire(max_size=LONGEST_MESSAGE)
            if len(wire) > max(query.payload, LEAST_PAYLOAD):
                answer.answer.clear()
                answer.flags |= dns.flags.TC
                wire = answer.to_wire()
            self._socket.sendto(wire, source)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._is_over:
                    return
                connection.settimeout(5)
                data = connection.recv(LONGEST_MESSAGE)
                self.asked_over_tcp += 1
                wire = self._answer(dns.message.from_wire(data[2:])).to_wire(max_size=LONGEST_MESSAGE)
                connection.sendall(len(wire).to_bytes(2, "big") + wire)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        for _ in range(LONGEST_CHAIN):
            if kind != "CNAME" and (name, "CNAME") in self._zone:
                (alias,), ttl = self._zone[name, "CNAME"]
                answer.answer.append(dns.rrset.from_text(name, ttl, "IN", "CNAME", alias))
                name = alias
        if (name, kind) in self._zone:
            records, ttl = self._zone[name, kind]
            answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
