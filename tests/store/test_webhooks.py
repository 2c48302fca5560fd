"""Webhooks in the database: what is due to whom, and how far that has come."""

from __future__ import annotations

from typing import Any

import pytest

from sipregistrant.errors import ObjectMissing, ValueRefused
from sipregistrant.model.events import EventKind
from sipregistrant.store import audit, events, webhooks

from .support import NOW, Site

URL = "https://ops.example/hook"


async def put(site: Site, name: str = "ops", **given: Any) -> tuple[webhooks.Webhook, str]:
    return await site.store.write(lambda tx: webhooks.put(tx, name, **given))


async def happen(site: Site, kind: EventKind = EventKind.SERVICE_STARTED) -> None:
    await site.store.write(events.append, kind, "something", {})


async def due(site: Site, id: int = 1) -> webhooks.Due:
    found = await site.store.read(webhooks.due, id)
    assert isinstance(found, webhooks.Due)
    return found


async def test_a_new_one_is_sent_what_happens_from_then_on_in_its_order(site: Site) -> None:
    await happen(site)
    webhook, secret = await put(site, url=URL)
    assert secret.startswith("whsec_")
    assert await site.store.read(webhooks.due, webhook.id) == webhook
    await happen(site)
    await happen(site)
    for wanted in (2, 3):
        first = await due(site)
        assert (first.event.id, first.secret) == (wanted, secret)
        await site.store.write(webhooks.delivered, first.webhook, first.event.id, 204)
    assert isinstance(await site.store.read(webhooks.due, webhook.id), webhooks.Webhook)


async def test_what_is_not_taken_is_due_again_later_and_nothing_overtakes_it(site: Site) -> None:
    await put(site, url=URL)
    await happen(site)
    await happen(site)
    first = await due(site)
    await site.store.write(webhooks.failed, first.webhook, 503, "HTTP 503", 5000)
    waiting = await site.store.read(webhooks.find, "ops")
    assert (waiting.failures, waiting.failing_since, waiting.next_at, waiting.last_error) == (
        1,
        NOW,
        NOW + 5000,
        "HTTP 503",
    )
    assert await site.store.read(webhooks.due, 1) == waiting
    site.clock.advance(5)
    again = await due(site)
    assert again.event.id == first.event.id
    await site.store.write(webhooks.delivered, again.webhook, again.event.id, 200)
    assert (await site.store.read(webhooks.find, "ops")).failing_since == 0


async def test_only_its_kinds_are_sent_and_the_others_are_passed_by(site: Site) -> None:
    await put(site, url=URL, kinds=[EventKind.ALARM_RAISED.value])
    for _ in range(webhooks.MOST_PASSED_BY + 1):
        await happen(site)
    webhook = await site.store.read(webhooks.due, 1)
    assert isinstance(webhook, webhooks.Webhook)
    assert await site.store.read(webhooks.is_far_behind, webhook)
    await site.store.write(webhooks.pass_by, webhook)
    assert (await site.store.read(webhooks.find, "ops")).sent_id == webhooks.MOST_PASSED_BY + 1
    await happen(site, EventKind.ALARM_RAISED)
    assert (await due(site)).event.kind == "alarm.raised"


async def test_one_that_is_turned_off_is_sent_nothing_and_misses_nothing(site: Site) -> None:
    await put(site, url=URL)
    await put(site, is_enabled=False)
    await happen(site)
    assert isinstance(await site.store.read(webhooks.due, 1), webhooks.Webhook)
    _, secret = await put(site, is_enabled=True)
    assert secret == ""
    assert (await due(site)).event.id == 1


async def test_a_secret_can_be_renewed(site: Site) -> None:
    _, first = await put(site, url=URL)
    _, second = await put(site, renews_secret=True)
    await happen(site)
    assert first != second
    assert (await due(site)).secret == second


async def test_it_can_be_removed(site: Site) -> None:
    await put(site, url=URL)
    await site.store.write(webhooks.remove, "ops")
    assert await site.store.read(webhooks.due, 1) is None
    with pytest.raises(ObjectMissing):
        await site.store.write(webhooks.remove, "ops")


@pytest.mark.parametrize(
    "given",
    [
        {}, {"url": "HTTP://ops.example/"}, {"url": "ftp://ops.example/"}, {"url": "https://"}, {"url": "https://me:secret@ops.example/"},
        {"url": "https://a b/"},
        {"url": "https://ops.example:0/"}, {"url": "https://ops.example:99999/"}, {"url": "https://[::1/"},
        {"url": "https://ops.example/" + "x" * 3000}, {"url": URL, "kinds": ["registrations.lost"]},
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_to_is_refused(site: Site, given: dict[str, Any]) -> None:
    with pytest.raises(ValueRefused):
        await put(site, **given)
    assert await site.store.read(webhooks.list_webhooks) == []


@pytest.mark.parametrize("name", ["", "a/b", "x" * 65, "a\nb"])
async def test_a_name_that_no_path_holds_is_refused(site: Site, name: str) -> None:
    with pytest.raises(ValueRefused):
        await put(site, name, url=URL)


async def test_the_audit_log_has_no_secret(site: Site) -> None:
    _, secret = await put(site, url=URL)
    await put(site, is_enabled=False)
    lines = await site.store.read(audit.page, 2**62, 10)
    assert [line.action for line in lines] == ["change", "create"]
    assert secret not in repr(lines)
