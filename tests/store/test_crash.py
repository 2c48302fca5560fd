"""A crash loses nothing that was acknowledged: what is on disk at any moment is opened as if the process had been killed."""

from __future__ import annotations

import shutil
from pathlib import Path

from sipregistrant.store import claim

from .support import Clock, Site, removed


async def open_copy(site: Site, clock: Clock, directory: Path) -> Site:
    """Open what is on disk at this moment, as if the process had been killed."""
    shutil.copytree(site.directory, directory, ignore=shutil.ignore_patterns("*-shm"))
    copy = Site(directory, clock)
    await copy.open()
    return copy


async def test_a_crash_between_claim_and_settle_makes_the_row_due_again(
    site: Site, clock: Clock, tmp_path: Path
) -> None:
    await site.put_chain()
    claimed = await site.claim_one()
    copy = await open_copy(site, clock, tmp_path / "copy")
    again = await copy.claim_one()
    await copy.store.close()
    assert again.id == claimed.id
    assert again.maybe_held_until == clock.seconds + 3600


async def test_a_crash_makes_nothing_due_that_was_settled(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain(3)
    await site.register()
    before = await site.rows()
    copy = await open_copy(site, clock, tmp_path / "copy")
    assert await copy.rows() == before
    assert await copy.due() == []
    await copy.store.close()


async def test_a_crash_loses_no_put_that_was_answered(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain(0)
    await site.put("sipregistrantentry", "1:7", AOR="sip:seven")
    copy = await open_copy(site, clock, tmp_path / "copy")
    assert (await copy.get("sipregistrantentry", "1:7"))["AOR"] == "sip:seven"
    assert await copy.due() == [1]
    await copy.store.close()


async def test_a_crash_loses_no_un_register(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain()
    await site.register(contacts=["sip:a@h"])
    await site.delete("sipregistrantentry", "1:1")
    await site.claim()
    copy = await open_copy(site, clock, tmp_path / "copy")
    clock.advance(claim.UNREGISTER_WAIT_SECONDS)
    again = await copy.claim_one()
    assert again.is_tombstone
    assert again.sent is not None
    assert [contact.uri for contact in again.sent.contacts] == ["sip:a@h"]
    await copy.settle(removed(again, clock))
    assert await copy.rows() == []
    await copy.store.close()


async def test_a_crash_in_the_middle_of_a_fan_out_goes_on_with_it(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain(1)
    await site.put_copies(599)
    await site.post("sipserver", "1:1", Host="h")
    await site.store.write(lambda tx: None)
    copy = await open_copy(site, clock, tmp_path / "copy")
    await copy.reconcile()
    assert len(await copy.rows()) == 600
    await copy.store.close()
