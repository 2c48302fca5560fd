"""Registrars that are reached over TCP and TLS."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"
TCP, TLS = 2, 4

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def reason(rest: Rest) -> str:
    return rest.get(ENTRY).values["rt_LastReason"]


def test_over_tcp(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service().rest()
    configure(rest, registrar, Protocol=TCP)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"tcp:127.0.0.1:{registrar.port}"
    (binding,) = registrar.dump()[AOR]
    assert binding.uri.endswith(";transport=tcp")
    assert rest.delete(ENTRY).http_code == 200
    eventually(lambda: AOR not in registrar.dump())


def test_what_was_registered_over_a_connection_is_registered_again_when_that_ends(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service().rest()
    configure(rest, registrar, Protocol=TCP)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    registrar.restart()
    assert AOR not in registrar.dump()
    eventually(lambda: AOR in registrar.dump(), within=60)
    eventually(lambda: rest.state() == "registered")


def test_over_tls_and_who_is_not_trusted_is_said(service: Start, kamailio: StartKamailio, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    registrar = kamailio(tls=authority.issue("server", names=["sip.test"]))
    trusting = service("--sip-trust", str(authority.files.certificate))
    rest = trusting.rest()
    configure(rest, registrar, Protocol=TLS, Port=registrar.tls_port, TLSProfileID=1)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"tls:127.0.0.1:{registrar.tls_port}"
    trusting.stop()
    rest = service("--sip-trust", str(other.files.certificate)).rest()
    eventually(lambda: "its certificate is not trusted" in reason(rest))


@pytest.mark.parametrize(
    ("issued", "fault"),
    [
        ({"names": ["other.test"]}, "its certificate is for other.test, not for sip.test"),
        (
            {"names": ["sip.test"], "uris": ["sip:other.test"]},
            "its certificate is for sip:other.test, sip.test, not for sip.test",
        ),
        ({"names": ["sip.test"], "days": -1}, "its certificate is not trusted: certificate has expired"),
    ],
)
def test_a_certificate_that_is_not_good_is_a_reason(
    service: Start, kamailio: StartKamailio, tmp_path: Path, issued: dict[str, object], fault: str
) -> None:
    authority = Authority(tmp_path)
    registrar = kamailio(tls=authority.issue("server", **issued))  # type: ignore[arg-type]
    rest = service("--sip-trust", str(authority.files.certificate)).rest()
    configure(rest, registrar, Protocol=TLS, Port=registrar.tls_port, TLSProfileID=1)
    put_entry(rest)
    eventually(lambda: fault in reason(rest))
    assert AOR not in registrar.dump()
    assert rest.post("siptlsprofile/1", ValidateServerFQDN=0, VerifyPeersCertificate=0).http_code == 200
    rest.post(f"{ENTRY}?action=register")
    eventually(lambda: rest.state() == "registered", within=60)


def test_who_wants_a_certificate_of_ours_gets_it(service: Start, kamailio: StartKamailio, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("ours", names=["registrant.test"])
    registrar = kamailio(tls=authority.issue("server", names=["sip.test"]), trusts=authority.files.certificate)
    options = ("--sip-trust", str(authority.files.certificate))
    without = service(*options)
    rest = without.rest()
    assert rest.post("siptlsprofile/1", MutualAuth=1).http_code == 200
    configure(rest, registrar, Protocol=TLS, Port=registrar.tls_port, TLSProfileID=1)
    put_entry(rest)
    eventually(lambda: "MutualAuth: needs a certificate of ours" in reason(rest))
    without.stop()
    rest = service(*options, "--sip-certificate", str(ours.certificate), "--sip-key", str(ours.key)).rest()
    eventually(lambda: rest.state() == "registered", within=60)


@contextmanager
def deaf_peer() -> Iterator[int]:
    """Listen at a port where connections are accepted by the kernel, and nobody reads: no handshake goes on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


@pytest.mark.parametrize("protocol", [TCP, TLS])
def test_a_registrar_that_accepts_and_says_nothing_holds_up_no_other(
    service: Start, kamailio: StartKamailio, protocol: int
) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service().rest()
    with deaf_peer() as deaf:
        configure(
            rest, registrar, Protocol=protocol, Host="127.0.0.1", Port=deaf, DomainName="deaf.test", TLSProfileID=1
        )
        put_entry(rest, AOR="sip:bob@sip.test")
        eventually(lambda: rest.state() == "registering")
        assert rest.put("sipcontactregistrant/2", Description="others").http_code == 200
        other = rest.put(
            "sipservertable/1/sipserver/2", Host=registrar.host, DomainName=registrar.realm, Port=registrar.port, Protocol=TCP,
            Priority=1, RemoteAuthorizationTableID=1, ContactRegistrantTableID=2,
        )  # fmt: skip
        assert other.http_code == 200, other
        assert rest.put("sipcontactregistrant/2/sipregistrantentry/1", AorType=3, AOR=f"sip:{AOR}").http_code == 200
        eventually(lambda: rest.state(1, 2) == "registered", within=5)
        assert rest.state() == "registering"
