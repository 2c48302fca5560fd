"""Registrars that are found by their domain: two Kamailios, and a name server whose zone changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.dns_server import NameServer
from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"
SRV = "_sip._udp.sip.test."

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


@pytest.fixture
def names() -> Iterator[NameServer]:
    """Return a name server that knows where a.sip.test and b.sip.test are: here."""
    with NameServer({f"{host}.sip.test.": {"A": ["127.0.0.1"]} for host in "ab"}) as server:
        yield server


def services(names: NameServer, first: Kamailio, second: Kamailio) -> None:
    """Have the domain mean the first, and the second where that is not there."""
    names.set(SRV, "SRV", [f"10 1 {first.port} a.sip.test.", f"20 1 {second.port} b.sip.test."], ttl=1)


def registrar_of(rest: Rest) -> str:
    return rest.get(ENTRY).values["rt_Registrar"]


def test_a_domain_is_registered_at_the_first_of_its_servers_that_answers(
    service: Start, kamailio: StartKamailio, names: NameServer
) -> None:
    first, second = kamailio(), kamailio()
    services(names, first, second)
    rest = service("--dns", f"127.0.0.1:{names.port}").rest()
    configure(rest, first, ServerLookup=1, Host="sip.test", DomainName="sip.test")
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert registrar_of(rest) == f"udp:127.0.0.1:{first.port}"
    assert AOR in first.dump()
    assert AOR not in second.dump()
    # The zone changes: at its next REGISTER the entry is registered where the domain is now.
    services(names, second, first)

    def is_moved() -> bool:
        rest.post(f"{ENTRY}?action=register")
        return registrar_of(rest) == f"udp:127.0.0.1:{second.port}"

    eventually(is_moved, within=30)
    assert AOR in second.dump()


def test_the_next_server_is_tried_when_the_first_is_not_there(
    service: Start, kamailio: StartKamailio, names: NameServer
) -> None:
    first, second = kamailio(), kamailio()
    services(names, first, second)
    first.stop()
    rest = service("--dns", f"127.0.0.1:{names.port}").rest()
    configure(rest, second, ServerLookup=1, Host="sip.test", DomainName="sip.test")
    put_entry(rest)
    # Timer F at the first, 32 s.
    eventually(lambda: rest.state() == "registered", within=45)
    assert registrar_of(rest) == f"udp:127.0.0.1:{second.port}"


def test_over_tcp_the_next_server_is_tried_at_once(service: Start, kamailio: StartKamailio, names: NameServer) -> None:
    first, second = kamailio(has_tcp=True), kamailio(has_tcp=True)
    names.set("_sip._tcp.sip.test.", "SRV", [f"10 1 {first.port} a.sip.test.", f"20 1 {second.port} b.sip.test."])
    first.stop()
    rest = service("--dns", f"127.0.0.1:{names.port}").rest()
    configure(rest, second, ServerLookup=1, Host="sip.test", DomainName="sip.test", Protocol=2)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered", within=10)
    assert registrar_of(rest) == f"tcp:127.0.0.1:{second.port}"


def test_a_name_server_that_is_gone_changes_nothing(service: Start, kamailio: StartKamailio, names: NameServer) -> None:
    first, second = kamailio(), kamailio()
    services(names, first, second)
    rest = service("--dns", f"127.0.0.1:{names.port}").rest()
    configure(rest, first, ServerLookup=1, Host="sip.test", DomainName="sip.test")
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    names.is_down = True
    rest.post(f"{ENTRY}?action=unregister")
    eventually(lambda: AOR not in first.dump())
    rest.post(f"{ENTRY}?action=register")
    eventually(lambda: AOR in first.dump(), within=20)


def test_a_route_that_is_a_domain_chooses_its_transport_by_naptr(
    service: Start, kamailio: StartKamailio, names: NameServer
) -> None:
    registrar = kamailio(has_tcp=True)
    names.set("edge.test.", "NAPTR", [
        '10 1 "s" "SIP+D2S" "" _sip._sctp.edge.test.', '20 1 "s" "SIP+D2T" "" _sip._tcp.edge.test.',
        '30 1 "s" "SIP+D2U" "" _sip._udp.edge.test.',
    ])  # fmt: skip
    names.set("_sip._tcp.edge.test.", "SRV", [f"1 1 {registrar.port} a.sip.test."])
    rest = service("--dns", f"127.0.0.1:{names.port}").rest()
    configure(rest, registrar, RouteSet="<sip:edge.test;lr>")
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert registrar_of(rest) == f"tcp:127.0.0.1:{registrar.port}"
