"""Objects as JSON has them: names in snake_case, words for numbers that stand for words, contacts as a list.

    {"id": 7, "aor": "sip:alice@example.com", "aor_type": "static", "aor_ttl": 600,
     "contacts": [{"uri": "sip:alice@192.0.2.7", "ttl": 64, "q": 1.0}]}

All of it follows from the attribute tables of `model/`; what a value may be is said there, and checked there
(`Resource.faults`): here texts are made of JSON, and faults get the names that JSON has. Lines of an import may also be flat
(`uri1`, `ttl1`, `q1` in hundredths) and have the documented names, in any case: `AorTtl` is `aor_ttl`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..errors import NotUnique, ValueRefused
from ..model.attributes import Attribute, Kind, Value
from ..model.registrants import CONTACTS, ENTRY
from ..model.registry import RESOURCES
from ..model.resource import Resource, Values
from .words import is_switch, word_of, words_of

__all__ = ["CONTACT_PART", "PLACES", "Given", "Place", "Shape", "place_of", "shape_of", "text_of"]

CONTACT_PART = re.compile(r"(URI|TTL|Q)([1-8])\Z")
"""The attributes of one of the eight contacts of an entry."""
PARTS = {"uri": "URI", "ttl": "TTL", "q": "Q"}
HUNDREDTHS = 100

NAMES = {"EncryptedPassword": "password"}
"""Where the documented name says something else than what it is: it is sent in clear."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of a resource are in /api/v1, and what one is called."""

    resource: Resource
    collection: str
    one: str


PLACES = {
    name: Place(RESOURCES[name], collection, one)
    for name, collection, one in (
        ("sipcontactregistrant", "tables", "table"),
        ("sipregistrantentry", "entries", "entry"),
        ("sipservertable", "server-tables", "server_table"),
        ("sipserver", "servers", "server"),
        ("sipremoteauthtable", "credential-tables", "credential_table"),
        ("sipremoteauthentry", "credentials", "credential"),
        ("sipprofile", "profiles", "profile"),
        ("providerprofile", "provider-profiles", "provider_profile"),
        ("siptlsprofile", "tls-profiles", "tls_profile"),
        ("sipsg", "groups", "group"),
    )
}


def place_of(resource: Resource) -> Place:
    """Return where the objects of a resource are."""
    return PLACES[resource.name]


@dataclass(slots=True)
class Given:
    """What a body gives: the form of it, and what is wrong with it already, (name in JSON, problem)."""

    form: dict[str, str] = field(repr=False)
    faults: list[tuple[str, str]]


