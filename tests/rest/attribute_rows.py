"""The attribute rows of tests/vectors/rest/attributes.toml, and the values that try them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .support import VECTORS

__all__ = ["TABLES", "Row", "Table"]

# Two bytes in UTF-8, one character: lengths are counted in characters.
TWO_BYTES = "ü"


@dataclass(frozen=True)
class Row:
    """One attribute, as its page has it."""

    name: str
    required: bool = False
    default: str | None = None
    range: tuple[int, int] | None = None
    also: tuple[int, ...] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    longest: int = 0
    usable: int = 0
    text: str = ""
    shown: str = ""
    empty: int | str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    refers_to: str = ""
    service: bool = False
    sequence: bool = False
    read_only: bool = False

    @property
    def when_absent(self) -> str | None:
        """What is answered where it was not sent; None where that is refused."""
        if self.default is None:
            return None if self.required else ""
        return self.default

    @property
    def taken_numbers(self) -> list[int]:
        """The ends of the range and what is allowed beside it, or all numbers of an Enum."""
        return [*self.labels, *(self.range or ()), *self.also]

    @property
    def refused_numbers(self) -> list[int]:
        """The numbers next to those that are taken, and are not taken themselves; no sign is ever taken."""
        lowest, highest = self.range or (0, -1)
        near = {number + step for number in self.taken_numbers for step in (-1, 1)}
        return sorted(n for n in near if n not in self.taken_numbers and not lowest <= n <= highest)

    def text_of(self, length: int) -> str:
        """Return a text of so many characters that this attribute has nothing else against."""
        if self.text == "[]":
            return _numbers_of(length)
        if self.text:
            missing = length - len(self.text.format("", host=""))
            return self.text.format("x" * missing, host=_labels_of(missing))
        return TWO_BYTES * length

    def form(self, value: object) -> str:
        """Return a form with this value, and what must stand beside it."""
        beside = self.beside.get(str(value), "")
        return f"{beside}&{self.name}={value}" if beside else f"{self.name}={value}"

    def another(self) -> str:
        """Return a value that is not the default, and shorter than any limit."""
        if self.labels or self.range:
            if self.refers_to:
                return str(REFERRED_ID)
            return str(next(n for n in reversed(self.taken_numbers) if str(n) != self.default))
        return self.text_of(5 if self.text == "[]" else 24)


# The id of an object that the tests make of each resource that something may refer to.
REFERRED_ID = 60


@dataclass(frozen=True)
class Table:
    """A resource and its attributes."""

    name: str
    lists: str
    id: int
    ids: tuple[int, int]
    least: str
    rows: tuple[Row, ...]

    @property
    def path(self) -> str:
        """Where an object can be made."""
        return f"{self.lists}/{self.id}"

    @property
    def shown_id(self) -> str:
        """That object's id, as replies write it."""
        return ":".join(self.path.split("/")[3::2])

    def least_without(self, name: str) -> str:
        """Return the least form without one of its fields."""
        return "&".join(field for field in self.least.split("&") if not field.startswith(f"{name}="))


def _labels_of(length: int) -> str:
    """Return so many characters of a host name, in labels of at most 63 (RFC 1035)."""
    text = ("x" * 49 + ".") * (length // 50 + 1)
    return text[: length - 1] + "x"


def _numbers_of(length: int) -> str:
    """Return a list of different numbers of one or two digits that is so long."""
    singles = next(n for n in range(1, 11) if (length - 2 * n + 1) % 3 == 0 and length >= 2 * n - 1)
    numbers = [*range(singles), *range(10, 10 + (length - 2 * singles + 1) // 3)]
    return ",".join(map(str, numbers))


def _read() -> Iterator[Table]:
    for name, table in tomllib.loads((VECTORS / "attributes.toml").read_text("utf-8")).items():
        rows = tuple(_row(row) for row in table.pop("attributes"))
        yield Table(name, rows=rows, ids=tuple(table.pop("ids")), **table)


def _row(row: dict[str, Any]) -> Row:
    labels = dict(label.split(" ", 1) for label in row.pop("labels", []))
    return Row(
        labels={int(number): word for number, word in labels.items()},
        range=tuple(row.pop("range")) if "range" in row else None,
        also=tuple(row.pop("also", ())),
        beside=row.pop("with", {}),
        **row,
    )


TABLES = {table.name: table for table in _read()}
