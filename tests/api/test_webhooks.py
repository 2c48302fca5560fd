"""Webhooks over /api/v1: for administrators alone, and the secret is shown once."""

from __future__ import annotations

import httpx2
import pytest

URL = "https://ops.example/hook"


async def test_one_is_made_shown_changed_and_removed(http: httpx2.AsyncClient) -> None:
    made = await http.put("webhooks/ops", json={"url": URL, "kinds": ["alarm.raised"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    shown = (await http.get("webhooks/ops")).json()
    assert "secret" not in shown
    assert (shown["url"], shown["kinds"], shown["is_enabled"], shown["failures"]) == (URL, ["alarm.raised"], True, 0)
    changed = await http.put("webhooks/ops", json={"is_enabled": False})
    assert changed.status_code == 200
    assert (changed.json()["is_enabled"], changed.json()["kinds"]) == (False, ["alarm.raised"])
    assert "secret" in (await http.put("webhooks/ops", json={"new_secret": True})).json()
    assert [one["name"] for one in (await http.get("webhooks")).json()["items"]] == ["ops"]
    assert (await http.delete("webhooks/ops")).status_code == 204
    assert (await http.get("webhooks/ops")).status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {}, {"url": "ftp://x/"}, {"url": 1}, {"url": URL, "kinds": "alarm.raised"}, {"url": URL, "kinds": [1]},
        {"url": URL, "kinds": ["x"]}, {"url": URL, "is_enabled": 1}, {"url": URL, "secret": "mine"},
    ],
)  # fmt: skip
async def test_what_is_wrong_changes_nothing(http: httpx2.AsyncClient, given: dict[str, object]) -> None:
    reply = await http.put("webhooks/ops", json=given)
    assert reply.status_code == 422
    assert reply.json()["faults"]
    assert (await http.get("webhooks")).json()["items"] == []


async def test_only_an_administrator_may_see_them(http: httpx2.AsyncClient, outside: httpx2.AsyncClient) -> None:
    for role, status in (("readonly", 403), ("rest", 403), ("admin", 200)):
        token = (await http.post("tokens", json={"name": role, "role": role})).json()["token"]
        assert (await outside.get("webhooks", headers={"Authorization": f"Bearer {token}"})).status_code == status
