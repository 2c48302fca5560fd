"""A service that runs in this process, a sandbox registrar for it, and what is scraped of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sipregistrant.api.unix_socket import SOCKET_NAME
from sipregistrant.sandbox.registrar import SandboxRegistrar
from sipregistrant.sandbox.server import SandboxServer
from sipregistrant.service import Service, ServiceSettings

from ..store.support import Clock, Site

LOOPBACK = "127.0.0.1"
PASSWORD = "secret"
LOOKS, BETWEEN_LOOKS_SECONDS = 200, 0.05

Figures = Mapping[str, float]
"""What was scraped, by `name{label="value"}` as it stands there."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    settings = ServiceSettings(tmp_path / "var", https=(LOOPBACK, 0), sip=(LOOPBACK, 0), metrics=(LOOPBACK, 0))
    async with Service.running(settings) as service:
        yield service


@pytest.fixture
async def local(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on the socket in the data directory."""
    transport = httpx2.AsyncHTTPTransport(uds=str(service.settings.data_dir / SOCKET_NAME))
    async with httpx2.AsyncClient(transport=transport, base_url="http://local") as client:
        yield client


@pytest.fixture
async def registrar() -> AsyncIterator[SandboxServer]:
    """A registrar that takes `PASSWORD` of anybody."""
    async with SandboxServer(LOOPBACK, 0, SandboxRegistrar("sip.test", PASSWORD, secret=b"s" * 16)) as server:
        yield server


@pytest.fixture
def site(service: Service) -> Site:
    """The words of an operator, on the store of the service."""
    site = Site(service.settings.data_dir, Clock())
    site.store = service.store
    return site


def read(text: str) -> Figures:
    """Return what a scrape says."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def scrape(client: httpx2.AsyncClient) -> Figures:
    """Return what a service says now."""
    return read((await client.get("/metrics")).text)


async def scraped(client: httpx2.AsyncClient, is_enough: Callable[[Figures], bool]) -> Figures:
    """Return what a service says once that is enough: a real registrar is at the other end."""
    for _ in range(LOOKS):
        figures = await scrape(client)
        if is_enough(figures):
            return figures
        await asyncio.sleep(BETWEEN_LOOKS_SECONDS)
    raise AssertionError(f"not within {LOOKS * BETWEEN_LOOKS_SECONDS:g} s: {figures}")


async def put_users(site: Site, port: int, *passwords: str) -> None:
    """Configure users u1, u2, … of these passwords at a registrar on loopback."""
    credentials = [
        ("sipremoteauthentry", f"1:{n}", {"User": f"u{n}", "EncryptedPassword": password})
        for n, password in enumerate(passwords, 1)
    ]
    await site.put_all(("sipremoteauthtable", "1", {}), *credentials)
    await site.put_table(len(passwords), URI1="sip:somebody@192.0.2.10")
    await site.put_server(Host=LOOPBACK, Port=port, Monitor=0, DomainName="sip.test")
