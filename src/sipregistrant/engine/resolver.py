"""From a server's configuration to the address that its requests go to.

Numeric hosts are never looked up. Names are asked of the system's resolver, in a thread; an answer is used for a
minute, and the last good one for as long as there is no better: a name server that is down makes nothing worse.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from ..sip.uri import is_ip_address

__all__ = ["Resolver"]

USED_FOR_SECONDS = 60.0
LONGEST_LOOK_UP_SECONDS = 10.0


class Resolver:
    """Resolves host names to one IP address each."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[tuple[str, bool], tuple[str, float]] = {}

    async def resolve(self, host: str, *, prefer_ipv6: bool = False) -> str:
        """Return an IP address of the host, without brackets; raise `OSError` with the reason where none is known."""
        bare = host.strip("[]")
        if is_ip_address(bare):
            # As the kernel writes it: answers are compared with it.
            return str(ipaddress.ip_address(bare))
        known = self._known.get((host, prefer_ipv6))
        if known is not None and self._now() < known[1]:
            return known[0]
        try:
            address = await self._look_up(host, prefer_ipv6)
        except OSError:
            if known is None:
                raise
            address = known[0]
        self._known[host, prefer_ipv6] = (address, self._now() + USED_FOR_SECONDS)
        return address

    async def _look_up(self, host: str, prefer_ipv6: bool) -> str:
        loop = asyncio.get_running_loop()
        look_up = loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        try:
            found = await asyncio.wait_for(look_up, LONGEST_LOOK_UP_SECONDS)
        except TimeoutError:
            raise OSError(0, f"no answer of the name server within {LONGEST_LOOK_UP_SECONDS:g} s") from None
        except UnicodeError:
            raise OSError(0, "not a host name") from None
        preferred = socket.AF_INET6 if prefer_ipv6 else socket.AF_INET
        found.sort(key=lambda info: info[0] != preferred)
        return str(found[0][4][0])
