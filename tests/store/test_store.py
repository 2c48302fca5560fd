"""One directory, one lock, one database, one key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from sipregistrant.errors import KeyUnusable, ObjectMissing, StoreInUse, StoreUnavailable
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, users
from sipregistrant.store.schema import INSTANCE, USER
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

from .support import NOW, Clock, Site

# The lock


async def test_a_directory_belongs_to_one_process(site: Site, clock: Clock) -> None:
    with pytest.raises(StoreInUse) as refused:
        await Store.open(site.directory, clock)
    assert str(site.directory) in str(refused.value)


async def test_a_directory_that_was_closed_is_free(site: Site, clock: Clock) -> None:
    await site.reopen()
    await site.store.close()
    store = await Store.open(site.directory, clock)
    await store.close()
    await site.open()


async def test_an_open_that_failed_leaves_the_directory_free(site: Site, clock: Clock) -> None:
    await site.store.close()
    (site.directory / "key").chmod(0o644)
    with pytest.raises(KeyUnusable):
        await Store.open(site.directory, clock)
    (site.directory / "key").chmod(0o600)
    await site.open()


async def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        await Store.open(tmp_path / "file" / "var", clock)


async def test_a_file_that_is_no_database_is_unavailable(site: Site, clock: Clock) -> None:
    await site.store.close()
    kept = site.database.read_bytes()
    site.database.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnavailable):
        await Store.open(site.directory, clock)
    site.database.write_bytes(kept)
    await site.open()


# What is kept


async def test_the_identity_is_kept_over_a_restart(site: Site) -> None:
    before = site.store.identity_key
    await site.reopen()
    assert site.store.identity_key == before
    assert len(before) == 32


async def test_two_directories_have_two_identities(site: Site, tmp_path: Path, clock: Clock) -> None:
    other = await Store.open(tmp_path / "other", clock)
    await other.close()
    assert other.identity_key != site.store.identity_key


async def test_what_was_written_is_there_after_a_restart(site: Site) -> None:
    await site.put_chain(2)
    before = await site.rows()
    await site.reopen()
    assert await site.rows() == before
    assert (await site.get("sipregistrantentry", "1:2"))["AOR"] == "sip:u2"


async def test_a_factory_object_that_was_deleted_does_not_come_back(site: Site) -> None:
    await site.delete("sipsg", "1")
    await site.reopen()
    assert await site.ids("sipsg") == []


async def test_all_files_are_for_their_owner_alone(site: Site) -> None:
    await site.put_chain()
    assert site.directory.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in site.directory.iterdir()}
    assert set(modes.values()) == {0o600}, modes


async def test_there_is_one_row_of_the_instance(site: Site) -> None:
    await site.reopen()
    assert len(await site.all(INSTANCE)) == 1


# The key


async def test_a_database_does_not_open_with_another_key(site: Site, tmp_path: Path, clock: Clock) -> None:
    other = await Store.open(tmp_path / "other", clock)
    await other.close()
    await site.store.close()
    kept = (site.directory / "key").read_bytes()
    shutil.copy(tmp_path / "other" / "key", site.directory / "key")
    with pytest.raises(KeyUnusable):
        await Store.open(site.directory, clock)
    (site.directory / "key").write_bytes(kept)
    await site.open()


async def test_a_database_whose_key_is_missing_does_not_get_a_new_one(site: Site, clock: Clock) -> None:
    await site.store.close()
    key = site.directory / "key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyUnusable, match="is missing"):
        await Store.open(site.directory, clock)
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    await site.open()


# Reading


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await store.read(users.add, "alice", "rest", "x")


async def test_a_reader_sees_one_moment(store: Store) -> None:
    def number(tx: Tx) -> int:
        return tx.conn.execute(select(func.count()).select_from(USER)).scalar_one()

    def count_twice(tx: Tx) -> tuple[int, int]:
        return number(tx), number(tx)

    await store.write(users.add, "alice", "rest", "x")
    assert await store.read(count_twice) == (1, 1)


async def test_a_refusal_in_a_read_is_passed_on(store: Store) -> None:
    with pytest.raises(ObjectMissing):
        await store.read(config.get, RESOURCES["sipprofile"], Key(9))


async def test_functions_are_given_the_time_of_the_schedule(site: Site, clock: Clock) -> None:
    clock.advance(5)
    assert await site.store.read(lambda tx: tx.now) == NOW + 5000
    assert await site.store.write(lambda tx: tx.now) == NOW + 5000


async def test_functions_are_given_the_address_that_the_operator_said(site: Site) -> None:
    await site.store.close()
    await site.open(own_address="us.example")
    assert await site.store.write(lambda tx: tx.own_address) == "us.example"


async def test_a_fault_of_the_database_shows_no_values(store: Store) -> None:
    await store.write(users.add, "alice", "rest", "the hash")
    with pytest.raises(StoreUnavailable) as refused:
        await store.write(lambda tx: tx.conn.execute(insert(USER).values(name="alice", password_hash="the hash")))
    assert "the hash" not in str(refused.value)


# Once


async def test_a_command_writes_while_no_service_runs(site: Site, clock: Clock) -> None:
    await site.store.close()
    Store.once(site.directory, clock, users.add, "alice", "rest", "x")
    assert [user.name for user in Store.once(site.directory, clock, users.list_users)] == ["alice"]
    await site.open()
    assert await site.store.read(users.find, "alice") is not None


async def test_a_command_cannot_write_while_a_service_runs(site: Site, clock: Clock) -> None:
    with pytest.raises(StoreInUse):
        Store.once(site.directory, clock, users.list_users)


def test_a_command_makes_the_directory_where_there_is_none(tmp_path: Path, clock: Clock) -> None:
    assert Store.once(tmp_path / "a" / "b", clock, users.list_users) == []


def test_a_command_that_is_refused_changes_nothing_and_leaves_the_directory_free(tmp_path: Path, clock: Clock) -> None:
    def add_and_fail(tx: Tx) -> None:
        users.add(tx, "alice", "rest", "x")
        users.remove(tx, "nobody")

    with pytest.raises(ObjectMissing):
        Store.once(tmp_path, clock, add_and_fail)
    assert Store.once(tmp_path, clock, users.list_users) == []


def test_a_command_that_the_database_refuses_is_unavailable(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(StoreUnavailable):
        Store.once(tmp_path, clock, lambda tx: tx.conn.exec_driver_sql("SELECT * FROM nothing"))
