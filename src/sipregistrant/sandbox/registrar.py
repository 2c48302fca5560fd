"""The sandbox registrar without a socket or a clock: bytes and a time in, bytes out.

    registrar = SandboxRegistrar("sip.test", "secret", secret=os.urandom(32))
    answer = registrar.receive(datagram, ("127.0.0.1", 5070), now)      # None: nothing to answer

REGISTER is handled as RFC 3261 §10.3 says, for any user of any domain who knows the one password. Each answer follows
from the request and the bindings alone, so there are no transactions: a retransmission is answered again. Requests of
other methods get what `sip/uas.py` says to everybody. The socket is in `server.py`.
"""

from __future__ import annotations

import hmac
from email.utils import formatdate

from ..errors import SipParseError
from ..sip import digest, uas
from ..sip.auth_params import parse_auth_params
from ..sip.fields import Contact, parse_contact_header, parse_cseq, parse_delta_seconds, parse_name_addr
from ..sip.lexical import quote
from ..sip.message import REASON_PHRASES, Request, parse_message, render_response
from ..sip.uri import canonical_aor
from .location import Binding, Change, Limits, Refused, updated

__all__ = ["SandboxRegistrar"]

# Per AOR and for all of them: about 1 kB each.
MAX_CONTACTS_PER_AOR = 32
MAX_AORS = 100_000

# Lapsed bindings of an AOR go when it is asked for; those nobody asks for go when the table is full, and looking for
# them costs a walk over all of it.
SWEEP_PAUSE_SECONDS = 1.0

NONCE_MAC_CHARACTERS = 32


