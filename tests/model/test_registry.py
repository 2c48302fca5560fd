"""The list of all resources."""

from __future__ import annotations

import pytest

from sipregistrant.model.registry import RESOURCES, child_of, users_of


def test_all_resources_are_there_tables_before_their_entries() -> None:
    assert list(RESOURCES) == [
        "sipremoteauthtable", "sipremoteauthentry", "sipcontactregistrant", "sipregistrantentry", "sipprofile",
        "siptlsprofile", "providerprofile", "sipservertable", "sipserver", "sipsg",
    ]  # fmt: skip


@pytest.mark.parametrize("name", list(RESOURCES))
def test_what_a_resource_names_is_a_resource(name: str) -> None:
    resource = RESOURCES[name]
    assert not resource.parent or resource.parent in RESOURCES
    assert all(attribute.refers_to in RESOURCES for attribute in resource.references)


@pytest.mark.parametrize("name", list(RESOURCES))
def test_names_and_columns_of_a_resource_are_all_different(name: str) -> None:
    attributes = RESOURCES[name].attributes
    assert len({attribute.name.lower() for attribute in attributes}) == len(attributes)
    assert len({attribute.column for attribute in attributes}) == len(attributes)


@pytest.mark.parametrize("name", list(RESOURCES))
def test_a_default_is_a_value_that_its_attribute_takes(name: str) -> None:
    for attribute in RESOURCES[name].stored:
        if attribute.default is not None:
            assert attribute.parse(str(attribute.default)) == attribute.default


@pytest.mark.parametrize("name", list(RESOURCES))
def test_a_table_has_a_sequence_and_an_entry_has_none(name: str) -> None:
    assert RESOURCES[name].has_sequence == (child_of(name) is not None)


def test_the_entries_of_a_table_are_found() -> None:
    child = child_of("sipcontactregistrant")
    assert child is not None
    assert child.name == "sipregistrantentry"
    assert child_of("sipsg") is None


def test_those_that_may_name_an_object_are_found() -> None:
    assert [(user.name, column) for user, column in users_of("sipcontactregistrant")] == [
        ("sipserver", "contact_registrant_table_id")
    ]
    assert [(user.name, column) for user, column in users_of("sipprofile")] == [("sipsg", "profile_id")]
