"""Imports through the local socket."""

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
HERE = {"resource": ENTRY.name, "table": "1"}
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
    response = await http.post("/local/import", params=HERE, content=body)
    told = response.json()
    assert (response.status_code, told["added"], told["changed"], told["registers"]) == (202, 2, 0, 0)
    assert await ids(store) == [1, 2]
    again = await http.post("/local/import", params=HERE, content=body)
    assert (again.status_code, again.json()["untouched"]) == (200, 2)


async def test_a_dry_run_tells_and_changes_nothing(http: httpx2.AsyncClient, store: Store) -> None:
    response = await http.post("/local/import", params={**HERE, "dry-run": "1"}, content=ndjson({"id": 2, **FORM}))
    assert (response.status_code, response.json()["added"]) == (200, 1)
    assert await ids(store) == []


async def test_csv_is_told_by_its_type(http: httpx2.AsyncClient, store: Store) -> None:
    body = b"id,AOR,FailedRegistrationRetryTimer\r\n5,sip:a,120\r\n"
    response = await http.post("/local/import", params=HERE, content=body, headers={"content-type": "text/csv"})
    assert response.status_code == 202
    assert await ids(store) == [5]


async def test_faults_are_told_by_line_and_nothing_is_changed(http: httpx2.AsyncClient, store: Store) -> None:
    body = ndjson({"id": 1, **FORM}, {"id": 1, **FORM}, {"id": 3, **FORM, "AorTtl": 0}) + b"{\n"
    response = await http.post("/local/import", params=HERE, content=body)
    problem = response.json()
    assert (response.status_code, problem["fault_count"]) == (422, 3)
    assert [(one["line"], one["field"]) for one in problem["lines"]] == [(2, "id"), (3, "AorTtl"), (4, "")]
    assert await ids(store) == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"resource": "sipserver", "table": "1"}, 400),
        ({"resource": ENTRY.name, "table": "x"}, 400),
        ({"resource": ENTRY.name}, 400),
        ({"resource": ENTRY.name, "table": "7"}, 404),
    ],
)
async def test_what_cannot_be_imported_to_is_refused(
    http: httpx2.AsyncClient, params: dict[str, str], status: int
) -> None:
    response = await http.post("/local/import", params=params, content=ndjson({"id": 1, **FORM}))
    assert response.status_code == status
