"""API tokens."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sipregistrant.errors import ObjectExists, ObjectMissing, ValueRefused
from sipregistrant.store import api_tokens
from sipregistrant.store.schema import API_TOKEN
from sipregistrant.store.store import Store


async def test_a_key_is_known_by_its_text(store: Store) -> None:
    key, text = await store.write_as("user:ops", api_tokens.add, "deploy", "rest")
    assert (key.name, key.level, key.created_by, key.created_at) == ("deploy", "rest", "user:ops", store.now())
    assert text.startswith(api_tokens.PREFIX)
    assert await store.read(api_tokens.find, text) == key
    assert await store.read(api_tokens.find, text + "x") is None
    assert await store.read(api_tokens.find, "\udcff") is None


async def test_the_text_is_not_kept(store: Store) -> None:
    _, text = await store.write(api_tokens.add, "deploy", "rest")
    (row,) = await store.read(lambda tx: tx.conn.execute(select(API_TOKEN)).all())
    assert text not in str(row)
    assert text.removeprefix(api_tokens.PREFIX) not in str(row)


async def test_a_key_that_is_removed_opens_nothing(store: Store) -> None:
    _, text = await store.write(api_tokens.add, "deploy", "rest")
    await store.write(api_tokens.remove, "deploy")
    assert await store.read(api_tokens.find, text) is None
    assert await store.read(api_tokens.list_tokens) == []
    with pytest.raises(ObjectMissing):
        await store.write(api_tokens.remove, "deploy")


async def test_no_two_keys_have_one_name(store: Store) -> None:
    await store.write(api_tokens.add, "deploy", "rest")
    with pytest.raises(ObjectExists):
        await store.write(api_tokens.add, "deploy", "admin")


@pytest.mark.parametrize(("name", "level"), [("", "rest"), ("x" * 65, "rest"), ("a\nb", "rest"), ("x", "root")])
async def test_a_key_that_cannot_be_is_refused(store: Store, name: str, level: str) -> None:
    with pytest.raises(ValueRefused):
        await store.write(api_tokens.add, name, level)
