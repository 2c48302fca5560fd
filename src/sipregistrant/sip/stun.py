"""The two messages of STUN that a keep-alive needs: RFC 5626 §4.4.2, RFC 5389 §6 and §15.

A Binding request goes to where SIP goes, over the same socket; the answer names the address that it was seen to come from.
No credentials, no attributes: none of either are used there.
"""

from __future__ import annotations

import ipaddress
import struct

__all__ = ["binding_request", "is_stun", "read_binding"]

MAGIC = 0x2112A442
HEADER = struct.Struct(">HHI12s")
REQUEST, SUCCESS = 0x0001, 0x0101
MAPPED_ADDRESS, XOR_MAPPED_ADDRESS = 0x0001, 0x0020
FAMILIES = {1: 4, 2: 16}


def binding_request(transaction_id: bytes) -> bytes:
    """Return a Binding request; `transaction_id` are 12 random bytes."""
    return HEADER.pack(REQUEST, 0, MAGIC, transaction_id)


def is_stun(datagram: bytes) -> bool:
    """Tell whether a datagram is STUN and not SIP, whose messages begin with a letter (RFC 5389 §6)."""
    return len(datagram) >= HEADER.size and datagram[0] < 0x40 and datagram[4:8] == MAGIC.to_bytes(4, "big")


def read_binding(datagram: bytes) -> tuple[bytes, str] | None:
    """Return the transaction id and the mapped address (`host:port`, IPv6 in brackets) of a Binding success response; None
    for anything else.
    """
    if not is_stun(datagram):
        return None
    kind, length, _, transaction_id = HEADER.unpack_from(datagram)
    if kind != SUCCESS or HEADER.size + length > len(datagram):
        return None
    attributes = _attributes(datagram[HEADER.size : HEADER.size + length])
    for name in (XOR_MAPPED_ADDRESS, MAPPED_ADDRESS):
        if name in attributes:
            mask = datagram[4:20] if name == XOR_MAPPED_ADDRESS else bytes(16)
            address = _address(attributes[name], mask)
            return None if address is None else (transaction_id, address)
    return None


def _attributes(data: bytes) -> dict[int, bytes]:
    """Return the first attribute of each kind; each is padded to four bytes (RFC 5389 §15)."""
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        kind, length = struct.unpack_from(">HH", data)
        found.setdefault(kind, data[4 : 4 + length])
        data = data[4 + length + -length % 4 :]
    return found


def _address(value: bytes, mask: bytes) -> str | None:
    """Return the address of an attribute, `mask` taken off (RFC 5389 §15.2)."""
    size = FAMILIES.get(value[1]) if len(value) >= 4 else None
    if size is None or len(value) < 4 + size:
        return None
    port = int.from_bytes(value[2:4], "big") ^ int.from_bytes(mask[:2], "big")
    host = ipaddress.ip_address(bytes(a ^ b for a, b in zip(value[4 : 4 + size], mask, strict=False)))
    return f"[{host}]:{port}" if size == 16 else f"{host}:{port}"
