"""The modelled registrar's side of the wire: a REGISTER of our own rendering in, numbers out, and back.

Bytes are scanned, not parsed: the full parser would take more of the time than all that is to be simulated. What is scanned for
is what `sip/registration.py` writes, in its order; anything else raises `ValueError`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..sip.message import REASON_PHRASES
from .registrar import Answer

__all__ = ["USER", "Heard", "render", "scan"]

USER = "user"
"""The AORs are `sip:user1@…`, `sip:user2@…`, …"""

REALM = b"registrar.example"
TO_USER = f"\r\nTo: <sip:{USER}".encode()


@dataclass(slots=True)
class Heard:
    """What an answer depends on, and the parts of the request that it repeats."""

    number: int
    issued: float | None
    asked: int
    via: bytes
    dialog: bytes
    contact: bytes


def scan(datagram: bytes) -> Heard:
    """Read a REGISTER. Nonces are ours: the instant at which they were made."""
    find, index = datagram.find, datagram.index
    via = index(b"\r\nVia: ")
    begin = index(b"\r\nFrom: ", via)
    user = index(TO_USER, begin) + len(TO_USER)
    call_id = index(b"\r\nCall-ID: ", user)
    end = index(b"\r\n", index(b"\r\nCSeq: ", call_id) + 2)
    contact = index(b"\r\nContact: ", end - 2) + 11
    contact_end = index(b"\r\n", contact)
    expires = index(b";expires=", contact, contact_end) + 9
    credentials = find(b'nonce="', contact_end)
    issued = None
    if credentials >= 0:
        issued = int(datagram[credentials + 7 : index(b'"', credentials + 7)], 16) / 1000
    return Heard(
        int(datagram[user : index(b"@", user)]), issued, int(datagram[expires:contact_end]),
        datagram[via : index(b"\r\n", via + 2)], datagram[begin:call_id] + b";tag=m" + datagram[call_id:end],
        datagram[contact : index(b">", contact) + 1],
    )  # fmt: skip


def render(heard: Heard, answer: Answer) -> bytes:
    """Return an answer on the wire."""
    own = b""
    match answer.code:
        case 200 if answer.value:
            own = b"\r\nContact: %b;expires=%d" % (heard.contact, answer.value)
        case 401:
            stale = b", stale=true" if answer.is_stale else b""
            nonce = int(answer.at * 1000)
            own = b'\r\nWWW-Authenticate: Digest realm="%b", nonce="%x", algorithm=MD5, qop="auth"%b' % (
                REALM,
                nonce,
                stale,
            )
        case 423:
            own = b"\r\nMin-Expires: %d" % answer.value
        case 503 if answer.value:
            own = b"\r\nRetry-After: %d" % answer.value
    line = b"SIP/2.0 %d %b" % (answer.code, REASON_PHRASES[answer.code].encode())
    return b"%b%b%b%b\r\nContent-Length: 0\r\n\r\n" % (line, heard.via, heard.dialog, own)
