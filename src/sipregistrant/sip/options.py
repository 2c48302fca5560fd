"""A question to a server, whether it is there: OPTIONS, RFC 3261 §11.

    question = Question(request_uri, from_uri, from_tag, to_uri, call_id, contact, sent_by, "UDP", common)
    datagram = question.render(cseq, branch)

It is sent outside of any dialog, and each answer to it, whatever it says, tells that somebody is there. `transaction.py` sends
it again; when one is due is said in `engine/monitor.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .uri import escape_user

__all__ = ["METHOD", "Question", "uri_of"]

METHOD = "OPTIONS"
MAX_FORWARDS = 70  # RFC 3261 §8.1.1.6
ACCEPTED = "application/sdp"  # §11.1: what a body of the answer may be


def uri_of(user: str, place: str) -> str:
    """Return the URI of a user (as a person writes it; "" for none) at a host that stands as in a URI."""
    return f"sip:{escape_user(user)}@{place}" if user else f"sip:{place}"


@dataclass(slots=True)
class Question:
    """What one server is asked with. The rest, CSeq and branch, is new in each request.

    `sent_by` and `transport` ("UDP") stand in the Via; `common` holds finished header lines, each ended by CRLF.
    """

    request_uri: str
    from_uri: str
    from_tag: str
    to_uri: str
    call_id: str
    contact: str
    sent_by: str
    transport: str = "UDP"
    common: str = ""

    def render(self, cseq: int, branch: str) -> bytes:
        """Return one request."""
        return (
            f"{METHOD} {self.request_uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} {self.sent_by};rport;branch={branch}\r\n"
            f"Max-Forwards: {MAX_FORWARDS}\r\n"
            f"From: <{self.from_uri}>;tag={self.from_tag}\r\n"
            f"To: <{self.to_uri}>\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {METHOD}\r\n"
            f"Contact: <{self.contact}>\r\n"
            f"Accept: {ACCEPTED}\r\n"
            f"{self.common}"
            "Content-Length: 0\r\n\r\n"
        ).encode()
