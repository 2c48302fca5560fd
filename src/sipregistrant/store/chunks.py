"""One statement for many rows: `executemany` would give up the interpreter lock at each row, and take seconds while the event
loop is busy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from .tx import Tx

__all__ = ["Chunked", "chunked", "in_chunks", "storable"]

LARGEST_CHUNK = 128
Chunked = Mapping[int, str]
"""A statement for so many rows, which it takes as VALUES. Read out of JSON they took twice as long (measured)."""


def chunked(columns: Sequence[str], statement: str) -> Chunked:
    """Return the statement, behind a `j` of the given columns, for each power of two: so few are ever prepared."""
    row = f"({', '.join('?' * len(columns))})"
    sizes = [1 << power for power in range(LARGEST_CHUNK.bit_length())]
    return {size: f"WITH j({', '.join(columns)}) AS (VALUES {', '.join([row] * size)})\n{statement}" for size in sizes}


def in_chunks(tx: Tx, statement: Chunked, rows: Sequence[tuple[Any, ...]], *others: Any) -> None:
    """Run a statement for rows; `others` are the values of its other parameters."""
    at, size = 0, LARGEST_CHUNK
    while at < len(rows):
        while size > len(rows) - at:
            size //= 2
        tx.sqlite.execute(statement[size], [*chain.from_iterable(rows[at : at + size]), *others])
        at += size


def storable(value: str | None) -> str | None:
    """Return a text that can be read again: a peer's bytes that were no UTF-8 would spoil every claim of their row."""
    return value if value is None or value.isascii() else value.encode("utf-8", "backslashreplace").decode()
