"""A name server on loopback, whose zone can be changed while it runs.

    with NameServer({"sip.test.": {"A": ["127.0.0.1"]}}) as server:
        server.set("_sip._udp.sip.test.", "SRV", ["10 1 5060 sip.test."], ttl=1)
        server.is_down = True            # it does not answer any more

dnspython reads and writes the messages. It serves in a thread of its own, until the end of the block.
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

__all__ = ["NameServer"]

LONGEST_MESSAGE = 65535
TTL = 5


class NameServer:
    """Answers over UDP what its zone says, NXDOMAIN else. `asked` notes each question."""

    def __init__(self, zone: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        self._zone: dict[tuple[str, str], tuple[list[str], int]] = {}
        for name, kinds in (zone or {}).items():
            for kind, records in kinds.items():
                self.set(name, kind, records)
        self.asked: list[tuple[str, str]] = []
        self.is_down = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def set(self, name: str, kind: str, records: Sequence[str], *, ttl: int = TTL) -> None:
        """Have a name mean this from now on; `name` ends in a dot."""
        self._zone[name, kind] = list(records), ttl

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(LONGEST_MESSAGE)
            if not data:
                return
            query = dns.message.from_wire(data)
            (question,) = query.question
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, kind))
            if not self.is_down:
                self._socket.sendto(self._answer(query, name, kind).to_wire(), source)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if (name, kind) in self._zone:
            records, ttl = self._zone[name, kind]
            answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
