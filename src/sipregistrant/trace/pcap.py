"""Attempts as a capture that Wireshark, tshark and sngrep read: the classic pcap file with microseconds.

Packets are IP packets as they are (LINKTYPE_RAW), made anew around each message, with right lengths and checksums. What went over
UDP is in UDP. What went over TCP is in a TCP segment, without the handshake, numbered so that a stream can be followed. What
went over TLS or a WebSocket is in UDP, between the same addresses and ports: as a stream it would be taken for what is
encrypted, and not be read; the transport stands in their Via.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address

from .messages import Address, Attempt, Message

__all__ = ["MEDIA_TYPE", "as_pcap"]

MEDIA_TYPE = "application/vnd.tcpdump.pcap"

MAGIC, MAJOR, MINOR = 0xA1B2C3D4, 2, 4
SNAP_LENGTH = 0x40000
LINKTYPE_RAW = 101

TCP, UDP = 6, 17
PUSH_AND_ACKNOWLEDGE = 0x18
WINDOW = 0xFFFF
HOPS = 64

# As much as fits into one packet beside its headers; a longer message goes on in further TCP segments, and is cut in UDP.
LARGEST_PAYLOAD = 65_000


def as_pcap(attempts: Iterable[Attempt]) -> bytes:
    """Return the file. Messages are in the order of time, whatever attempt they are of."""
    messages = sorted((message for attempt in attempts for message in attempt.messages), key=lambda one: one.at)
    header = struct.pack("!IHHiIII", MAGIC, MAJOR, MINOR, 0, 0, SNAP_LENGTH, LINKTYPE_RAW)
    # How much each end of a connection has sent.
    streams: dict[tuple[Address, Address], int] = {}
    return header + b"".join(
        struct.pack("!IIII", *_instant(message.at), len(packet), len(packet)) + packet
        for message in messages
        for packet in _packets(message, streams)
    )


def _instant(at: float) -> tuple[int, int]:
    return divmod(round(at * 1_000_000), 1_000_000)


def _packets(message: Message, streams: dict[tuple[Address, Address], int]) -> Iterator[bytes]:
    source, destination = _host(message.source[0]), _host(message.destination[0])
    if len(source) != len(destination):
        source, destination = _mapped(source), _mapped(destination)
    ports = message.source[1], message.destination[1]
    data = message.data
    if message.transport != "tcp":
        payload = data[:LARGEST_PAYLOAD]
        header = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
        yield _packet(source, destination, UDP, header, payload, 6)
        return
    there, back = (message.source, message.destination), (message.destination, message.source)
    for begin in range(0, len(data), LARGEST_PAYLOAD):
        payload = data[begin : begin + LARGEST_PAYLOAD]
        sent, heard = streams.get(there, 1), streams.get(back, 1)
        streams[there] = (sent + len(payload)) & 0xFFFFFFFF
        header = struct.pack("!HHIIBBHHH", *ports, sent, heard, 5 << 4, PUSH_AND_ACKNOWLEDGE, WINDOW, 0, 0)
        yield _packet(source, destination, TCP, header, payload, 16)


def _packet(source: bytes, destination: bytes, protocol: int, header: bytes, payload: bytes, checksum_at: int) -> bytes:
    """Return an IP packet; `checksum_at` is where the checksum stands in the header of what it carries."""
    length = len(header) + len(payload)
    if len(source) == 4:
        pseudo = source + destination + struct.pack("!BBH", 0, protocol, length)
        parts = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, HOPS, protocol, 0) + source + destination
        outer = parts[:10] + struct.pack("!H", _checksum(parts)) + parts[12:]
    else:
        pseudo = source + destination + struct.pack("!II", length, protocol)
        outer = struct.pack("!IHBB", 6 << 28, length, protocol, HOPS) + source + destination
    # Of UDP a checksum of 0 would say that there is none (RFC 768).
    checksum = _checksum(pseudo + header + payload) or 0xFFFF
    return outer + header[:checksum_at] + struct.pack("!H", checksum) + header[checksum_at + 2 :] + payload


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _host(host: str) -> bytes:
    """Return an address as bytes; what is none, as nobody's."""
    try:
        return ip_address(host.strip("[]")).packed
    except ValueError:
        return bytes(4)


def _mapped(address: bytes) -> bytes:
    """Return an IPv4 address as IPv6 has it (RFC 4291 §2.5.5.2)."""
    return address if len(address) == 16 else IPv6Address(b"\0" * 10 + b"\xff\xff" + address).packed
