"""Lines of an import, as NDJSON and as CSV."""

from __future__ import annotations

import io

import pytest

from sipregistrant.api.bulk_lines import LONGEST_LINE_BYTES, read_csv, read_ndjson
from sipregistrant.api.shapes import shape_of
from sipregistrant.model.registrants import ENTRY
from sipregistrant.store.bulk import Line

SHAPE = shape_of(ENTRY)


def ndjson(data: bytes) -> list[Line]:
    return list(read_ndjson(io.BytesIO(data), SHAPE))


def cells(data: bytes) -> list[Line]:
    return list(read_csv(io.BytesIO(data), SHAPE))


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
        (b'{"id": 1, "Q1": 1.5}', "Q1: a whole number, 0 to 100, is wanted"),
        (b'{"id": 1, "Q1": null}', "Q1: a whole number, 0 to 100, is wanted"),
        (b'{"id": 1, "Q1": false}', "Q1: a whole number, 0 to 100, is wanted"),
        (b" " * LONGEST_LINE_BYTES + b"x", f"it is longer than {LONGEST_LINE_BYTES} bytes"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_next_one_is_read(line: bytes, fault: str) -> None:
    faulty, good = ndjson(line + b'\n{"id": 2}\n')
    assert (faulty.number, faulty.fault) == (1, fault)
    assert good == Line(2, 2, {})


def test_a_csv_names_its_attributes_and_empty_cells_give_nothing() -> None:
    assert cells(b"\xef\xbb\xbfID,AOR,AorTtl\r\n7,sip:a,60\r\n8,\"sip:b\",\r\n\r\n") == [
        Line(2, 7, {"AOR": "sip:a", "AorTtl": "60"}), Line(3, 8, {"AOR": "sip:b"}),
    ]  # fmt: skip


def test_bytes_that_are_not_utf_8_come_as_what_no_attribute_takes() -> None:
    (line,) = cells(b"id,AOR\n7,sip:\xff\n")
    assert line.form == {"AOR": "sip:\udcff"}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "the heading must name id, the number of the entry in its table"),
        (b"AOR\nsip:a\n", "the heading must name id, the number of the entry in its table"),
        (b"id,AOR,aor\n1,a,b\n", "the heading names 'aor' twice"),
        (b"id,aor,aor_tttl\n1,a,b\n", "the heading names 'aor_tttl': there is no such member; aor_ttl?"),
    ],
)
def test_a_heading_that_does_not_do_is_told_once(data: bytes, fault: str) -> None:
    assert cells(data) == [Line(1, 0, {}, fault)]


def test_names_are_those_of_json_or_the_documented_ones_and_values_are_words_or_numbers() -> None:
    flat = cells(b"id,aor_type,AOR,from_uri,q1\n1,static,a,b,50\n2,3,a,,\n")
    assert [line.form for line in flat] == [
        {"AorType": "3", "AOR": "a", "FromURI": "b", "Q1": "50"}, {"AorType": "3", "AOR": "a"},
    ]  # fmt: skip
    (nested,) = ndjson(b'{"id": 1, "contacts": [{"uri": "sip:a@h", "q": 0.07}], "aor_type": "none"}')
    assert nested.form.items() >= {"URI1": "sip:a@h", "Q1": "7", "TTL1": "64", "URI8": "", "AorType": "0"}.items()


def test_a_word_that_is_none_is_told() -> None:
    (line,) = cells(b"id,aor_type\n1,statik\n")
    assert line.fault == "aor_type: one of none, local, remote, static is wanted"
    (line,) = ndjson(b'{"id": 1, "contacts": [{"uri": 7, "quality": 1, "q": 1.001}], "x": 1}')
    assert line.fault == (
        "contacts[0].quality: there is no such member; uri, ttl, q are; contacts[0].uri: a text is wanted; "
        "contacts[0].q: a number from 0 to 1 with at most two decimals is wanted; x: there is no such member"
    )


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
    assert good == Line(3, 2, {"AOR": "b"})


@pytest.mark.parametrize("row", [b'2,"a', b'2,"a"b\n', b"2," + b"x" * 200_000])
def test_what_is_no_csv_ends_it_with_a_fault(row: bytes) -> None:
    first, faulty = cells(b"id,AOR\n1,a\n" + row)
    assert first.id == 1
    assert faulty.number == 3
    assert faulty.fault.startswith("it is not CSV: ")
