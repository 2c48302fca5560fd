"""`POST …?action=register|unregister|refresh` over the wire."""

from __future__ import annotations

import pytest

from .support import ENTRY, ENTRY_TABLE, Client, furnish

SERVER = "/rest/sipservertable/1/sipserver/1"


@pytest.mark.parametrize("word", ["register", "unregister", "refresh"])
@pytest.mark.parametrize("path", [ENTRY, ENTRY_TABLE, SERVER])
async def test_an_action_answers_with_the_whole_state(client: Client, path: str, word: str) -> None:
    await furnish(client)
    before = (await client.get(path)).values
    reply = await client.post(f"{path}?action={word}")
    assert reply.text.startswith("\n\n\n\n\n<?xml")
    assert set(reply.values) == set(before)
    configured = {name for name in before if not name.startswith("rt_")}
    assert {name: reply.values[name] for name in configured} == {name: before[name] for name in configured}


async def test_the_body_of_an_action_changes_nothing(client: Client) -> None:
    await furnish(client)
    assert (await client.post(f"{ENTRY}?action=refresh", "AOR=bob&Q1=999")).values["AOR"] == "alice"


@pytest.mark.parametrize("word", ["", "Refresh", "reboot", "resetcounters", "refresh%20"])
@pytest.mark.parametrize("path", [ENTRY, ENTRY_TABLE, SERVER])
async def test_another_word_is_refused_by_itself(client: Client, path: str, word: str) -> None:
    await furnish(client)
    told = (await client.post(f"{path}?action={word}", "AOR=bob")).told
    assert told == (400, 20046, word.replace("%20", " "))


@pytest.mark.parametrize(
    "path",
    [
        "/rest/sipsg/1", "/rest/sipprofile/1", "/rest/siptlsprofile/1", "/rest/sipservertable/1",
        "/rest/sipremoteauthtable/1", "/rest/sipremoteauthtable/1/sipremoteauthentry/1", "/rest/sipsg",
        "/rest/sipcontactregistrant",
    ],
)  # fmt: skip
async def test_other_resources_and_lists_have_no_actions(client: Client, path: str) -> None:
    await furnish(client)
    assert (await client.post(f"{path}?action=refresh")).told == (400, 20046, "refresh")


async def test_an_action_on_what_is_not_there(client: Client) -> None:
    assert (await client.post(f"{ENTRY}?action=refresh")).told == (404, 20012, "1|sipcontactregistrant")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_a_post_acts(client: Client, method: str) -> None:
    await furnish(client)
    for word in ("refresh", "unregister", "reboot"):
        assert (await client.send(method, f"{ENTRY}?action={word}", "AOR=bob")).told == (400, 20046, word)
    assert (await client.get(ENTRY)).values["AOR"] == "alice"
