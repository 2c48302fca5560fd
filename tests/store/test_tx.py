"""Keys as the wire shows them."""

from __future__ import annotations

from sipregistrant.store.tx import Key


def test_the_key_of_a_table_is_its_id() -> None:
    assert str(Key(3)) == "3"


def test_the_key_of_an_entry_begins_with_its_table() -> None:
    assert str(Key(1, 3)) == "3:1"


def test_keys_are_compared_by_what_they_say() -> None:
    assert Key(1, 3) == Key(1, 3) != Key(3, 1)
