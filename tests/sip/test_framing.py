"""A stream, cut into messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.errors import SipParseError
from sipregistrant.sip.framing import MOST_BODY_BYTES, MOST_HEADER_BYTES, PING, PONG, Framer


def message(body: bytes = b"", length: str = "Content-Length: {}") -> bytes:
    return b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\n" + length.format(len(body)).encode() + b"\r\n\r\n" + body


STREAM = [message(), PING, message(b"body\r\n\r\n"), PONG, message(b"x" * 300), message()]


def frames(*pieces: bytes) -> list[bytes]:
    framer = Framer()
    return [frame for piece in pieces for frame in framer.feed(piece)]


def test_messages_and_keep_alives_come_out_as_they_went_in() -> None:
    assert frames(b"".join(STREAM)) == STREAM


@given(st.lists(st.integers(1, 80), min_size=1))
def test_however_the_bytes_come(lengths: list[int]) -> None:
    stream, pieces = b"".join(one for one in STREAM if one not in (PING, PONG)), []
    for length in lengths * len(stream):
        pieces.append(stream[:length])
        stream = stream[length:]
    assert frames(*pieces) == [one for one in STREAM if one not in (PING, PONG)]


@pytest.mark.parametrize(
    "line", ["content-length: {}", "l: {}", "L:{}", "Content-Length \t:  {}  ", "l: {0}\r\nContent-Length: {0}"]
)
def test_the_length_in_all_its_forms(line: str) -> None:
    assert frames(message(b"abc", line)) == [message(b"abc", line)]


@pytest.mark.parametrize(
    ("length", "problem"),
    [
        ("Server: x", "missing"),
        ("Content-Length: 3\r\nl: 4", "given twice, differently"),
        ("Content-Length: x", "not a number"),
        ("Content-Length: -1", "not a number"),
        ("Content-Length: ", "not a number"),
        ("Content-Length: +3", "not a number"),
        ("Content-Length: 99999999999", "not a number"),
        (f"Content-Length: {MOST_BODY_BYTES + 1}", f"more than {MOST_BODY_BYTES}"),
    ],
)
def test_a_length_that_cannot_be_believed_ends_the_stream(length: str, problem: str) -> None:
    with pytest.raises(SipParseError, match=problem):
        frames(message(b"abc", length))


def test_headers_that_never_end_end_the_stream() -> None:
    with pytest.raises(SipParseError, match="longer than"):
        frames(b"SIP/2.0 200 OK\r\n", b"x" * MOST_HEADER_BYTES)


def test_what_is_no_line_end_between_messages_ends_the_stream() -> None:
    with pytest.raises(SipParseError, match="CR without LF"):
        frames(b"\rSIP/2.0 200 OK\r\n\r\n")


def test_a_length_in_the_body_or_folded_into_another_header_is_none() -> None:
    with pytest.raises(SipParseError, match="missing"):
        frames(b"SIP/2.0 200 OK\r\nSubject: a\r\n Content-Length: 3\r\n\r\nabc")
