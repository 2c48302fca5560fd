"""Lines of an import, as NDJSON and as CSV."""

from __future__ import annotations

import io

import pytest

from sipregistrant.api.bulk_lines import LONGEST_LINE_BYTES, read_csv, read_ndjson
from sipregistrant.store.bulk import Line


def ndjson(data: bytes) -> list[Line]:
    return list(read_ndjson(io.BytesIO(data)))


def cells(data: bytes) -> list[Line]:
    return list(read_csv(io.BytesIO(data)))


def test_each_object_is_a_line_with_its_id_and_texts() -> None:
    assert ndjson(b'{"id": 7, "AOR": "sip:a", "AorTtl": 60}\n\n{"AOR": "sip:\xc3\xa4", "id": 8}') == [
        Line(1, 7, {"AOR": "sip:a", "AorTtl": "60"}), Line(3, 8, {"AOR": "sip:ä"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{", "it is not JSON"),
        (b'{"id": 1, "AOR": "\xff"}', "it is not JSON"),
        (b"[" * 50_000, "it is not JSON"),
        (b"[1]", "it is not a JSON object"),
        (b"{}", "an id is wanted, a number"),
        (b'{"id": "1"}', "an id is wanted, a number"),
        (b'{"id": true}', "an id is wanted, a number"),
        (b'{"id": 1, "Q1": 1.5}', "'Q1': a text or a whole number is wanted"),
        (b'{"id": 1, "Q1": null}', "'Q1': a text or a whole number is wanted"),
        (b'{"id": 1, "Q1": false}', "'Q1': a text or a whole number is wanted"),
        (b" " * LONGEST_LINE_BYTES + b"x", f"it is longer than {LONGEST_LINE_BYTES} bytes"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_next_one_is_read(line: bytes, fault: str) -> None:
    faulty, good = ndjson(line + b'\n{"id": 2}\n')
    assert (faulty.number, faulty.fault) == (1, fault)
    assert good == Line(2, 2, {})


def test_a_csv_names_its_attributes_and_empty_cells_give_nothing() -> None:
    assert cells(b"\xef\xbb\xbfID,AOR,AorTtl\r\n7,sip:a,60\r\n8,\"sip:b\",\r\n\r\n") == [
        Line(2, 7, {"aor": "sip:a", "aorttl": "60"}), Line(3, 8, {"aor": "sip:b"}),
    ]  # fmt: skip


def test_bytes_that_are_not_utf_8_come_as_what_no_attribute_takes() -> None:
    (line,) = cells(b"id,AOR\n7,sip:\xff\n")
    assert line.form == {"aor": "sip:\udcff"}


@pytest.mark.parametrize("data", [b"", b"AOR\nsip:a\n", b"id,AOR,aor\n1,a,b\n"])
def test_a_heading_that_does_not_do_is_told_once(data: bytes) -> None:
    assert cells(data) == [Line(1, 0, {}, "the heading must name id, and each attribute once")]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (b"1", "it has 1 cells, the heading 2"),
        (b"1,a,b", "it has 3 cells, the heading 2"),
        (b",a", "an id is wanted, a number"),
        (b"x,a", "an id is wanted, a number"),
        (b"-1,a", "an id is wanted, a number"),
        (b"12345678901,a", "an id is wanted, a number"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_next_one_is_read(row: bytes, fault: str) -> None:
    faulty, good = cells(b"id,AOR\n" + row + b"\n2,b\n")
    assert (faulty.number, faulty.fault) == (2, fault)
    assert good == Line(3, 2, {"aor": "b"})


@pytest.mark.parametrize("row", [b'2,"a', b'2,"a"b\n', b"2," + b"x" * 200_000])
def test_what_is_no_csv_ends_it_with_a_fault(row: bytes) -> None:
    first, faulty = cells(b"id,AOR\n1,a\n" + row)
    assert first.id == 1
    assert faulty.number == 3
    assert faulty.fault.startswith("it is not CSV: ")
