"""Asks a registrar on behalf of an AOR: a REGISTER that binds for a moment and is taken back, or one that only fetches what is
there (RFC 3261 §10.2.3). It goes the way that the AOR's registrations go or would go: names, sockets, connections, TLS, digest
are the engine's own. What it binds has a Call-ID and a contact of its own, so that nobody else's binding is touched.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...errors import SipParseError
from ...model.addressing import Addressing
from ...model.groups import PUBLIC_ADDRESS
from ...model.probing import Listed, Question, Report, Step
from ...model.schedule import SentContact
from ...sip.authentication import Authenticator
from ...sip.digest import parse_challenges
from ...sip.fields import Contact, parse_contacts
from ...sip.identifiers import next_cseq, nowhere
from ...sip.learned import Learned, learn_from, seen_address
from ...sip.message import Response
from ...sip.outcome import Kind, Outcome
from ...sip.registration import Attempt, Order, Tokens
from ...sip.targets import Target, in_order
from ..departure import EngineSettings
from ..dispatcher import Dispatcher
from ..naming.names import Names
from ..naming.resolver import Resolver
from ..naming.targets import Unreachable, find_targets
from ..ordering import VIA_TRANSPORTS, common_lines, own_address
from ..transport.flows import Flow
from ..transport.streams import StreamFlow
from ..transport.ways import Ways
from .certificates import described
from .exchange import RegisterExchange
from .names import OverheardNames

__all__ = ["MOST_AT_ONCE", "EngineProber"]

MOST_AT_ONCE = 8
MOST_TARGETS = 3
"""So many are tried, where the first ones do not answer."""

T1_SECONDS = 0.15
"""So silence is silence after 9.6 s (Timer F, 64 × T1): who waits for a probe would not wait for half a minute."""

CONNECT_WITHIN_SECONDS = 10.0


class EngineProber:
    """See `model.probing.Prober`."""

    def __init__(
        self,
        now: Callable[[], float],
        names: Names,
        ways: Ways,
        dispatcher: Dispatcher[Any],
        identity_key: bytes,
        settings: EngineSettings,
        tokens: Tokens,
    ) -> None:
        self._now = now
        self._names = names
        self._ways = ways
        self._dispatcher = dispatcher
        self._nowhere = nowhere(identity_key)
        self._settings = settings
        self._timers = replace(settings.timers, t1=min(settings.timers.t1, T1_SECONDS))
        self._tokens = tokens
        self._under_way = 0
        self.sent = 0

    async def probe(self, question: Question) -> Report | None:
        """Ask; None where too many are under way."""
        if self._under_way >= MOST_AT_ONCE:
            return None
        self._under_way += 1
        try:
            return await self._probe(question)
        finally:
            self._under_way -= 1

    async def _probe(self, question: Question) -> Report:
        report = Report()
        begun = self._now()
        try:
            resolver = Resolver(self._now, OverheardNames(self._names, report.steps, self._now))
            targets = in_order(secrets.randbits(32), await find_targets(question.settings, resolver))[:MOST_TARGETS]
        except Unreachable as fault:
            report.steps.append(Step("targets", False, str(fault), self._now() - begun))
            report.reason = str(fault)
            return report
        listed = ", ".join(map(str, targets))
        report.steps.append(
            Step("targets", True, f"to be asked: {listed}", self._now() - begun, {"targets": listed.split(", ")})
        )
        for target in targets:
            if await self._try(question, target, report):
                break
        return report

    async def _try(self, question: Question, target: Target, report: Report) -> bool:
        """Ask one target; tell whether anybody answered."""
        report.registrar = str(target)
        try:
            flow = await self._connect(question, target, report)
            order, addressing = self._order(question, flow, target)
        except Unreachable as fault:
            report.steps.append(Step("connection", False, str(fault)))
            report.reason = str(fault)
            return False
        cseq = next_cseq(0, 0, self._now())[0]
        if question.removed:
            gone = replace(order, contacts=(), removed=question.removed, expires=0, is_fetch=False)
            exchange, outcome = await self._register(question, gone, cseq, flow, target)
            text = f"asked to remove {', '.join(question.removed)}: {outcome.reason or 'removed'}"
            report.steps.append(Step("remove", outcome.kind is Kind.REMOVED, text))
            cseq = exchange.attempt.cseq + 1
        exchange, outcome = await self._register(question, order, cseq, flow, target)
        report.code, report.reason, report.ok = (
            outcome.code,
            outcome.reason or "",
            outcome.kind in (Kind.ACCEPTED, Kind.REMOVED),
        )
        report.steps += _told(exchange.answers, outcome, order)
        if exchange.answers and report.ok:
            report.contacts = _listed(exchange.answers[-1], addressing)
            report.steps += _of_success(exchange.answers[-1], order, outcome)
        if order.contacts and (report.ok or outcome.may_have_been_bound):
            await self._take_back(question, order, exchange, flow, target, report)
        return bool(exchange.answers)

    async def _take_back(
        self, question: Question, order: Order, before: RegisterExchange, flow: Flow, target: Target, report: Report
    ) -> None:
        """Remove what was bound: nothing is left behind."""
        uri = order.contacts[0].uri
        gone = replace(order, contacts=(), removed=(uri,), expires=0)
        exchange, outcome = await self._register(question, gone, before.attempt.cseq + 1, flow, target)
        is_gone = outcome.kind is Kind.REMOVED
        lapses = f"it lapses by itself within {max(order.expires, outcome.min_expires, before.attempt.order.expires)} s"
        text = f"{uri} is removed again" if is_gone else f"{uri} could not be removed ({outcome.reason}): {lapses}"
        report.steps.append(Step("unregister", is_gone, text))
        if is_gone and exchange.answers:
            report.contacts = [contact for contact in report.contacts or () if contact.uri != uri]

    async def _register(self, question: Question, order: Order, cseq: int, flow: Flow,
                        target: Target) -> tuple[RegisterExchange, Outcome]:  # fmt: skip
        authenticator = Authenticator(question.credentials, least=question.settings.security)
        attempt = Attempt(order, cseq, self._tokens, self._timers, flow.is_reliable, authenticator)
        exchange = RegisterExchange(attempt, flow, (target.host, target.port), self._dispatcher, self._now)
        outcome = await exchange.run()
        self.sent += attempt.sends
        return exchange, outcome

    async def _connect(self, question: Question, target: Target, report: Report) -> Flow:
        """Return the flow to a target, standing. Raises `Unreachable`."""
        begun = self._now()
        flow = self._ways.to(target, question.settings, secrets.randbits(30))
        if isinstance(flow, StreamFlow):
            while not flow.opened_at and not flow.is_closed and self._now() - begun < CONNECT_WITHIN_SECONDS:
                await asyncio.sleep(0.02)
            if flow.is_closed or not flow.opened_at:
                raise Unreachable(
                    f"not sent to {target.host}:{target.port}: {flow.fault or 'no connection within its time'}"
                )
            report.steps.append(Step("connection", True, f"connected to {target}", self._now() - begun))
            tls = flow.tls
            if isinstance(tls, ssl.SSLObject):
                text, details = described(tls)
                report.steps.append(Step("tls", True, text, details=details))
        return flow

    def _order(self, question: Question, flow: Flow, target: Target) -> tuple[Order, Addressing]:
        settings = question.settings
        host = str(settings.group[PUBLIC_ADDRESS] or self._settings.own_address)
        own = own_address(flow, target, host=host, fqdn=self._settings.own_fqdn, nowhere=self._nowhere)
        addressing = Addressing(settings.server, settings.profile, own)
        names = addressing.identity(question.entry)
        contacts: list[SentContact] = []
        if question.expires:
            bare = {**question.entry, **{f"URI{n}": "" for n in range(1, 9)}, "AorTtl": question.expires, "TTL1": 0}
            contacts = addressing.contacts(bare, f"probe-{secrets.token_hex(4)}-")
        return Order(
            names.request_uri, names.aor_uri, names.from_uri, secrets.token_hex(16), secrets.token_hex(8), question.expires,
            contacts, (), addressing.sent_by, VIA_TRANSPORTS[target.transport], common_lines(settings), target, None,
            settings.behaviour, is_fetch=not question.expires,
        ), addressing  # fmt: skip


def _told(answers: Sequence[Response], outcome: Outcome, order: Order) -> list[Step]:
    """Return a step for each answer."""
    steps = []
    for answer in answers:
        code = answer.status_code
        text = f"{code} {answer.reason_phrase}"
        if code in (401, 407):
            steps.append(_challenge(answer, text))
        elif code == 423:
            steps.append(Step("interval", None, f"{text}: Min-Expires {answer.first('min-expires') or 'is missing'}"))
        elif code >= 200:
            steps.append(Step("answer", 200 <= code < 300, text))
    if outcome.reason and (not answers or outcome.code in (401, 407) or 200 <= outcome.code < 300):
        steps.append(Step("result", False, outcome.reason))
    return steps


def _challenge(answer: Response, text: str) -> Step:
    """Tell what a challenge asks for; no nonce."""
    offered = [
        {
            "realm": one.realm,
            "algorithm": one.algorithm + ("-sess" if one.sess else ""),
            "qop": one.qop,
            "stale": one.stale,
        }
        for one in parse_challenges(answer)
    ]
    said = "; ".join(f"realm {one['realm']!r}, {one['algorithm']}, qop {one['qop'] or 'none'}" for one in offered)
    return Step("challenge", None, f"{text}: {said or 'nothing that can be answered'}", details={"challenges": offered})


def _contacts(answer: Response) -> list[Contact]:
    try:
        return parse_contacts(answer.all("contact"))
    except SipParseError:
        return []


def _listed(answer: Response, addressing: Addressing) -> list[Listed]:
    host = addressing.own.alias or addressing.own.host
    return [
        Listed(
            contact.text,
            contact.expires,
            contact.q,
            contact.uri.host == host and (contact.uri.port or 5060) == addressing.own.port,
        )
        for contact in _contacts(answer)
    ]


def _of_success(answer: Response, order: Order, outcome: Outcome) -> list[Step]:
    """Tell what a 200 says beside that it is one."""
    steps = []
    ours = _contacts(answer)
    if outcome.grants:
        (grant,) = outcome.grants
        asked = order.contacts[0]
        mine = next((one for one in ours if one.text == grant.uri), None)
        where = (
            "as a parameter of the contact"
            if mine is not None and mine.expires is not None
            else "by the Expires header, or not at all"
        )
        text = (
            f"granted for {grant.expires} s of {max(asked.asked, outcome.min_expires)} s that were asked for, {where}"
        )
        steps.append(Step("expiry", True, text, details={"granted": grant.expires, "min_expires": outcome.min_expires}))
        if mine is None:
            steps.append(
                Step("contact", None, f"the contact came back as another than it was sent: found by {grant.matched}")
            )
    learned = Learned.from_json(learn_from(answer, ours, order.sent_by))
    via = answer.first("via")
    if via is not None and (seen := seen_address(via, order.sent_by)):
        steps.append(
            Step("nat", None, f"the registrar sees us at {seen}, we said {order.sent_by}", details={"seen": seen})
        )
    for name, values in (
        ("Service-Route", learned.service_route),
        ("Path", learned.path),
        ("P-Associated-URI", learned.associated_uris),
    ):
        if values:
            steps.append(Step("learned", None, f"{name}: {', '.join(values)}"))
    return steps
