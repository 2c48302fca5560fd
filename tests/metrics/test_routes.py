"""Who may read the metrics, and where."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx2
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from sipregistrant.access.actor import Role
from sipregistrant.api.web_server import listen_on
from sipregistrant.errors import ConfigurationError
from sipregistrant.service import Service, ServiceSettings
from sipregistrant.store import api_tokens


async def over_https(service: Service, **headers: str) -> httpx2.Response:
    context = ssl.create_default_context(cafile=service.settings.data_dir / "https.crt")
    async with httpx2.AsyncClient(base_url=service.base, verify=context, trust_env=False) as client:
        return await client.get("/metrics", headers=headers)


async def test_over_https_a_token_is_wanted_and_readonly_is_enough(service: Service) -> None:
    refused = await over_https(service)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert (await over_https(service, Authorization="Bearer srt_wrong")).status_code == 401
    _, token = await service.store.write(api_tokens.add, "prometheus", Role.READONLY.level)
    answered = await over_https(service, Authorization=f"Bearer {token}")
    assert answered.status_code == 200
    assert "sipregistrant_build_info{" in answered.text


async def test_on_a_listener_of_its_own_nobody_is_asked_and_nothing_else_is_served(service: Service) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{service.metrics_port}", trust_env=False) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json() == {"status": "ready", "paused": False}
        assert (await client.get("/api/v1/status")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_an_engine_that_has_stopped_is_not_ready(service: Service, local: httpx2.AsyncClient) -> None:
    await service.engine.stop()
    told = await local.get("/readyz")
    assert told.status_code == 503
    assert "the engine does not run" in told.json()["reasons"]


async def test_an_address_in_use_ends_the_start_and_names_the_option(tmp_path: Path) -> None:
    with listen_on("127.0.0.1", 0, "--metrics") as taken:
        settings = ServiceSettings(
            tmp_path, https=("127.0.0.1", 0), sip=("127.0.0.1", 0), metrics=("127.0.0.1", taken.getsockname()[1]),
            unregister_on_stop=True,
        )  # fmt: skip
        with pytest.raises(ConfigurationError, match=r"--metrics: .* is in use"):
            async with Service.running(settings):
                pass


async def test_a_request_is_found_in_the_log_by_its_id(service: Service) -> None:
    context = ssl.create_default_context(cafile=service.settings.data_dir / "https.crt")
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with httpx2.AsyncClient(base_url=service.base, verify=context, trust_env=False) as client:
            headers = {"X-Request-Id": "from-a-client", "Authorization": "Bearer srt_wrong"}
            refused = await client.get("/api/v1/status", headers=headers)
    assert refused.headers["x-request-id"] == refused.json()["request_id"] == "from-a-client"
    assert [line["request_id"] for line in lines if line["event"] == "token.refused"] == ["from-a-client"]
