"""One attribute of a resource: its documented facts, and how its text becomes a value.

The rules for text are those of the wire API: numbers are one to ten ASCII digits and nothing else, lengths are counted
in decoded characters, control characters are refused everywhere, and what is required must not be empty.
Texts come in decoded; how they were encoded is the business of `rest/forms.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..errors import SipParseError, ValueRefused
from ..sip.uri import split_host_port

__all__ = [
    "ENABLE",
    "OURS",
    "WORD_BREAK",
    "Attribute",
    "Kind",
    "Value",
    "check_host",
    "enum",
    "has_control_characters",
    "integer",
    "reference",
    "text",
]

Value = int | str | None
"""A stored value: an int, a text, or None for a number that was never given."""

LARGEST_NUMBER = 2147483647

# int() alone would take "1_0", "+5", " 5" and the digits of other scripts.
NUMBER = re.compile(r"[0-9]{1,10}\Z", re.ASCII)

# C0, DEL and C1; a surrogate stands for a byte that was not UTF-8. XML 1.0 has no way to write U+FFFE and U+FFFF.
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Where a word ends and the next begins in a documented name: aorTtl, TLSProfile.
WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def has_control_characters(value: str) -> bool:
    """Tell whether the text holds anything that may stand neither in a SIP message nor in XML."""
    return CONTROL_CHARACTER.search(value) is not None


class Kind(Enum):
    """What a value is."""

    TEXT = "string"
    URI = "uri"
    """Text in which a blank is never legal, so that an unencoded `+` in a form is one (`rest/forms.py`)."""
    SECRET = "secret"
    """Text that is sealed at rest and never given back."""
    INTEGER = "int"
    ENUM = "Enum"
    SEQUENCE = "sequence"
    """Comma-separated ids of the children in their order of use; rendered from their positions, never stored."""
    READ_ONLY = "read-only"
    """Rendered, never taken."""


OURS = "ours"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of a resource's attribute table.

    `source` names the vendor's page, or is `observed` for what only programs that talk to real boxes tell, `OURS` for what
    no box has.
    `default` is None where the page gives none; then an absent text is "" and an absent number is unset.
    """

    name: str
    kind: Kind
    meaning: str
    source: str
    required: bool = False
    default: int | str | None = None
    lowest: int = 0
    highest: int = LARGEST_NUMBER
    also: frozenset[int] = frozenset()
    longest: int = 0
    labels: Mapping[int, str] = field(default_factory=dict)
    may_be_empty: bool = True
    service_affecting: bool = False
    refers_to: str = ""
    column: str = ""
    keeps_plus: bool = False
    """A `+` that was sent as it is stays one, as in a URI."""
    may_be_number: bool = False
    """A `+` before a digit at the very beginning stays one: users of trunks are numbers."""

    def __post_init__(self) -> None:
        if not self.column:
            object.__setattr__(self, "column", WORD_BREAK.sub("_", self.name).lower())

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.INTEGER, Kind.ENUM)

    @property
    def is_stored(self) -> bool:
        return self.kind not in (Kind.SEQUENCE, Kind.READ_ONLY)

    def when_absent(self) -> Value:
        """Return the value of an attribute that a creating request does not name.

        Raises `ValueRefused("missing")` where it is required and has no default.
        """
        if self.default is not None:
            return self.default
        if self.required:
            raise ValueRefused("missing", self.name)
        return None if self.is_number else ""

    def parse(self, value: str) -> Value:
        """Turn the text of a request into a value, or raise `ValueRefused`."""
        if value == "":
            return self._parse_empty()
        if has_control_characters(value):
            raise ValueRefused("bad", self.name, "a control character, or bytes that are not UTF-8")
        if self.is_number:
            return self._parse_number(value)
        if self.kind is Kind.URI and " " in value:
            raise ValueRefused("bad", self.name, "a blank, which no URI may have")
        if self.longest and len(value) > self.longest:
            raise ValueRefused("bad", self.name, f"longer than {self.longest} characters")
        return value

    def _parse_empty(self) -> Value:
        if self.required and not self.may_be_empty:
            raise ValueRefused("empty", self.name)
        if not self.is_number:
            return ""
        if self.default is not None:
            raise ValueRefused("bad", self.name, "a number is wanted")
        return None

    def _parse_number(self, value: str) -> int:
        if not NUMBER.match(value):
            raise ValueRefused("bad", self.name, "a number of 1 to 10 digits is wanted")
        number = int(value)
        if self.kind is Kind.ENUM:
            if number not in self.labels:
                raise ValueRefused("bad", self.name, "one of " + ", ".join(map(str, self.labels)) + " is wanted")
        elif not (self.lowest <= number <= self.highest or number in self.also):
            raise ValueRefused("bad", self.name, f"{self.lowest} to {self.highest} is wanted")
        return number


def check_host(name: str, value: Value, *, may_have_port: bool) -> None:
    """Raise `ValueRefused` where a text that is not empty is no host: URIs are made with it."""
    if not value:
        return
    try:
        _, port = split_host_port(str(value))
    except SipParseError as error:
        raise ValueRefused("bad", name, str(error)) from None
    if port is not None and not may_have_port:
        raise ValueRefused("bad", name, "a host without a port is wanted")


ENABLE: Mapping[int, str] = {0: "btFalse", 1: "btTrue"}


def text(name: str, longest: int, meaning: str, source: str, *, kind: Kind = Kind.TEXT, required: bool = False,
         default: str | None = None, may_be_empty: bool | None = None, column: str = "", keeps_plus: bool = False,
         may_be_number: bool = False) -> Attribute:  # fmt: skip
    """Declare a text; one that is required may not be empty unless said otherwise."""
    if may_be_empty is None:
        may_be_empty = not required
    return Attribute(name, kind, meaning, source, required=required, default=default, longest=longest,
                     may_be_empty=may_be_empty, column=column, keeps_plus=keeps_plus, may_be_number=may_be_number)  # fmt: skip


def integer(name: str, lowest: int, highest: int, default: int | None, meaning: str, source: str, *,
            required: bool = False, also: frozenset[int] = frozenset(), affects_service: bool = False) -> Attribute:  # fmt: skip
    """Declare a number with its range, both ends included."""
    return Attribute(name, Kind.INTEGER, meaning, source, required=required, default=default, lowest=lowest,
                     highest=highest, also=also, may_be_empty=not required, service_affecting=affects_service)  # fmt: skip


def enum(name: str, labels: Mapping[int, str], default: int | None, meaning: str, source: str, *,
         required: bool = False, affects_service: bool = False, column: str = "") -> Attribute:  # fmt: skip
    """Declare a number that stands for a word; the words are the vendor's labels."""
    return Attribute(name, Kind.ENUM, meaning, source, required=required, default=default, labels=labels,
                     may_be_empty=not required, service_affecting=affects_service, column=column)  # fmt: skip


def reference(name: str, resource: str, highest: int, default: int, meaning: str, source: str, *, lowest: int = 0,
              required: bool = False, column: str = "") -> Attribute:  # fmt: skip
    """Declare a number that names an object of another resource; 0 names none."""
    return Attribute(name, Kind.INTEGER, meaning, source, required=required, default=default, lowest=lowest,
                     highest=highest, may_be_empty=not required, refers_to=resource, column=column)  # fmt: skip
