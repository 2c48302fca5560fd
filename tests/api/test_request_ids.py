"""Each request has an id, in its reply and in what is logged of it."""

from __future__ import annotations

import re

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sipregistrant.api.problem import problem
from sipregistrant.api.request_ids import RequestIds, request_id


async def tell(request: Request) -> Response:
    return JSONResponse({"id": request_id(), "bound": structlog.contextvars.get_contextvars()})


async def refuse(request: Request) -> Response:
    return problem(403, "no")


def client() -> httpx2.AsyncClient:
    app = RequestIds(Starlette(routes=[Route("/", tell), Route("/no", refuse)]))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://h")


async def test_a_request_without_an_id_gets_one_of_its_own() -> None:
    async with client() as http:
        first, second = await http.get("/"), await http.get("/")
    id = first.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", id)
    assert first.json() == {"id": id, "bound": {"request_id": id}}
    assert second.headers["x-request-id"] != id
    assert request_id() == ""


@pytest.mark.parametrize("given", ["7d444840-9dc0-11d1-b245-5ffdce74fad2", "a" * 64, "a:b._-C9"])
async def test_a_plain_id_of_the_client_is_kept(given: str) -> None:
    async with client() as http:
        kept = (await http.get("/", headers={"X-Request-Id": given})).headers["x-request-id"]
    assert kept == given


@pytest.mark.parametrize("given", ["", "a" * 65, 'a" injected="1', "a b", "é"])
async def test_any_other_is_not(given: str) -> None:
    async with client() as http:
        response = await http.get("/", headers={b"X-Request-Id": given.encode()})
    assert re.fullmatch(r"[0-9a-f]{16}", response.headers["x-request-id"])


async def test_a_problem_names_it() -> None:
    async with client() as http:
        refused = await http.get("/no", headers={"X-Request-Id": "mine"})
    assert refused.json()["request_id"] == "mine"
