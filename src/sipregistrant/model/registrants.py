"""Contact registrant tables and their entries: what is to be registered.

The entry is the page that this program was made from: 28 parameters.
"""

from __future__ import annotations

from ..errors import NotUnique, SipParseError, ValueRefused
from ..sip.uri import Uri, parse_uri, same_uri
from .attributes import LARGEST_NUMBER, OURS, Attribute, Kind, enum, integer, text
from .resource import Resource, Values
from .uris import LOCAL, NONE, REMOTE, STATIC, plain_contact, plain_user, read_aor, read_contact

__all__ = [
    "AOR_TYPES",
    "CONTACTS",
    "FROM_URI",
    "INHERITED_TTL",
    "NONE",
    "LOCAL",
    "REMOTE",
    "STATIC",
    "ENTRY",
    "TABLE",
    "contacts_of",
]

PAGE = "Resource - sipregistrantentry"
CONTACTS = 8
FROM_URI = "FromURI"
URI_NAMES = [f"URI{number}" for number in range(1, CONTACTS + 1)]

AOR_TYPES = {NONE: "e_HostNone", LOCAL: "e_HostLocal", REMOTE: "e_HostRemote", STATIC: "e_HostStatic"}

INHERITED_TTL = frozenset({0, 64})
"""The values of TTLn that mean *no TTL of its own*: 64 is the documented default beside an AorTtl of 3600, so it can
only be a marker; taken as seconds it would mean 56 times the traffic. 0 says the same."""


def _contact_attributes() -> tuple[Attribute, ...]:
    """Return TTLn, Qn and URIn for each of the eight contacts, in the order of the page."""
    numbers = range(1, CONTACTS + 1)
    return (
        *(integer(f"TTL{n}", 0, LARGEST_NUMBER, 64, f"seconds contact {n} stays valid; 64 or 0: AorTtl applies", PAGE)
          for n in numbers),
        *(integer(f"Q{n}", 0, 100, 100, f"q-value of contact {n} in hundredths; 100 is q=1", PAGE) for n in numbers),
        *(text(f"URI{n}", 512, f"SIP URI of contact {n}; empty: contact {n} is unused", PAGE, kind=Kind.URI)
          for n in numbers),
    )  # fmt: skip


def contacts_of(values: Values) -> int:
    """Return how many contacts an entry registers: those it names, or one of its own at our address."""
    return sum([bool(values[name]) for name in URI_NAMES]) or 1


def check_entry(values: Values) -> None:
    """Check what the attributes of an entry must be together.

    An AOR that is Static is sent as it is written, so it must be whole: `scheme:user@host`. No contact may stand
    in an entry twice: the registrar would keep one binding for both.
    """
    check_aor(str(values["AOR"]), int(values["AorType"] or 0))
    if values.get(FROM_URI):
        check_from(str(values[FROM_URI]))
    seen: list[Uri] = []
    for name in URI_NAMES:
        text = values.get(name)
        if not text:
            continue
        uri = check_contact(name, str(text))
        if any(same_uri(uri, other) for other in seen):
            raise NotUnique(ENTRY.name, "", name)
        seen.append(uri)


def check_aor(aor: str, aor_type: int) -> None:
    """Raise `ValueRefused` where an AOR of this type could not be put on the wire."""
    if plain_user(aor, aor_type) is not None:
        return
    try:
        read_aor(aor, aor_type)
    except SipParseError as error:
        raise ValueRefused("bad", "AOR", str(error)) from None


def check_from(text: str) -> None:
    """Raise `ValueRefused` where a third party's URI could not stand in a From (RFC 3261 table 1: no port, no headers)."""
    try:
        uri = parse_uri(text)
    except SipParseError as error:
        raise ValueRefused("bad", FROM_URI, str(error)) from None
    if uri.scheme not in ("sip", "sips") or not uri.user:
        raise ValueRefused("bad", FROM_URI, "scheme:user@host is wanted, with sip or sips")
    if uri.headers:
        raise ValueRefused("bad", FROM_URI, "a From has no headers")


def check_contact(name: str, contact: str) -> Uri:
    """Return what the contact is compared by, or raise `ValueRefused` where it could not be put on the wire."""
    plain = plain_contact(contact)
    if plain is not None:
        return plain
    try:
        return read_contact(contact).comparable
    except SipParseError as error:
        raise ValueRefused("bad", name, str(error)) from None


TABLE = Resource(
    name="sipcontactregistrant",
    meaning="SIP Contact Registrant Table: a list of AORs to be registered together",
    source="observed",
    lowest_id=1,
    highest_id=65534,
    in_use_code=31011,
    attributes=(
        text("Description", 64, "name of the table", "observed"),
        Attribute("Sequence", Kind.SEQUENCE, "ids of the entries in their order of use", "observed"),
    ),
)

ENTRY = Resource(
    name="sipregistrantentry",
    meaning="SIP Contact Registrant Entry: one AOR and up to eight contacts",
    source=PAGE,
    parent="sipcontactregistrant",
    lowest_id=1,
    highest_id=LARGEST_NUMBER,
    check=check_entry,
    attributes=(
        enum("AorType", AOR_TYPES, LOCAL, "where the host part of the AOR comes from", PAGE),
        text("AOR", 512, "address-of-record; scheme:user@host where AorType is 3", PAGE, kind=Kind.URI, required=True),
        integer("AorTtl", 1, LARGEST_NUMBER, 3600, "seconds asked for in the Expires header", PAGE),
        integer("FailedRegistrationRetryTimer", 30, 86400, 120, "seconds to wait after a failed registration", PAGE,
                required=True),
        *_contact_attributes(),
        text(FROM_URI, 512, "who registers, where that is another than the AOR (third party): URI of the From", OURS,
             kind=Kind.URI),
    ),
)  # fmt: skip
