"""Which registrars are watched with OPTIONS, and who is told of what."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sipregistrant.model.schedule import Monitored
from sipregistrant.store import monitored
from sipregistrant.store.schedule import StoreSchedule
from sipregistrant.store.schema import REGISTRAR

from .support import Site


async def asked(site: Site, known: Mapping[int, int] | None = None) -> Monitored:
    return await StoreSchedule(site.store).monitored(known or {})


async def revs(site: Site) -> dict[int, int]:
    return {settings.id: settings.rev for settings in (await asked(site)).settings}


async def test_a_registrar_is_watched_before_it_has_an_entry(site: Site) -> None:
    await site.put_chain(0)
    found = await asked(site)
    (settings,) = found.settings
    assert (settings.id, settings.server_uid, settings.server["Host"]) == (1, 1, "203.0.113.5")
    assert (found.gone, found.is_all) == ([], True)


async def test_who_knows_it_is_told_nothing_until_it_changes(site: Site) -> None:
    await site.put_chain(0)
    known = await revs(site)
    assert await asked(site, known) == Monitored([], [])
    await site.post("sipserver", "1:1", KeepAliveFrequency=60)
    (settings,) = (await asked(site, known)).settings
    assert settings.server["KeepAliveFrequency"] == 60


@pytest.mark.parametrize(
    ("resource", "id", "form"),
    [
        ("sipserver", "1:1", {"Monitor": 0}),
        ("sipserver", "1:1", {"Monitor": 2}),
        ("sipserver", "1:1", {"KeepAliveFrequency": 0, "RecoverFrequency": 0}),
        ("sipserver", "1:1", {"ContactRegistrantTableID": 0}),
        ("sipsg", "1", {"customAdminState": 0}),
        ("sipsg", "1", {"customAdminState": 2}),
    ],
)
async def test_who_is_not_watched_any_more_is_told(
    site: Site, resource: str, id: str, form: dict[str, str | int]
) -> None:
    await site.put_chain(0)
    known = await revs(site)
    site.commits.clear()
    await site.post(resource, id, **form)
    assert await asked(site, known) == Monitored([], [1])
    assert any(tx.registrars_changed for tx in site.commits)


async def test_one_frequency_is_enough(site: Site) -> None:
    await site.put_chain(0)
    await site.post("sipserver", "1:1", KeepAliveFrequency=0)
    assert await revs(site)
    await site.post("sipserver", "1:1", KeepAliveFrequency=30, RecoverFrequency=0)
    assert await revs(site)


async def test_a_server_with_several_flows_is_watched_once(site: Site) -> None:
    await site.put_chain(0)
    await site.post("sipserver", "1:1", OutboundFlows=2)
    assert len(await site.all(REGISTRAR)) == 2
    assert len(await revs(site)) == 1


async def test_a_server_that_is_deleted_is_gone(site: Site) -> None:
    await site.put_chain()
    known = await revs(site)
    await site.delete("sipserver", "1:1")
    assert await asked(site, known) == Monitored([], [1])


async def test_an_entry_changes_no_registrar(site: Site) -> None:
    await site.put_chain()
    site.commits.clear()
    await site.post("sipregistrantentry", "1:1", AorTtl=600)
    await site.register()
    assert not any(tx.registrars_changed for tx in site.commits)


async def test_many_are_told_a_part_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitored, "MOST_AT_ONCE", 2)
    await site.put_chain(0)
    for number in range(2, 6):
        await site.put_server(f"1:{number}")
    known: dict[int, int] = {}
    parts = []
    for _ in range(3):
        found = await asked(site, known)
        parts.append((len(found.settings), found.is_all))
        known |= {settings.id: settings.rev for settings in found.settings}
    assert parts == [(2, False), (2, False), (1, True)]
