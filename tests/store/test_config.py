"""Objects created, read, changed and deleted."""

from __future__ import annotations

import pytest

from sipregistrant.errors import (
    NotUnique,
    ObjectExists,
    ObjectInUse,
    ObjectMissing,
    ReferenceMissing,
    Refusal,
    ValueRefused,
)
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.resource import SECRET_MASK
from sipregistrant.store import config, state
from sipregistrant.store.config import place_of_secret
from sipregistrant.store.schema import METADATA, OBJECTS
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

from .support import Site

AUTH_ENTRY = RESOURCES["sipremoteauthentry"]
PASSWORD = "correct horse battery staple"


def snapshot(tx: Tx) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is in the database."""
    return {name: [tuple(row) for row in tx.conn.execute(table.select())] for name, table in METADATA.tables.items()}


async def put_credential(site: Site, **form: str) -> None:
    await site.put("sipremoteauthtable", "1")
    await site.put("sipremoteauthentry", "1:1", **{"User": "alice", "EncryptedPassword": PASSWORD, **form})


# Creating and reading


async def test_an_object_is_read_as_it_was_created(site: Site) -> None:
    await site.put("sipcontactregistrant", "1", Description="Trunks")
    await site.put("sipregistrantentry", "1:5", AOR="sip:alice", AorTtl=600, URI2="sip:a@h", Q2=5)
    values = await site.get("sipregistrantentry", "1:5")
    assert (values["AOR"], values["AorTtl"], values["URI2"], values["Q2"]) == ("sip:alice", 600, "sip:a@h", 5)


async def test_all_documented_attributes_are_read(site: Site) -> None:
    await site.put_chain()
    for resource in RESOURCES.values():
        id = "1:1" if resource.parent else "1"
        documented = {attribute.name for attribute in resource.attributes if attribute not in resource.ours}
        assert set(await site.get(resource.name, id)) == documented


async def test_what_is_read_can_be_posted_back_and_changes_nothing(site: Site, store: Store) -> None:
    await site.put_chain(2)
    before = await store.read(snapshot)
    for resource in RESOURCES.values():
        id = "1:1" if resource.parent else "1"
        shown = {name: "" if value is None else value for name, value in (await site.get(resource.name, id)).items()}
        await site.post(resource.name, id, **shown)
    assert await store.read(snapshot) == before


async def test_an_id_that_is_taken_is_refused(site: Site) -> None:
    await site.put("sipcontactregistrant", "1")
    with pytest.raises(ObjectExists) as refused:
        await site.put("sipcontactregistrant", "1")
    assert (refused.value.resource, refused.value.id) == ("sipcontactregistrant", "1")


async def test_the_same_entry_id_may_stand_in_two_tables(site: Site) -> None:
    await site.put_table(1, "1")
    await site.put_table(1, "2")
    assert await site.ids("sipregistrantentry", 2) == [1]


@pytest.mark.parametrize("verb", ["put", "post", "delete", "get"])
async def test_a_missing_table_is_named_whatever_is_asked(site: Site, verb: str) -> None:
    with pytest.raises(ObjectMissing) as refused:
        await getattr(site, verb)("sipregistrantentry", "7:1")
    assert (refused.value.resource, refused.value.id) == ("sipcontactregistrant", "7")


async def test_a_list_of_a_missing_table_names_it(site: Site) -> None:
    with pytest.raises(ObjectMissing) as refused:
        await site.ids("sipregistrantentry", 7)
    assert (refused.value.resource, refused.value.id) == ("sipcontactregistrant", "7")


@pytest.mark.parametrize("verb", ["post", "delete", "get"])
async def test_a_missing_object_is_named(site: Site, verb: str) -> None:
    await site.put("sipcontactregistrant", "1")
    with pytest.raises(ObjectMissing) as refused:
        await getattr(site, verb)("sipregistrantentry", "1:9")
    assert (refused.value.resource, refused.value.id) == ("sipregistrantentry", "1:9")


async def test_ids_are_listed_in_ascending_order(site: Site) -> None:
    for id in ("30", "4", "100"):
        await site.put("sipcontactregistrant", id)
    assert await site.ids("sipcontactregistrant") == [4, 30, 100]


async def test_all_entries_of_a_table_are_read_at_once_and_no_others(site: Site, store: Store) -> None:
    await site.put_table(2, "1")
    await site.put_table(1, "2")
    found = await store.read(state.page, RESOURCES["sipregistrantentry"], 1, 0, 100)
    assert [(str(key), values["AOR"]) for key, values in found] == [("1:1", "sip:u1"), ("1:2", "sip:u2")]


async def test_an_object_exists_or_not(site: Site, store: Store) -> None:
    await site.put_table(1)
    entry = RESOURCES["sipregistrantentry"]
    assert await store.read(config.exists, entry, Key(1, 1))
    assert not await store.read(config.exists, entry, Key(2, 1))
    with pytest.raises(ObjectMissing):
        await store.read(config.exists, entry, Key(1, 2))


@pytest.mark.parametrize("form", [{}, {"AOR": ""}, {"AOR": "sip:a", "Q1": "101"}, {"AOR": "sip:a", "AorType": "3"}])
async def test_a_form_that_is_refused_changes_nothing(site: Site, store: Store, form: dict[str, str]) -> None:
    await site.put_chain()
    before = await store.read(snapshot)
    with pytest.raises(ValueRefused):
        await site.put("sipregistrantentry", "1:2", **form)
    assert await store.read(snapshot) == before


async def test_the_factory_objects_are_there_and_group_1_uses_server_table_1(site: Site) -> None:
    assert await site.ids("sipprofile") == [1]
    assert await site.ids("sipservertable") == [1]
    assert await site.ids("sipsg") == [1]
    group = await site.get("sipsg", "1")
    assert (group["ServerClusterId"], group["ProfileID"], group["customAdminState"]) == (1, 1, 1)
    assert await site.ids("sipcontactregistrant") == []
    assert await site.ids("sipremoteauthtable") == []


# Changing


async def test_a_change_leaves_what_it_does_not_name(site: Site) -> None:
    await site.put_table(1, AorTtl=600)
    before = await site.get("sipregistrantentry", "1:1")
    await site.post("sipregistrantentry", "1:1", Q3=50)
    assert await site.get("sipregistrantentry", "1:1") == {**before, "Q3": 50}


async def test_a_change_that_is_refused_changes_nothing(site: Site, store: Store) -> None:
    await site.put_chain()
    before = await store.read(snapshot)
    with pytest.raises(ValueRefused):
        await site.post("sipregistrantentry", "1:1", AorTtl=600, URI8="sip:\n")
    assert await store.read(snapshot) == before


async def test_a_contact_that_repeats_one_that_is_there_is_refused(site: Site) -> None:
    await site.put_table(1, URI1="sip:a@h")
    with pytest.raises(NotUnique) as refused:
        await site.post("sipregistrantentry", "1:1", URI2="sip:a@h")
    assert refused.value.attribute == "URI2"


async def test_a_post_of_nothing_bumps_no_revision(site: Site) -> None:
    await site.put_chain()
    before = await site.row()
    await site.post("sipregistrantentry", "1:1")
    assert await site.row() == before


# References


@pytest.mark.parametrize("attribute", ["ContactRegistrantTableID", "RemoteAuthorizationTableID"])
async def test_a_server_cannot_name_a_table_that_is_not_there(site: Site, attribute: str) -> None:
    with pytest.raises(ReferenceMissing) as refused:
        await site.put("sipserver", "1:1", **{"Host": "h", attribute: "9"})
    assert (refused.value.resource, refused.value.id, refused.value.attribute) == ("sipserver", "1:1", attribute)


async def test_a_change_cannot_name_a_table_that_is_not_there(site: Site, store: Store) -> None:
    await site.put_chain()
    before = await store.read(snapshot)
    with pytest.raises(ReferenceMissing):
        await site.post("sipserver", "1:1", ContactRegistrantTableID=9)
    assert await store.read(snapshot) == before


async def test_0_names_no_table(site: Site) -> None:
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=0, RemoteAuthorizationTableID=0)
    assert (await site.get("sipserver", "1:1"))["ContactRegistrantTableID"] == 0


async def test_a_group_cannot_name_a_profile_that_is_not_there(site: Site) -> None:
    with pytest.raises(ReferenceMissing) as refused:
        await site.put("sipsg", "2", ProfileID=9)
    assert refused.value.attribute == "ProfileID"


@pytest.mark.parametrize(
    ("resource", "user", "user_id"),
    [
        ("sipcontactregistrant", "sipserver", "1:1"),
        ("sipremoteauthtable", "sipserver", "1:1"),
        ("sipservertable", "sipsg", "1"),
        ("sipprofile", "sipsg", "1"),
    ],
)
async def test_an_object_in_use_cannot_go(site: Site, resource: str, user: str, user_id: str) -> None:
    await site.put_chain()
    with pytest.raises(ObjectInUse) as refused:
        await site.delete(resource, "1")
    assert (refused.value.resource, refused.value.user, refused.value.user_id) == (resource, user, user_id)
    assert (await site.get(resource, "1"))["Description"] is not None


async def test_an_object_that_nobody_names_any_more_can_go(site: Site) -> None:
    await site.put_chain()
    await site.post("sipserver", "1:1", ContactRegistrantTableID=0)
    await site.delete("sipcontactregistrant", "1")
    assert await site.ids("sipcontactregistrant") == []


async def test_the_servers_of_a_deleted_table_hold_nothing_back(site: Site) -> None:
    await site.put_table(1)
    await site.put("sipservertable", "2")
    await site.put("sipserver", "2:1", Host="h", ContactRegistrantTableID=1)
    await site.delete("sipservertable", "2")
    await site.delete("sipcontactregistrant", "1")
    assert await site.ids("sipcontactregistrant") == []


# Deleting


async def test_a_deleted_object_is_gone_for_every_read(site: Site, store: Store) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    assert await site.ids("sipregistrantentry", 1) == []
    assert await store.read(state.page, RESOURCES["sipregistrantentry"], 1, 0, 100) == []
    with pytest.raises(ObjectMissing):
        await site.runtime("sipregistrantentry", "1:1")
    with pytest.raises(ObjectMissing):
        await site.get("sipregistrantentry", "1:1")


async def test_a_table_made_anew_has_none_of_its_remains(site: Site) -> None:
    await site.put_table(3)
    await site.delete("sipcontactregistrant", "1")
    await site.put("sipcontactregistrant", "1")
    assert await site.ids("sipregistrantentry", 1) == []
    assert (await site.get("sipcontactregistrant", "1"))["Sequence"] == ""


async def test_the_entries_of_a_deleted_table_are_cleared_away(site: Site) -> None:
    await site.put_table(3)
    await site.delete("sipcontactregistrant", "1")
    await site.reconcile()
    assert await site.all(OBJECTS["sipregistrantentry"]) == []


async def test_a_row_number_is_never_used_again(site: Site) -> None:
    await site.put("sipcontactregistrant", "1")
    (first,) = await site.all(OBJECTS["sipcontactregistrant"])
    await site.delete("sipcontactregistrant", "1")
    await site.put("sipcontactregistrant", "1")
    (second,) = await site.all(OBJECTS["sipcontactregistrant"])
    assert second.uid > first.uid


# Sequence and display name


async def sequence(site: Site) -> object:
    return (await site.get("sipcontactregistrant", "1"))["Sequence"]


async def test_new_entries_go_last(site: Site) -> None:
    await site.put("sipcontactregistrant", "1")
    for id in (3, 1, 2):
        await site.put("sipregistrantentry", f"1:{id}", AOR=f"sip:u{id}")
    assert await sequence(site) == "3,1,2"


async def test_an_explicit_sequence_reorders(site: Site) -> None:
    await site.put_table(4)
    await site.post("sipcontactregistrant", "1", Sequence="4,2,1,3")
    assert await sequence(site) == "4,2,1,3"


async def test_what_a_sequence_does_not_name_follows_in_the_order_it_had(site: Site) -> None:
    await site.put_table(4)
    await site.post("sipcontactregistrant", "1", Sequence="4, 2")
    assert await sequence(site) == "4,2,1,3"


async def test_a_new_entry_goes_last_after_a_reorder(site: Site) -> None:
    await site.put_table(3)
    await site.post("sipcontactregistrant", "1", Sequence="3,2,1")
    await site.put("sipregistrantentry", "1:9", AOR="sip:u9")
    assert await sequence(site) == "3,2,1,9"


async def test_an_empty_sequence_changes_no_order(site: Site) -> None:
    await site.put_table(3)
    await site.post("sipcontactregistrant", "1", Sequence="", Description="x")
    assert await sequence(site) == "1,2,3"


async def test_a_sequence_that_names_what_is_not_there_is_refused(site: Site) -> None:
    await site.put_table(2)
    with pytest.raises(ReferenceMissing) as refused:
        await site.post("sipcontactregistrant", "1", Sequence="2,7", Description="x")
    assert refused.value.attribute == "Sequence"
    assert await sequence(site) == "1,2"
    assert (await site.get("sipcontactregistrant", "1"))["Description"] == ""


@pytest.mark.parametrize("text", ["1,,2", "1;2", "1,1", "a", "1,-2", "1,2,", "٣", "12345678901"])
async def test_a_sequence_is_ids_separated_by_commas_each_once(site: Site, text: str) -> None:
    await site.put_table(2)
    with pytest.raises(ValueRefused) as refused:
        await site.post("sipcontactregistrant", "1", Sequence=text)
    assert (refused.value.fault, refused.value.attribute) == ("bad", "Sequence")


async def test_a_sequence_on_the_put_of_a_table_names_what_is_not_there_yet(site: Site) -> None:
    with pytest.raises(ReferenceMissing):
        await site.put("sipcontactregistrant", "1", Sequence="1")
    assert await site.ids("sipcontactregistrant") == []


async def test_a_display_name_is_the_description_or_made_of_the_id(site: Site) -> None:
    await site.put("sipservertable", "7")
    assert (await site.get("sipservertable", "7"))["StringName"] == "SIP Server Table 7"
    await site.post("sipservertable", "7", Description="Carrier", StringName="mine")
    assert (await site.get("sipservertable", "7"))["StringName"] == "Carrier"


# Secrets


async def test_a_password_is_never_given_back(site: Site, store: Store) -> None:
    await put_credential(site)
    assert (await site.get("sipremoteauthentry", "1:1"))["EncryptedPassword"] == SECRET_MASK
    ((_, values),) = await store.read(state.page, AUTH_ENTRY, 1, 0, 100)
    assert values["EncryptedPassword"] == SECRET_MASK


async def test_a_password_stands_in_no_file(site: Site) -> None:
    await put_credential(site)
    await site.put_table(1)
    await site.put_server()
    await site.reconcile()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await site.store.close()
    written = b"".join(path.read_bytes() for path in site.directory.iterdir())
    await site.open()
    assert b"alice" in written
    assert PASSWORD.encode() not in written


async def test_the_mask_posted_back_changes_no_password(site: Site, store: Store) -> None:
    await put_credential(site)
    before = await site.all(OBJECTS["sipremoteauthentry"])
    await site.post("sipremoteauthentry", "1:1", EncryptedPassword=SECRET_MASK)
    assert await site.all(OBJECTS["sipremoteauthentry"]) == before


async def test_the_mask_is_no_password_of_a_new_credential(site: Site) -> None:
    with pytest.raises(Refusal):
        await put_credential(site, EncryptedPassword=SECRET_MASK)
    assert await site.ids("sipremoteauthentry", 1) == []


async def test_a_password_is_sealed_for_its_own_place(site: Site, store: Store) -> None:
    await put_credential(site)
    (row,) = await site.all(OBJECTS["sipremoteauthentry"])
    place = place_of_secret(AUTH_ENTRY, row.parent_uid, row.id, "encrypted_password")
    assert await store.read(lambda tx: tx.vault.open(row.encrypted_password, place)) == PASSWORD


# From user


async def test_the_user_that_credentials_are_chosen_by_follows_the_aor(site: Site) -> None:
    await site.put_table(1)
    await site.post("sipregistrantentry", "1:1", AOR="sip:%2331%23")
    (row,) = await site.all(OBJECTS["sipregistrantentry"])
    assert row.from_user == "#31#"
    await site.post("sipregistrantentry", "1:1", AorType=3, AOR="sip:bob@example.com")
    (row,) = await site.all(OBJECTS["sipregistrantentry"])
    assert row.from_user == "bob"


async def test_a_third_party_has_credentials_of_its_own(site: Site) -> None:
    await site.put_table(1)
    await site.post("sipregistrantentry", "1:1", FromURI="sip:pbx@example.com")
    (row,) = await site.all(OBJECTS["sipregistrantentry"])
    assert row.from_user == "pbx"
    await site.post("sipregistrantentry", "1:1", AOR="sip:carol@example.com")
    (row,) = await site.all(OBJECTS["sipregistrantentry"])
    assert row.from_user == "pbx"
    await site.post("sipregistrantentry", "1:1", FromURI="")
    (row,) = await site.all(OBJECTS["sipregistrantentry"])
    assert row.from_user == "carol"


async def test_an_attribute_of_ours_that_is_given_as_it_is_by_default_changes_nothing(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipregistrantentry", "1:1", FromURI="")
    assert await site.due() == []
