"""Messages as HEP packets, which HOMER and other collectors take.

HEP3 (sipcapture/HEP, "HEP3 Network Protocol Specification"): `HEP3`, the length of all of it, then chunks of vendor, type, length
and content; everything in network order. Vendor 0 has the generic types below. What a message was carried by (TCP, TLS) is
said by its IP protocol: 17 for UDP, 6 for the others.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

from .messages import Message

__all__ = ["LARGEST_PAYLOAD", "as_hep"]

FAMILY, PROTOCOL = 1, 2
SOURCE_IPV4, DESTINATION_IPV4 = 3, 4
SOURCE_IPV6, DESTINATION_IPV6 = 5, 6
SOURCE_PORT, DESTINATION_PORT = 7, 8
SECONDS, MICROSECONDS = 9, 10
KIND, AGENT, KEY, PAYLOAD, CORRELATION = 11, 12, 14, 15, 17

IPV4, IPV6 = 2, 10
TCP, UDP = 6, 17
SIP = 1

LARGEST_PAYLOAD = 60_000
"""Of a packet that fits into a datagram; what is longer is cut."""


def as_hep(message: Message, agent: int, key: bytes = b"", correlation: bytes = b"") -> bytes:
    """Return the packet. `agent` tells collectors whose it is, `key` that it may be taken; neither is sent where it is empty."""
    source, destination = _host(message.source[0]), _host(message.destination[0])
    is_ipv6 = len(source) == 16 or len(destination) == 16
    seconds, microseconds = divmod(round(message.at * 1_000_000), 1_000_000)
    chunks = [
        _chunk(FAMILY, struct.pack("!B", IPV6 if is_ipv6 else IPV4)),
        _chunk(PROTOCOL, struct.pack("!B", UDP if message.transport == "udp" else TCP)),
        _chunk(SOURCE_IPV6 if is_ipv6 else SOURCE_IPV4, _as_long(source, is_ipv6)),
        _chunk(DESTINATION_IPV6 if is_ipv6 else DESTINATION_IPV4, _as_long(destination, is_ipv6)),
        _chunk(SOURCE_PORT, struct.pack("!H", message.source[1])),
        _chunk(DESTINATION_PORT, struct.pack("!H", message.destination[1])),
        _chunk(SECONDS, struct.pack("!I", seconds & 0xFFFFFFFF)),
        _chunk(MICROSECONDS, struct.pack("!I", microseconds)),
        _chunk(KIND, struct.pack("!B", SIP)),
        _chunk(AGENT, struct.pack("!I", agent)),
        *([_chunk(KEY, key)] if key else []),
        *([_chunk(CORRELATION, correlation)] if correlation else []),
        _chunk(PAYLOAD, message.data[:LARGEST_PAYLOAD]),
    ]
    content = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(content)) + content


def _chunk(kind: int, content: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(content)) + content


def _host(host: str) -> bytes:
    try:
        return ip_address(host.strip("[]")).packed
    except ValueError:
        return bytes(4)


def _as_long(address: bytes, is_ipv6: bool) -> bytes:
    """Return an IPv4 address as IPv6 has it (RFC 4291 §2.5.5.2), where the other one is of IPv6."""
    return b"\0" * 10 + b"\xff\xff" + address if is_ipv6 and len(address) == 4 else address
