"""JSON objects as they are meant: a name that stands there twice is a mistake, and nobody knows which counts (RFC 8259 §4)."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["NamedTwice", "loads"]

LONGEST_NAME = 64


class NamedTwice(ValueError):
    """`name` stands in one object more than once."""

    def __init__(self, name: str) -> None:
        self.name = name[:LONGEST_NAME]
        super().__init__(f"{self.name}: it is named twice")


def loads(text: bytes | bytearray) -> Any:
    """Read JSON. Raises `NamedTwice`, any other `ValueError`, `RecursionError`."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NamedTwice(name)
            seen.add(name)
    return made
