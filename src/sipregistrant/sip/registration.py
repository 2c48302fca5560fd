"""One attempt at a registration: REGISTER, challenge, REGISTER, answer; and the judgement of what came back.

    attempt = Attempt(order, credentials, …)
    datagram = attempt.start(now)
    datagram = attempt.receive(response, now)         once branch, method and CSeq are known to match
    datagram = attempt.handle_timer(now)              once `attempt.next_timeout` has passed

Each returns what is to be sent, or None; when `attempt.outcome` is set, the attempt is over. Time, randomness and
bytes are arguments. RFC 3261 §10.2 (constructing, adding, removing, refreshing bindings), §22 (digest), §17.1.2
(`transaction.py`). The engine side is `engine/engine.py`; what the outcome means for the row is said in
`engine/settling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import SipParseError
from .authentication import Authenticator
from .behaviour import USUAL, Behaviour, ExpiresStyle
from .bindings import SentContact, find_bindings
from .fields import parse_contacts, parse_delta_seconds, parse_retry_after
from .learned import learn_from
from .message import Response
from .outbound import LACKS_OUTBOUND, Outbound, flow_timer, is_outbound
from .outcome import Kind, Outcome
from .transaction import Action, ClientTransaction, SipTimers
from .uri import Uri

__all__ = ["Attempt", "Order", "Tokens"]

METHOD = "REGISTER"
BRANCH_COOKIE = "z9hG4bK"  # RFC 3261 §8.1.1.7
MAX_FORWARDS = 70  # RFC 3261 §8.1.1.6

# An attempt that has not ended after so many requests is one that a registrar drives round in circles: a challenge, a
# stale nonce, a 423, and each of them once more behind a proxy that challenges too.
MOST_REQUESTS = 8

# RFC 3261 §10.3 step 7: 423 is for expirations below an hour. What asks for more than a day is a mistake.
LARGEST_MIN_EXPIRES = 86400

LONGEST_REASON = 128

# q-values by hundredths in their shortest form: 1, 0.5, 0.05 (§25.1 qvalue).
Q_TEXTS = [f"{hundredths / 100:g}" for hundredths in range(101)]

PASS_UP = Action.PASS_UP

# Of an attempt that was not started.
NO_TRANSACTION = ClientTransaction("", b"", SipTimers(), is_reliable=False)


class Tokens(Protocol):
    """Where randomness comes from."""

    def branch(self) -> str:
        """Return at least 64 random bits as a token."""

    def cnonce(self) -> str:
        """Return at least 64 random bits as a token."""


@dataclass(slots=True)
class Order:
    """What an attempt is to say. Nothing in `contacts` makes it an un-REGISTER of `removed`.

    `sent_by` and `transport` ("UDP") stand in the Via; `common` holds finished header lines that all requests to this
    registrar share, each ended by CRLF; `peer` is the target, and tells people its name as a text.
    """

    request_uri: str
    to_uri: str
    from_uri: str
    call_id: str
    from_tag: str
    expires: int
    contacts: Sequence[SentContact]
    removed: Sequence[str]
    sent_by: str
    transport: str = "UDP"
    common: str = ""
    peer: object = ""
    outbound: Outbound | None = None
    """The flow that its one contact is to be bound to."""
    behaviour: Behaviour = USUAL
    removes_all: bool = False
    """An un-REGISTER of all bindings there are: `Contact: *`."""
    is_fetch: bool = False
    """Without any contact: the answer lists what is bound, and nothing is changed (§10.2.3)."""

    @property
    def is_removal(self) -> bool:
        return not self.contacts


class Attempt:
    """One attempt. `outcome` is None until it is over; `sends` counts datagrams, retransmissions included."""

    __slots__ = (
        "_authenticator", "_contacts", "_has_adopted", "_is_reliable", "_lacks_outbound", "_min_expires",
        "_order", "_requests", "_sent_at", "_timers", "_tokens", "_was_sent", "cseq", "outcome", "sends", "transaction",
    )  # fmt: skip

    def __init__(self, order: Order, cseq: int, tokens: Tokens, timers: SipTimers, is_reliable: bool = False,
                 authenticator: Authenticator | None = None, min_expires: int = 0) -> None:  # fmt: skip
        """`cseq` is the number of the first request."""
        self._order = order
        self._tokens = tokens
        self._timers = timers
        self._is_reliable = is_reliable
        self._authenticator = authenticator or Authenticator(())
        self._min_expires = min_expires
        self._has_adopted = False
        self._lacks_outbound = False
        self._requests = 0
        self._sent_at = 0.0
        self._was_sent = False
        self.cseq = cseq - 1
        self.sends = 0
        self.outcome: Outcome | None = None
        self._contacts = ("", -1)
        self.transaction = NO_TRANSACTION

    @property
    def branch(self) -> str:
        """The branch that an answer to the request in flight has."""
        return self.transaction.branch

    @property
    def next_timeout(self) -> float:
        return self.transaction.next_timeout

    @property
    def order(self) -> Order:
        return self._order

    def take(self, order: Order) -> None:
        """Say something else from the next request on: the registrar has told where it sees us."""
        self._order, self._contacts = order, ("", -1)

    def start(self, now: float) -> bytes:
        """Return the first request."""
        return self._next_request(now)

    def receive(self, response: Response, now: float) -> bytes | None:
        """Take an answer that matches the request in flight; return what is to be sent next."""
        code = response.status_code
        if self.transaction.receive(code, now) is not PASS_UP:
            return None
        if code in (401, 407):
            return self._receive_challenge(response, now)
        if code == LACKS_OUTBOUND and self._order.outbound is not None:
            return self._go_without_outbound(now)
        if code == 423 and not self._order.is_removal:
            return self._receive_interval_too_brief(response, now)
        if 200 <= code < 300:
            self._accept(response)
        elif 300 <= code < 400:
            self._refuse(
                response, f"{code} {_phrase(response)}: moved to {_places(response)}, where it is not followed"
            )
            assert self.outcome is not None
            self.outcome.moved_to = _moved_to(response)
        else:
            self._refuse(response)
        return None

    def handle_timer(self, now: float) -> bytes | None:
        """Do what is due; return the request where it is to be sent again."""
        match self.transaction.handle_timer(now):
            case Action.SEND:
                self.sends += 1
                return self.transaction.request
            case Action.TIME_OUT:
                seconds = f"{self._timers.timeout:g} s"
                self._end(Kind.TIMED_OUT, 0, f"no answer from {self._order.peer} within {seconds}")
        return None

    def transport_failed(self, reason: str, *, was_sent: bool = False) -> None:
        """Take the news that the request in flight was not sent, or that what it was sent on is gone, and why."""
        if self.transaction.transport_failed() is Action.FAIL:
            self._was_sent = was_sent
            self._end(Kind.NOT_SENT, 0, reason)

    def go_over(self, transport: str, now: float, *, is_reliable: bool) -> bytes:
        """Return the last request for another transport ("TCP"), which the next ones take as well. It reached nobody yet."""
        before, self._order.transport = self._order.transport, transport
        self._is_reliable = is_reliable
        via = "Via: SIP/2.0/{} ".format
        request = self.transaction.request.replace(via(before).encode(), via(transport).encode(), 1)
        self.transaction = ClientTransaction(self.branch, request, self._timers, is_reliable=is_reliable)
        self.transaction.start(now)
        return request

    # Requests

    def _next_request(self, now: float) -> bytes:
        self.cseq += 1
        self._requests += 1
        branch = BRANCH_COOKIE + self._tokens.branch()
        # Without rport an answer goes to the port that Via names, not to the one that the NAT opened: RFC 3581 §4.
        order = self._order
        contacts, min_expires = self._contacts
        if min_expires != self._min_expires:
            contacts = self._render_contacts()
            self._contacts = contacts, self._min_expires
        request = (
            f"{METHOD} {order.request_uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{order.transport} {order.sent_by};rport;branch={branch}\r\n"
            f"Max-Forwards: {MAX_FORWARDS}\r\n"
            f"From: <{order.from_uri}>;tag={order.from_tag}\r\n"
            f"To: <{order.to_uri}>\r\n"
            f"Call-ID: {order.call_id}\r\n"
            f"CSeq: {self.cseq} {METHOD}\r\n"
            f"{contacts}{order.common}{self._authenticator.lines(METHOD, order.request_uri, self._tokens.cnonce)}"
            "Content-Length: 0\r\n\r\n"
        ).encode()
        self.transaction = ClientTransaction(branch, request, self._timers, is_reliable=self._is_reliable)
        self.transaction.start(now)
        self._sent_at = now
        self.sends += 1
        return request

    def _render_contacts(self) -> str:
        """Return Contact and Expires, the same in all requests of an attempt until a 423 wants something else: what is to be
        bound first, what is to go after it (§10.2.2).
        """
        order = self._order
        if order.is_fetch:
            return ""
        if order.behaviour is not USUAL and (order.behaviour.expires_style or order.removes_all):
            return self._render_otherwise()
        flow, text = ("", "") if order.outbound is None else (order.outbound.parameters, order.outbound.lines)
        for c in order.contacts:
            text += f"Contact: <{c.uri}>;q={Q_TEXTS[c.q]};expires={self._asked(c.asked)}{flow}\r\n"
        # Beside a contact that is bound to the flow, what goes is told by its URI: a flow stands in a REGISTER once.
        gone = flow if order.is_removal else ""
        for uri in order.removed:
            text += f"Contact: <{uri}>;expires=0{gone}\r\n"
        return f"{text}Expires: {0 if order.is_removal else self._asked(order.expires)}\r\n"

    def _render_otherwise(self) -> str:
        """Return Contact and Expires as a provider profile wants them."""
        order, style = self._order, self._order.behaviour.expires_style
        if order.removes_all:
            return "Contact: *\r\nExpires: 0\r\n"
        flow, text = ("", "") if order.outbound is None else (order.outbound.parameters, order.outbound.lines)
        for c in order.contacts:
            is_said = style is ExpiresStyle.PARAMETER or (style is ExpiresStyle.OWN and c.asked != order.expires)
            expires = f";expires={self._asked(c.asked)}" if is_said else ""
            text += f"Contact: <{c.uri}>;q={Q_TEXTS[c.q]}{expires}{flow}\r\n"
        gone = flow if order.is_removal else ""
        # Beside contacts that are bound, Expires is theirs.
        expires = "" if order.is_removal and style is not ExpiresStyle.PARAMETER else ";expires=0"
        for uri in order.removed:
            text += f"Contact: <{uri}>{expires}{gone}\r\n"
        if style is ExpiresStyle.PARAMETER:
            return text
        return f"{text}Expires: {0 if order.is_removal else self._asked(order.expires)}\r\n"

    def _asked(self, expires: int) -> int:
        """Return the expiry to ask for: what is configured, raised to what a 423 wanted."""
        return max(expires, self._min_expires)

    # Answers

    def _receive_challenge(self, response: Response, now: float) -> bytes | None:
        """Answer what can be answered (`authentication.py`), as long as there is an end to it."""
        if why := self._authenticator.take(response, self._order.from_uri):
            return self._refuse(response, why)
        if self._requests >= MOST_REQUESTS:
            return self._refuse(response, f"{response.status_code}: challenged again and again")
        return self._next_request(now)

    def _receive_interval_too_brief(self, response: Response, now: float) -> bytes | None:
        """Adopt Min-Expires once (§10.2.8); a second 423 is a failure, else both sides could go on for ever."""
        wanted = _seconds(response.first("min-expires"))
        asked = max(self._asked(self._order.expires), *(self._asked(c.asked) for c in self._order.contacts))
        least = min(self._asked(self._order.expires), *(self._asked(c.asked) for c in self._order.contacts))
        if self._has_adopted or self._requests >= MOST_REQUESTS or not least < wanted <= LARGEST_MIN_EXPIRES:
            return self._refuse(response, f"423: asked for {asked} s, Min-Expires is {wanted or 'missing'}")
        self._has_adopted = True
        self._min_expires = wanted
        return self._next_request(now)

    def _go_without_outbound(self, now: float) -> bytes:
        """Register as if there were no flows: a proxy on the way cannot keep them (RFC 5626 §4.2.1)."""
        self.take(replace(self._order, outbound=None))
        self._lacks_outbound = True
        return self._next_request(now)

    def _accept(self, response: Response) -> Outcome:
        """Find our contacts in a 200: it lists all bindings of the AOR, also those of others (§10.3 step 8)."""
        try:
            listed = parse_contacts(response.all("contact"))
        except SipParseError as error:
            return self._end(Kind.REFUSED, response.status_code, f"200 with a Contact that cannot be read: {error}")
        expires = response.first("expires")
        default = None if expires is None else _seconds(expires)
        found = find_bindings(self._order.contacts, self._order.removed, listed, default, self._asked,
                              self._order.outbound, self._order.behaviour.contact_match)  # fmt: skip
        challenge, nonce_count = self._authenticator.to_send_ahead(response)
        if self._order.is_removal:
            if found.still_there:
                reason = f"200, but {found.still_there[0]} is still registered"
                return self._end(Kind.REFUSED, response.status_code, reason)
            return self._end(Kind.REMOVED, response.status_code, None, challenge, nonce_count)
        if not found.grants:
            reason = (
                f"200 without any contact of ours, but {len(listed)} of others" if listed else "200 without Contact"
            )
            return self._end(Kind.REFUSED, response.status_code, reason)
        outcome = self._end(Kind.ACCEPTED, response.status_code, None, challenge, nonce_count)
        outcome.grants = found.grants
        if self._order.outbound is not None and is_outbound(response):
            outcome.is_outbound, outcome.flow_timer = True, flow_timer(response)
        outcome.learned = learn_from(
            response, found.ours, self._order.sent_by, self._authenticator.credential, outbound=outcome.is_outbound
        )  # fmt: skip
        outcome.security = self._authenticator.security
        return outcome

    def _refuse(self, response: Response, reason: str = "") -> bytes | None:
        outcome = self._end(Kind.REFUSED, response.status_code, reason or f"{response.status_code} {_phrase(response)}")
        value = response.first("retry-after")
        with suppress(SipParseError):
            outcome.retry_after = parse_retry_after(value) if value is not None else 0
        return None

    def _end(self, kind: Kind, code: int, reason: str | None, challenge: str | None = None,
             nonce_count: int = 0) -> Outcome:  # fmt: skip
        authenticator = self._authenticator
        if challenge is None and authenticator.ahead_count is not None:
            nonce_count = authenticator.ahead_count
        self.outcome = outcome = Outcome(
            kind, code, reason, self.cseq, challenge, nonce_count, [], 0, self._min_expires,
            kind is not Kind.ACCEPTED and self._may_have_been_bound(kind, code),
            authenticator.was_ahead_accepted if code else None, authenticator.are_credentials_refused, self._sent_at,
        )  # fmt: skip
        outcome.lacks_outbound = self._lacks_outbound
        return outcome

    def _may_have_been_bound(self, kind: Kind, code: int) -> bool:
        was_sent = kind is Kind.TIMED_OUT or (kind is Kind.NOT_SENT and (self._was_sent or self.transaction.sends > 1))
        # A 200 in which we cannot find ourselves: the registrar may have bound us all the same, and not said so.
        was_sent = was_sent or (kind is Kind.REFUSED and 200 <= code < 300)
        return was_sent and not self._order.is_removal


def _seconds(value: str | None) -> int:
    """Return a delta-seconds, or 0 where there is none that can be read."""
    try:
        return parse_delta_seconds(value) if value is not None else 0
    except SipParseError:
        return 0


def _places(response: Response) -> str:
    """Return where a 3xx sends us, for people."""
    return ", ".join(_printable(contact) for contact in response.all("contact")[:3]) or "nowhere"


def _moved_to(response: Response) -> list[Uri]:
    """Return where a 3xx sends us, in the order of preference: q, which is 1 where it is not said (§8.1.3.4)."""
    try:
        contacts = parse_contacts(response.all("contact"))
    except SipParseError:
        return []
    contacts.sort(key=lambda contact: 1.0 if contact.q is None else contact.q, reverse=True)
    return [contact.uri for contact in contacts]


def _phrase(response: Response) -> str:
    """Return the reason phrase fit for people, logs and XML: it is the peer's text."""
    return _printable(response.reason_phrase)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:LONGEST_REASON]
