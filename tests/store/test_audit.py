"""The audit log: who changed what, from what to what."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ObjectInUse, ObjectMissing, ValueRefused
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import actions, audit, bulk, config, users
from sipregistrant.store.audit import Noted
from sipregistrant.store.store import Store
from sipregistrant.store.tx import SERVICE, Key, Tx

from .support import Site

ENTRY, CREDENTIAL = RESOURCES["sipregistrantentry"], RESOURCES["sipremoteauthentry"]


async def newest(store: Store, **which: str) -> Noted:
    return (await store.read(audit.page, 2**62, 1, **which))[0]


def change(tx: Tx, /, id: str, **form: str) -> None:
    table, entry = id.split(":")
    config.change(tx, ENTRY, Key(int(entry), int(table)), form)


async def test_a_change_tells_what_was_and_what_is(site: Site) -> None:
    await site.put_chain()
    await site.store.write_as("user:ops", change, "1:1", AorTtl="600", URI1="sip:a@192.0.2.7")
    line = await newest(site.store)
    assert (line.who, line.action, line.resource, line.key) == ("user:ops", "change", "sipregistrantentry", "1:1")
    assert (line.before, line.after) == ({"aor_ttl": 3600, "uri1": ""}, {"aor_ttl": 600, "uri1": "sip:a@192.0.2.7"})
    assert line.at == site.store.now()


async def test_what_changes_nothing_is_no_line(site: Site) -> None:
    await site.put_chain()
    before = await newest(site.store)
    await site.post("sipregistrantentry", "1:1", AorTtl=3600)
    assert await newest(site.store) == before


async def test_what_is_refused_is_no_line(site: Site) -> None:
    await site.put_chain()
    before = await newest(site.store)
    with pytest.raises(ValueRefused):
        await site.post("sipregistrantentry", "1:1", AorTtl=0)
    with pytest.raises(ObjectInUse):
        await site.delete("sipcontactregistrant", "1")
    assert await newest(site.store) == before


async def test_what_is_made_and_what_goes_is_told_with_what_it_had(site: Site) -> None:
    await site.put_chain()
    made = await newest(site.store, resource="sipregistrantentry")
    assert (made.action, made.before) == ("create", None)
    assert (made.after or {})["aor"]
    await site.delete("sipregistrantentry", "1:1")
    gone = await newest(site.store)
    assert (gone.action, gone.before, gone.after) == ("delete", made.after, None)


async def test_no_line_has_a_password(site: Site) -> None:
    await site.put_chain()
    await site.post("sipremoteauthentry", "1:1", EncryptedPassword="the new one")
    await site.store.write(users.add, "ops", "rest", "a hash")
    await site.store.write(users.set_password, "ops", "another hash")
    lines = await site.store.read(audit.page, 2**62, 1000)
    assert any(line.resource == "sipremoteauthentry" and line.action == "change" for line in lines)
    assert "the new one" not in str(lines)
    assert "hash" not in str(lines)


async def test_who_it_was_holds_for_that_one_alone(site: Site) -> None:
    await site.put_chain()
    await site.store.write_as("user:ops", change, "1:1", AorTtl="600")
    await site.store.write(change, "1:1", AorTtl="601")
    assert (await newest(site.store)).who == SERVICE
    with pytest.raises(ValueRefused):
        await site.store.write_as("user:ops", change, "1:1", AorTtl="0")
    await site.store.write(change, "1:1", AorTtl="602")
    assert (await newest(site.store)).who == SERVICE


async def test_an_action_and_an_import_are_lines(site: Site) -> None:
    await site.put_chain()
    await site.store.write_as("token:ci", actions.act, ENTRY, Key(1, 1), "refresh")
    line = await newest(site.store)
    assert (line.who, line.action, line.key) == ("token:ci", "refresh", "1:1")
    lines = [bulk.Line(1, 7, {"AOR": "sip:new"}), bulk.Line(2, 1, {"AorTtl": "60"})]
    await bulk.apply(site.store, ENTRY, 1, lines, who="user:ops")
    line = await newest(site.store)
    assert (line.who, line.action, line.resource, line.key) == ("user:ops", "import", "sipcontactregistrant", "1")
    assert line.after == {"added": 1, "changed": 1, "removed": 0}


async def test_another_order_is_a_line_and_the_same_order_is_none(site: Site) -> None:
    await site.put_chain(2)
    await site.post("sipcontactregistrant", "1", Sequence="2,1")
    line = await newest(site.store)
    assert (line.action, line.after) == ("reorder", {"first": [2, 1]})
    await site.post("sipcontactregistrant", "1", Sequence="2,1")
    assert await newest(site.store) == line


async def test_pages_go_back_in_time(site: Site) -> None:
    await site.put_chain(5)
    lines = await site.store.read(audit.page, 2**62, 3)
    assert [line.id for line in lines] == sorted((line.id for line in lines), reverse=True)
    further = await site.store.read(audit.page, lines[-1].id, 1000)
    assert {line.id for line in further}.isdisjoint(line.id for line in lines)
    assert await site.store.read(audit.page, 2**62, 10, who="user:nobody") == []


async def test_removing_nobody_is_no_line(site: Site) -> None:
    with pytest.raises(ObjectMissing):
        await site.store.write(users.remove, "nobody")
    assert await site.store.read(audit.page, 2**62, 10, resource="user") == []
