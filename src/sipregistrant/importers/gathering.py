"""Registrations as a source knows them, sorted into servers: what goes to one place is one trunk.

Everything is checked by the attribute tables; what they do not take is left out, and a note says where and why. Nothing is
dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from ..errors import SipParseError
from ..model import credentials, registrants, servers
from ..model.credentials import HA1, PASSWORD_KIND, REGEX
from ..model.registrants import FROM_URI
from ..model.resource import Resource
from ..model.servers import ROUTE_SET
from ..model.uris import STATIC
from ..sip.uri import Uri, parse_uri
from .found import Form, Found, Note, Trunk
from .hops import Hop

__all__ = ["Account", "Gathering", "Registration", "number_of"]

LONGEST_NAME = 64
RETRY_SECONDS = (30, 86400)

# Trunks to one server, where users have different passwords by the same name: more than that is a mistake in the source.
MOST_TRUNKS_OF_A_SERVER = 8


@dataclass(frozen=True, slots=True)
class Account:
    """What answers a challenge. `realm` is empty where the source answers any."""

    user: str
    password: str
    """Empty: the source has none, or none that can be read."""
    realm: str = ""
    is_ha1: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration of a source, in our words."""

    where: str
    """Its line, or its name."""
    hop: Hop
    aor: str
    """A whole URI."""
    domain: str = ""
    """Host and port of the Request-URI, where the source says so; empty: those of the AOR."""
    routes: str = ""
    """A Route header that every REGISTER takes."""
    contact: str = ""
    ttl: int | None = None
    """Seconds asked for; None: the source does not say."""
    retry: int | None = None
    """Seconds to wait after a failure."""
    from_uri: str = ""
    attributes: Form = field(default_factory=dict)
    """Further ones of the entry."""
    account: Account | None = None
    name: str = ""
    """What the source calls the server."""


@dataclass(slots=True)
class _Place:
    """A trunk under construction."""

    trunk: Trunk
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    """By the user that a credential is chosen by, and realm."""
    users: set[str] = field(default_factory=set)
    aors: dict[str, int] = field(default_factory=dict)
    """Index of the entry of an AOR."""

    def takes(self, user: str, account: Account) -> bool:
        """Whether the account is there already, or could be without standing in the way of another one."""
        known = self.accounts.get((user, account.realm))
        if known is not None:
            return known == account
        return user not in self.users or (account.realm != "" and (user, "") not in self.accounts)


