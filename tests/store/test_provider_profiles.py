"""A provider profile in the store: named by servers, changed for all who use it, and there from the first start on."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from sipregistrant.errors import ObjectInUse, ReferenceMissing
from sipregistrant.model.provider_profiles import PROFILE
from sipregistrant.model.registry import RESOURCES
from sipregistrant.sip.behaviour import USUAL, Behaviour, ContactMatch, ExpiresStyle
from sipregistrant.store.migrate import alembic_config, migrate
from sipregistrant.store.objects import values_of
from sipregistrant.store.registrars import registrar_settings
from sipregistrant.store.schema import OBJECTS

from .support import Clock, Site


async def behaviour(site: Site, registrar_id: int = 1) -> Behaviour:
    settings = await site.store.read(registrar_settings, registrar_id)
    assert settings is not None
    return settings.behaviour


async def put(site: Site, id: str = "100", **form: str | int) -> None:
    await site.put("providerprofile", id, **form)


async def name(site: Site, profile: int, server: str = "1:1") -> None:
    await site.post("sipserver", server, ProviderProfileID=profile)
    await site.reconcile()


async def test_a_server_without_one_is_as_usual(site: Site) -> None:
    await site.put_chain()
    assert await behaviour(site) is USUAL


async def test_a_server_is_spoken_to_as_its_profile_says(site: Site) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await put(site, ContactMatch=2, ExtraHeaders="X-A: 1")
    await name(site, 100, "1:2")
    assert await behaviour(site, 1) is USUAL
    assert await behaviour(site, 2) == Behaviour(ContactMatch.USER, extra_lines="X-A: 1\r\n")


async def test_to_name_one_makes_its_registrations_due(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await put(site)
    await name(site, 100)
    assert len(await site.due()) == 2


@pytest.mark.parametrize(
    ("form", "is_due"),
    [({"ExpiresStyle": 2}, True), ({"ContactMatch": 3}, True), ({"ExtraHeaders": "X-A: 2"}, True),
     ({"CallId": 2}, False), ({"UnregisterStyle": 1}, False), ({"Source": "elsewhere"}, False)],
)  # fmt: skip
async def test_a_change_comes_to_all_who_use_it_and_to_nobody_else(
    site: Site, clock: Clock, form: dict[str, str | int], is_due: bool
) -> None:
    await put(site)
    await site.put_chain(2)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await name(site, 100)
    await site.register(1)
    await site.register(2)
    clock.advance(60)
    known = (await site.claim()).settings
    assert known is not None
    site.commits.clear()
    await site.post("providerprofile", "100", **form)
    await site.reconcile()
    assert {id for tx in site.commits for id in tx.knocks} == {1}
    assert len(await site.due()) == (2 if is_due else 0)
    claim = await site.claim(known_rev=known.rev)
    assert claim.settings is not None
    assert (await site.claim(2)).rows == []


async def test_one_that_is_named_is_not_deleted(site: Site) -> None:
    await put(site)
    await site.put_chain()
    await name(site, 100)
    with pytest.raises(ObjectInUse) as refused:
        await site.delete("providerprofile", "100")
    assert (refused.value.user, refused.value.user_id) == ("sipserver", "1:1")
    await name(site, 0)
    await site.delete("providerprofile", "100")
    assert await behaviour(site) is USUAL


async def test_one_that_is_not_there_is_not_named(site: Site) -> None:
    await site.put_chain()
    with pytest.raises(ReferenceMissing):
        await site.post("sipserver", "1:1", ProviderProfileID=100)


async def test_the_first_ones_are_there_and_stay_as_the_operator_wants_them(site: Site) -> None:
    assert await site.ids("providerprofile") == list(PROFILE.factory)
    await site.post("providerprofile", "1", ContactMatch=1)
    await site.delete("providerprofile", "2")
    await site.reopen()
    assert await site.ids("providerprofile") == [id for id in PROFILE.factory if id != 2]
    assert (await site.get("providerprofile", "1"))["ContactMatch"] == 1


def test_a_database_of_before_gets_those_that_a_new_one_has(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    table = OBJECTS[PROFILE.name]
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0010")
        connection.execute(text(
            "INSERT INTO instance (one, identity_key, key_check, boot_id, clock_offset_ms, own_address, has_left) "
            "VALUES (1, 'k', 'c', '', 0, '', 0)"
        ))  # fmt: skip
    with engine.begin() as connection:
        migrate(connection)
        there = {row.id: values_of(RESOURCES[PROFILE.name], row) for row in connection.execute(select(table))}
        server = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'sipserver'")).scalar_one()
    engine.dispose()
    assert there == {
        id: PROFILE.to_create({name: str(value) for name, value in given.items()})
        for id, given in PROFILE.factory.items()
    }
    assert "provider_profile_id" in server


async def test_the_expires_of_the_first_ones_is_what_they_say(site: Site) -> None:
    await site.put_chain()
    await name(site, 3)
    assert (await behaviour(site)).expires_style is ExpiresStyle.HEADER
