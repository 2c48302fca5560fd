"""The differentiated services code point of the packets that leave a socket."""

from __future__ import annotations

import socket

__all__ = ["mark"]


def mark(one: socket.socket, dscp: int) -> None:
    """Mark what leaves from now on; the two bits below the code point are the kernel's. Raises `OSError`."""
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    else:
        one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
