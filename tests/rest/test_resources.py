"""Requests on resources, against a real store."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest import resources
from sipregistrant.rest.codes import WireRefusal
from sipregistrant.rest.queries import CATEGORIES, STATISTICS
from sipregistrant.rest.resources import Target, locate
from sipregistrant.store import state
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key

from .support import ENTRY, ENTRY_TABLE, Client, furnish


def told(*segments: str) -> tuple[int, int, str]:
    with pytest.raises(WireRefusal) as refused:
        locate(segments)
    answer = refused.value.answer
    return answer.http_code, answer.code, answer.params


@pytest.mark.parametrize(
    ("segments", "name", "parent", "id", "path"),
    [
        (["sipsg"], "sipsg", None, None, "/rest/sipsg"),
        (["sipsg", "10000"], "sipsg", None, 10000, "/rest/sipsg/10000"),
        (["sipsg", "007"], "sipsg", None, 7, "/rest/sipsg/7"),
        (["sipservertable", "3", "sipserver"], "sipserver", 3, None, "/rest/sipservertable/3/sipserver"),
        (["sipservertable", "3", "sipserver", "99"], "sipserver", 3, 99, "/rest/sipservertable/3/sipserver/99"),
    ],
)
def test_a_path_names_an_object_or_a_list(
    segments: list[str], name: str, parent: int | None, id: int | None, path: str
) -> None:
    target = locate(segments)
    assert target == Target(RESOURCES[name], parent, id)
    assert target.path == path


def test_an_entry_is_known_by_the_id_of_its_table_and_its_own() -> None:
    assert locate(["sipservertable", "3", "sipserver", "1"]).key == Key(1, 3)


@pytest.mark.parametrize(
    "segments",
    [
        [],
        ["nothing"],
        ["SIPSG"],
        ["sipserver"],
        ["sipserver", "1"],
        ["sipsg", "1", "sipserver"],
        ["sipservertable", "1", "nothing", "1"],
        ["sipservertable", "1", "sipservertable", "1"],
        ["sipservertable", "1", "sipserver", "1", "sipserver"],
        ["sipservertable", "1", "sipregistrantentry", "1"],
    ],
)
def test_a_resource_that_is_not_there_is_unknown(segments: list[str]) -> None:
    assert told(*segments) == (404, 20006, "")


@pytest.mark.parametrize("id", ["x", "-1", "+1", "1_0", "1.0", " 1", "٣", "²", "1:1", "0x1"])
def test_an_id_that_is_no_number_is_refused(id: str) -> None:
    assert told("sipsg", id) == (400, 20036, "sipsg")


@pytest.mark.parametrize(
    ("segments", "params"),
    [
        (["sipsg", "0"], "sipsg|0"),
        (["sipsg", "10001"], "sipsg|10001"),
        (["sipsg", "9" * 5000], "sipsg|" + "9" * 32),
        (["sipprofile", "65535"], "sipprofile|65535"),
        (["sipservertable", "65535"], "sipservertable|65535"),
        (["sipservertable", "0", "sipserver", "1"], "sipservertable|0"),
        (["sipservertable", "1", "sipserver", "100"], "sipserver|100"),
        (["sipcontactregistrant", "1", "sipregistrantentry", "0"], "sipregistrantentry|0"),
        (["sipcontactregistrant", "1", "sipregistrantentry", "2147483648"], "sipregistrantentry|2147483648"),
        (["sipremoteauthtable", "1", "sipremoteauthentry", "2147483648"], "sipremoteauthentry|2147483648"),
    ],
)
def test_an_id_out_of_range_is_refused(segments: list[str], params: str) -> None:
    assert told(*segments) == (400, 20031, params)


async def test_what_is_put_can_be_read_changed_and_deleted(client: Client) -> None:
    assert (await client.put(ENTRY_TABLE, "Description=first")).values["Description"] == "first"
    assert (await client.get(ENTRY_TABLE)).values["Description"] == "first"
    assert (await client.post(ENTRY_TABLE, "Description=second")).values["Description"] == "second"
    assert (await client.get("/rest/sipcontactregistrant")).ids == ["1"]
    deleted = await client.delete(ENTRY_TABLE)
    assert (deleted.http_code, deleted.faults, len(deleted.root)) == (200, [], 1)
    assert (await client.get("/rest/sipcontactregistrant")).ids == []
    assert (await client.get(ENTRY_TABLE)).told == (404, 20012, "1|sipcontactregistrant")


async def test_put_answers_with_the_whole_state_defaults_and_runtime_included(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    values = (await client.put(ENTRY, "AOR=sip:alice@example.com&AorType=3")).values
    entry = RESOURCES["sipregistrantentry"]
    assert values.keys() >= {attribute.name for attribute in entry.attributes if attribute not in entry.ours}
    assert (values["AorTtl"], values["TTL1"], values["Q1"], values["URI1"]) == ("3600", "64", "100", "")
    assert values["rt_RegistrationState"] == "no server"


async def test_get_put_and_post_answer_alike(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    made = (await client.put(ENTRY, "AOR=alice")).values
    assert (await client.get(ENTRY)).values == made
    assert (await client.post(ENTRY, "")).values == made


async def test_what_no_box_has_is_shown_once_it_is_set(client: Client) -> None:
    path = "/rest/sipservertable/1/sipserver/1"
    made = await client.put(path, "Host=192.0.2.1")
    assert "MaxRegistersPerSecond" not in made.values
    limited = await client.post(path, "MaxRegistersPerSecond=50&MaxRegistrationsInFlight=0")
    assert limited.values["MaxRegistersPerSecond"] == "50"
    assert "MaxRegistrationsInFlight" not in limited.values
    assert "MaxRegistersPerSecond" not in (await client.post(path, "MaxRegistersPerSecond=0")).values


async def test_post_changes_only_what_it_names(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    made = (await client.put(ENTRY, "AOR=alice&AorTtl=600&URI1=sip:alice@192.0.2.7")).values
    changed = (await client.post(ENTRY, "Q1=50")).values
    assert changed == made | {"Q1": "50"}


async def test_what_get_shows_can_be_posted_and_put_back(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    made = (await client.put(ENTRY, "AOR=alice&URI1=sip:alice@192.0.2.7;transport=tcp")).values
    form = urlencode(made)
    assert (await client.post(ENTRY, form)).values == made
    await client.delete(ENTRY)
    assert (await client.put(ENTRY, form)).values == made


async def test_a_list_of_entries_has_ids_of_both_parts(client: Client) -> None:
    await client.put("/rest/sipcontactregistrant/3")
    for id in (20, 1):
        await client.put(f"/rest/sipcontactregistrant/3/sipregistrantentry/{id}", f"AOR=user{id}")
    assert (await client.get("/rest/sipcontactregistrant/3/sipregistrantentry")).ids == ["3:1", "3:20"]


async def test_a_list_shows_one_table_alone(client: Client) -> None:
    for table in (1, 2):
        await client.put(f"/rest/sipcontactregistrant/{table}")
        await client.put(f"/rest/sipcontactregistrant/{table}/sipregistrantentry/{table}", "AOR=alice")
    assert (await client.get("/rest/sipcontactregistrant/2/sipregistrantentry")).ids == ["2:2"]
    details = await client.get("/rest/sipcontactregistrant/2/sipregistrantentry?details=true")
    assert details.ids == ["2:2"]


@pytest.mark.parametrize("query", ["", "?details=true"])
async def test_a_list_in_a_table_that_is_missing_is_refused(client: Client, query: str) -> None:
    reply = await client.get(f"/rest/sipcontactregistrant/9/sipregistrantentry{query}")
    assert reply.told == (404, 20012, "9|sipcontactregistrant")


async def test_a_list_with_details_shows_what_get_shows(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    await client.put(ENTRY, "AOR=alice")
    listed = (await client.get(f"{ENTRY_TABLE}/sipregistrantentry?details=true")).root[1][0]
    assert {child.tag: child.text or "" for child in listed} == (await client.get(ENTRY)).values


@pytest.mark.parametrize(
    ("category", "shown"),
    [
        ("configuration", {"Description", "Sequence"}),
        ("statistics", {"rt_Registered", "rt_Failed"}),
        ("runtime", {"rt_Pending"}),
    ],
)
async def test_a_filter_shows_one_category(client: Client, category: str, shown: set[str]) -> None:
    await client.put(ENTRY_TABLE)
    assert set((await client.get(f"{ENTRY_TABLE}?filter={category}")).values) == shown
    listed = (await client.get(f"/rest/sipcontactregistrant?details=true&filter={category}")).root[1][0]
    assert {child.tag for child in listed} == shown


@pytest.mark.parametrize("path", [ENTRY_TABLE, "/rest/sipcontactregistrant"])
@pytest.mark.parametrize("query", ["details=True", "filter=inventory", "filter=Runtime"])
async def test_a_bad_query_is_refused(client: Client, path: str, query: str) -> None:
    assert (await client.get(f"{path}?{query}")).told == (400, 20035, "sipcontactregistrant")


async def test_every_resource_has_the_categories_of_the_runtime_that_it_shows(client: Client, store: Store) -> None:
    await furnish(client)
    for resource in RESOURCES.values():
        ((_, values),) = await store.read(state.page, resource, 1 if resource.parent else None, 0, 1)
        runtime = {name for name in values if name.startswith("rt_")}
        categories = {"statistics"} if runtime & STATISTICS else set()
        categories |= {"runtime"} if runtime - STATISTICS else set()
        assert categories == CATEGORIES.get(resource.name, frozenset()), resource.name


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/rest/sipsg", "/rest/sipsg/1"])
async def test_other_methods_are_not_supported(client: Client, method: str, path: str) -> None:
    assert (await client.send(method, path)).told == (405, 20034, "sipsg")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_writing_needs_an_id(client: Client, method: str) -> None:
    assert (await client.send(method, "/rest/sipsg", "Description=x")).told == (400, 20036, "sipsg")


@pytest.mark.parametrize("path", ["/rest/sipsg/1", "/rest/sipsg", "/rest/sipcontactregistrant/77"])
async def test_there_are_no_actions(client: Client, path: str) -> None:
    assert (await client.post(f"{path}?action=reboot")).told == (400, 20046, "reboot")


async def test_an_object_in_use_stays(client: Client) -> None:
    await furnish(client)
    assert (await client.delete("/rest/sipremoteauthtable/1")).told == (500, 31010, "1|1:1")
    assert (await client.delete("/rest/sipcontactregistrant/1")).told == (500, 31011, "1|1:1")
    assert (await client.delete("/rest/sipservertable/1")).told == (500, 31007, "1|1")
    assert (await client.delete("/rest/sipprofile/1")).told == (500, 31005, "1|1")


async def test_a_reference_to_a_missing_table_is_refused(client: Client) -> None:
    await furnish(client)
    reply = await client.post("/rest/sipservertable/1/sipserver/1", "ContactRegistrantTableID=7")
    assert reply.told == (500, 20040, "sipserver|1:1|ContactRegistrantTableID|sipcontactregistrant 7")


async def test_the_same_contact_twice_is_refused(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    reply = await client.put(ENTRY, "AOR=alice&URI1=sip:a@h.example&URI2=sip:a@h.example")
    assert reply.told == (500, 20041, "sipregistrantentry|1:1|URI2")


async def test_the_first_fault_in_the_order_of_the_table_is_the_one_that_is_told(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    reply = await client.put(ENTRY, "Q1=101&URI1=%0A&AorTtl=x&AOR=alice")
    assert reply.told == (400, 20038, "sipregistrantentry|1:1|AorTtl")


async def test_an_unknown_name_is_logged_once(client: Client) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            await client.post("/rest/sipsg/1", "Colour=red&Channels=20&rt_Status=0")
    assert [(line["event"], line["resource"], line["parameter"]) for line in logs] == [
        ("rest.parameter_ignored", "sipsg", "colour"),
    ]


async def test_a_password_is_never_shown_nor_logged(client: Client) -> None:
    await client.put("/rest/sipremoteauthtable/1")
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/1"
    with capture_logs() as logs:
        made = await client.put(path, "User=alice&EncryptedPassword=xyzzy&Plugh=xyzzy")
        refused = await client.post(path, "EncryptedPassword=xyzzy%0A")
    assert "xyzzy" not in made.text + (await client.get(path)).text + refused.text + repr(logs)


# Lists of more than a page


async def test_a_list_of_more_than_a_page_is_whole_and_in_order(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "OBJECTS_PER_PAGE", 3)
    monkeypatch.setattr(resources, "IDS_PER_PAGE", 3)
    await client.put(ENTRY_TABLE)
    for number in (5, 1, 9, 7, 3, 2, 8):
        await client.put(f"{ENTRY_TABLE}/sipregistrantentry/{number}", f"AOR=u{number}")
    expected = ["1:1", "1:2", "1:3", "1:5", "1:7", "1:8", "1:9"]
    for query in ("", "?details=true"):
        reply = await client.get(f"{ENTRY_TABLE}/sipregistrantentry{query}")
        assert (reply.ids, reply.root[1].attrib["count"]) == (expected, "7")


async def test_a_list_of_exactly_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "OBJECTS_PER_PAGE", 2)
    await client.put(ENTRY_TABLE)
    for number in (1, 2):
        await client.put(f"{ENTRY_TABLE}/sipregistrantentry/{number}", f"AOR=u{number}")
    reply = await client.get(f"{ENTRY_TABLE}/sipregistrantentry?details=true")
    assert (reply.ids, reply.root[1].attrib["count"]) == (["1:1", "1:2"], "2")


async def test_the_order_of_a_table_is_in_the_reply_to_every_write(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    for number in (1, 2, 3):
        await client.put(f"{ENTRY_TABLE}/sipregistrantentry/{number}", f"AOR=u{number}")
    assert (await client.post(ENTRY_TABLE, "Sequence=3,1")).values["Sequence"] == "3,1,2"
    assert (await client.post(f"{ENTRY_TABLE}?action=refresh")).values["Sequence"] == "3,1,2"


# Passwords and numbers that were not encoded


@pytest.mark.parametrize(
    "form",
    [
        "User=b&EncryptedPassword=Tr&ub4dor",
        "User=b&EncryptedPassword=x&xyzzy=1",
        "User=b&EncryptedPassword=x&a b\r\n=1",
    ],
)
async def test_what_follows_an_unencoded_ampersand_in_a_password_is_not_logged(client: Client, form: str) -> None:
    await client.put("/rest/sipremoteauthtable/1")
    with capture_logs() as logs:
        await client.put("/rest/sipremoteauthtable/1/sipremoteauthentry/1", form)
    assert [line["parameter"] for line in logs] == ["(not shown)"]


async def test_what_is_no_name_is_not_repeated_in_the_log(client: Client) -> None:
    with capture_logs() as logs:
        await client.post("/rest/sipsg/1", "a b=1&\x00=2&" + "x" * 70 + "=3&fine_1=4")
    assert [line["parameter"] for line in logs] == ["(not shown)", "fine_1"]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("+12025550100", "+12025550100"),
        ("%2B12025550100", "+12025550100"),
        ("alice+smith", "alice smith"),
        ("+alice", " alice"),
        ("+1+2", "+1 2"),
        ("%2012", " 12"),
    ],
)
async def test_a_user_that_is_a_number_keeps_its_plus(client: Client, sent: str, meant: str) -> None:
    await client.put("/rest/sipremoteauthtable/1")
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/1"
    assert (await client.put(path, f"User={sent}&EncryptedPassword=a+b")).values["User"] == meant


async def test_a_regular_expression_keeps_its_pluses(client: Client) -> None:
    await client.put("/rest/sipremoteauthtable/1")
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/1"
    reply = await client.put(path, "User=a&EncryptedPassword=x&FromURIUserMatch=1&MatchRegex=[0-9]+x")
    assert reply.values["MatchRegex"] == "[0-9]+x"
