"""The capture is read by tshark, Wireshark without windows: every message as SIP, its checksums right."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sipregistrant.trace.pcap import as_pcap
from tests.trace.support import NOW, REGISTER, answer, attempt, message

TSHARK = shutil.which("tshark")
FIELDS = ("frame.time_epoch", "_ws.col.Protocol", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport",
          "tcp.srcport", "tcp.dstport", "sip.Method", "sip.Status-Code", "sip.CSeq.seq", "_ws.expert.message")  # fmt: skip

needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed: apt-get install tshark")


def read(path: Path, content: bytes, *fields: str) -> list[dict[str, str]]:
    """Return what tshark reads of each packet; checksums are looked at."""
    assert TSHARK is not None
    path.write_bytes(content)
    names = fields or FIELDS
    command = [TSHARK, "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", "-o", "ip.check_checksum:TRUE",
               "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]  # fmt: skip
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [dict(zip(names, line.split("|"), strict=True)) for line in done.stdout.splitlines()]


def exchange(**others: Any) -> bytes:
    """Return a capture of a REGISTER and its refusal."""
    return as_pcap([attempt(1, message(**others), message(0.25, answer(), is_sent=False, **others))])


@needs_tshark
@pytest.mark.parametrize(
    ("transport", "port", "carrier"),
    [("udp", 5060, "udp"), ("udp", 15062, "udp"), ("tcp", 5060, "tcp"), ("tcp", 15062, "tcp"), ("tls", 5061, "udp"),
     ("tls", 443, "udp"), ("ws", 80, "udp"), ("wss", 443, "udp")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("ip", "own", "peer"), [("ip", "192.0.2.1", "198.51.100.1"), ("ipv6", "2001:db8::1", "2001:db8::2")]
)
def test_tshark_reads_sip(
    tmp_path: Path, transport: str, port: int, carrier: str, ip: str, own: str, peer: str
) -> None:
    content = exchange(transport=transport, local=(own, 40_001), remote=(peer, port))
    sent, received = read(tmp_path / "trace.pcap", content)
    assert [one["_ws.col.Protocol"] for one in (sent, received)] == ["SIP", "SIP"]
    assert (sent[f"{ip}.src"], sent[f"{ip}.dst"], received[f"{ip}.src"]) == (own, peer, peer)
    assert (sent[f"{carrier}.srcport"], sent[f"{carrier}.dstport"]) == ("40001", str(port))
    assert (sent["sip.Method"], sent["sip.CSeq.seq"]) == ("REGISTER", "7")
    assert (received["sip.Status-Code"], received["sip.CSeq.seq"]) == ("403", "7")
    assert float(received["frame.time_epoch"]) == pytest.approx(NOW + 0.25, abs=1e-6)
    for one in (sent, received):
        assert "checksum" not in one["_ws.expert.message"].lower(), one
        assert "malformed" not in one["_ws.expert.message"].lower(), one


@needs_tshark
def test_a_stream_can_be_followed(tmp_path: Path) -> None:
    over_tcp = {"transport": "tcp", "local": ("192.0.2.1", 40_001)}
    messages = [message(n, is_sent=n % 2 == 0, data=REGISTER if n % 2 == 0 else answer(), **over_tcp) for n in range(6)]
    found = read(
        tmp_path / "tcp.pcap", as_pcap([attempt(1, *messages)]), "tcp.stream", "tcp.analysis.flags", "_ws.col.Protocol"
    )
    assert found == [{"tcp.stream": "0", "tcp.analysis.flags": "", "_ws.col.Protocol": "SIP"}] * 6


@needs_tshark
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_what_is_longer_than_a_packet(tmp_path: Path, transport: str) -> None:
    body = b"x" * 100_000
    data = REGISTER.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body
    long = attempt(1, message(data=data, transport=transport))
    found = read(tmp_path / "long.pcap", as_pcap([long]), "frame.len", "sip.Method")
    assert [int(one["frame.len"]) < 65_536 for one in found] == [True] * (2 if transport == "tcp" else 1)
    assert "REGISTER" in [one["sip.Method"] for one in found]


def test_messages_are_in_the_order_of_time() -> None:
    content = as_pcap([attempt(1, message(5, b"later")), attempt(2, message(1, b"sooner"))])
    assert content.index(b"sooner") < content.index(b"later")


def test_nothing_kept_is_an_empty_file() -> None:
    assert len(as_pcap([])) == 24


def test_an_address_that_is_none_hurts_nobody() -> None:
    assert REGISTER in exchange(local=("", 0), remote=("2001:db8::1", 5060))
