"""The metrics of a service that runs, from end to end: a sandbox registrar answers, and Prometheus' own parser reads."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain
from structlog.testing import capture_logs

from sipregistrant.errors import StoreUnavailable
from sipregistrant.metrics.catalogue import METRICS, PREFIX
from sipregistrant.sandbox.server import SandboxServer
from sipregistrant.service import Service

from ..store.support import Site
from .conftest import PASSWORD, put_users, scrape, scraped


async def test_every_metric_of_the_catalogue_is_told_and_no_other(local: httpx2.AsyncClient) -> None:
    text = (await local.get("/metrics")).text
    told = {line.split()[2] for line in text.splitlines() if line.startswith(f"# TYPE {PREFIX}")}
    assert told == {metric.shown for metric in METRICS}
    assert all(family.documentation for family in plain(text))


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool, which ./do test installs where it may")
async def test_promtool_is_content_with_what_is_told(
    local: httpx2.AsyncClient, site: Site, registrar: SandboxServer
) -> None:
    await put_users(site, registrar.port, PASSWORD, "wrong")
    await scraped(local, lambda figures: figures["sipregistrant_settled_total"] == 2)
    text = (await local.get("/metrics")).text
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


async def test_who_asks_for_open_metrics_gets_them(local: httpx2.AsyncClient) -> None:
    response = await local.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in open_metrics(response.text)} >= {PREFIX + metric.name for metric in METRICS}
    response = await local.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")


async def test_registrations_answers_and_their_times_are_counted_by_server(
    local: httpx2.AsyncClient, site: Site, registrar: SandboxServer
) -> None:
    await put_users(site, registrar.port, PASSWORD, PASSWORD, "wrong")
    figures = await scraped(
        local, lambda figures: figures.get('sipregistrant_registrations{server="1:1",state="rejected"}') == 1
        and figures.get('sipregistrant_registrations{server="1:1",state="registered"}') == 2
    )  # fmt: skip
    assert figures['sipregistrant_answers_total{code="200",server="1:1"}'] == 2
    assert figures['sipregistrant_answers_total{code="401",server="1:1"}'] == 4
    assert figures['sipregistrant_answer_seconds_count{server="1:1"}'] == 6
    assert figures['sipregistrant_answer_seconds_bucket{le="+Inf",server="1:1"}'] == 6
    assert 0 < figures['sipregistrant_answer_seconds_sum{server="1:1"}'] < 10
    assert figures['sipregistrant_attempts_total{outcome="accepted",server="1:1"}'] == 2
    assert figures['sipregistrant_attempts_total{outcome="refused",server="1:1"}'] == 1
    assert figures['sipregistrant_due_lag_seconds_count{class="first"}'] == 3
    assert figures['sipregistrant_server_up{server="1:1"}'] == 1
    assert figures['sipregistrant_requests_sent_total{kind="register"}'] == 6
    assert figures["sipregistrant_settled_total"] == 3
    assert figures[f'sipregistrant_target_breaker_open{{target="udp:127.0.0.1:{registrar.port}"}}'] == 0
    assert 0 < figures['sipregistrant_soonest_lapse_seconds{server="1:1"}'] <= 3600
    assert figures['sipregistrant_most_overdue_seconds{server="1:1"}'] == 0
    assert not [name for name in figures if "u1" in name or "sip:" in name], "an AOR is no label"


async def test_each_registration_that_changes_is_a_line_of_the_log(
    local: httpx2.AsyncClient, site: Site, registrar: SandboxServer
) -> None:
    with capture_logs() as lines:
        await put_users(site, registrar.port, PASSWORD, "wrong")
        await scraped(local, lambda figures: figures["sipregistrant_settled_total"] == 2)
    told = {line["aor"]: line for line in lines if line["event"].startswith("registration.")}
    assert {aor: (line["event"], line["was"], line["now"], line["code"]) for aor, line in told.items()} == {
        "sip:u1": ("registration.changed", "unregistered", "registered", 200),
        "sip:u2": ("registration.failed", "unregistered", "rejected", 401),
    }  # fmt: skip
    assert {line["server"] for line in told.values()} == {f"127.0.0.1:{registrar.port}"}


async def test_a_database_that_cannot_be_read_leaves_out_what_is_in_it(
    service: Service, local: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(*arguments: object) -> object:
        raise StoreUnavailable("disk I/O error")

    monkeypatch.setattr(service.store, "read", unreadable)
    figures = await scrape(local)
    assert figures["sipregistrant_store_up"] == 0
    assert "sipregistrant_paused" not in figures
    assert figures["sipregistrant_unsettled"] == 0
