"""The socket of the local API."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sipregistrant.api.unix_socket import SOCKET_NAME, listen_locally
from sipregistrant.errors import ConfigurationError


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("d")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_open_it_whatever_the_mask(directory: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with listen_locally(directory):
            mode = (directory / SOCKET_NAME).stat().st_mode
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_what_a_killed_process_left_is_replaced(directory: Path) -> None:
    listen_locally(directory).close()
    with listen_locally(directory) as listening, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(directory / SOCKET_NAME))
        listening.accept()[0].close()


def test_a_file_in_the_way_is_left_alone(directory: Path) -> None:
    (directory / SOCKET_NAME).write_text("mine")
    with pytest.raises(ConfigurationError, match="not a socket"):
        listen_locally(directory)
    assert (directory / SOCKET_NAME).read_text() == "mine"


def test_a_path_that_is_too_long_is_named(directory: Path) -> None:
    with pytest.raises(ConfigurationError, match="longer than a socket's path may be"):
        listen_locally(directory / ("x" * 100))


async def test_an_application_is_served_on_it(directory: Path) -> None:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    app = Starlette(routes=[Route("/", answer)])
    with listen_locally(directory) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
        serving = asyncio.get_running_loop().create_task(server.serve([listening]))
        transport = httpx2.AsyncHTTPTransport(uds=str(directory / SOCKET_NAME))
        async with httpx2.AsyncClient(transport=transport, base_url="http://local") as http:
            assert (await http.get("/")).text == "here"
        server.should_exit = True
        await serving
