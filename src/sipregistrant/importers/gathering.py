"""Registrations as a source knows them, sorted into servers: what goes to one place is one trunk.

Everything is checked by the attribute tables; what they do not take is left out, and a note says where and why. Nothing is
dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from ..errors import SipParseError
from ..model import credentials, registrants, servers
from ..model.registrants import FROM_URI
from ..model.resource import Resource
from ..model.servers import ROUTE_SET
from ..model.uris import STATIC
from ..sip.uri import Uri, parse_uri
from .found import Form, Found, Note, Trunk
from .hops import Hop
from .places import Account, Place, credential_form

__all__ = ["Gathering", "Registration", "number_of"]

LONGEST_NAME = 64
RETRY_SECONDS = (30, 86400)

# As many as a server table has places.
MOST_TRUNKS_OF_A_SERVER = 99

_Key = tuple[str, int, int, str]
"""Where REGISTERs go: host, port, protocol and routes."""


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


class Gathering:
    """Collects registrations and notes; `found` returns what has come of them."""

    def __init__(self) -> None:
        self._places: dict[_Key, list[Place]] = {}
        self._entries: dict[tuple[_Key, str], tuple[Account | None, Form]] = {}
        """By place and AOR: what it logs in with, and its entry."""
        self._all: list[Place] = []
        self._notes: list[Note] = []
        self._remarks: dict[str, tuple[int, str, int]] = {}
        """Place in the notes, last line, and how many there were, of what is said once."""
        self._checked: dict[tuple[str, ...], str] = {}
        """What is wrong with a server, by its attributes."""

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
        entry, account, user = self._entry_form(registration), registration.account, unquote(registrant.user)
        reason = self._unusable_server(key, server) or _faults(registrants.ENTRY, entry)
        if account is not None:
            reason = reason or _faults(credentials.ENTRY, credential_form(account, user))
        if reason:
            self.left_out(registration.where, reason)
            return
        self._tell_of_place(registration, aor)
        known = self._entries.get((key, str(aor)))
        if known is not None:
            self._add_contact(registration, entry, *known)
            return
        place = self._place(key, registration, server, user)
        if place is None:
            problem = f"there is no room for its login in {MOST_TRUNKS_OF_A_SERVER} trunks to this server"
            self.left_out(registration.where, problem)
            return
        self._entries[key, str(aor)] = account, entry
        place.trunk.entries.append((len(place.trunk.entries) + 1, entry))
        place.give(registration.where, user, account)

    def found(self) -> Found:
        """Return everything, in the order in which it came; passwords that have to be filled in at the end."""
        for at, _, count in self._remarks.values():
            if count > 1:
                note = self._notes[at]
                self._notes[at] = replace(note, where=f"{note.where} and {count - 1} more")
        self._remarks.clear()
        passwords = [note for place in self._all for note in place.finish()]
        return Found([place.trunk for place in self._all], self._notes + passwords)

    def _unusable_server(self, key: _Key, server: Form) -> str:
        if key in self._places:
            return ""
        values = tuple(server.values())
        if values not in self._checked:
            self._checked[values] = _faults(servers.ENTRY, server)
        reason = self._checked[values]
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

    def _place(self, key: _Key, registration: Registration, server: Form, user: str) -> Place | None:
        """Return the trunk of a registration, a new one where its credential would stand in the way of another one."""
        places = self._places.setdefault(key, [])
        for place in places:
            if place.takes(user, registration.account):
                return place
        if len(places) == MOST_TRUNKS_OF_A_SERVER:
            return None
        name = "".join(c if c.isprintable() else "?" for c in registration.name or registration.hop.host)[:LONGEST_NAME]
        if places:
            number = f" ({len(places) + 1})"
            name = name[: LONGEST_NAME - len(number)] + number
            self.note(
                registration.where, f"{name} is a further trunk to the same server: its login has no room in the others"
            )
        places.append(place := Place(Trunk(name, server)))
        self._all.append(place)
        return place

    def _add_contact(self, registration: Registration, entry: Form, account: Account | None, known: Form) -> None:
        """Give an entry that is there one more contact, for a second registration of its AOR."""
        where, aor = registration.where, registration.aor
        contacts = [known[name] for name in registrants.URI_NAMES if name in known]
        contact = entry.get("URI1", "")
        if account != registration.account:
            self.left_out(where, f"{aor} stands there before, with another login")
            return
        if not contact or not contacts or contact in contacts or len(contacts) == registrants.CONTACTS:
            self.left_out(where, f"{aor} stands there before, and this is no further contact of it")
            return
        number = len(contacts) + 1
        more = {f"{name[:-1]}{number}": entry[name] for name in ("URI1", "Q1", "TTL1") if name in entry}
        if reason := _faults(registrants.ENTRY, {**known, **more}):
            self.left_out(where, reason)
            return
        known |= more
        self.note(where, f"{aor} stands there before: its contact is URI{number} there")

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


def _faults(resource: Resource, form: Form) -> str:
    """Return what is wrong with a form; a password that has to be filled in is not."""
    if resource is credentials.ENTRY and "EncryptedPassword" not in form:
        form = {**form, "EncryptedPassword": "-"}
    return "; ".join(str(fault) for fault in resource.faults(form))
