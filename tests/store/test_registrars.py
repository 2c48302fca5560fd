"""Registrars: a server as one signaling group reaches it."""

from __future__ import annotations

import pytest

from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.servers import ENTRY as SERVER
from sipregistrant.store import objects, registrars
from sipregistrant.store.schema import OBJECTS, REGISTRAR, REGISTRAR_COUNT

from .support import Clock, Site, removed


async def test_there_is_a_registrar_for_each_group_and_server_with_a_table(site: Site) -> None:
    await site.put_chain(0)
    await site.put_server("1:2", Host="h")
    await site.put_server("1:3", Host="h", ContactRegistrantTableID=0)
    await site.put("sipsg", "2", ServerClusterId=1)
    assert [(row.sipsg_uid, row.sipserver_uid) for row in await site.all(REGISTRAR)] == [(1, 1), (1, 2), (2, 1), (2, 2)]


async def test_settings_are_the_configuration_that_registrations_share(site: Site) -> None:
    await site.put("sipprofile", "3", UserAgentHeader="mine")
    await site.post("sipsg", "1", ProfileID=3, ListenPort_1=5070)
    await site.put_chain(0)
    settings = await site.store.read(registrars.registrar_settings, 1)
    assert settings is not None
    assert (settings.id, settings.group_uid, settings.credentials_uid, settings.is_gone) == (1, 1, 1, False)
    assert settings.profile["UserAgentHeader"] == "mine"
    assert settings.group["ListenPort_1"] == 5070
    ours = {attribute.name: attribute.when_absent() for attribute in SERVER.ours}
    assert settings.server == ours | await site.get("sipserver", "1:1")


async def test_a_registrar_that_is_not_there_has_no_settings(site: Site) -> None:
    assert await site.store.read(registrars.registrar_settings, 1) is None


@pytest.mark.parametrize(("resource", "id"), [("sipserver", "1:1"), ("sipsg", "1")])
async def test_of_a_registrar_whose_server_or_group_is_gone_defaults_are_left(
    site: Site, resource: str, id: str
) -> None:
    await site.put_chain()
    await site.register()
    await site.delete(resource, id)
    await site.reconcile()
    settings = await site.store.read(registrars.registrar_settings, 1)
    assert settings is not None
    assert settings.is_gone
    assert settings.credentials_uid == 1
    assert set(settings.server) == {attribute.name for attribute in RESOURCES["sipserver"].stored}


@pytest.mark.parametrize(
    ("admin", "older", "is_on"), [(1, 1, True), (0, 1, False), (2, 1, False), (1, 0, False), (0, 0, False)]
)
def test_a_group_registers_when_it_is_enabled_by_both_its_names(admin: int, older: int, is_on: bool) -> None:
    assert registrars.group_is_on({"customAdminState": admin, "ConfigIEState": older}) is is_on


async def test_groups_are_listed_by_id_with_their_values(site: Site) -> None:
    await site.put("sipsg", "7", Description="seven")
    await site.put("sipsg", "3", Description="three")
    found = await site.store.read(registrars.groups)
    assert [(id, values["Description"]) for _, id, values in found] == [
        (1, "Default Signaling Group"), (3, "three"), (7, "seven"),
    ]  # fmt: skip


async def test_the_key_of_a_local_aor_does_not_depend_on_sockets(site: Site) -> None:
    await site.put_chain(0)
    await site.put("sipregistrantentry", "1:1", AOR="sip:alice", AorType=1)
    before = (await site.row()).binding_key
    await site.post("sipsg", "1", ListenPort_1=5099)
    await site.reconcile()
    assert [row.binding_key for row in await site.rows()] == [before]


async def test_the_key_of_a_local_aor_depends_on_its_group_where_our_address_is_not_said(site: Site) -> None:
    await site.put_chain(0)
    await site.put("sipsg", "2", ServerClusterId=1)
    await site.reconcile()
    await site.put("sipregistrantentry", "1:1", AOR="sip:alice", AorType=1)
    first, second = await site.rows()
    assert first.binding_key != second.binding_key


async def test_the_key_of_a_local_aor_is_that_of_our_address_where_it_is_said(site: Site) -> None:
    await site.store.close()
    await site.open(own_address="us.example")
    await site.put_chain(0)
    await site.put("sipregistrantentry", "1:1", AOR="sip:alice", AorType=1)
    await site.put("sipregistrantentry", "1:2", AOR="sip:alice@us.example", AorType=0)
    first, second = await site.rows()
    # One AOR, but at two registrar domains: that of the server, and that of the AOR.
    assert first.binding_key != second.binding_key
    await site.post("sipserver", "1:1", DomainName="us.example")
    await site.reconcile()
    assert len({row.binding_key for row in await site.rows()}) == 1


async def test_values_of_a_row_that_is_gone_are_the_defaults() -> None:
    values = objects.values_of(RESOURCES["sipserver"], None)
    assert (values["Port"], values["Host"], values["Protocol"]) == (5060, "", 1)


async def test_a_registrar_in_use_is_not_forgotten(site: Site) -> None:
    await site.put_chain()
    await site.store.write(registrars.forget_unused)
    assert len(await site.all(REGISTRAR)) == 1


async def test_a_registrar_where_something_is_left_to_un_register_is_not_forgotten(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    await site.store.write(registrars.forget_unused)
    assert len(await site.all(REGISTRAR)) == 1
    await site.settle(removed(await site.claim_one(), clock))
    assert await site.all(REGISTRAR) == []
    assert await site.all(REGISTRAR_COUNT) == []


async def test_a_server_made_anew_at_the_same_id_is_another_registrar(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipserver", "1:1")
    await site.put_server()
    await site.reconcile()
    assert [row.id for row in await site.all(REGISTRAR)] == [1, 2]
    assert [(row.registrar_id, row.desired) for row in await site.rows()] == [(1, 0), (2, 1)]
    assert {row.uid for row in await site.all(OBJECTS["sipserver"])} == {2}
