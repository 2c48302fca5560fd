"""`sipregistrant forecast`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from structlog.testing import capture_logs

from sipregistrant.model.registry import RESOURCES
from sipregistrant.service import Service, ServiceSettings
from sipregistrant.store import config
from sipregistrant.store.tx import Key, Tx

from ..service import run_command


def fill(tx: Tx) -> None:
    """Make a server that is nobody's, for three entries."""
    config.create(tx, RESOURCES["sipcontactregistrant"], Key(1), {})
    for number in range(1, 4):
        form = {"AOR": f"sip:u{number}@example.com", "AorType": "3", "AorTtl": "2"}
        config.create(tx, RESOURCES["sipregistrantentry"], Key(number, 1), form)
    server = {"Host": "127.0.0.1", "Port": "1024", "ContactRegistrantTableID": "1", "MaxRegistersPerSecond": "1"}
    config.create(tx, RESOURCES["sipserver"], Key(1, 1), server)


async def test_it_asks_the_service_or_the_file_and_a_limit_that_is_too_low_is_told(tmp_path: Path) -> None:
    settings = ServiceSettings(tmp_path, https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    told = ("forecast", "--data-dir", str(tmp_path))
    with capture_logs() as logs:
        async with Service.running(settings) as service:
            await service.store.write(fill)
            async with asyncio.timeout(20):
                while not any(line["event"] == "server.limit_too_low" for line in logs):
                    await asyncio.sleep(0.02)
            running = await asyncio.to_thread(run_command, *told, "-o", "json")
    (load,) = json.loads(running.stdout)
    assert (load["server"], load["registrations"], load["limit"]) == ("127.0.0.1:1024", 3, 1)
    assert running.returncode == 3
    shown = run_command(*told)
    assert shown.returncode == 3
    assert shown.stdout.splitlines()[-1] == "127.0.0.1:1024: does not fit: refreshes alone need 3 a second"


def test_what_would_be_is_reckoned_before_it_is() -> None:
    fits = run_command("forecast", "--entries", "100000", "--limit", "50")
    assert (fits.returncode, fits.stdout.splitlines()) == (
        0,
        [
            "100,000 registrations, each granted 3,600 s: 32 REGISTERs a second to keep them",
            "with 50 a second it takes 67 min until all are registered for the first time: fits",
        ],
    )
    too_many = run_command("forecast", "--entries", "100000", "--ttl", "600", "--limit", "50", "-o", "json")
    assert too_many.returncode == 3
    assert json.loads(too_many.stdout)["verdict"] == "does not fit: refreshes alone need 253 a second"


def test_it_wants_to_know_of_what() -> None:
    neither = run_command("forecast")
    assert (neither.returncode, "where is the service?" in neither.stderr) == (1, True)
    both = run_command("forecast", "--entries", "1", "--data-dir", "nowhere")
    assert (both.returncode, both.stderr) == (1, "sipregistrant: forecast: either a service or --entries is wanted\n")
