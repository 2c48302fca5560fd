"""Whether the service serves."""

from __future__ import annotations

import httpx2
from starlette.applications import Starlette

from sipregistrant import __version__
from sipregistrant.api.health import health_route


async def test_the_service_tells_its_version_and_how_long_it_is_up() -> None:
    now = [1000.5]
    app = Starlette(routes=[health_route(clock=lambda: now[0])])
    now[0] += 61.9
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://h") as http:
        response = await http.get("/healthz")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"status": "ok", "version": __version__, "uptime_seconds": 61}
