"""Who is asked for names: the machine's own table of hosts first, as everywhere, then name servers (`questions.py`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

__all__ = ["Answer", "NameServers", "Names", "Pointer", "Service"]

HOSTS = Path("/etc/hosts")
HOSTS_SECONDS = 10.0

# Of an answer that there is nothing, where it does not say (RFC 2308 §5).
NOTHING_SECONDS = 30.0


class Service(NamedTuple):
    """One SRV record (RFC 2782). `host` is "" where the service is said not to be there."""

    priority: int
    weight: int
    port: int
    host: str


class Pointer(NamedTuple):
    """One NAPTR record (RFC 3403 §4.1): where the SRV records of a domain are. Flags and service are in lower case."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class Answer(NamedTuple):
    """What a name server said: addresses, services or pointers, none where there are none; `seconds` is its life."""

    records: Sequence[Any]
    seconds: float


class Names(Protocol):
    """Who is asked for names."""

    async def ask(self, name: str, kind: str) -> Answer:
        """Ask for records of a kind (`A`, `AAAA`, `SRV`, `NAPTR`). Raises `OSError` with the reason where nobody can tell."""


class NameServers:
    """The name servers of the network."""

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        """`servers` are addresses and ports to ask instead of those of the machine."""
        self.use(servers)
        self._hosts: dict[str, list[str]] = {}
        self._hosts_read_at = 0.0

    def use(self, servers: Sequence[tuple[str, int]]) -> None:
        """Ask these from now on."""
        self._servers = servers
        self._questions: Names | None = None

    async def ask(self, name: str, kind: str) -> Answer:
        """See the protocol."""
        if kind in ("A", "AAAA") and (found := self._in_hosts(name, kind)):
            return Answer(found, HOSTS_SECONDS)
        if self._questions is None:
            # Imported when there is a name to ask for: it would be a tenth of the CPU of each start (measured).
            from .questions import Questions

            self._questions = Questions(self._servers)
        return await self._questions.ask(name, kind)

    def _in_hosts(self, name: str, kind: str) -> list[str]:
        """Return what the table of hosts has, which is read again when it was changed."""
        try:
            changed_at = HOSTS.stat().st_mtime
            if changed_at != self._hosts_read_at:
                self._hosts, self._hosts_read_at = _read_hosts(HOSTS.read_text("utf-8", "replace")), changed_at
        except OSError:
            return []
        version = 6 if kind == "AAAA" else 4
        known = self._hosts.get(name.lower().rstrip("."), [])
        return [address for address in known if ipaddress.ip_address(address).version == version]


def _read_hosts(text: str) -> dict[str, list[str]]:
    """Read a table of hosts: by name, in lower case, its addresses."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            bare = str(ipaddress.ip_address(address))
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), []).append(bare)
    return found
