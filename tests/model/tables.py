"""Attribute tables in the shape of the vendor's pages, so that a test can be read beside the page."""

from __future__ import annotations

from typing import Any, NamedTuple

from sipregistrant.model.attributes import Attribute
from sipregistrant.model.resource import Resource

__all__ = ["NO", "YES", "Row", "row_of", "table_of"]

YES, NO = True, False


class Row(NamedTuple):
    """One row of a page. `values` is the longest length of a text, (lowest, highest, others…) of a number, the labels
    of an enum.
    """

    name: str
    required: bool
    kind: str
    default: int | str | None
    values: Any


def table_of(resource: Resource) -> list[Row]:
    """Return the table of a resource, row for row, but what no box has (`test_ours.py`)."""
    return [row_of(attribute) for attribute in resource.attributes if attribute not in resource.ours]


def row_of(attribute: Attribute) -> Row:
    """Return one attribute as a row."""
    values: Any
    match attribute.kind.value:
        case "int":
            values = (attribute.lowest, attribute.highest, *sorted(attribute.also))
        case "Enum":
            values = dict(attribute.labels)
        case _:
            values = attribute.longest
    return Row(attribute.name, attribute.required, attribute.kind.value, attribute.default, values)
