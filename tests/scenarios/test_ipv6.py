"""IPv6 from end to end, over loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.dns_server import NameServer
from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def has_ipv6() -> bool:
    """Tell whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on loopback")


def is_bound(rest: Rest, registrar: Kamailio, transport: str, our_port: int) -> None:
    """Check that the entry is registered over IPv6, with our address in brackets."""
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"{transport}:[::1]:{registrar.port}"
    (binding,) = registrar.dump()[AOR]
    assert binding.uri.startswith(f"sip:alice@[::1]:{our_port}")


@pytest.mark.parametrize(("protocol", "transport"), [(1, "udp"), (2, "tcp")])
def test_an_address_of_ipv6(
    service: Start, kamailio: StartKamailio, free_port: int, protocol: int, transport: str
) -> None:
    registrar = kamailio(has_ipv6=True, has_tcp=transport == "tcp")
    rest = service("--sip", f"[::1]:{free_port}").rest()
    configure(rest, registrar, Host="[::1]", Protocol=protocol)
    put_entry(rest)
    is_bound(rest, registrar, transport, free_port)
    assert rest.delete(ENTRY).http_code == 200
    eventually(lambda: AOR not in registrar.dump())


@pytest.mark.parametrize(("prefers", "host", "registrar_at"), [(0, "127.0.0.1", "127.0.0.1"), (1, "[::1]", "[::1]")])
def test_a_name_of_both_families_is_reached_as_host_ip_version_says(
    service: Start, kamailio: StartKamailio, free_port: int, prefers: int, host: str, registrar_at: str
) -> None:
    registrar = kamailio(has_ipv6=True)
    with NameServer({"both.sip.test.": {"A": ["127.0.0.1"], "AAAA": ["::1"]}}) as names:
        rest = service("--sip", f"{host}:{free_port}", "--dns", f"127.0.0.1:{names.port}").rest()
        configure(rest, registrar, Host="both.sip.test", HostIpVersion=prefers)
        put_entry(rest)
        eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"udp:{registrar_at}:{registrar.port}"


def test_a_socket_of_the_other_family_is_a_reason(service: Start, kamailio: StartKamailio, free_port: int) -> None:
    registrar = kamailio(has_ipv6=True)
    rest = service().rest()
    configure(rest, registrar, Host="[::1]")
    put_entry(rest)
    said = eventually(lambda: rest.get(ENTRY).values["rt_LastReason"])
    assert said.endswith("the signaling group listens on 127.0.0.1, from where only IPv4 is reached")
