"""A resource: its attributes together."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.attributes import Attribute, Kind, integer, text
from sipregistrant.model.resource import SECRET_MASK, Resource, Values

SEEN: list[Values] = []

THING = Resource(
    name="thing",
    meaning="",
    source="",
    lowest_id=1,
    highest_id=9,
    check=SEEN.append,
    attributes=(
        integer("First", 0, 9, 3, "", ""),
        text("secondThing", 8, "", "", required=True),
        text("Password", 16, "", "", kind=Kind.SECRET, required=True),
        integer("Unset", 0, 9, None, "", ""),
        Attribute("Sequence", Kind.SEQUENCE, "", ""),
        Attribute("Shown", Kind.READ_ONLY, "", ""),
    ),
)
FORM = {"secondThing": "x", "Password": "secret"}


def test_creating_fills_in_defaults() -> None:
    assert THING.to_create(FORM) == {"First": 3, "secondThing": "x", "Password": "secret", "Unset": None}


def test_names_are_matched_in_any_case_and_answered_in_the_documented_one() -> None:
    assert THING.to_create({"FIRST": "4", "SecondTHING": "y", "password": "s"})["secondThing"] == "y"


def test_unknown_names_are_ignored() -> None:
    assert THING.to_create({**FORM, "Colour": "red"}) == THING.to_create(FORM)


def test_a_read_only_attribute_is_not_taken() -> None:
    assert THING.to_create({**FORM, "Shown": "mine"}) == THING.to_create(FORM)
    assert THING.to_change(THING.to_create(FORM), {"Shown": "mine"}) == {}


def test_a_sequence_is_passed_on_where_it_is_given() -> None:
    assert THING.to_create({**FORM, "Sequence": "2,1"})["Sequence"] == "2,1"


def test_the_first_fault_in_the_order_of_the_table_is_told() -> None:
    with pytest.raises(ValueRefused) as refused:
        THING.to_create({"Unset": "x", "First": "10"})
    assert refused.value.attribute == "First"


def test_a_change_holds_only_what_the_form_names() -> None:
    assert THING.to_change(THING.to_create(FORM), {"FIRST": "5"}) == {"First": 5}


def test_a_change_of_nothing_is_one() -> None:
    assert THING.to_change(THING.to_create(FORM), {}) == {}


def test_a_change_is_checked_together_with_what_is_there() -> None:
    SEEN.clear()
    THING.to_change({"First": 1, "secondThing": "x", "Password": "p", "Unset": None}, {"First": "5"})
    assert SEEN == [{"First": 5, "secondThing": "x", "Password": "p", "Unset": None}]


def test_the_mask_of_a_secret_changes_nothing() -> None:
    assert THING.to_change(THING.to_create(FORM), {"Password": SECRET_MASK}) == {}


def test_the_mask_of_a_secret_makes_none() -> None:
    with pytest.raises(ValueRefused) as refused:
        THING.to_create({**FORM, "Password": SECRET_MASK})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "Password")


def test_what_is_required_cannot_be_emptied_by_a_change() -> None:
    with pytest.raises(ValueRefused) as refused:
        THING.to_change(THING.to_create(FORM), {"secondThing": ""})
    assert refused.value.fault == "empty"


def test_a_resource_knows_what_is_stored_and_that_it_has_a_sequence() -> None:
    assert [attribute.name for attribute in THING.stored] == ["First", "secondThing", "Password", "Unset"]
    assert THING.has_sequence
