"""Messages and attempts for these tests."""

from __future__ import annotations

from typing import Any

from sipregistrant.trace.messages import Attempt, Message

NOW = 1_767_225_600.0
LOCAL, REMOTE = ("192.0.2.1", 5070), ("198.51.100.1", 5060)

REGISTER = (
    b"REGISTER sip:example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\n"
    b"To: <sip:alice@example.com>\r\n"
    b"Call-ID: 1@example.com\r\n"
    b"CSeq: 7 REGISTER\r\n"
    b"Contact: <sip:alice@192.0.2.1:5070>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def answer(code: int = 403, phrase: str = "Forbidden") -> bytes:
    """Return an answer to `REGISTER`."""
    lines = [
        line for line in REGISTER.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    ]
    return b"\r\n".join([f"SIP/2.0 {code} {phrase}".encode(), *lines, b"Content-Length: 0", b"", b""])


def message(at: float = 0.0, data: bytes = REGISTER, *, is_sent: bool = True, **others: Any) -> Message:
    """Return a message `at` seconds after `NOW`."""
    told: dict[str, Any] = {"local": LOCAL, "remote": REMOTE, "transport": "udp", **others}
    return Message(NOW + at, is_sent, data=data, **told)


def attempt(registration: int = 1, *messages: Message, ended: float = 0.5, outcome: str = "refused", code: int = 403,
            reason: str = "403 Forbidden") -> Attempt:  # fmt: skip
    """Return an attempt; refused where nothing else is said."""
    return Attempt(
        registration, f"sip:u{registration}@example.com", "198.51.100.1:5060", NOW + ended, outcome, code, reason,
        messages or (message(), message(0.1, answer(), is_sent=False)),
    )  # fmt: skip
