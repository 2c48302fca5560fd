"""HEP3: its chunks, and what Kamailio's sipcapture reads of it; and that nobody waits for a collector."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from sipregistrant.trace.collector import Collector, CollectorSettings
from sipregistrant.trace.hep import LARGEST_PAYLOAD, as_hep
from sipregistrant.trace.messages import Message
from tests.kamailio import EXECUTABLE, QUIET
from tests.ports import free_port
from tests.trace.support import NOW, REGISTER, answer, message

SIPCAPTURE = next(Path("/usr/lib").glob("*/kamailio/modules/sipcapture.so"), None)
START_SECONDS = 20.0

CONFIGURATION = QUIET + """\
disable_tcp=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://{folder}")
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "hep_capture_on", 1)
modparam("sipcapture", "insert_retries", 1)
modparam("sipcapture", "insert_retry_timeout", 1)
request_route {{
    xlog("L_ALERT", "CAPTURED|$rm|$si|$sp|$pr|$cs|$hdr(Call-ID)|\\n");
    drop;
}}
reply_route {{
    xlog("L_ALERT", "CAPTURED|$rs|$si|$sp|$pr|$cs|$hdr(Call-ID)|\\n");
    drop;
}}
"""  # fmt: skip
"""What comes in HEP goes through these routes, from where and over what HEP says; nothing is stored."""


def chunks_of(packet: bytes) -> dict[int, bytes]:
    """Read a packet again, by the specification."""
    magic, length = struct.unpack_from("!4sH", packet)
    assert (magic, length) == (b"HEP3", len(packet))
    found, place = {}, 6
    while place < length:
        vendor, kind, size = struct.unpack_from("!HHH", packet, place)
        assert vendor == 0
        assert kind not in found
        found[kind] = packet[place + 6 : place + size]
        place += size
    assert place == length
    return found


def number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def test_the_chunks_of_a_message() -> None:
    found = chunks_of(as_hep(message(0.25), 2001, correlation=b"sip:alice@example.com"))
    assert {kind: number(found[kind]) for kind in (1, 2, 7, 8, 9, 10, 11, 12)} == {
        1: socket.AF_INET, 2: 17, 7: 5070, 8: 5060, 9: int(NOW), 10: 250_000, 11: 1, 12: 2001,
    }  # fmt: skip
    assert [len(found[kind]) for kind in (1, 2, 7, 8, 9, 10, 11, 12)] == [1, 1, 2, 2, 4, 4, 1, 4]
    assert (str(ip_address(found[3])), str(ip_address(found[4]))) == ("192.0.2.1", "198.51.100.1")
    assert (found[15], found[17]) == (REGISTER, b"sip:alice@example.com")
    assert not found.keys() & {5, 6, 14}


def test_an_answer_comes_from_the_registrar() -> None:
    found = chunks_of(as_hep(message(data=answer(), is_sent=False), 1, key=b"shared"))
    assert (str(ip_address(found[3])), number(found[7]), found[14]) == ("198.51.100.1", 5060, b"shared")


@pytest.mark.parametrize(("transport", "protocol"), [("udp", 17), ("tcp", 6), ("tls", 6), ("ws", 6), ("wss", 6)])
def test_ipv6_and_what_carried_it(transport: str, protocol: int) -> None:
    six = message(local=("2001:db8::1", 5070), remote=("2001:db8::2", 5061), transport=transport)
    found = chunks_of(as_hep(six, 1))
    assert (number(found[1]), number(found[2])) == (10, protocol)
    assert (str(ip_address(found[5])), str(ip_address(found[6]))) == ("2001:db8::1", "2001:db8::2")
    assert not found.keys() & {3, 4, 17}


def test_what_is_too_long_for_a_datagram_is_cut() -> None:
    assert len(chunks_of(as_hep(message(data=b"x" * 70_000), 1))[15]) == LARGEST_PAYLOAD


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_without_an_address_nothing_is_sent(collector: Collector) -> None:
    collector.send([message()], "sip:alice@example.com")
    assert (collector.sent, collector.lost, collector.gets_all) == (0, 0, False)


def test_a_collector_that_is_not_there_hurts_nobody(collector: Collector) -> None:
    collector.use(CollectorSettings(("127.0.0.1", free_port()), gets_all=True))
    began = time.monotonic()
    for _ in range(200):
        collector.send([message()], "sip:alice@example.com")
    assert time.monotonic() - began < 2
    assert collector.sent + collector.lost == 200
    collector.use(CollectorSettings(("2001:db8::1", 9060)))
    collector.send([message()], "")
    assert collector.sent + collector.lost == 201


class Sipcapture:
    """A Kamailio that takes HEP."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "log"
        configuration = folder / "kamailio.cfg"
        configuration.write_text("#!KAMAILIO\n" + CONFIGURATION.format(port=self.port, folder=folder))
        command = [str(EXECUTABLE), "-DD", "-E", "-m", "32", "-M", "8", "-Y", str(folder), "-w", str(folder), "-f",
                   str(configuration)]  # fmt: skip
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def captured(self) -> list[list[str]]:
        """Return what was captured so far."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line.partition("CAPTURED|")[2].split("|")[:-1] for line in lines if "CAPTURED|" in line]

    def take(self, collector: Collector, messages: list[Message]) -> list[list[str]]:
        """Send messages until the first has come in, for it may be starting still, and return one of each."""
        until = time.monotonic() + START_SECONDS
        while not self.captured():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            collector.send(messages[:1], "sip:alice@example.com")
            time.sleep(0.1)
        collector.send(messages[1:], "sip:alice@example.com")
        while len({tuple(one) for one in self.captured()}) < len(messages):
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.05)
        return [list(one) for one in dict.fromkeys(tuple(one) for one in self.captured())]

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)


@pytest.mark.skipif(SIPCAPTURE is None, reason="Kamailio with sipcapture is not installed")
def test_kamailio_reads_them(tmp_path: Path, collector: Collector) -> None:
    sipcapture = Sipcapture(tmp_path)
    try:
        collector.use(CollectorSettings(("127.0.0.1", sipcapture.port)))
        six = message(local=("2001:db8::1", 5070), remote=("2001:db8::2", 5061), transport="tls")
        found = sipcapture.take(collector, [message(), message(0.1, answer(), is_sent=False), six])
    finally:
        sipcapture.stop()
    assert found == [
        ["REGISTER", "192.0.2.1", "5070", "udp", "7", "1@example.com"],
        ["403", "198.51.100.1", "5060", "udp", "7", "1@example.com"],
        ["REGISTER", "2001:db8::1", "5070", "tcp", "7", "1@example.com"],
    ]
    assert collector.lost == 0