class Shape:
    """The JSON of one resource."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    @cached_property
    def fields(self) -> dict[str, Attribute]:
        """The attributes by their names in JSON, but those of contacts, in the order of the table."""
        return {
            NAMES.get(attribute.name, attribute.column): attribute
            for attribute in self.resource.attributes
            if not self._is_of_contact(attribute)
        }

    @cached_property
    def has_contacts(self) -> bool:
        return self.resource is ENTRY

    @cached_property
    def flat(self) -> dict[str, Attribute]:
        """The attributes that are given, by all names that lines may have for them, in lower case and without `_`."""
        taken = [a for a in self.resource.attributes if a.kind is not Kind.READ_ONLY]
        documented = {_plain(a.name): a for a in taken}
        return documented | {_plain(NAMES.get(a.name, a.column)): a for a in taken}

    def _is_of_contact(self, attribute: Attribute) -> bool:
        return self.has_contacts and CONTACT_PART.match(attribute.name) is not None

    # --- out

    def to_json(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Return what is shown of an object, without secrets. `values` are by documented names."""
        shown = {
            name: _shown(attribute, values[attribute.name])
            for name, attribute in self.fields.items()
            if attribute.kind is not Kind.SECRET and attribute.name in values
        }
        if self.has_contacts:
            shown["contacts"] = contacts_of(values)
        return shown

    # --- in

    def read(self, given: Mapping[str, Any]) -> Given:
        """Take the members of a body as the API has them."""
        found = Given({}, [])
        for name, value in given.items():
            attribute = self.fields.get(name)
            if name == "contacts" and self.has_contacts:
                self._read_contacts(value, found)
            elif attribute is None or attribute.kind is Kind.READ_ONLY:
                found.faults.append((name[:64], self.unknown(name, attribute)))
            else:
                _take(name, attribute, value, found, is_lenient=False)
        return found

    def read_line(self, given: Mapping[str, Any]) -> Given:
        """Take the members of a line of an import: as `read`, and flat, by any name; all values may be texts."""
        found = Given({}, [])
        for name, value in given.items():
            attribute = self.attribute_of(name)
            if name == "contacts" and self.has_contacts:
                self._read_contacts(value, found)
            elif attribute is None:
                found.faults.append((name[:64], self.unknown(name, None)))
            elif attribute.name in found.form:
                found.faults.append((name[:64], "it is given twice"))
            else:
                _take(name, attribute, value, found, is_lenient=True)
        return found

    def attribute_of(self, name: str) -> Attribute | None:
        """Return the attribute that a line of an import means by a name."""
        return self.flat.get(_plain(name))

    def unknown(self, name: str, attribute: Attribute | None = None) -> str:
        """Say what is wrong with a name."""
        if attribute is not None:
            return "it is shown, and cannot be given"
        known = [*self.fields, *(["contacts"] if self.has_contacts else [])]
        near = difflib.get_close_matches(name.lower(), known, 1)
        return "there is no such member" + (f"; {near[0]}?" if near else "")

    def _read_contacts(self, contacts: Any, found: Given) -> None:
        """Take the list of contacts: all eight are as it says, those that it does not have are unused."""
        if not isinstance(contacts, list) or len(contacts) > CONTACTS:
            found.faults.append(("contacts", f"a list of at most {CONTACTS} contacts is wanted"))
            return
        for number in range(1, CONTACTS + 1):
            contact = contacts[number - 1] if number <= len(contacts) else {}
            if not isinstance(contact, dict):
                found.faults.append((f"contacts[{number - 1}]", "an object is wanted: uri, ttl, q"))
                continue
            for name in contact.keys() - PARTS.keys():
                found.faults.append((f"contacts[{number - 1}].{name[:64]}", "there is no such member; uri, ttl, q are"))
            for part, documented in PARTS.items():
                attribute = self.resource.by_lower_name[f"{documented}{number}".lower()]
                where = f"contacts[{number - 1}].{part}"
                if part not in contact:
                    found.form[attribute.name] = _text(attribute.when_absent())
                elif part == "q":
                    _take_q(where, attribute.name, contact[part], found)
                else:
                    _take(where, attribute, contact[part], found, is_lenient=False)

    def where(self, attribute: str) -> str:
        """Return what JSON calls an attribute, given by its documented name."""
        part = CONTACT_PART.match(attribute) if self.has_contacts else None
        if part is not None:
            return f"contacts[{int(part[2]) - 1}].{part[1].lower()}"
        return self.column_of(attribute)

    def column_of(self, attribute: str) -> str:
        """Return what a CSV calls an attribute, given by its documented name."""
        known = self.resource.by_lower_name.get(attribute.lower())
        return NAMES.get(attribute, known.column) if known else attribute

    def faults(self, given: Given, current: Values | None = None) -> list[tuple[str, str]]:
        """Return all that is wrong with what is given: for a new object, or on top of `current`."""
        told = {name for name, _ in given.faults}
        found = list(given.faults)
        for fault in self.resource.faults(given.form, current):
            where = self.where(fault.attribute)
            # What could not be read was not given to the table: it is not missing.
            if where not in told:
                found.append((where, words_for(fault)))
        return found


def words_for(fault: ValueRefused | NotUnique) -> str:
    """Say what is wrong with an attribute."""
    if isinstance(fault, NotUnique):
        return "it is in this entry twice"
    if fault.fault == "missing":
        return "it is missing"
    return fault.problem or f"it is {fault.fault}"


