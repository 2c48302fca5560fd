"""A server that is watched with OPTIONS: its state is known before anything is registered there."""

from __future__ import annotations

from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure
from tests.service import Rest, ServiceProcess, eventually

TABLE = "sipservertable/1/sipserver"
SERVER = f"{TABLE}/1"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def status(rest: Rest) -> str:
    return rest.get(SERVER).values["rt_ServerStatus"]


def test_a_server_is_up_by_options_alone_after_each_change(service: Start, kamailio: StartKamailio) -> None:
    first = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, first)
    assert status(rest) == "Unknown"
    eventually(lambda: status(rest) == "Up")
    assert first.statistic("core:rcv_requests_options") >= 1
    assert first.requests() == 0
    running.stop()
    running.start()
    again = running.rest()
    eventually(lambda: status(again) == "Up")


def test_over_tcp_it_is_down_when_nobody_listens_and_up_again_soon(service: Start, kamailio: StartKamailio) -> None:
    there = kamailio(has_tcp=True)
    rest = service().rest()
    configure(rest, there, Protocol=2)
    eventually(lambda: status(rest) == "Up")
    there.stop()
    # It is asked again after half a minute, over a new connection, which is refused.
    eventually(lambda: status(rest) == "Down", within=35)
    there.start()
    eventually(lambda: status(rest) == "Up", within=20)


def test_who_does_not_want_that_is_not_watched(service: Start, kamailio: StartKamailio) -> None:
    there, other = kamailio(), kamailio()
    rest = service().rest()
    configure(rest, there, Monitor=0)
    before = there.statistic("core:rcv_requests_options")
    rest.put(f"{TABLE}/2", Host=other.host, Port=other.port, ContactRegistrantTableID=1, Monitor=1)
    eventually(lambda: rest.get(f"{TABLE}/2").values["rt_ServerStatus"] == "Up")
    assert status(rest) == "Unknown"
    assert there.statistic("core:rcv_requests_options") == before
