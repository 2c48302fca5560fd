"""A registrar that answers as it likes, and a network that loses, repeats, delays and reorders: for random plays.

    registrar = RoughRegistrar(random.Random(7), password="secret")
    registrar.answers = ["ok", "busy", "silent"]        each request meets one of them
    network = RoughNetwork(registrar, random.Random(8))

The registrar keeps bindings as RFC 3261 §10.3 wants it, whatever it answers: who is told of a binding has it. The network
notes what must never be: two REGISTERs of one AOR under way at once, a CSeq that does not grow, an attempt without
an end.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from sipregistrant.engine.transport.flows import Address, Receiver, UdpFlow
from sipregistrant.sip.auth_params import parse_auth_params
from sipregistrant.sip.digest import verify
from sipregistrant.sip.fields import parse_contacts
from sipregistrant.sip.message import Request, Response, parse_message
from tests.engine.listed import REGISTRAR, Heard, Network, refuse

__all__ = ["ANSWERS", "GOOD", "MOVED_TO", "RoughNetwork", "RoughRegistrar", "Roughness", "TIMEOUT_SECONDS"]

# What a request may meet. The first line is good for all: the registration stands after it.
GOOD = ["ok", "ok", "header", "longer", "shorter", "foreign", "nextnonce"]
ANSWERS = [
    *GOOD, "rewritten", "zero", "no expiry", "missing", "only others", "unreadable",
    "challenge", "proxy", "both", "stale", "unknown algorithm", "endless", "other realm",
    "423", "423 bare", "423 growing", "423 huge",
    "403", "404", "439", "302", "500", "500 later", "503", "503 later", "600", "486 later", "403 later",
    "silent", "trying", "forget",
]  # fmt: skip

TIMEOUT_SECONDS = 32.0

# Where a 302 sends us: another address of the same registrar.
MOVED_TO = "198.51.100.9"


@dataclass(slots=True)
class Bound:
    """A binding: until when, by which Call-ID and CSeq."""

    until: float
    call_id: str
    cseq: int


class RoughRegistrar:
    """One registrar for all AORs. `answers` are drawn from for each request; what it binds is in `bindings`."""

    def __init__(self, draw: random.Random, *, password: str, algorithm: str = "MD5", wants_digest: bool = True,
                 nonce_seconds: float = 300.0, nonce_uses: int = 1000, says_stale: bool = True) -> None:  # fmt: skip
        self.answers = ["ok"]
        self.password = password
        self.bindings: dict[str, dict[str, Bound]] = {}
        self.taken: set[tuple[str, str]] = set()
        """Bindings that were taken away here, so that the client cannot know."""
        self.heard: dict[str, int] = {}
        self.now: Callable[[], float] = lambda: 0.0
        self._draw = draw
        self._algorithm = algorithm
        self._wants_digest = wants_digest
        self._nonce_seconds = nonce_seconds
        self._nonce_uses = nonce_uses
        self._says_stale = says_stale
        self._nonces: dict[str, tuple[float, int]] = {}
        self._answered: dict[str, list[bytes]] = {}
        self._floor = 60

    def receive(self, request: Request) -> list[bytes]:
        """Return the answers to a request; the same ones to a repeated one."""
        branch = (request.first("via") or "").partition("branch=")[2]
        if branch not in self._answered:
            self._answered[branch] = self._answer(request)
        return self._answered[branch]

    def holds(self, aor: str, contact: str) -> float:
        """Return until when a contact is bound, or was when it lapsed; 0 where it is not."""
        bound = self.bindings.get(aor, {}).get(contact)
        return 0.0 if bound is None else bound.until

    def forget(self) -> None:
        """Lose all bindings and nonces, as a registrar does that is started again."""
        self.taken |= {(aor, contact) for aor, bound in self.bindings.items() for contact in bound}
        self.bindings.clear()
        self._nonces.clear()

    def _forget_aor(self, aor: str) -> None:
        """Lose the bindings of an AOR: what is not known here (404) has none."""
        self.taken |= {(aor, contact) for contact in self.bindings.pop(aor, {})}

    def _answer(self, request: Request) -> list[bytes]:
        what = self._draw.choice(self.answers)
        seconds = str(self._draw.choice([0, 5, 90, 700, 100_000]))
        match what:
            case "silent":
                return []
            case "trying":
                return [refuse(request, 100)]
            case "forget":
                self.forget()
                return []
            case "423":
                return [refuse(request, 423, ("Min-Expires", "900"))]
            case "423 bare":
                return [refuse(request, 423)]
            case "423 growing":
                self._floor += 60
                return [refuse(request, 423, ("Min-Expires", str(self._floor)))]
            case "423 huge":
                return [refuse(request, 423, ("Min-Expires", "4000000000"))]
            case "302":
                return [refuse(request, 302, ("Contact", f"<sip:{MOVED_TO}>"))]
            case "endless":
                return [self._challenge(request, "www", self._make_nonce())]
            case "stale":
                return [self._challenge(request, "www", self._make_nonce(), stale=True)]
            case "unknown algorithm":
                value = 'Digest realm="example.com", nonce="x", algorithm=SHA3, qop="auth"'
                return [refuse(request, 401, ("WWW-Authenticate", value))]
            case "other realm":
                value = f'Digest realm="other", nonce="{self._make_nonce()}", algorithm={self._algorithm}, qop="auth"'
                return [refuse(request, 401, ("WWW-Authenticate", value))]
        if what == "404":
            self._forget_aor((request.first("to") or "").strip("<>"))
        code, _, later = what.partition(" ")
        if code.isdigit():
            return [refuse(request, int(code), *([("Retry-After", seconds)] if later else []))]
        if why := self._refusal(request, what):
            return [why]
        return [*([refuse(request, 100)] if self._draw.random() < 0.1 else []), self._register(request, what)]

    # Digest

    def _refusal(self, request: Request, what: str) -> bytes | None:
        """Return the challenge of a request that does not bring what is wanted."""
        kinds = {"proxy": ["proxy"], "both": ["proxy", "www"], "challenge": ["www"]}.get(what)
        if kinds is None and not self._wants_digest:
            return None
        for kind in kinds or ["www"]:
            value = request.first("authorization" if kind == "www" else "proxy-authorization")
            if value is None:
                return self._challenge(request, kind, self._make_nonce())
            params = parse_auth_params(value)[1]
            is_right = verify(params, password=self.password, method="REGISTER")
            if not self._use(params.get("nonce", "")):
                return self._challenge(request, kind, self._make_nonce(), stale=is_right and self._says_stale)
            if not is_right:
                return self._challenge(request, kind, self._make_nonce())
        return None

    def _make_nonce(self) -> str:
        nonce = f"{self._draw.getrandbits(64):016x}"
        self._nonces[nonce] = (self.now() + self._nonce_seconds, self._nonce_uses)
        return nonce

    def _use(self, nonce: str) -> bool:
        until, left = self._nonces.get(nonce, (0.0, 0))
        self._nonces[nonce] = (until, left - 1)
        return until > self.now() and left > 0

    def _challenge(self, request: Request, kind: str, nonce: str, *, stale: bool = False) -> bytes:
        value = f'Digest realm="example.com", nonce="{nonce}", qop="auth", algorithm={self._algorithm}'
        name, code = ("WWW-Authenticate", 401) if kind == "www" else ("Proxy-Authenticate", 407)
        return refuse(request, code, (name, value + ", stale=true" * stale))

    # Bindings

    def _register(self, request: Request, what: str) -> bytes:
        aor = (request.first("to") or "").strip("<>")
        call_id, cseq = request.first("call-id") or "", int((request.first("cseq") or "0").split()[0])
        if cseq < self.heard.get(call_id, 0):
            return refuse(request, 500)  # RFC 3261 §10.3 step 7: out of order
        is_repeated = cseq == self.heard.get(call_id, 0)
        self.heard[call_id] = cseq
        bound = self.bindings.setdefault(aor, {})
        mine = parse_contacts(request.all("contact"))
        default = int(request.first("expires") or 3600)
        for contact in mine if not is_repeated else []:
            uri, asked = str(contact.uri), default if contact.expires is None else contact.expires
            granted = self._grant(asked, what)
            if not granted:
                if asked and uri in bound:
                    self.taken.add((aor, uri))
                bound.pop(uri, None)
                continue
            bound[uri] = Bound(self.now() + granted, call_id, cseq)
            self.taken.discard((aor, uri))
        return self._listing(request, aor, {str(contact.uri) for contact in mine}, what)

    def _grant(self, asked: int, what: str) -> int:
        if not asked or what in ("zero", "missing", "only others"):
            return 0
        if what == "shorter":
            return max(1, int(asked * self._draw.choice([0.002, 0.02, 0.1, 0.5])))
        return asked * 3 if what == "longer" else asked

    def _listing(self, request: Request, aor: str, mine: set[str], what: str) -> bytes:
        now, headers = self.now(), []
        left = {uri: max(1, int(b.until - now)) for uri, b in self.bindings[aor].items() if b.until > now}
        if what == "unreadable":
            # It did bind: a reader who gives up here must not forget that.
            return refuse(request, 200, ("Contact", "<sip:nonsense"))
        if what in ("foreign", "only others"):
            headers += [("Contact", f"<sip:desk{n}@203.0.113.{n}>;expires=7") for n in (1, 2)]
        if what in ("header", "no expiry") and left:
            shortest = min(left.values())
            headers += [("Contact", f"<{uri}>") for uri in left]
            headers += [("Expires", str(shortest))] * (what == "header")
        elif what == "rewritten" and len(left) == 1 and mine == set(left):
            uri, seconds = next(iter(left.items()))
            headers += [("Contact", f"<{uri.replace('192.0.2.1', '203.0.113.77')}>;expires={seconds}")]
        elif what == "zero":
            headers += [("Contact", f"<{uri}>;expires=0") for uri in mine]
            headers += [("Contact", f"<{uri}>;expires={s}") for uri, s in left.items()]
        else:
            headers += [("Contact", f"<{uri}>;expires={seconds}") for uri, seconds in left.items()]
        if what == "nextnonce":
            headers.append(("Authentication-Info", f'nextnonce="{self._make_nonce()}"'))
        return refuse(request, 200, *headers)


@dataclass(slots=True)
class Attempted:
    """The transaction that is under way for an AOR."""

    branch: str
    since: float


@dataclass(slots=True)
class Roughness:
    """How bad the network is: shares of 1, and the longest delay (s) one way."""

    loss: float = 0.0
    repeats: float = 0.0
    slowest: float = 0.02
    unsendable: float = 0.0
    forged: float = 0.0


class RoughNetwork(Network):
    """The network between the engine and one registrar."""

    def __init__(self, registrar: RoughRegistrar, draw: random.Random) -> None:
        super().__init__()
        self.registrar = registrar
        self.roughness = Roughness()
        self.finals: dict[str, Response] = {}
        """The final answer that came to each Call-ID last."""
        self.sends = self.resends = self.lost = 0
        self.under_way: dict[str, Attempted] = {}
        self.cseqs: dict[str, tuple[int, str]] = {}
        self.requests: dict[str, int] = {}
        """How many requests, repetitions aside, went out with each Call-ID."""
        self.broken: list[str] = []
        self._draw = draw
        registrar.now = self._loop.time

    def make_flow(self, address: object, receiver: Receiver) -> UdpFlow:
        """Open a flow whose sends may fail, as those of a socket do after an ICMP error."""
        flow = super().make_flow(address, receiver)  # type: ignore[arg-type]
        send = flow.send

        def may_fail(datagram: bytes, to: Address) -> str:
            if self._draw.random() >= self.roughness.unsendable:
                return send(datagram, to)
            message = parse_message(datagram)
            self.under_way.pop((message.first("to") or "").strip("<>"), None)
            return "Connection refused"

        flow.send = may_fail  # type: ignore[method-assign]
        return flow

    def process_died(self) -> None:
        """Forget what was under way: nobody waits for it any more."""
        self.under_way.clear()

    def carry(self, flow: object, datagram: bytes, to: Address) -> None:
        """Take a datagram of the engine to the registrar, perhaps, and the answers back, perhaps."""
        message = parse_message(datagram)
        assert isinstance(message, Request)
        heard = Heard(self._loop.time(), message, to, cast(UdpFlow, flow))
        try:
            self._check(heard)
        except AssertionError as error:
            self.broken.append(f"{heard.at:.2f}: {error}")  # the engine takes it for one of its own mistakes
            raise
        for _ in range(self._copies()):
            self._loop.call_later(self._delay(), self._arrive, heard)
        if self._draw.random() < self.roughness.forged:
            self._loop.call_later(self._delay(), self._forge, heard)

    def _check(self, heard: Heard) -> None:
        call_id = heard.request.first("call-id") or ""
        cseq = int((heard.request.first("cseq") or "0").split()[0])
        last, branch = self.cseqs.get(call_id, (-1, ""))
        if heard.branch == branch:
            assert cseq == last
            self.resends += 1
            return
        assert cseq > last, f"the CSeq of {heard.aor} goes from {last} to {cseq}"
        self.cseqs[call_id] = (cseq, heard.branch)
        self.sends += 1
        self.requests[call_id] = self.requests.get(call_id, 0) + 1
        before = self.under_way.get(heard.aor)
        assert before is None or heard.at >= before.since + TIMEOUT_SECONDS - 0.001, f"two at once for {heard.aor}"
        self.under_way[heard.aor] = Attempted(heard.branch, heard.at)

    def _arrive(self, heard: Heard) -> None:
        for answer in self.registrar.receive(heard.request):
            for _ in range(self._copies()):
                self._loop.call_later(self._delay(), self.deliver, heard, answer, heard.to)

    def deliver(self, heard: Heard, answer: bytes, source: Address) -> None:
        """Let an answer arrive; a final one ends what is under way."""
        response = parse_message(answer)
        assert isinstance(response, Response)
        now = self.under_way.get(heard.aor)
        if response.status_code >= 200 and now is not None and now.branch == heard.branch and source == heard.to:
            del self.under_way[heard.aor]
            self.finals[heard.request.first("call-id") or ""] = response
        heard.flow.hear(answer, source)  # type: ignore[attr-defined]

    def _forge(self, heard: Heard) -> None:
        """Send what nobody may believe: from another address, to another branch, for another CSeq, and noise."""
        good = refuse(heard.request, 200, ("Contact", f"{(heard.request.first('contact') or '').partition(';')[0]}"))
        forged, source = self._draw.choice([
            (good, ("203.0.113.66", 5060)),
            (good.replace(heard.branch.encode(), b"z9hG4bKffffffffffffffff"), REGISTRAR),
            (good.replace(b" REGISTER\r\n", b" INVITE\r\n"), REGISTRAR),
            (good.replace(b"CSeq: ", b"CSeq: 1"), REGISTRAR),
            (self._draw.randbytes(40), REGISTRAR),
            (good[: len(good) // 2], REGISTRAR),
        ])  # fmt: skip
        heard.flow.hear(forged, source)  # type: ignore[attr-defined]

    def _copies(self) -> int:
        if self._draw.random() < self.roughness.loss:
            self.lost += 1
            return 0
        return 2 if self._draw.random() < self.roughness.repeats else 1

    def _delay(self) -> float:
        # Most are quick, a few are very late: so they overtake each other.
        return 0.005 + self.roughness.slowest * self._draw.random() ** 4
