"""An answer whose order of headers is known by now reads as the first of its kind did."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip import layout
from sipregistrant.sip.message import Response, parse_message

ANSWER = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCSeq: 7 REGISTER\r\nX-Own: a\r\nl: 0\r\n\r\n"


@pytest.mark.parametrize("second", [
    ANSWER,
    ANSWER.replace(b"bKx", b"bKy").replace(b"7 REG", b"8 REG"),
    ANSWER.replace(b"CSeq: 7 REGISTER", b"CSeq:\t7 REGISTER "),
    ANSWER.replace(b"Via: ", b"Via:"),
    ANSWER.replace(b"X-Own: a", b"X-Own:"),
    ANSWER.replace(b"X-Own: a", b"X-Other: a"),
    ANSWER.replace(b"X-Own: a", b"Via: SIP/2.0/UDP other;branch=z9hG4bKz"),
    ANSWER.replace(b"X-Own: a\r\n", b"").replace(b"bKx\r\n", b"bKx\r\n ;folded\r\n"),
    ANSWER.replace(b"X-Own: a", b"X-Own : a"),
    ANSWER.replace(b"X-Own: a", b"x-own: a"),
    ANSWER.replace(b"X-Own: a\r\nl: 0", b"l: 0\r\nX-Own: a"),
    ANSWER + b"behind",
])  # fmt: skip
def test_an_answer_reads_the_same_whatever_came_before_it(second: bytes) -> None:
    layout._known.clear()
    alone = parse_message(second)
    layout._known.clear()
    parse_message(ANSWER)
    after = parse_message(second)
    assert after == alone
    assert isinstance(after, Response)
    assert isinstance(alone, Response)
    assert (after.branch, after.cseq) == (alone.branch, alone.cseq)
    for name in ("via", "cseq", "x-own", "x-other", "content-length", "nothing"):
        assert (after.first(name), after.all(name)) == (alone.first(name), alone.all(name))


@pytest.mark.parametrize("second", [
    ANSWER.replace(b"X-Own: a", b"X-Own"),
    ANSWER.replace(b"X-Own: a", b"CSeq: 7 REGISTER"),
    ANSWER.replace(b"X-Own: a", b"X-Own: \x01"),
    ANSWER.replace(b"X-Own: a", b"X-Own: a\rb"),
    ANSWER.replace(b"7 REGISTER", b"7"),
    ANSWER.replace(b"l: 0", b"l: 1"),
])  # fmt: skip
def test_what_is_refused_alone_is_refused_after_its_like(second: bytes) -> None:
    parse_message(ANSWER)
    with pytest.raises(SipParseError):
        parse_message(second)


def test_layouts_do_not_grow_without_end() -> None:
    for number in range(1000):
        parse_message(ANSWER.replace(b"200 OK", b"200 OK%d" % number))
    assert len(layout._known) <= layout.MOST_REMEMBERED
