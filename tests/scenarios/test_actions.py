"""Actions of the wire API, as a real registrar sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY, TABLE, SERVER = (
    "sipcontactregistrant/1/sipregistrantentry/1",
    "sipcontactregistrant/1",
    "sipservertable/1/sipserver/1",
)

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def act(rest: Rest, path: str, word: str) -> None:
    assert rest.post(f"{path}?action={word}").http_code == 200


@pytest.mark.parametrize("path", [ENTRY, TABLE, SERVER])
def test_unregister_removes_the_binding_and_register_makes_it_again(
    service: Start, kamailio: StartKamailio, path: str
) -> None:
    registrar, running = kamailio(), service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    act(rest, path, "unregister")
    eventually(lambda: not registrar.dump().get(AOR))
    eventually(lambda: rest.state() == "disabled")
    running.stop()
    running.start()
    rest = running.rest()
    assert rest.state() == "disabled"
    act(rest, path, "register")
    eventually(lambda: rest.state() == "registered")
    assert registrar.dump().get(AOR)


def test_refresh_registers_once_more_and_the_server_is_up(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    before = rest.get(SERVER).values
    assert (before["rt_ServerStatus"], before["rt_TransactionFalures"]) == ("Up", "0")
    act(rest, TABLE, "refresh")
    eventually(lambda: int(rest.get(SERVER).values["rt_Transactions"]) > int(before["rt_Transactions"]))
    assert rest.state() == "registered"
