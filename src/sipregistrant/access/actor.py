"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["LOCAL", "Actor", "Role"]


class Role(IntEnum):
    """What somebody may do; who may do more may do what is before it. The names are the levels of users."""

    READONLY = 0
    """Read all but users, tokens and the audit log."""
    REST = 1
    """Change what is configured, and have it registered; the wire API under /rest is theirs alone."""
    ADMIN = 2
    """Users, tokens, the audit log, and the service as a whole."""

    @classmethod
    def of(cls, level: str) -> Role:
        """Return the role of a level as it is stored: `readonly`, `rest`, `admin`."""
        return cls[level.upper()]

    @property
    def level(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is what the audit log says: `user:NAME`, `token:NAME`, or `local` for who owns the data directory."""

    name: str
    role: Role


LOCAL = Actor("local", Role.ADMIN)
"""Who can open the socket in the data directory can write its files as well."""
