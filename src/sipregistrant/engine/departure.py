"""How an attempt leaves: from a claimed row and its target to the flight whose first request can be sent.

What was redirected (RFC 3261 §8.1.3.4) leaves again from here, to the place that a 3xx named: only to hosts that the
operator allows, for who can answer with a 302 could have every AOR registered elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from ..model.addressing import Addressing
from ..model.schedule import Claimed, RegistrarSettings
from ..sip.authentication import Authenticator
from ..sip.digest import Challenge
from ..sip.identifiers import contact_token, dialog_names, next_cseq
from ..sip.registration import Attempt, Tokens
from ..sip.targets import Target
from ..sip.transaction import SipTimers
from ..sip.uri import Uri
from .flight import Flight, Registrar
from .flows import Flow
from .ordering import build, own_address
from .pacing import Pacing
from .servers import NonceLife
from .tls import TlsFiles

__all__ = ["MOST_REDIRECTIONS", "Departures", "EngineSettings", "Moved", "moved_to"]

MOST_REDIRECTIONS = 2

# Targets of a registrar, and connections to each.
MOST_WAYS = 64


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the operator said: our address ("" for the socket's), our name, the timers of the protocol.

    `redirect_hosts` are the hosts that a 3xx may send us to, in lower case and without brackets.
    """

    own_address: str = ""
    own_fqdn: str = ""
    timers: SipTimers = SipTimers()
    redirect_hosts: frozenset[str] = frozenset()
    tls: TlsFiles = TlsFiles()
    name_servers: tuple[tuple[str, int], ...] = ()
    """Addresses and ports; none for those of the machine."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a 3xx sent us: the new Request-URI, and the place that it stands for."""

    request_uri: str
    host: str
    port: int | None


def moved_to(contacts: Sequence[Uri], allowed: Collection[str]) -> Moved | None:
    """Return the first contact of a 3xx that may be followed: over UDP, to an allowed host. None where there is none."""
    for uri in contacts:
        host = uri.host.strip("[]")
        is_udp = uri.scheme == "sip" and (uri.parameter("transport") or "udp").lower() == "udp"
        if is_udp and host in allowed and uri.parameter("maddr") is None:
            # §10.2: the Request-URI of a REGISTER has no user.
            port = "" if uri.port is None else f":{uri.port}"
            return Moved(f"sip:{uri.host}{port}", host, uri.port)
    return None


class Departures:
    """Makes flights. `identity_key` makes Call-IDs, tags and tokens."""

    def __init__(self, identity_key: bytes, settings: EngineSettings, tokens: Tokens) -> None:
        self._identity_key = identity_key
        self._settings = settings
        self._tokens = tokens
        self._token_of = partial(contact_token, identity_key)

    def make(self, registrar: Registrar, pacing: Pacing, row: Claimed, flow: Flow, target: Target, now: float,
             moved: Moved | None = None) -> Flight | None:  # fmt: skip
        """Return the flight of a row; None where there is nothing to say any more. Raises `Unreachable`."""
        settings = registrar.settings
        assert settings is not None
        cseq, generation = next_cseq(row.cseq, row.generation, now)
        call_id, from_tag = dialog_names(self._identity_key, row.id, generation)
        addressing = self._addressing(registrar, flow, target)
        built = build(row, settings, addressing, target, call_id, from_tag, registrar.common, self._token_of)
        if built is None or (not row.desired and max(row.expires_at, row.maybe_held_until) <= now):
            return None
        order, tried = built
        ahead = None
        if moved is None:
            ahead = _challenge_ahead(row, settings, registrar.server.nonces, now)
        else:
            order.request_uri = moved.request_uri
            if not order.is_removal:
                tried.request_uri = moved.request_uri
        preferred = row.preferred_credential if row.learned else ""
        authenticator = Authenticator(row.credentials, ahead, row.nonce_count, preferred, settings.security)
        attempt = Attempt(
            order, cseq, self._tokens, self._settings.timers, flow.is_reliable, authenticator, row.min_expires
        )  # fmt: skip
        return Flight(row, registrar, attempt, flow, (target.host, target.port), tried, generation, now, pacing)

    def _addressing(self, registrar: Registrar, flow: Flow, target: Target) -> Addressing:
        """Return what all registrations of a registrar that go this way have in common."""
        way = (flow.host, flow.port, target)
        addressing = registrar.addressing.get(way)
        if addressing is None:
            settings = registrar.settings
            assert settings is not None
            own = own_address(flow, target, host=self._settings.own_address, fqdn=self._settings.own_fqdn)
            if len(registrar.addressing) >= MOST_WAYS:
                registrar.addressing.clear()
            addressing = registrar.addressing[way] = Addressing(settings.server, settings.profile, own)
        return addressing


def _challenge_ahead(row: Claimed, settings: RegistrarSettings, nonces: NonceLife, now: float) -> Challenge | None:
    """Return the challenge of before that a refresh answers unasked, where the server's nonces last that long."""
    if not row.challenge or not settings.server["AuthorizationOnRefresh"]:
        return None
    return Challenge.decode(row.challenge) if nonces.may_send_ahead(now - row.attempted_at) else None