class Gathering:
    """Collects registrations and notes; `found` returns what has come of them."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int, int, str], list[_Place]] = {}
        self._trunks: list[Trunk] = []
        self._notes: list[Note] = []
        self._remarks: dict[str, tuple[int, str, int]] = {}
        """Place in the notes, last line, and how many there were, of what is said once."""
        self._unusable: dict[tuple[str, int, int, str], str] = {}

    def note(self, where: str, text: str) -> None:
        """Say something of one line."""
        self._notes.append(Note(where, text))

    def remark(self, where: str, text: str) -> None:
        """Say something that may be true of many lines: it is told once, with the first of them and their number."""
        at, last, count = self._remarks.get(text, (len(self._notes), "", 0))
        if not count:
            self._notes.append(Note(where, text))
        self._remarks[text] = (at, where, count + (where != last))

    def left_out(self, where: str, reason: str) -> None:
        """Say that something was not carried over at all."""
        self.note(where, f"left out: {reason}")

    def add(self, registration: Registration) -> None:
        """Put a registration where it belongs, or say why it cannot be."""
        try:
            aor = parse_uri(registration.aor)
            registrant = parse_uri(registration.from_uri) if registration.from_uri else aor
        except SipParseError as error:
            self.left_out(registration.where, str(error))
            return
        server = _server_form(registration, aor)
        key = (server["Host"], int(server["Port"]), int(server["Protocol"]), server.get(ROUTE_SET, ""))
        entry = self._entry_form(registration)
        user = unquote(registrant.user)
        credential = _credential_form(registration.account, user) if registration.account else None
        reason = self._unusable_server(key, server) or _faults(registrants.ENTRY, entry)
        if credential is not None:
            reason = reason or _faults(credentials.ENTRY, credential)
        if reason:
            self.left_out(registration.where, reason)
            return
        place = self._place(key, registration, server, user)
        if place is None:
            self.left_out(
                registration.where, f"user {user!r} has another password in {MOST_TRUNKS_OF_A_SERVER} lines before"
            )
            return
        if not self._enter(place, registration, aor, entry):
            return
        self._tell_of_place(registration, aor)
        if credential is not None and registration.account is not None:
            self._give(place, registration, user, registration.account, credential)

    def found(self) -> Found:
        """Return everything, in the order in which it came."""
        for at, _, count in self._remarks.values():
            if count > 1:
                note = self._notes[at]
                self._notes[at] = replace(note, where=f"{note.where} and {count - 1} more")
        self._remarks.clear()
        return Found(self._trunks, self._notes)

    def _unusable_server(self, key: tuple[str, int, int, str], server: Form) -> str:
        if key in self._places:
            return ""
        if key not in self._unusable:
            self._unusable[key] = _faults(servers.ENTRY, server)
        reason = self._unusable[key]
        return f"its server: {reason}" if reason else ""

    def _entry_form(self, registration: Registration) -> Form:
        entry: Form = {"AOR": registration.aor, "AorType": str(STATIC)}
        if registration.ttl is not None:
            entry["AorTtl"] = str(registration.ttl)
        if registration.retry is not None:
            lowest, highest = RETRY_SECONDS
            retry = min(max(registration.retry, lowest), highest)
            if retry != registration.retry:
                self.remark(registration.where, f"FailedRegistrationRetryTimer is {retry}, not {registration.retry}: "
                                                f"{lowest} to {highest} are taken")  # fmt: skip
            entry["FailedRegistrationRetryTimer"] = str(retry)
        if registration.contact:
            entry["URI1"] = registration.contact
        if registration.from_uri:
            entry[FROM_URI] = registration.from_uri
        return {**entry, **registration.attributes}

    def _place(
        self, key: tuple[str, int, int, str], registration: Registration, server: Form, user: str
    ) -> _Place | None:
        """Return the trunk of a registration, a new one where its credential would stand in the way of another one."""
        places = self._places.setdefault(key, [])
        account = registration.account
        for place in places:
            if account is None or place.takes(user, account):
                return place
        if len(places) == MOST_TRUNKS_OF_A_SERVER:
            return None
        name = registration.name or registration.hop.host
        if places:
            name = f"{name[: LONGEST_NAME - 4]} ({len(places) + 1})"
            self.note(
                registration.where, f"{name} is another trunk to the same server: user {user!r} has two passwords"
            )
        trunk = Trunk("".join(c if c.isprintable() else "?" for c in name)[:LONGEST_NAME], server)
        places.append(place := _Place(trunk))
        self._trunks.append(trunk)
        return place

    def _enter(self, place: _Place, registration: Registration, aor: Uri, entry: Form) -> bool:
        """Put an entry into its trunk; a second one of the same AOR gives it one more contact."""
        rows = place.trunk.entries
        at = place.aors.setdefault(str(aor), len(rows))
        if at == len(rows):
            rows.append((len(rows) + 1, entry))
            return True
        _, known = rows[at]
        contacts = [known[name] for name in registrants.URI_NAMES if name in known]
        contact = entry.get("URI1", "")
        if not contact or not contacts or contact in contacts or len(contacts) == registrants.CONTACTS:
            self.left_out(
                registration.where, f"{registration.aor} stands there before, and this is no further contact of it"
            )
            return False
        number = len(contacts) + 1
        more = {
            f"URI{number}": contact,
            **{f"{name[:-1]}{number}": entry[name] for name in ("Q1", "TTL1") if name in entry},
        }
        if reason := _faults(registrants.ENTRY, {**known, **more}):
            self.left_out(registration.where, reason)
            return False
        known |= more
        self.note(registration.where, f"{registration.aor} stands there before: its contact is URI{number} there")
        return True

    def _tell_of_place(self, registration: Registration, aor: Uri) -> None:
        hop = registration.hop
        if hop.may_have_srv:
            self.remark(registration.where, f"{hop.host} is given without a port: {hop.port} is taken; if it has SRV records, "
                                            "set ServerLookup 1 in a server table of its own")  # fmt: skip
        if hop.ignored:
            self.remark(registration.where, f"parameters of {hop.host} that are not carried over: {hop.ignored}")
        at = aor.host if aor.port is None else f"{aor.host}:{aor.port}"
        if registration.domain and registration.domain.lower() != at.lower():
            self.remark(
                registration.where,
                f"the Request-URI was sip:{registration.domain}; here it is sip:{at}, that of the AOR",
            )
        if not registration.contact:
            self.remark(registration.where, "no contact: it is the user of the AOR at the address of this service; "
                                            "set URI1 where calls are to go elsewhere")  # fmt: skip

    def _give(self, place: _Place, registration: Registration, user: str, account: Account, credential: Form) -> None:
        """Put a credential into its trunk, unless it is there."""
        if (user, account.realm) in place.accounts:
            return
        place.accounts[user, account.realm] = account
        place.users.add(user)
        rows = place.trunk.credentials
        rows.append((len(rows) + 1, credential))
        if not account.password:
            text = f"the password of {account.user!r} is to be filled in: credential {len(rows)} of {place.trunk.name}"
            self._notes.append(Note(registration.where, text, is_password=True))


def number_of(text: str) -> int | None:
    """Return a number of up to nine digits, None where it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _server_form(registration: Registration, aor: Uri) -> Form:
    hop = registration.hop
    server = {"Host": hop.host, "Port": str(hop.port), "Protocol": str(hop.protocol)}
    domain = registration.domain or (aor.host if aor.port is None else f"{aor.host}:{aor.port}")
    if domain.lower() not in (hop.host.lower(), f"{hop.host.lower()}:{hop.port}"):
        server["DomainName"] = domain
    if registration.routes:
        server[ROUTE_SET] = registration.routes
    return server


def _credential_form(account: Account, user: str) -> Form:
    """Return a credential for the registrations of one user; `user` is that of the From."""
    credential = {"User": account.user, "FromURIUserMatch": "0"}
    if account.realm:
        credential["Realm"] = account.realm
    if account.password:
        credential["EncryptedPassword"] = account.password
        if account.is_ha1:
            credential[PASSWORD_KIND] = str(HA1)
    if account.user != user:
        credential |= {"FromURIUserMatch": str(REGEX), "MatchRegex": re.escape(user)}
    return credential


def _faults(resource: Resource, form: Form) -> str:
    """Return what is wrong with a form; a password that has to be filled in is not."""
    if resource is credentials.ENTRY and "EncryptedPassword" not in form:
        form = {**form, "EncryptedPassword": "-"}
    return "; ".join(str(fault) for fault in resource.faults(form))
