"""What programs written for real boxes rely on, as far as no other module tries it. docs/conformance.md has the whole list."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sipregistrant.access.sessions import Sessions
from sipregistrant.store.store import Store

from .attribute_rows import TABLES
from .support import ENTRY, ENTRY_TABLE, Client, everything, furnish
from .test_over_http import Wire, body_of, values_in, wire

__all__ = ["wire"]

OBJECTS = {
    "sipcontactregistrant": ENTRY_TABLE,
    "sipregistrantentry": ENTRY,
    "sipservertable": "/rest/sipservertable/1",
    "sipserver": "/rest/sipservertable/1/sipserver/1",
    "sipremoteauthtable": "/rest/sipremoteauthtable/1",
    "sipremoteauthentry": "/rest/sipremoteauthtable/1/sipremoteauthentry/1",
    "sipprofile": "/rest/sipprofile/1",
    "siptlsprofile": "/rest/siptlsprofile/1",
    "sipsg": "/rest/sipsg/1",
}
"""Where `furnish` makes an object of each resource."""

RUNTIME = {
    "sipcontactregistrant": {"rt_Failed", "rt_Pending", "rt_Registered"},
    "sipregistrantentry": {
        "rt_RegistrationState", "rt_Registrar", "rt_Contacts", "rt_Expires", "rt_LastCode", "rt_LastReason",
        "rt_LastAttempt", "rt_NextAttempt", "rt_Failures", "rt_Registrations", "rt_Registered",
        "rt_ServiceRoute", "rt_Path", "rt_AssociatedURIs", "rt_GRUU", "rt_PublicAddress", "rt_Credential",
        *(f"rt_TTL{n}" for n in range(1, 9)),
    },
    "sipserver": {
        "rt_ServerStatus", "rt_UpTime", "rt_DownTime", "rt_Transactions", "rt_TransactionFalures", "rt_Pending",
    },
    "sipsg": {"rt_Status", "rt_StatusReason", "rt_Type", "rt_NumberOfChannels", "rt_Pending"},
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
async def test_a_resource_shows_exactly_these_runtime_attributes(client: Client, name: str) -> None:
    await furnish(client)
    values = (await client.get(OBJECTS[name])).values
    assert {shown for shown in values if shown.startswith("rt_")} == RUNTIME.get(name, set())


@pytest.mark.parametrize("name", OBJECTS)
async def test_what_get_shows_posted_back_changes_nothing(client: Client, store: Store, name: str) -> None:
    await furnish(client)
    shown = (await client.get(OBJECTS[name])).values
    before = await store.read(everything)
    assert (await client.post(OBJECTS[name], urlencode(shown))).values == shown
    assert await store.read(everything) == before


@pytest.mark.parametrize("name", ["sipregistrantentry", "sipprofile", "siptlsprofile", "sipsg", "sipserver"])
async def test_what_get_shows_makes_the_same_when_it_is_put_at_another_id(client: Client, name: str) -> None:
    await furnish(client)
    path = OBJECTS[name].removesuffix("1") + "2"
    shown = (await client.get(OBJECTS[name])).values
    made = (await client.put(path, urlencode(shown))).values
    documented = [row.name for row in TABLES[name].rows]
    assert [made[name] for name in documented] == [shown[name] for name in documented]


@pytest.mark.parametrize(
    "accept", ["application/x-www-form-urlencoded", "application/json", "text/html", "*/*", "image/png;q=0", ""]
)
async def test_any_accept_is_served_with_xml(client: Client, accept: str) -> None:
    reply = await client.get("/rest/sipsg/1", accept=accept)
    assert (reply.status_line, reply.headers["content-type"]) == (200, "text/xml; charset=UTF-8")
    assert reply.values["Description"] == "Default Signaling Group"


async def test_after_a_lost_session_a_program_logs_in_again(
    client: Client, stranger: Client, sessions: Sessions, with_users: None
) -> None:
    sessions.end_all_of("scripts")
    assert (await client.get("/rest/sipsg")).told == (401, 20032, "")
    form = "Username=scripts&Password=open sesame"
    # Programs send the cookie that is lost with the login, too.
    login = await client.post("/rest/login", form)
    client.cookie = login.headers["set-cookie"]
    assert (await client.get("/rest/sipsg")).http_code == 200


async def test_a_description_may_go_with_a_sequence_on_the_put_of_a_table(client: Client) -> None:
    for table in ("sipcontactregistrant", "sipremoteauthtable", "sipservertable"):
        made = await client.put(f"/rest/{table}/5", "Description=x&Sequence=")
        assert (made.values["Description"], made.values["Sequence"]) == ("x", "")


async def test_the_objects_of_the_factory_are_there_and_no_others(client: Client) -> None:
    for name in ("sipprofile", "sipservertable", "siptlsprofile", "sipsg"):
        assert (await client.get(f"/rest/{name}")).ids == ["1"]
    for name in ("sipcontactregistrant", "sipremoteauthtable"):
        assert (await client.get(f"/rest/{name}")).ids == []
    assert (await client.get("/rest/sipsg/1")).values["ServerClusterId"] == "1"
    assert (await client.get("/rest/sipservertable/1")).values["Description"] != ""


async def test_what_is_deleted_is_gone_for_every_read(client: Client) -> None:
    await furnish(client)
    await client.put(f"{ENTRY_TABLE}/sipregistrantentry/2", "AOR=bob")
    assert (await client.delete(ENTRY)).http_code == 200
    assert (await client.get(ENTRY)).told == (404, 20012, "1:1|sipregistrantentry")
    assert (await client.get(f"{ENTRY_TABLE}/sipregistrantentry")).ids == ["1:2"]
    assert (await client.get(f"{ENTRY_TABLE}/sipregistrantentry?details=true")).ids == ["1:2"]
    assert (await client.get(ENTRY_TABLE)).values["Sequence"] == "2"
    assert (await client.put(ENTRY, "AOR=carol")).values["AOR"] == "carol"


@pytest.mark.parametrize("path", ["/rest/sipsg/1", "/rest/sipsg", "/rest/sipsg/7", "/rest/system"])
async def test_head_is_get_without_the_body(wire: Wire, path: str) -> None:
    got = await wire.send("GET", path, length=False)
    head = await wire.send("HEAD", path, length=False)
    assert body_of(head) == b""
    assert _lines_of(head) == _lines_of(got)


def _lines_of(reply: bytes) -> set[bytes]:
    lines = reply.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return {line for line in lines if not line.lower().startswith(b"date:")}


@pytest.mark.parametrize("name", ["AOR", "URI1", "URI8"])
@pytest.mark.parametrize(
    "value",
    [
        "sip:a b@h.example",
        "sip:a%20b@h.example",
        "sip:a%25zz@h.example",
        "sip:a%25@h.example",
        "https://h.example/",
        "mailto:a@h.example",
    ],
)
async def test_what_could_not_stand_in_a_sip_message_is_refused(client: Client, name: str, value: str) -> None:
    await client.put(ENTRY_TABLE)
    refused = await client.put(ENTRY, f"AOR=alice&{name}={value}")
    assert refused.told == (400, 20038, f"sipregistrantentry|1:1|{name}")


async def test_a_reply_has_no_namespace_and_a_literal_code(wire: Wire) -> None:
    for method, path in (("GET", "/rest/sipsg/1"), ("POST", "/rest/sipsg/1"), ("GET", "/rest/sipsg?details=true")):
        body = body_of(await wire.send(method, path))
        assert b"xmlns" not in body
        assert body.count(b"<http_code>200</http_code>") == 1
        assert b"app_status" not in body
    assert body_of(await wire.send("GET", "/rest/sipsg/7")).count(b"<app_status_entry ") == 1


async def test_a_post_may_carry_one_attribute_or_all(wire: Wire) -> None:
    assert values_in(await wire.send("POST", "/rest/sipsg/1", b"Channels=20"))["Channels"] == "20"
    everything_shown = values_in(await wire.send("GET", "/rest/sipsg/1"))
    assert values_in(await wire.send("POST", "/rest/sipsg/1", urlencode(everything_shown).encode())) == everything_shown
