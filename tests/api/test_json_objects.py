"""A name that stands twice in an object is a mistake, wherever JSON is read."""

from __future__ import annotations

import httpx2
import pytest

from sipregistrant.api.json_objects import NamedTwice, loads


def test_objects_are_read_as_they_are() -> None:
    assert loads(b'{"a": [{"b": 1}, {"b": 2}], "c": {}}') == {"a": [{"b": 1}, {"b": 2}], "c": {}}


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 1}', b'{"x": {"a": 1, "b": 2, "a": 3}}', b'[{"a": 1, "\\u0061": 2}]'])
def test_a_name_that_stands_twice_is_none(text: bytes) -> None:
    with pytest.raises(NamedTwice, match="a: it is named twice"):
        loads(text)


async def test_of_a_request_nothing_is_changed(http: httpx2.AsyncClient) -> None:
    await http.put("tables/1", json={})
    reply = await http.put("tables/1/entries/1", content=b'{"aor": "sip:a@b", "aor": "sip:c@d"}')
    assert reply.status_code == 422
    assert reply.json()["faults"] == [{"field": "aor", "problem": "it is named twice"}]
    assert (await http.get("tables/1/entries/1")).status_code == 404
