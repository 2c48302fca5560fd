"""The tables are derived from the attribute tables."""

from __future__ import annotations

import pytest
from sqlalchemy import LargeBinary, Table, UniqueConstraint

from sipregistrant.model.attributes import Kind
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store.schema import DERIVED, METADATA, OBJECTS, REGISTRATION


@pytest.mark.parametrize("name", list(RESOURCES))
def test_each_stored_attribute_has_its_column_and_there_are_no_others(name: str) -> None:
    resource, table = RESOURCES[name], OBJECTS[name]
    place = ["uid", "parent_uid", "id", "position"] if resource.parent else ["uid", "id"]
    columns = [attribute.column for attribute in resource.stored]
    assert [column.name for column in table.columns] == [*place, *columns, *DERIVED.get(name, ())]


def test_secrets_and_nothing_else_are_kept_as_bytes() -> None:
    for resource in RESOURCES.values():
        for attribute in resource.stored:
            column = OBJECTS[resource.name].c[attribute.column]
            assert isinstance(column.type, LargeBinary) == (attribute.kind is Kind.SECRET)


def test_only_numbers_without_a_default_may_be_unset() -> None:
    for resource in RESOURCES.values():
        for attribute in resource.stored:
            may_be_unset = attribute.is_number and attribute.default is None and not attribute.required
            assert OBJECTS[resource.name].c[attribute.column].nullable == may_be_unset


def unique(table: Table) -> set[tuple[str, ...]]:
    return {tuple(c.columns.keys()) for c in table.constraints if isinstance(c, UniqueConstraint)}


def test_an_id_is_taken_once_in_its_place() -> None:
    for resource in RESOURCES.values():
        assert unique(OBJECTS[resource.name]) == {("parent_uid", "id") if resource.parent else ("id",)}


def test_an_entry_has_one_row_at_each_registrar() -> None:
    assert unique(REGISTRATION) == {("entry_uid", "registrar_id")}


def test_row_numbers_are_never_used_again() -> None:
    for table in (*OBJECTS.values(), REGISTRATION, METADATA.tables["registrar"]):
        assert table.dialect_options["sqlite"]["autoincrement"]
