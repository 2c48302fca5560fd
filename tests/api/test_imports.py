"""Imports and exports."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, reconcile, state
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key

TABLE, ENTRY = RESOURCES["sipcontactregistrant"], RESOURCES["sipregistrantentry"]
IMPORT, EXPORT = "tables/1/entries/import", "tables/1/entries/export"
FORM = {"AOR": "sip:a", "FailedRegistrationRetryTimer": 120}


def ndjson(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def ids(store: Store) -> list[int]:
    while await store.write(reconcile.step):
        pass
    return await store.read(state.ids, ENTRY, 1, 0, 100)


@pytest.fixture(autouse=True)
async def table(store: Store) -> None:
    await store.write(config.create, TABLE, Key(1), {})


async def test_lines_are_imported_and_what_they_come_to_is_told(http: httpx2.AsyncClient, store: Store) -> None:
    body = ndjson({"id": 2, **FORM}, {"id": 1, **FORM})
    response = await http.post(IMPORT, content=body)
    told = response.json()
    assert (response.status_code, told["added"], told["changed"], told["registrations_due"]) == (202, 2, 0, 0)
    assert await ids(store) == [1, 2]
    again = await http.post(IMPORT, content=body)
    assert (again.status_code, again.json()["untouched"]) == (200, 2)


async def test_a_dry_run_tells_and_changes_nothing(http: httpx2.AsyncClient, store: Store) -> None:
    response = await http.post(IMPORT, params={"dry_run": "true"}, content=ndjson({"id": 2, **FORM}))
    assert (response.status_code, response.json()["added"]) == (200, 1)
    assert await ids(store) == []


async def test_csv_is_told_by_its_type(http: httpx2.AsyncClient, store: Store) -> None:
    body = b"id,AOR,FailedRegistrationRetryTimer\r\n5,sip:a,120\r\n"
    response = await http.post(IMPORT, content=body, headers={"content-type": "text/csv"})
    assert response.status_code == 202
    assert await ids(store) == [5]


async def test_faults_are_told_by_line_and_nothing_is_changed(http: httpx2.AsyncClient, store: Store) -> None:
    body = ndjson({"id": 1, **FORM}, {"id": 1, **FORM}, {"id": 3, **FORM, "AorTtl": 0}) + b"{\n"
    response = await http.post(IMPORT, content=body)
    problem = response.json()
    assert (response.status_code, problem["fault_count"]) == (422, 3)
    assert [(one["line"], one["field"]) for one in problem["lines"]] == [(2, "id"), (3, "aor_ttl"), (4, "")]
    assert await ids(store) == []


@pytest.mark.parametrize(("table", "status"), [("x", 422), ("0", 422), ("99999", 422), ("7", 404)])
async def test_what_cannot_be_imported_to_is_refused(http: httpx2.AsyncClient, table: str, status: int) -> None:
    response = await http.post(f"tables/{table}/entries/import", content=ndjson({"id": 1, **FORM}))
    assert response.status_code == status
    assert (await http.get(f"tables/{table}/entries/export")).status_code == status


async def test_how_far_it_is_carried_out_is_told(http: httpx2.AsyncClient, store: Store) -> None:
    assert (await http.get(IMPORT)).json() == {"is_pending": False, "done": 0, "lines": 0}
    await http.post(IMPORT, content=ndjson({"id": 2, **FORM}, {"id": 1, **FORM}))
    assert (await http.get(IMPORT)).json() == {"is_pending": True, "done": 0, "lines": 2}
    await ids(store)
    assert (await http.get(IMPORT)).json()["is_pending"] is False


WORDS = {
    "aor": "sip:a@example.com", "aor_type": "static", "aor_ttl": 600,
    "contacts": [{"uri": "sip:a@192.0.2.7", "ttl": 60, "q": 0.5}, {"uri": "", "ttl": 64, "q": 1.0}, {"uri": "sip:b@192.0.2.7"}],
}  # fmt: skip


async def test_what_is_exported_is_imported_again_and_changes_nothing(http: httpx2.AsyncClient, store: Store) -> None:
    await http.post(
        IMPORT, content=ndjson({"id": 1, **WORDS}, {"id": 2, **FORM, "Q3": 7, "from_uri": "sip:boss@example.com"})
    )
    await ids(store)
    for format, media in (("ndjson", "application/x-ndjson"), ("csv", "text/csv")):
        exported = await http.get(EXPORT, params={"format": format})
        assert exported.headers["content-type"].startswith(media)
        again = await http.post(
            IMPORT, content=exported.content, headers={"content-type": media}, params={"whole": "true"}
        )
        assert (again.status_code, again.json()["untouched"], again.json()["removed"]) == (200, 2, 0)


async def test_a_csv_has_the_columns_that_say_something_or_those_that_are_asked_for(
    http: httpx2.AsyncClient, store: Store
) -> None:
    await http.post(IMPORT, content=ndjson({"id": 1, **WORDS}))
    await ids(store)
    text = (await http.get(EXPORT, params={"format": "csv"})).text
    assert text == (
        "id,aor_type,aor,aor_ttl,ttl1,q1,uri1,uri3\n"
        "1,static,sip:a@example.com,600,60,50,sip:a@192.0.2.7,sip:b@192.0.2.7\n"
    )
    asked = await http.get(EXPORT, params={"format": "csv", "columns": "AOR, id ,AorTtl"})
    assert asked.text == "aor,id,aor_ttl\nsip:a@example.com,1,600\n"
    assert (await http.get(EXPORT, params={"format": "csv", "columns": "aorr"})).status_code == 422


async def test_passwords_go_in_and_never_come_out(http: httpx2.AsyncClient, store: Store) -> None:
    await http.put("credential-tables/1", json={})
    where = "credential-tables/1/credentials"
    body = ndjson(
        {"id": 1, "user": "alice", "password": "secret", "from_uri_user_match": "regex", "match_regex": "a.*"}
    )
    assert (await http.post(f"{where}/import", content=body)).status_code == 202
    while await store.write(reconcile.step):
        pass
    exported = (await http.get(f"{where}/export", params={"format": "csv"})).text
    assert exported == "id,user,from_uri_user_match,match_regex\n1,alice,regex,a.*\n"
    whole = (await http.get(f"{where}/export")).text
    assert "password" not in json.loads(whole)
    assert "secret" not in whole
    assert (await http.get(f"{where}/export", params={"format": "csv", "columns": "id,password"})).status_code == 422
    again = await http.post(f"{where}/import", content=exported, headers={"content-type": "text/csv"})
    assert again.json()["untouched"] == 1


async def test_a_hundred_thousand_lines_with_a_hundred_faults_tell_each_and_change_nothing(
    http: httpx2.AsyncClient, store: Store
) -> None:
    faulty = {number * 997 for number in range(1, 101)}
    lines = (
        f"{n},sip:u{n}@example.com,static,{0 if n in faulty else 600}\n".encode() for n in range(1, 100_001)
    )  # fmt: skip
    body = b"id,aor,aor_type,aor_ttl\n" + b"".join(lines)
    response = await http.post(IMPORT, content=body, headers={"content-type": "text/csv"})
    problem = response.json()
    assert (response.status_code, problem["fault_count"]) == (422, 100)
    assert [(one["line"], one["id"], one["field"]) for one in problem["lines"]] == [
        (n + 1, n, "aor_ttl") for n in sorted(faulty)
    ]  # fmt: skip
    assert {one["problem"] for one in problem["lines"]} == {"1 to 2147483647 is wanted"}
    assert await ids(store) == []
