"""Stops of all kinds: nothing acknowledged is lost, nothing that is still registered is sent again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from sipregistrant.store.claim import UNREGISTER_WAIT_SECONDS
from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually, run_command

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]

AOR = "alice@sip.test"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_keeps_bindings_and_the_next_start_sends_nothing(
    service: Start, kamailio: StartKamailio, number: signal.Signals
) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert running.stop(number) == 0
    assert registrar.dump()[AOR]
    seen = registrar.requests()
    running.start()
    assert running.rest().state() == "registered"
    time.sleep(1.5)
    assert registrar.requests() == seen


def test_a_kill_in_the_middle_loses_no_acknowledged_put(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    for number in range(1, 31):
        put_entry(rest, number, URI1=f"sip:{number}@192.0.2.1")
    running.kill()
    running.start()
    rest = running.rest()
    eventually(lambda: {b.uri for b in registrar.dump().get(AOR, [])} == {f"sip:{n}@192.0.2.1" for n in range(1, 31)})
    eventually(lambda: rest.get("sipcontactregistrant/1").values["rt_Registered"] == "30")


def test_a_kill_sends_nothing_that_is_registered_again(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    running.kill()
    seen = registrar.requests()
    running.start()
    time.sleep(1.5)
    assert registrar.requests() == seen
    assert running.rest().state() == "registered"


def test_an_un_register_that_a_kill_interrupted_is_done_after_it(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    running.kill()
    running.start()
    # Killed between claim and send, it is tried again after the wait that the claim wrote.
    eventually(lambda: not registrar.dump(), within=UNREGISTER_WAIT_SECONDS + 10)


def test_un_register_on_stop_leaves_nothing_and_the_next_start_registers_again(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio()
    running = service("--unregister-on-stop")
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert running.stop() == 0
    assert not registrar.dump()
    running.start()
    eventually(lambda: registrar.dump().get(AOR))


def test_users_are_changed_through_the_service_that_holds_the_lock(service: Start) -> None:
    running = service()
    directory = str(running.data_dir)
    added = run_command(
        "user", "add", "second", "--role", "rest", "--password-stdin", "--data-dir", directory, stdin="pw2\n"
    )
    assert added.returncode == 0, added.stderr
    listed = run_command("user", "list", "--data-dir", directory, "-o", "csv")
    assert listed.stdout == "name,role\nrest,rest\nsecond,rest\n"
    client = running.rest().login("second", "pw2")
    changed = run_command("user", "passwd", "second", "--password-stdin", "--data-dir", directory, stdin="pw3")
    assert changed.returncode == 0, changed.stderr
    assert client.get("sipsg").http_code == 401
    again = run_command("user", "add", "second", "--password-stdin", "--data-dir", directory, stdin="x")
    assert again.returncode == 1
    assert "exists" in again.stderr
    removed = run_command("user", "remove", "second", "--data-dir", directory)
    assert removed.returncode == 0, removed.stderr
    assert client.post("login", Username="second", Password="pw3").code == 3007


def test_a_second_service_on_the_same_directory_says_who_is_in_the_way(service: Start) -> None:
    running = service()
    second = run_command("serve", "--data-dir", str(running.data_dir), "--https", "127.0.0.1:0", "--sip", "127.0.0.1:0")
    assert second.returncode == 1
    assert "is in use by another process" in second.stderr


def test_an_https_port_in_use_is_named_with_its_option(service: Start, tmp_path: object) -> None:
    running = service()
    address = running.base.removeprefix("https://")
    second = run_command("serve", "--data-dir", f"{tmp_path}/other", "--https", address, "--sip", "127.0.0.1:0")
    assert second.returncode == 1
    assert f"--https: {address} is in use; name another with --https HOST:PORT" in second.stderr
