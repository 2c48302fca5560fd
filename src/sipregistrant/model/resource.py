"""A resource: its name, where it hangs, which ids it takes, and its attributes.

A *table* (`sipcontactregistrant`) stands at the root; an *entry* (`sipregistrantentry`) hangs in a table, and its id
on the wire is `table:entry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import NotUnique, ValueRefused
from .attributes import OURS, Attribute, Kind, Value

__all__ = ["SECRET_MASK", "Resource", "Values"]

Values = dict[str, Value]
"""The values of one object by documented attribute name."""

SECRET_MASK = "**********"
"""What GET shows for a secret. POSTing it back changes nothing; PUT refuses it."""


def accept_anything(values: Values) -> None:
    """Check nothing: the attributes of this resource do not depend on each other."""


def accept_any_change(current: Values, changes: Values) -> None:
    """Check nothing: what was does not matter to what may be."""


@dataclass(frozen=True)
class Resource:
    """One resource of /rest.

    `check` sees all values together and raises `ValueRefused` or `NotUnique`; `check_change` sees what is there, secrets
    masked, and what a request names of it. `in_use_code` is the application code
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
    check_change: Callable[[Values, Values], None] = accept_any_change
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
        """The attributes that no box has, of a resource that boxes have. GET shows them once they are set."""
        return () if self.source == OURS else tuple(a for a in self.attributes if a.source == OURS)

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
        if not self._must_be_given <= given.keys():
            return self._to_create_one_by_one(given)
        values = self._when_absent.copy()
        try:
            for name, text in given.items():
                attribute = self._taken.get(name)
                if attribute is not None:
                    values[attribute.name] = _parse_new(attribute, text)
        except ValueRefused:
            # Told is the first in table order.
            return self._to_create_one_by_one(given)
        self.check(values)
        return values

    def _to_create_one_by_one(self, given: Mapping[str, str]) -> Values:
        values: Values = {}
        for attribute in self._taken.values():
            text = given.get(attribute.name.lower())
            if text is not None:
                values[attribute.name] = _parse_new(attribute, text)
            elif attribute.is_stored:
                values[attribute.name] = attribute.when_absent()
        self.check(values)
        return values

    @cached_property
    def _taken(self) -> dict[str, Attribute]:
        """The attributes that a form may give, by their name in lower case."""
        return {name: a for name, a in self.by_lower_name.items() if a.kind is not Kind.READ_ONLY}

    @cached_property
    def _must_be_given(self) -> frozenset[str]:
        return frozenset(name for name, a in self._taken.items() if a.is_stored and a.required and a.default is None)

    @cached_property
    def _when_absent(self) -> Values:
        """The values of a new object before its form is read, in table order."""
        return {a.name: a.default if a.name.lower() in self._must_be_given else a.when_absent() for a in self.stored}

    def faults(self, form: Mapping[str, str], current: Values | None = None) -> list[ValueRefused | NotUnique]:
        """Return everything that is wrong with a form, for a new object or, with `current`, a change; not the first alone."""
        given = {name.lower(): value for name, value in form.items()}
        values: Values = dict(current or {})
        found: list[ValueRefused | NotUnique] = []
        for name, attribute in self._taken.items():
            text = given.get(name)
            try:
                if text is not None and not (current is not None and _is_mask(attribute, text)):
                    values[attribute.name] = _parse_new(attribute, text)
                elif text is None and current is None and attribute.is_stored:
                    values[attribute.name] = attribute.when_absent()
            except ValueRefused as error:
                found.append(error)
        if not found:
            try:
                if current is None:
                    self.check(values)
                else:
                    self.check_changed(current, self.named(form))
            except (ValueRefused, NotUnique) as error:
                found.append(error)
        return found

    def to_change(self, current: Values, form: Mapping[str, str]) -> Values:
        """Return the values that a form changes on top of `current`: only what it names, all of it checked.

        The mask of a secret changes nothing.
        """
        changes = self.named(form)
        self.check_changed(current, changes)
        return changes

    def check_changed(self, current: Values, changes: Values) -> None:
        """Check what an object is after a change, and that it may be changed so; raise as `check` does."""
        self.check({**current, **changes})
        self.check_change(current, changes)

    def named(self, form: Mapping[str, str]) -> Values:
        """Return the values that a form names, each of them right by itself."""
        given = {name.lower(): value for name, value in form.items()}
        values: Values = {}
        # In table order, because the first fault is told.
        for name in sorted(given.keys() & self._taken.keys(), key=self._place.__getitem__):
            attribute, text = self._taken[name], given[name]
            if not _is_mask(attribute, text):
                values[attribute.name] = attribute.parse(text)
        return values

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self._taken)}


def _is_mask(attribute: Attribute, text: str) -> bool:
    return attribute.kind is Kind.SECRET and text == SECRET_MASK


def _parse_new(attribute: Attribute, text: str) -> Value:
    """Return the value of what a form gives. The mask is none."""
    if _is_mask(attribute, text):
        raise ValueRefused("bad", attribute.name, "the mask that GET shows is no password")
    return attribute.parse(text)
