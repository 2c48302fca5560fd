"""A fault that is known by the reason that a row keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cause import Cause

__all__ = ["WAY", "Fault", "fault"]

WAY = "see whether the machine is up and the way to it is open: routes, a firewall on either side, the port"


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause, how its reason is known, and an example of that."""

    pattern: re.Pattern[str]
    example: str
    cause: Cause


def fault(key: str, pattern: str, example: str, title: str, meaning: str, causes: tuple[str, ...], advice: tuple[str, ...],
           heals: str) -> Fault:  # fmt: skip
    return Fault(re.compile(pattern), example, Cause(key, title, meaning, causes, advice, heals))
