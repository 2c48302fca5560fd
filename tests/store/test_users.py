"""The people and programs that may log in."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ObjectExists, ObjectMissing, ValueRefused
from sipregistrant.store import users
from sipregistrant.store.store import Store
from sipregistrant.store.users import User

from .support import NOW, Clock


async def test_a_user_that_was_added_is_found(store: Store) -> None:
    await store.write(users.add, "scripts", "rest", "hash")
    assert await store.read(users.find, "scripts") == User("scripts", "rest", "hash", NOW)


async def test_a_user_that_is_not_there_is_none(store: Store) -> None:
    assert await store.read(users.find, "nobody") is None


async def test_names_are_told_apart_by_case(store: Store) -> None:
    await store.write(users.add, "Scripts", "rest", "hash")
    assert await store.read(users.find, "scripts") is None


async def test_users_are_listed_by_name(store: Store) -> None:
    for name in ("b", "c", "a"):
        await store.write(users.add, name, "readonly", "hash")
    assert [user.name for user in await store.read(users.list_users)] == ["a", "b", "c"]


async def test_a_name_that_is_taken_is_refused_and_its_password_stays(store: Store) -> None:
    await store.write(users.add, "scripts", "rest", "hash")
    with pytest.raises(ObjectExists) as refused:
        await store.write(users.add, "scripts", "admin", "other")
    assert (refused.value.resource, refused.value.id) == ("user", "scripts")
    assert await store.read(users.find, "scripts") == User("scripts", "rest", "hash", NOW)


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb", "a\x00", "a\x85"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    assert not name or len(name) > 256 or not name.isprintable()


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb", "a\x00", "a\x85"])
async def test_a_user_of_such_a_name_is_not_added(store: Store, name: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        await store.write(users.add, name, "rest", "hash")
    assert refused.value.attribute == "name"


@pytest.mark.parametrize("level", ["rest", "admin", "readonly"])
async def test_there_are_three_levels(store: Store, level: str) -> None:
    await store.write(users.add, "x", level, "hash")


async def test_any_other_level_is_refused(store: Store) -> None:
    with pytest.raises(ValueRefused) as refused:
        await store.write(users.add, "x", "root", "hash")
    assert refused.value.attribute == "level"


async def test_another_password_is_kept_with_its_time(store: Store, clock: Clock) -> None:
    await store.write(users.add, "scripts", "rest", "hash")
    clock.advance(60)
    await store.write(users.set_password, "scripts", "other")
    assert await store.read(users.find, "scripts") == User("scripts", "rest", "other", NOW + 60_000)


async def test_a_user_that_was_removed_is_gone(store: Store) -> None:
    await store.write(users.add, "scripts", "rest", "hash")
    await store.write(users.remove, "scripts")
    assert await store.read(users.list_users) == []


async def test_who_is_not_there_is_missing(store: Store) -> None:
    with pytest.raises(ObjectMissing):
        await store.write(users.remove, "nobody")
    with pytest.raises(ObjectMissing):
        await store.write(users.set_password, "nobody", "hash")
