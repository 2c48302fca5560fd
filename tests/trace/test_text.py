"""Traces as people read them: every message in the text, a line for each in the ladder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.trace.text import as_ladder, as_text, first_line, printable
from tests.trace.support import REGISTER, answer, attempt, message

LADDER = """\
registration 1  sip:u1@example.com  at 198.51.100.1:5060
            192.0.2.1:5070                    198.51.100.1:5060 UDP
    +0.000  ├───────────────────────────────▶│  REGISTER, CSeq 7
    +0.500  ├───────────────────────────────▶│  REGISTER, CSeq 7 (again, 2nd time)
    +1.500  ├───────────────────────────────▶│  REGISTER, CSeq 7 (again, 3rd time)
    +1.520  │◀───────────────────────────────┤  403 Forbidden, CSeq 7
    +1.520  => refused: 403 Forbidden
"""


def test_the_ladder_tells_when_which_way_and_what() -> None:
    sent = [message(at, is_repeated=at > 0) for at in (0.0, 0.5, 1.5)]
    told = as_ladder([attempt(1, *sent, message(1.52, answer(), is_sent=False), ended=1.52)])
    assert told == LADDER


def test_attempts_stand_one_after_the_other() -> None:
    told = as_ladder([attempt(1), attempt(2)])
    assert told.count("=> refused") == 2
    assert "\n\nregistration 2 " in told


def test_an_attempt_without_messages_tells_why() -> None:
    nothing = attempt(1, outcome="not_sent", code=0, reason="nowhere.example.com: no such name")
    nothing.messages = []
    assert as_ladder([nothing]).splitlines()[1].strip() == "+0.000  => not sent: nowhere.example.com: no such name"
    assert "=> not sent: nowhere.example.com" in as_text([nothing])


def test_the_text_has_every_message_once_and_tells_of_each_repetition() -> None:
    told = as_text([attempt(1, message(), message(0.5, is_repeated=True), message(0.6, answer(), is_sent=False))])
    assert told.count("    REGISTER sip:example.com SIP/2.0\n") == 1
    way = "192.0.2.1:5070 -> 198.51.100.1:5060"
    assert f"2026-01-01 00:00:00.500000Z  {way}  UDP, {len(REGISTER)} bytes, sent again\n" in told
    assert "    SIP/2.0 403 Forbidden\n" in told


def test_ipv6_stands_in_brackets() -> None:
    six = message(local=("2001:db8::1", 5070), remote=("2001:db8::2", 5060), transport="tcp")
    assert "[2001:db8::1]:5070 -> [2001:db8::2]:5060  TCP" in as_text([attempt(1, six)])


def test_a_challenge_answered_is_told_apart() -> None:
    data = REGISTER.replace(b"Contact", b"Authorization: Digest ***\r\nContact")
    assert first_line(message(data=data)) == "REGISTER, CSeq 7, with credentials"


@given(st.binary(max_size=200))
def test_no_terminal_obeys_what_a_peer_sends(data: bytes) -> None:
    for told in (printable(data), as_ladder([attempt(1, message(data=data, is_sent=False))])):
        assert all(c.isprintable() or c == "\n" for c in told)
    assert "\x1b" not in as_text([attempt(1, message(data=data))])
