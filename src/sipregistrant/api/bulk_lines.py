"""The lines of an import as they are written: NDJSON, a JSON object each, or CSV with a heading.

    {"id": 7, "aor": "sip:alice@example.com", "aor_type": "static", "contacts": [{"uri": "sip:alice@192.0.2.7", "q": 0.5}]}

    id,aor,aor_type,uri1,q1
    7,sip:alice@example.com,static,sip:alice@192.0.2.7,50

Names are those of the JSON API, flat in CSV, or the documented ones (`AorType`), in any case; values are words or numbers
(`shapes.py`). A cell of a CSV that is empty gives nothing, as if its column were not there. Lines come one by one, however
long the file is; one that cannot be read is told as such.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from ..model.attributes import Kind
from ..store.bulk import Line
from .json_objects import NamedTwice, loads
from .shapes import Shape

__all__ = ["CSV", "NDJSON", "read_csv", "read_ndjson"]

CSV, NDJSON = "text/csv", "application/x-ndjson"


LONGEST_LINE_BYTES = 64 * 1024

NO_ID = 0

# As many digits as any number of the wire API may have.
LONGEST_ID_DIGITS = 10


def read_ndjson(file: BinaryIO, shape: Shape) -> Iterator[Line]:
    """Read NDJSON; empty lines are passed over."""
    number = 0
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE_BYTES)
            yield Line(number, NO_ID, {}, f"it is longer than {LONGEST_LINE_BYTES} bytes")
        elif line.strip():
            yield _line_of_json(number, line, shape)


def _line_of_json(number: int, line: bytes, shape: Shape) -> Line:
    try:
        given = loads(line)
    except NamedTwice as fault:
        return Line(number, NO_ID, {}, str(fault))
    except (ValueError, RecursionError):
        return Line(number, NO_ID, {}, "it is not JSON")
    if type(given) is not dict:
        return Line(number, NO_ID, {}, "it is not a JSON object")
    id = given.pop("id", None)
    if type(id) is not int:
        return Line(number, NO_ID, {}, "an id is wanted, a number")
    given.pop("table", None)  # what an export of the API says of it: the request says which one it is
    read = shape.read_line(given)
    return Line(number, id, read.form, "; ".join(f"{name}: {problem}" for name, problem in read.faults))


def read_csv(file: BinaryIO, shape: Shape) -> Iterator[Line]:
    """Read CSV (RFC 4180), UTF-8, with the names of attributes and `id` in its heading."""
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(_bounded(text), strict=True)
    try:
        columns = _Columns(next(rows, []), shape)
        if columns.fault:
            yield Line(1, NO_ID, {}, columns.fault)
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
                yield columns.line(number, row)
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


class _Columns:
    """The heading of a CSV, and how a row is read by it."""

    def __init__(self, heading: list[str], shape: Shape) -> None:
        names = [name.strip() for name in heading]
        self._shape = shape
        self._id = next((at for at, name in enumerate(names) if name.lower() == "id"), -1)
        self._width = len(names)
        self._taken: list[tuple[int, str, str, bool]] = []
        """Where it stands, its name in the heading, the documented name, and whether it is a word."""
        self.fault = "" if self._id >= 0 else "the heading must name id, the number of the entry in its table"
        taken: set[str] = set()
        for at, name in enumerate(names):
            if at == self._id:
                continue
            attribute = shape.attribute_of(name)
            if attribute is None:
                self.fault = self.fault or f"the heading names {name[:64]!r}: {shape.unknown(name)}"
                continue
            if attribute.name in taken:
                self.fault = self.fault or f"the heading names {name[:64]!r} twice"
            taken.add(attribute.name)
            self._taken.append((at, name, attribute.name, attribute.kind is Kind.ENUM))

    def line(self, number: int, row: list[str]) -> Line:
        """Return what a row says."""
        if len(row) != self._width:
            return Line(number, NO_ID, {}, f"it has {len(row)} cells, the heading {self._width}")
        id = row[self._id]
        if not (id.isascii() and id.isdigit() and len(id) <= LONGEST_ID_DIGITS):
            return Line(number, NO_ID, {}, "an id is wanted, a number")
        form: dict[str, str] = {}
        faults = []
        for at, name, documented, is_word in self._taken:
            cell = row[at]
            if not cell:
                continue
            if is_word and not (cell.isascii() and cell.isdigit()):
                read = self._shape.read_line({name: cell})
                faults += read.faults
                form |= read.form
            else:
                form[documented] = cell
        return Line(number, int(id), form, "; ".join(f"{name}: {problem}" for name, problem in faults))
