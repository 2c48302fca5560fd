"""Registrars behind the routes that REGISTERs take: one Kamailio is the proxy before another."""

from __future__ import annotations

from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def test_a_route_set_leads_through_a_proxy_to_the_registrar(service: Start, kamailio: StartKamailio) -> None:
    edge, core = kamailio(), kamailio()
    rest = service().rest()
    routes = f"<sip:127.0.0.1:{edge.port};lr>,<sip:127.0.0.1:{core.port};lr>"
    # Nobody could find the host of the server: only the routes lead there.
    configure(rest, core, Host="nowhere.invalid", RouteSet=routes)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert [binding.uri for binding in core.dump()[AOR]] == ["sip:alice@192.0.2.1"]
    assert edge.dump() == {}
    assert edge.requests() == core.requests() == 2
    assert rest.get(ENTRY).values["rt_Registrar"] == f"udp:127.0.0.1:{edge.port}"
    assert rest.delete(ENTRY).http_code == 200
    eventually(lambda: core.dump() == {})


def test_what_was_bound_over_a_route_is_removed_over_it(service: Start, kamailio: StartKamailio) -> None:
    edge, core = kamailio(), kamailio()
    rest = service().rest()
    routes = f"<sip:127.0.0.1:{edge.port};lr>,<sip:127.0.0.1:{core.port};lr>"
    configure(rest, core, Host="nowhere.invalid", RouteSet=routes)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert rest.delete("sipservertable/1/sipserver/1").http_code == 200
    eventually(lambda: core.dump() == {})
    assert edge.requests() == core.requests() >= 3
