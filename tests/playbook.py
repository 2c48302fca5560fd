"""Plays: what the core is told and what it must do, in the order of time. No clock, no socket, no sleeping.

    Play(order(), credentials)
        .at(0).sends("REGISTER", cseq=1)
        .receives(401, challenge(nonce="n1"))
        .sends("REGISTER", cseq=2, authorization="n1")
        .receives(200, contact(URI, expires=600))
        .ends(Kind.ACCEPTED, grants={URI: 600})

Whatever is sent must be expected: a datagram that no `sends` takes fails the play at its next step, and `ends` fails
where there is one left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sipregistrant.sip.authentication import Authenticator, Credential
from sipregistrant.sip.bindings import SentContact
from sipregistrant.sip.digest import Challenge
from sipregistrant.sip.message import Request, Response, parse_message
from sipregistrant.sip.outcome import Kind, Outcome
from sipregistrant.sip.registration import Attempt, Order
from sipregistrant.sip.transaction import SipTimers

URI = "sip:alice@192.0.2.1:5060"
SECRET = Credential(realm="", username="alice", password="secret")
FIRST_CSEQ = 1


def order(*, contacts: Sequence[SentContact] = (SentContact(URI, 100, 3600),), removed: Sequence[str] = (),
          expires: int = 3600) -> Order:  # fmt: skip
    """Return an order as a test wants it."""
    return Order(
        request_uri="sip:example.com", to_uri="sip:alice@example.com", from_uri="sip:alice@example.com",
        call_id="call-1", from_tag="tag-1", expires=expires, contacts=contacts, removed=removed,
        sent_by="192.0.2.1:5060", peer="udp:198.51.100.1:5060",
    )  # fmt: skip


def challenge(realm: str = "example.com", nonce: str = "n1", *, algorithm: str = "MD5", qop: str = "auth",
              stale: bool = False, proxy: bool = False) -> tuple[str, str]:  # fmt: skip
    """Return a challenge as a header field."""
    name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
    parts = [f'Digest realm="{realm}"', f'nonce="{nonce}"', f"algorithm={algorithm}"]
    parts += [f'qop="{qop}"'] if qop else []
    parts += ["stale=true"] if stale else []
    return name, ", ".join(parts)


def contact(uri: str = URI, expires: int | None = None) -> tuple[str, str]:
    """Return a Contact as a header field of a 200."""
    return "Contact", f"<{uri}>" + ("" if expires is None else f";expires={expires}")


class CountingTokens:
    """Randomness that can be foretold: b1, b2, …"""

    def __init__(self) -> None:
        self.count = 0

    def branch(self) -> str:
        self.count += 1
        return f"b{self.count}"

    def cnonce(self) -> str:
        return "cnonce"


class Play:
    """One attempt, driven step by step."""

    def __init__(self, order: Order, credentials: Sequence[Credential] = (SECRET,), *, ahead: Challenge | None = None,
                 nonce_count: int = 0, min_expires: int = 0, is_reliable: bool = False, preferred: str = "",
                 least: Mapping[str, int] | None = None) -> None:  # fmt: skip
        self.now = 0.0
        authenticator = Authenticator(
            credentials, ahead=ahead, nonce_count=nonce_count, preferred=preferred, least=least
        )
        self.attempt = Attempt(
            order, cseq=FIRST_CSEQ, tokens=CountingTokens(), timers=SipTimers(), authenticator=authenticator,
            min_expires=min_expires, is_reliable=is_reliable,
        )  # fmt: skip
        self.last: Request = Request("", "", [], b"")
        self._out: list[bytes] = [self.attempt.start(self.now)]

    def at(self, now: float) -> Play:
        """Let time pass; what is due on the way happens when it is due."""
        while self.attempt.outcome is None and self.attempt.next_timeout <= now:
            self._nothing_left()
            self.now = max(self.now, self.attempt.next_timeout)
            self._queue(self.attempt.handle_timer(self.now))
            if self.now < now:
                break
        else:
            self.now = now
        return self

    def sends(self, method: str = "REGISTER", *, cseq: int | None = None, authorization: str | None = None,
              **headers: str | list[str] | None) -> Play:  # fmt: skip
        """Expect one datagram. `authorization` is the nonce that it must answer, "" for none; headers by name, `_`
        for `-`.
        """
        assert self._out, f"at {self.now}: nothing was sent, {method} expected; outcome {self.attempt.outcome}"
        message = parse_message(self._out.pop(0))
        assert isinstance(message, Request)
        assert message.method == method
        if cseq is not None:
            assert message.first("cseq") == f"{cseq} {method}"
        if authorization is not None:
            sent = (message.first("authorization") or "") + (message.first("proxy-authorization") or "")
            assert (f'nonce="{authorization}"' in sent) if authorization else not sent, sent
        for name, value in headers.items():
            wanted = [] if value is None else [value] if isinstance(value, str) else value
            assert message.all(name.replace("_", "-")) == wanted
        self.last = message
        return self

    def receives(self, status_code: int, *headers: tuple[str, str], reason: str = "Reason") -> Play:
        """Answer the request in flight."""
        self._nothing_left()
        named = [(name.lower(), value) for name, value in headers]
        response = Response(status_code, reason, named, b"")
        self._queue(self.attempt.receive(response, self.now))
        return self

    def fails_to_send(self, reason: str) -> Play:
        """Let the transport refuse the request in flight."""
        self.attempt.transport_failed(reason)
        return self

    def ends(self, kind: Kind, *, code: int | None = None, reason: str | None = None,
             grants: dict[str, int] | None = None) -> Outcome:  # fmt: skip
        """Expect the attempt to be over, with nothing left unsent-for; return its outcome. `reason` is a part of it."""
        self._nothing_left()
        outcome = self.attempt.outcome
        assert outcome is not None, f"at {self.now}: not over"
        assert outcome.kind is kind, outcome
        if code is not None:
            assert outcome.code == code
        if reason is not None:
            assert reason in (outcome.reason or ""), outcome.reason
        if grants is not None:
            assert {grant.uri: grant.expires for grant in outcome.grants} == grants
        return replace(outcome)

    def goes_on(self) -> Play:
        """Expect the attempt to wait for something, with nothing sent."""
        self._nothing_left()
        assert self.attempt.outcome is None, self.attempt.outcome
        return self

    def _queue(self, datagram: bytes | None) -> None:
        if datagram is not None:
            self._out.append(datagram)

    def _nothing_left(self) -> None:
        assert not self._out, f"at {self.now}: sent, but not expected:\n{self._out[0].decode()}"
