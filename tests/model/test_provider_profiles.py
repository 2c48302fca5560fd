"""Provider profiles: all of them ours."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.attributes import OURS
from sipregistrant.model.provider_profiles import PROFILE, behaviour_of
from sipregistrant.sip.behaviour import USUAL, Behaviour, CallIdLife, ContactMatch, ExpiresStyle, UnregisterStyle


def test_a_profile_is_ours_from_end_to_end() -> None:
    assert PROFILE.source == OURS
    assert {attribute.source for attribute in PROFILE.attributes} == {OURS}
    assert [attribute.name for attribute in PROFILE.attributes] == [
        "Description", "Source", "ContactMatch", "ExpiresStyle", "CallId", "UnregisterStyle", "ExtraHeaders",
    ]  # fmt: skip


def test_all_of_it_is_shown() -> None:
    """A resource that no box has hides nothing from programs for boxes."""
    assert PROFILE.ours == ()


def test_its_ids_are_those_of_other_profiles() -> None:
    assert (PROFILE.lowest_id, PROFILE.highest_id) == (1, 65534)


def test_an_empty_one_is_as_usual() -> None:
    assert behaviour_of(PROFILE.to_create({})) == USUAL


def test_all_of_it_comes_to_something() -> None:
    form = {"ContactMatch": "2", "ExpiresStyle": "3", "CallId": "1", "UnregisterStyle": "2", "ExtraHeaders": "X-A: 1"}
    assert behaviour_of(PROFILE.to_create(form)) == Behaviour(
        ContactMatch.USER, ExpiresStyle.OWN, CallIdLife.AFTER_FAILURE, UnregisterStyle.NONE, "X-A: 1\r\n"
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("ContactMatch", ContactMatch), ("ExpiresStyle", ExpiresStyle), ("CallId", CallIdLife),
     ("UnregisterStyle", UnregisterStyle)],
)  # fmt: skip
def test_each_number_has_its_meaning(name: str, kinds: type[ContactMatch]) -> None:
    assert list(PROFILE.by_lower_name[name.lower()].labels) == list(kinds)


@pytest.mark.parametrize("text", ["Via: x", "no header", "X: 1|contact: *", "X: " + "a" * 1024])
def test_headers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        PROFILE.to_create({"ExtraHeaders": text})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "ExtraHeaders")
    with pytest.raises(ValueRefused):
        PROFILE.to_change(PROFILE.to_create({}), {"ExtraHeaders": text})


def test_each_of_the_first_ones_names_its_source_and_is_as_an_operator_could_make_it() -> None:
    assert PROFILE.factory
    for id, given in PROFILE.factory.items():
        made = PROFILE.to_create({name: str(value) for name, value in given.items()})
        assert str(made["Source"]).startswith("https://")
        assert behaviour_of(made) != USUAL
        assert id < 100
