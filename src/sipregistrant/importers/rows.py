"""A table of a database as a file: Kamailio's db_text, CSV with a heading, or what `mysql --batch` prints.

db_text and OpenSIPS' text files: the first line is `name(type) name(type,null) …`, fields are separated by `:`, a backslash
escapes. `mysql --batch` separates by tabs and escapes the same way; NULL is `NULL`. CSV as of `sqlite3 -header -csv` and
`psql --csv`: RFC 4180.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import ImportFaulty
from .sources import read_text

__all__ = ["Row", "read_rows"]

Row = dict[str, str]
"""Fields by the name of their column, in lower case; "" where there is nothing."""

# The first line of a db_text file; types may have their own words: auto, null.
IS_DB_TEXT = re.compile(r"\s*(?:\w+\([\w, ]*\)\s*)+", re.ASCII).fullmatch
DB_TEXT_COLUMN = re.compile(r"(\w+)\(", re.ASCII)
DB_TEXT_FIELDS = re.compile(r"((?:\\.|[^:\\])*)(:|\Z)")

ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def read_rows(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Read the rows of a table with the numbers of their lines, which must have the columns `wanted`. Raises `ImportFaulty`."""
    # Not splitlines(), for which a form feed and others end a line.
    lines = [f"{line}\n" for line in read_text(path).split("\n")]
    heading = lines[0].rstrip("\r\n")
    if IS_DB_TEXT(heading):
        columns, rows = DB_TEXT_COLUMN.findall(heading), _escaped(lines[1:], _db_text_fields)
    elif "\t" in heading:
        columns, rows = heading.split("\t"), _escaped(lines[1:], _tab_fields)
    else:
        rows = _csv(path, lines)
        columns = next(rows, (1, []))[1]
    columns = [column.strip().lower() for column in columns]
    missing = [name for name in wanted if name not in columns]
    if missing or len({*columns}) < len(columns):
        problem = f"there is no column {', '.join(missing)}" if missing else "a column stands there twice"
        raise ImportFaulty(f"{path}, line 1", f"it is no table with these columns: {problem}")
    for number, fields in rows:
        if len(fields) != len(columns):
            raise ImportFaulty(f"{path}, line {number}", f"it has {len(fields)} fields, the heading {len(columns)}")
        yield number, dict(zip(columns, fields, strict=True))


def _csv(path: Path, lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(lines, strict=True)
    while True:
        number = rows.line_num + 1
        try:
            fields = next(rows, None)
        except csv.Error as error:
            raise ImportFaulty(f"{path}, line {number}", f"it is no CSV: {error}") from None
        if fields is None:
            return
        if fields:
            yield number, fields


def _escaped(lines: list[str], split: Callable[[str], list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Give the lines of a file that has one row in each."""
    for number, line in enumerate(lines, 2):
        text = line.rstrip("\r\n")
        if text.strip():
            yield number, split(text)


def _db_text_fields(text: str) -> list[str]:
    return [_plain(found[1]) for found in _fields(text)]


def _fields(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while found := DB_TEXT_FIELDS.match(text, at):
        yield found
        if not found[2]:
            return
        at = found.end()


def _tab_fields(text: str) -> list[str]:
    return ["" if field == "NULL" else _plain(field) for field in text.split("\t")]


def _plain(field: str) -> str:
    return ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), field) if "\\" in field else field
