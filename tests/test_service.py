"""The service as a whole, inside this process: what a start that fails leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.api.web_server import listen_on
from sipregistrant.errors import ConfigurationError
from sipregistrant.service import Service, ServiceSettings
from sipregistrant.store import instance
from sipregistrant.store.store import Store

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with listen_on(LOOPBACK, 0, "--https") as probe:
        return int(probe.getsockname()[1])


async def test_a_start_that_fails_gives_its_port_free_and_un_registers_nothing(tmp_path: Path) -> None:
    port = free_port()
    settings = ServiceSettings(tmp_path, https=(LOOPBACK, port), sip=(LOOPBACK, 0), unregister_on_stop=True)
    in_the_way = tmp_path / "local.sock"
    in_the_way.mkdir()
    # `caught` keeps all that the start has made from being collected: what is free was closed.
    with pytest.raises(ConfigurationError, match=r"local\.sock") as caught:
        async with Service.running(settings):
            pass
    listen_on(LOOPBACK, port, "--https").close()
    assert caught.value.setting == "data directory"
    assert not Store.once(tmp_path, lambda *saved: lambda: 0, instance.has_left), "nothing is un-registered by it"
    in_the_way.rmdir()
    async with Service.running(settings) as service:
        assert service.base == f"https://{LOOPBACK}:{port}"
