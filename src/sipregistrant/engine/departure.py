"""How an attempt leaves: from a claimed row and its target to the flight whose first request can be sent.

What was redirected (RFC 3261 §8.1.3.4) leaves again from here, to the place that a 3xx named: only to hosts that the
operator allows, for who can answer with a 302 could have every AOR registered elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from ..model.addressing import Addressing
from ..model.groups import PUBLIC_ADDRESS
from ..model.profiles import CONTACT_AS_SEEN
from ..model.schedule import Claimed, RegistrarSettings, Sent
from ..sip.authentication import Authenticator
from ..sip.behaviour import USUAL, CallIdLife, UnregisterStyle
from ..sip.digest import Challenge
from ..sip.identifiers import contact_token, dialog_names, next_cseq, nowhere
from ..sip.learned import Learned, seen_address
from ..sip.message import Response
from ..sip.outbound import Outbound, instance_urn
from ..sip.registration import Attempt, Order, Tokens
from ..sip.targets import Target
from ..sip.transaction import SipTimers
from ..sip.uri import Uri
from .flight import Flight, Registrar
from .ordering import build, own_address
from .pacing import Pacing
from .servers import NonceLife
from .tally import make_lags
from .transport.flows import Flow
from .transport.seen import ASTRAY, Seen, SeenAddresses
from .transport.tls import TlsFiles

__all__ = ["MOST_REDIRECTIONS", "Departures", "EngineSettings", "Moved", "moved_to", "why_nothing"]

MOST_REDIRECTIONS = 2

# Targets of a registrar, and sockets and connections to each.
MOST_WAYS = 256

LEFT_TO_LAPSE = "left to lapse: the provider profile has no un-REGISTER"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the operator said: our address ("" for the socket's), our name, the timers of the protocol.

    `redirect_hosts` are the hosts that a 3xx may send us to, in lower case and without brackets.
    """

    own_address: str = ""
    own_fqdn: str = ""
    timers: SipTimers = SipTimers()
    redirect_hosts: Collection[str] = frozenset()
    tls: TlsFiles = TlsFiles()


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a 3xx sent us: the new Request-URI, and the place that it stands for."""

    request_uri: str
    host: str
    port: int | None
    transport: str = ""
    """The one that it names, "" for none."""


def moved_to(contacts: Sequence[Uri], allowed: Collection[str]) -> Moved | None:
    """Return the first contact of a 3xx that may be followed: over UDP, to an allowed host. None where there is none."""
    for uri in contacts:
        host = uri.host.strip("[]")
        is_udp = uri.scheme == "sip" and (uri.parameter("transport") or "udp").lower() == "udp"
        if is_udp and host in allowed and uri.parameter("maddr") is None:
            # §10.2: the Request-URI of a REGISTER has no user.
            port = "" if uri.port is None else f":{uri.port}"
            return Moved(f"sip:{uri.host}{port}", host, uri.port, "udp" if uri.parameter("transport") else "")
    return None


class Departures:
    """Makes flights. `identity_key` makes Call-IDs, tags and tokens."""

    def __init__(self, identity_key: bytes, settings: EngineSettings, tokens: Tokens) -> None:
        self._identity_key = identity_key
        self._settings = settings
        self._tokens = tokens
        self._nowhere = nowhere(identity_key)
        self._token_of = partial(contact_token, identity_key)
        self._seen = SeenAddresses()
        self.lags = make_lags()
        """How long after its due moment each attempt was sent, by class: following a redirection is none of its own."""

    def make(self, registrar: Registrar, pacing: Pacing, row: Claimed, flow: Flow, target: Target, now: float,
             moved: Moved | None = None) -> Flight | None:  # fmt: skip
        """Return the flight of a row; None where there is nothing to say any more. Raises `Unreachable`."""
        settings = registrar.settings
        assert settings is not None
        cseq, generation = next_cseq(row.cseq, row.generation, now)
        if settings.behaviour is not USUAL and moved is None and _renews_call_id(row, settings.behaviour.call_id, now):
            generation += 1
        seen = None
        if settings.profile[CONTACT_AS_SEEN] and not settings.group[PUBLIC_ADDRESS]:
            seen = self._seen.of(flow, target, Learned.from_json(row.learned).public_address)
        built = self._build(registrar, row, flow, target, generation, seen, now)
        if built is None or (not row.desired and max(row.expires_at, row.maybe_held_until) <= now):
            return None
        order, tried = built
        ahead = None
        if moved is None:
            ahead = _challenge_ahead(row, settings, registrar.server.nonces, now)
            self.lags[row.klass].observe(now - row.due_at)
        else:
            order.request_uri = moved.request_uri
            if not order.is_removal:
                tried.request_uri = moved.request_uri
        preferred = row.preferred_credential if row.learned else ""
        authenticator = Authenticator(row.credentials, ahead, row.nonce_count, preferred, settings.security)
        attempt = Attempt(
            order, cseq, self._tokens, self._settings.timers, flow.is_reliable, authenticator, row.min_expires
        )  # fmt: skip
        flight = Flight(row, registrar, attempt, flow, (target.host, target.port), tried, generation, now, pacing)
        flight.seen = seen
        return flight

    def see(self, flight: Flight, response: Response, now: float) -> int:
        """Take where the registrar sees us from an answer: what follows in this attempt names that. Return the flow of what
        was bound with another address, 0 for none.
        """
        via, order, before = response.first("via"), flight.attempt.order, flight.seen
        if via is None or before is None or order.is_removal:
            return 0
        target = Target(*flight.peer, flight.flow.transport)
        lost = self._seen.note(flight.flow, target, seen_address(via, order.sent_by), now)
        seen = self._seen.of(flight.flow, target, before.address)
        if seen.address == before.address:
            flight.seen = seen
        elif response.status_code < 300:
            flight.seen = Seen(before.address, ASTRAY)
        elif built := self._build(flight.registrar, flight.claimed, flight.flow, target, flight.generation, seen, now):
            built[0].request_uri = built[1].request_uri = order.request_uri
            flight.attempt.take(built[0])
            flight.tried, flight.seen = built[1], seen
        return 0 if lost is None else lost.id

    def _build(self, registrar: Registrar, row: Claimed, flow: Flow, target: Target, generation: int,
               seen: Seen | None, now: float) -> tuple[Order, Sent] | None:  # fmt: skip
        settings = registrar.settings
        assert settings is not None
        outbound = None
        if settings.reg_id and registrar.server.lacks_outbound_until <= now:
            instance = instance_urn(self._identity_key, settings.group_uid, settings.server_uid, row.entry_uid)
            outbound = Outbound(instance, settings.reg_id)
        call_id, from_tag = dialog_names(self._identity_key, row.id, generation)
        addressing = self._addressing(registrar, settings, flow, target, "" if seen is None else seen.address)
        return build(row, settings, addressing, target, call_id, from_tag, registrar.common, self._token_of, outbound,
                     registrar.route)  # fmt: skip

    def _addressing(self, registrar: Registrar, settings: RegistrarSettings, flow: Flow, target: Target,
                    seen_at: str) -> Addressing:  # fmt: skip
        """Return what all registrations of a registrar that go this way have in common."""
        way = (flow.host, flow.port, target, seen_at)
        addressing = registrar.addressing.get(way)
        if addressing is None:
            host = str(settings.group[PUBLIC_ADDRESS] or self._settings.own_address)
            own = own_address(flow, target, host=host, fqdn=self._settings.own_fqdn, nowhere=self._nowhere)
            if len(registrar.addressing) >= MOST_WAYS:
                registrar.addressing.clear()
            addressing = registrar.addressing[way] = Addressing(settings.server, settings.profile, own, seen_at)
        return addressing


def _renews_call_id(row: Claimed, life: CallIdLife, now: float) -> bool:
    """Tell whether an attempt begins a new Call-ID. An un-REGISTER has that of what it removes: a registrar that looks at it
    knows by it that nobody else is meant (RFC 3261 §10.3 step 7). CSeq goes on growing all the same.
    """
    if life is CallIdLife.KEPT or not row.cseq or row.is_removal:
        return False
    return life is CallIdLife.CYCLE or row.failures > 0 or row.expires_at <= now


def why_nothing(registrar: Registrar, row: Claimed, now: float) -> str | None:
    """Return why a row that has nothing to say leaves without a word, where that is the operator's will."""
    behaviour = USUAL if registrar.settings is None else registrar.settings.behaviour
    is_held = max(row.expires_at, row.maybe_held_until) > now
    return LEFT_TO_LAPSE if behaviour.unregister_style is UnregisterStyle.NONE and row.is_removal and is_held else None


def _challenge_ahead(row: Claimed, settings: RegistrarSettings, nonces: NonceLife, now: float) -> Challenge | None:
    """Return the challenge of before that a refresh answers unasked, where the server's nonces last that long."""
    if not row.challenge or not settings.server["AuthorizationOnRefresh"]:
        return None
    return Challenge.decode(row.challenge) if nonces.may_send_ahead(now - row.attempted_at) else None
