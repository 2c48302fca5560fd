"""The lines of an import as they are written: NDJSON, a JSON object each, or CSV with a heading.

    {"id": 7, "AOR": "sip:alice@example.com", "AorType": 3, "AorTtl": 600}

    id,AOR,AorType,AorTtl
    7,sip:alice@example.com,3,600

Names are those of the documented attributes, in any case. A cell of a CSV that is empty gives nothing, as if its column
were not there. Lines come one by one, however long the file is; one that cannot be read is told as such.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..store.bulk import Line

__all__ = ["LONGEST_LINE_BYTES", "read_csv", "read_ndjson"]

LONGEST_LINE_BYTES = 64 * 1024

NO_ID = 0

# As many digits as any number of the wire API may have.
LONGEST_ID_DIGITS = 10


def read_ndjson(file: BinaryIO) -> Iterator[Line]:
    """Read NDJSON; empty lines are passed over."""
    number = 0
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE_BYTES)
            yield Line(number, NO_ID, {}, f"it is longer than {LONGEST_LINE_BYTES} bytes")
        elif line.strip():
            yield _line_of_json(number, line)


def _line_of_json(number: int, line: bytes) -> Line:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return Line(number, NO_ID, {}, "it is not JSON")
    if type(given) is not dict:
        return Line(number, NO_ID, {}, "it is not a JSON object")
    id = given.pop("id", None)
    if type(id) is not int:
        return Line(number, NO_ID, {}, "an id is wanted, a number")
    form: dict[str, str] = {}
    for name, value in given.items():
        if type(value) is str:
            form[name] = value
        elif type(value) is int:
            form[name] = str(value)
        else:
            return Line(number, id, {}, f"{_shown(name)}: a text or a whole number is wanted")
    return Line(number, id, form)


def read_csv(file: BinaryIO) -> Iterator[Line]:
    """Read CSV (RFC 4180), UTF-8, with the names of attributes and `id` in its heading."""
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(_bounded(text), strict=True)
    try:
        heading = next(rows, [])
        names = [name.strip().lower() for name in heading]
        if "id" not in names or len(set(names)) != len(names):
            yield Line(1, NO_ID, {}, "the heading must name id, and each attribute once")
            return
        while True:
            number = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield Line(number, NO_ID, {}, f"it is not CSV: {error}")
                return
            if row is None:
                return
            if row:
                yield _line_of_csv(number, names, row)
    except csv.Error as error:
        yield Line(1, NO_ID, {}, f"the heading is not CSV: {error}")
    finally:
        text.detach()


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    """Give the lines of a file; one that is too long ends it."""
    while line := text.readline(LONGEST_LINE_BYTES):
        if len(line) == LONGEST_LINE_BYTES and not line.endswith("\n"):
            raise csv.Error(f"a line is longer than {LONGEST_LINE_BYTES} characters")
        yield line


def _line_of_csv(number: int, names: list[str], row: list[str]) -> Line:
    if len(row) != len(names):
        return Line(number, NO_ID, {}, f"it has {len(row)} cells, the heading {len(names)}")
    form = {name: cell for name, cell in zip(names, row, strict=True) if cell}
    id = form.pop("id", "")
    if not (id.isascii() and id.isdigit() and len(id) <= LONGEST_ID_DIGITS):
        return Line(number, NO_ID, {}, "an id is wanted, a number")
    return Line(number, int(id), form)


def _shown(name: Any) -> str:
    return repr(name[:64])
