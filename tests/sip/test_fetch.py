"""A REGISTER without Contact asks what is bound, and changes nothing (RFC 3261 §10.2.3)."""

from __future__ import annotations

from sipregistrant.sip.message import parse_message
from sipregistrant.sip.outcome import Kind
from sipregistrant.sip.registration import Attempt, Order
from sipregistrant.sip.transaction import SipTimers


class Tokens:
    """Not random."""

    def branch(self) -> str:
        return "b"

    def cnonce(self) -> str:
        return "c"


def test_a_fetch_names_no_contact_and_no_expiry() -> None:
    order = Order(
        "sip:reg.example",
        "sip:a@reg.example",
        "sip:a@reg.example",
        "call",
        "tag",
        0,
        (),
        (),
        "192.0.2.1:5060",
        is_fetch=True,
    )
    attempt = Attempt(order, 1, Tokens(), SipTimers())
    request = attempt.start(0.0)
    assert b"\r\nContact:" not in request
    assert b"\r\nExpires:" not in request
    assert request.startswith(b"REGISTER sip:reg.example SIP/2.0\r\n")
    answer = parse_message(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb\r\nFrom: <sip:a@reg.example>;tag=tag\r\n"
        b"To: <sip:a@reg.example>;tag=x\r\nCall-ID: call\r\nCSeq: 1 REGISTER\r\nContact: <sip:p@198.51.100.9>;expires=60\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert attempt.receive(answer, 0.1) is None  # type: ignore[arg-type]
    assert attempt.outcome is not None
    assert attempt.outcome.kind is Kind.REMOVED
    assert not attempt.outcome.may_have_been_bound
