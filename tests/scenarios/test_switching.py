"""Requests that are too large for a datagram: a Kamailio over UDP and TCP, and one over UDP alone."""

from __future__ import annotations

from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"
LONG = {f"URI{n}": f"sip:alice{n}@192.0.2.{n};line={'x' * 150}" for n in range(1, 9)}

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def connections(registrar: Kamailio) -> int:
    return int(registrar.rpc("core.tcp_info")["opened_connections"])


def test_eight_long_contacts_go_over_tcp_and_come_back_when_the_connection_ends(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service().rest()
    configure(rest, registrar, SwitchToTcp=1)
    put_entry(rest, 1, **LONG)
    eventually(lambda: rest.state() == "registered")
    assert {binding.uri for binding in registrar.dump()[AOR]} == set(LONG.values())
    assert connections(registrar) == 1
    assert rest.get(ENTRY).values["rt_Registrar"] == f"udp:127.0.0.1:{registrar.port}"
    registrar.restart()
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 8, within=60)
    assert rest.delete(ENTRY).http_code == 200
    eventually(lambda: registrar.dump() == {})


def test_without_switch_or_need_no_connection_is_made(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service().rest()
    configure(rest, registrar, SwitchToTcp=1)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert rest.post("sipservertable/1/sipserver/1", SwitchToTcp=0).http_code == 200
    assert rest.post(ENTRY, **LONG).http_code == 200
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 8)
    assert connections(registrar) == 0


def test_where_nobody_listens_over_tcp_they_go_over_udp(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, SwitchToTcp=1)
    put_entry(rest, 1, **LONG)
    eventually(lambda: rest.state() == "registered")
    assert {binding.uri for binding in registrar.dump()[AOR]} == set(LONG.values())
    assert rest.get(ENTRY).values["rt_Failures"] == "0"
