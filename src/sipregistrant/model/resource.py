"""A resource: its name, where it hangs, which ids it takes, and its attributes.

A *table* (`sipcontactregistrant`) stands at the root; an *entry* (`sipregistrantentry`) hangs in a table, and its id
on the wire is `table:entry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import ValueRefused
from .attributes import OURS, Attribute, Kind, Value

__all__ = ["SECRET_MASK", "Resource", "Values"]

Values = dict[str, Value]
"""The values of one object by documented attribute name."""

SECRET_MASK = "**********"
"""What GET shows for a secret. POSTing it back changes nothing; PUT refuses it."""


def accept_anything(values: Values) -> None:
    """Check nothing: the attributes of this resource do not depend on each other."""


@dataclass(frozen=True)
class Resource:
    """One resource of /rest.

    `check` sees all values together and raises `ValueRefused` or `NotUnique`. `in_use_code` is the application code
    of refusing to delete an object that another one names. `display_name` and the id stand in a read-only name where
    there is no Description. `factory` are the objects of a first start.
    """

    name: str
    meaning: str
    source: str
    attributes: tuple[Attribute, ...]
    lowest_id: int
    highest_id: int
    parent: str = ""
    display_name: str = ""
    in_use_code: int = 0
    check: Callable[[Values], None] = accept_anything
    factory: Mapping[int, Mapping[str, Value]] = field(default_factory=dict)

    @cached_property
    def by_lower_name(self) -> dict[str, Attribute]:
        """Attributes by their name in lower case: names are matched without regard to case."""
        return {attribute.name.lower(): attribute for attribute in self.attributes}

    @cached_property
    def stored(self) -> tuple[Attribute, ...]:
        return tuple(attribute for attribute in self.attributes if attribute.is_stored)

    @cached_property
    def references(self) -> tuple[Attribute, ...]:
        return tuple(attribute for attribute in self.attributes if attribute.refers_to)

    @cached_property
    def keeps_plus(self) -> frozenset[str]:
        """Names, in lower case, of the attributes in which a `+` of a form is no blank: those that may have none."""
        return frozenset(a.name.lower() for a in self.attributes if a.kind is Kind.URI or a.keeps_plus)

    @cached_property
    def keeps_first_plus(self) -> frozenset[str]:
        """Names, in lower case, of the attributes that may be a number with a `+` before it."""
        return frozenset(a.name.lower() for a in self.attributes if a.may_be_number)

    @cached_property
    def rendered(self) -> tuple[Attribute, ...]:
        """The attributes of which GET shows something else than what is stored, but the Sequence."""
        return tuple(a for a in self.attributes if a.kind in (Kind.SECRET, Kind.READ_ONLY))

    @cached_property
    def ours(self) -> tuple[Attribute, ...]:
        """The attributes that no box has. GET shows them once they are set."""
        return tuple(a for a in self.attributes if a.source == OURS)

    @cached_property
    def has_secret(self) -> bool:
        return any(attribute.kind is Kind.SECRET for attribute in self.attributes)

    @cached_property
    def has_sequence(self) -> bool:
        return any(attribute.kind is Kind.SEQUENCE for attribute in self.attributes)

    def to_create(self, form: Mapping[str, str]) -> Values:
        """Return all values of a new object from a form (names in any case), defaults filled in.

        Raises `ValueRefused` for the first faulty attribute in table order, `NotUnique` from `check`.
        """
        given = {name.lower(): value for name, value in form.items()}
        values: Values = {}
        for attribute in self.attributes:
            if attribute.kind is Kind.READ_ONLY:
                continue
            value = given.get(attribute.name.lower())
            if value is None:
                if attribute.is_stored:
                    values[attribute.name] = attribute.when_absent()
                continue
            if attribute.kind is Kind.SECRET and value == SECRET_MASK:
                raise ValueRefused("bad", attribute.name, "the mask that GET shows is no password")
            values[attribute.name] = attribute.parse(value)
        self.check(values)
        return values

    def to_change(self, current: Values, form: Mapping[str, str]) -> Values:
        """Return the values that a form changes on top of `current`: only what it names, all of it checked.

        The mask of a secret changes nothing.
        """
        given = {name.lower(): value for name, value in form.items()}
        changes: Values = {}
        for attribute in self.attributes:
            value = given.get(attribute.name.lower())
            if value is None or attribute.kind is Kind.READ_ONLY:
                continue
            if attribute.kind is Kind.SECRET and value == SECRET_MASK:
                continue
            changes[attribute.name] = attribute.parse(value)
        self.check({**current, **changes})
        return changes
