"""A paused service sends nothing to a real registrar, and registers all when it is resumed."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually, run_command

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]

QUIET_SECONDS = 1.5


def test_paused_it_sends_nothing_and_resumed_it_registers(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    running = service("--paused")
    here = ("--data-dir", str(running.data_dir))
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    time.sleep(QUIET_SECONDS)
    assert registrar.dump() == {}
    told = rest.get("sipcontactregistrant/1/sipregistrantentry/1").values
    assert (told["rt_RegistrationState"], told["rt_LastReason"]) == ("registering", "waits: the service is paused")
    running.stop()
    running.start()
    assert '"service.is_paused"' in running.log()
    time.sleep(QUIET_SECONDS)
    assert registrar.dump() == {}
    assert "nothing is sent until" in run_command("status", *here).stderr
    resumed = run_command("resume", *here)
    assert resumed.returncode == 0, resumed.stderr
    rest = running.rest()
    eventually(lambda: rest.state() == "registered")
    assert run_command("pause", *here).returncode == 0
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/1").http_code == 200
    time.sleep(QUIET_SECONDS)
    assert registrar.dump() != {}
    assert run_command("resume", *here).returncode == 0
    eventually(lambda: not any(registrar.dump().values()))
