"""Who may read the metrics, and where."""

from __future__ import annotations

import ssl

import httpx2

from sipregistrant.access.actor import Role
from sipregistrant.service import Service
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
