"""Behind a NAT, and on a bad line: a relay stands between the service and a real registrar."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.kamailio import Kamailio
from tests.nat_network import why_not
from tests.ports import free_port
from tests.relay import UdpRelay
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

AOR = "alice@sip.test"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def bindings(registrar: Kamailio) -> list[str]:
    return [binding.uri for binding in registrar.dump().get(AOR, [])]


def seen(relay: UdpRelay) -> list[str]:
    return [f"sip:alice@{host}:{port}" for host, port in relay.addresses()]


def put_users(rest: Rest, registrar: Kamailio, number: int) -> None:
    """PUT so many entries, and a credential for each."""
    for n in range(1, number + 1):
        credential = rest.put(
            f"sipremoteauthtable/1/sipremoteauthentry/{n + 1}", Realm=registrar.realm, User=f"u{n}", FromURIUserMatch=0,
            EncryptedPassword=registrar.password,
        )  # fmt: skip
        assert credential.http_code == 200, credential
        put_entry(rest, n, AOR=f"sip:u{n}@sip.test")


def entry(rest: Rest) -> Mapping[str, str]:
    return rest.get("sipcontactregistrant/1/sipregistrantentry/1").values


def test_a_contact_names_the_address_that_the_nat_gives_and_follows_it(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    with UdpRelay(("127.0.0.1", registrar.port)) as relay:
        rest = service().rest()
        rest.post("sipprofile/1", ContactAsSeen=1)
        configure(rest, registrar, Port=relay.port)
        put_entry(rest, AorTtl=60)
        eventually(lambda: bindings(registrar) == seen(relay) != [], within=10)
        assert entry(rest)["rt_PublicAddress"] == f"127.0.0.1:{relay.addresses()[0][1]}"
        relay.move()
        before = bindings(registrar)
        rest.post("sipcontactregistrant/1/sipregistrantentry/1", AorTtl=61)
        # The old one is taken back by the same request, so no call goes to nobody.
        eventually(lambda: bindings(registrar) == seen(relay) != before, within=10)


def test_a_fixed_public_address_stands_in_the_contact(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    rest.post("sipsg/1", PublicAddress="sbc.example.com:5090")
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: bindings(registrar) == ["sip:alice@sbc.example.com:5090"], within=5)


def test_registrations_are_spread_over_source_ports(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    first = free_port()
    rest.post("sipsg/1", SourcePorts=3, ListenPort_1=first)
    configure(rest, registrar)
    put_users(rest, registrar, 6)
    eventually(lambda: len(registrar.dump()) == 6, within=10)
    ports = sorted(binding.uri.rpartition(":")[2] for those in registrar.dump().values() for binding in those)
    assert ports == sorted(str(first + number % 3) for number in range(6))


@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_a_line_that_loses_repeats_and_delays_registers_all_the_same(
    service: Start, kamailio: StartKamailio, lost: float
) -> None:
    registrar = kamailio()
    with UdpRelay(("127.0.0.1", registrar.port), lost=lost, repeated=0.3, delay=0.2) as relay:
        rest = service().rest()
        configure(rest, registrar, Port=relay.port)
        put_users(rest, registrar, 20)
        eventually(lambda: len(registrar.dump()) == 20, within=60)
        eventually(lambda: rest.get("sipcontactregistrant/1").values["rt_Registered"] == "20", within=60)
    assert relay.dropped > 0 or not lost


@pytest.mark.kamailio
def test_behind_a_real_nat() -> None:
    if reason := why_not():
        pytest.skip(reason)
    played = subprocess.run(
        [sys.executable, "-m", "tests.nat_network", "tests.nat_play"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=150,
    )  # fmt: skip
    assert played.returncode == 0, played.stdout + played.stderr
    assert "a flow keeps sip:alice@198.51.100.1:" in played.stdout