def contacts_of(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Return the contacts up to the last that is not as it is by default."""
    contacts: list[dict[str, Any]] = []
    used = 0
    for number in range(1, CONTACTS + 1):
        uri, ttl, q = (values[f"{part}{number}"] for part in PARTS.values())
        contacts.append({"uri": uri, "ttl": ttl, "q": int(q or 0) / HUNDREDTHS})
        if uri or any(
            values[f"{part}{number}"] != ENTRY.by_lower_name[f"{part.lower()}{number}"].default for part in ("TTL", "Q")
        ):
            used = number
    return contacts[:used]


def _shown(attribute: Attribute, value: Value) -> Any:
    if attribute.kind is Kind.SEQUENCE:
        return [int(id) for id in str(value).split(",")] if value else []
    if attribute.kind is not Kind.ENUM or value is None:
        return value
    return bool(value) if is_switch(attribute) else word_of(attribute, int(value))


def text_of(attribute: Attribute, value: Value) -> str:
    """Return a value as a cell of a CSV."""
    shown = _shown(attribute, value)
    return str(shown).lower() if isinstance(shown, bool) else "" if shown is None else str(shown)


def _take(name: str, attribute: Attribute, value: Any, found: Given, *, is_lenient: bool) -> None:
    """Turn one value of JSON into the text that the attribute is given as."""
    match attribute.kind:
        case Kind.ENUM:
            text = _enum_text(attribute, value, is_lenient=is_lenient)
        case Kind.INTEGER:
            text = _number_text(attribute, value, is_lenient=is_lenient)
        case Kind.SEQUENCE:
            text = _sequence_text(value)
        case _:
            text = value if isinstance(value, str) else str(value) if is_lenient and _is_int(value) else None
    if text is None:
        found.faults.append((name, _wanted(attribute)))
    else:
        found.form[attribute.name] = text


def _enum_text(attribute: Attribute, value: Any, *, is_lenient: bool) -> str | None:
    if value is None:
        return "" if _may_be_unset(attribute) else None
    if is_switch(attribute):
        if isinstance(value, bool):
            return str(int(value))
        switch = {"true": "1", "false": "0", "1": "1", "0": "0"}
        return switch.get(str(value).lower()) if is_lenient else None
    if _is_int(value) or (is_lenient and isinstance(value, str) and value.isascii() and value.isdigit()):
        return str(value) if int(value) in attribute.labels else None
    for number, word in words_of(attribute).items():
        if value == word:
            return str(number)
    return None


def _number_text(attribute: Attribute, value: Any, *, is_lenient: bool) -> str | None:
    if value is None:
        return "" if _may_be_unset(attribute) else None
    if _is_int(value):
        # One that is below zero is told by its range, not as something that is no number.
        return str(value)
    return value if is_lenient and isinstance(value, str) else None


def _sequence_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(_is_int(id) and id > 0 for id in value):
        return None
    return ",".join(map(str, value))


def _take_q(name: str, attribute: str, value: Any, found: Given) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    hundredths = round(value * HUNDREDTHS) if is_number and 0 <= value <= 1 else -1
    if hundredths < 0 or abs(value * HUNDREDTHS - hundredths) > 1e-9:
        found.faults.append((name, "a number from 0 to 1 with at most two decimals is wanted"))
    else:
        found.form[attribute] = str(hundredths)


def _wanted(attribute: Attribute) -> str:
    match attribute.kind:
        case Kind.ENUM if is_switch(attribute):
            return "true or false is wanted"
        case Kind.ENUM:
            return "one of " + ", ".join(words_of(attribute).values()) + " is wanted"
        case Kind.INTEGER:
            return f"a whole number, {attribute.lowest} to {attribute.highest}, is wanted"
        case Kind.SEQUENCE:
            return "a list of ids is wanted"
        case _:
            return "a text is wanted"


def _may_be_unset(attribute: Attribute) -> bool:
    return attribute.default is None and not attribute.required


def _is_int(value: Any) -> bool:
    return type(value) is int


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


SHAPES = {name: Shape(resource) for name, resource in RESOURCES.items()}


def shape_of(resource: Resource) -> Shape:
    """Return the shape of a resource."""
    return SHAPES[resource.name]