class SandboxRegistrar:
    """Bindings, and the rules by which REGISTERs change them."""

    def __init__(
        self,
        realm: str,
        password: str,
        *,
        algorithm: str = "MD5",
        min_expires: int = 0,
        max_expires: int = 7200,
        nonce_seconds: int = 300,
        max_aors: int = MAX_AORS,
        secret: bytes,
    ) -> None:
        """Take what is challenged for and granted; `secret` makes nonces and tags that nobody can guess."""
        self.realm = realm
        self.algorithm = algorithm
        self._password = password
        self._limits = Limits(min_expires, max_expires, MAX_CONTACTS_PER_AOR)
        self._nonce_seconds = nonce_seconds
        self._max_aors = max_aors
        self._secret = secret
        self._location: dict[str, list[Binding]] = {}
        self._swept_at: float | None = None

    def receive(self, data: bytes, source: tuple[str, int], now: float) -> bytes | None:
        """Return the answer to a datagram, None where there is none: garbage, answers, ACK.

        `now` is in seconds since 1970; it may be another clock that does not go back, then Date is wrong.
        """
        try:
            message = parse_message(data)
        except SipParseError:
            return None
        if not isinstance(message, Request):
            return None
        if message.method != "REGISTER":
            return uas.answer(message, source=source, secret=self._secret)
        try:
            if parse_cseq(message.first("cseq") or "")[1] != "REGISTER":
                return None
            common = uas.response_headers(message, source, uas.to_tag(message, self._secret))
        except SipParseError:
            return None
        try:
            status_code, headers = self._register(message, now)
        except SipParseError:
            status_code, headers = 400, []
        try:
            return render_response(status_code, REASON_PHRASES[status_code], [*common, *headers])
        except SipParseError:
            return None  # what the answer has to repeat may not be written

    def bindings(self, now: float) -> list[tuple[str, str, float | None, int]]:
        """Return what is bound: (AOR, Contact URI, q or None, seconds left)."""
        return [
            (aor, str(binding.contact.uri), binding.contact.q, binding.expires_in(now))
            for aor, held in self._location.items()
            for binding in held
            if binding.expires_at > now
        ]

    def _register(self, request: Request, now: float) -> tuple[int, list[tuple[str, str]]]:
        # The order of RFC 3261 §10.3: extensions, who asks, for which AOR, what.
        if required := request.all("require"):
            return 420, [("Unsupported", ", ".join(required))]
        if (challenge := self._challenge(request, now)) is not None:
            return 401, [("WWW-Authenticate", challenge)]
        to_uri = parse_name_addr(request.first("to") or "").uri
        if to_uri.scheme not in ("sip", "sips"):
            return 404, []
        aor = canonical_aor(to_uri)
        held = self._held(aor, now)
        if request.all("contact"):
            outcome = updated(held, _change(request), self._limits, now)
            if isinstance(outcome, list) and outcome and not self._has_room(aor, now):
                outcome = Refused(503)
            if isinstance(outcome, Refused):
                return outcome.status_code, list(outcome.headers)
            held = outcome
            self._hold(aor, held)
        contacts = [("Contact", _rendered(binding.contact, binding.expires_in(now))) for binding in held]
        return 200, [*contacts, ("Date", formatdate(now, usegmt=True))]

    def _challenge(self, request: Request, now: float) -> str | None:
        """Return the challenge to answer with, None when the credentials are good.

        Stale are credentials that are right but for their nonce (RFC 7616 §3.3): too old, or not one of ours, as after
        a restart. Who does not know the password is not told about nonces.
        """
        params = self._credentials(request)
        stale = ""
        if params is not None and self._is_right(params, request):
            if self._is_fresh(params.get("nonce", ""), now):
                return None
            stale = ", stale=true"
        return f'Digest realm={quote(self.realm)}, nonce="{self._nonce(now)}", algorithm={self.algorithm}, qop="auth"{stale}'

    def _credentials(self, request: Request) -> dict[str, str] | None:
        for value in request.all("authorization"):
            scheme, params = parse_auth_params(value)
            if scheme == "digest" and params.get("realm") == self.realm:
                return params
        return None

    def _is_right(self, params: dict[str, str], request: Request) -> bool:
        return (
            params.get("algorithm", "MD5").upper() == self.algorithm.upper()
            and params.get("uri") == request.uri
            and digest.verify(params, password=self._password, method=request.method)
        )

    def _nonce(self, now: float) -> str:
        issued = f"{int(now * 1000):x}"
        return f"{issued}.{self._nonce_mac(issued)}"

    def _is_fresh(self, nonce: str, now: float) -> bool:
        issued, _, mac = nonce.partition(".")
        # Bytes, for what is not ASCII cannot be compared as text.
        if not hmac.compare_digest(mac.encode(errors="surrogateescape"), self._nonce_mac(issued).encode()):
            return False
        return now - int(issued, 16) / 1000 <= self._nonce_seconds

    def _nonce_mac(self, issued: str) -> str:
        mac = hmac.digest(self._secret, issued.encode(errors="surrogateescape"), "sha256")
        return mac.hex()[:NONCE_MAC_CHARACTERS]

    def _held(self, aor: str, now: float) -> list[Binding]:
        return [binding for binding in self._location.get(aor, ()) if binding.expires_at > now]

    def _hold(self, aor: str, held: list[Binding]) -> None:
        if held:
            self._location[aor] = held
        else:
            self._location.pop(aor, None)

    def _has_room(self, aor: str, now: float) -> bool:
        if aor in self._location or len(self._location) < self._max_aors:
            return True
        if self._swept_at is None or now - self._swept_at >= SWEEP_PAUSE_SECONDS:
            self._swept_at = now
            self._location = {aor: live for aor in self._location if (live := self._held(aor, now))}
        return len(self._location) < self._max_aors


def _change(request: Request) -> Change:
    expires = request.first("expires")
    return Change(
        contacts=parse_contact_header(request.all("contact")),
        expires=None if expires is None else parse_delta_seconds(expires),
        call_id=request.first("call-id") or "",
        cseq=parse_cseq(request.first("cseq") or "")[0],
    )


def _rendered(contact: Contact, expires: int) -> str:
    parameters = "".join(
        f";{name}" if value is None else f";{name}={value}"
        for name, value in contact.parameters.items()
        if name != "expires"
    )
    return f"<{contact.uri}>{parameters};expires={expires}"
