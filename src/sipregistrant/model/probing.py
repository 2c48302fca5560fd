"""What a probe is asked, and what it tells: between those who ask for it and the engine, which carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..sip.authentication import Credential
from .resource import Values
from .schedule import RegistrarSettings, Sent

__all__ = ["Listed", "Prober", "Question", "Report", "Step"]


@dataclass(slots=True)
class Question:
    """An AOR at a server. Without `expires` (s) nothing is bound: what is there is fetched (RFC 3261 §10.2.3).

    `removed` are contacts to be removed first; `sent` is what the registrar is believed to hold, None where nothing.
    """

    settings: RegistrarSettings
    entry: Values
    credentials: list[Credential]
    expires: int = 0
    removed: tuple[str, ...] = ()
    sent: Sent | None = None


@dataclass(slots=True)
class Step:
    """One step: `ok` is None where it tells only what is so; `seconds` is how long it took."""

    name: str
    ok: bool | None
    text: str
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Listed:
    """A contact that the registrar lists; `expires` in seconds, None where it does not say."""

    uri: str
    expires: int | None
    q: float | None
    is_at_us: bool
    """It is at an address that this service sends from."""


@dataclass(slots=True)
class Report:
    """What came of it. `code` and `reason` as a row would keep them; `contacts` None where nothing could be learned of them."""

    steps: list[Step] = field(default_factory=list)
    ok: bool = False
    code: int = 0
    reason: str = ""
    registrar: str = ""
    contacts: list[Listed] | None = None


class Prober(Protocol):
    """Who carries probes out."""

    async def probe(self, question: Question) -> Report | None:
        """Ask; return within two minutes. None where too many are under way."""
