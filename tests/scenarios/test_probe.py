"""Probes and the audit of bindings at a real Kamailio: what is told is true, and nothing is left behind."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.certificates import Authority
from tests.interop.test_kamailio_fixture import Phone
from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
BOB = {"aor": "sip:bob@sip.test", "aor_type": "static"}
ALICE = {"aor": "sip:alice@sip.test", "aor_type": "static"}

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


class Api:
    """A client of /api/v1 on the local socket of a service."""

    def __init__(self, directory: Path) -> None:
        transport = httpx2.HTTPTransport(uds=str(directory / "local.sock"))
        self.http = httpx2.Client(transport=transport, base_url="http://local/api/v1", timeout=60)

    def post(self, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
        reply = self.http.post(path, json=body)
        assert reply.status_code == status, reply.text
        told: dict[str, Any] = reply.json()
        return told

    def get(self, path: str) -> dict[str, Any]:
        told: dict[str, Any] = self.http.get(path).json()
        return told

    def probe(self, entry: dict[str, str], **more: Any) -> dict[str, Any]:
        return self.post("/probe", server="1:1", entry=entry, **more)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path / "data")
    with made.http:
        yield made


def steps(report: dict[str, Any]) -> list[str]:
    return [step["name"] for step in report["steps"]]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_who_would_register_is_told_so_and_is_bound_no_longer(
    service: Start, kamailio: StartKamailio, api: Api, algorithm: str
) -> None:
    registrar = kamailio(algorithm=algorithm)
    configure(service().rest(), registrar)
    report = api.probe(ALICE)
    assert report["ok"], report
    assert report["verdict"] == "it would register"
    assert steps(report) == ["targets", "challenge", "answer", "expiry", "unregister"]
    challenge = report["steps"][1]
    assert challenge["details"]["challenges"][0]["algorithm"] == algorithm
    assert "nonce" not in str(challenge["details"])
    assert report["steps"][3]["details"]["granted"] == 60
    assert registrar.dump() == {}
    assert api.get("/registrations")["items"] == []


def test_a_wrong_password_is_told_with_what_to_do(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio()
    configure(service().rest(), registrar)
    report = api.probe(ALICE, user="alice", password="nonsense")
    assert (report["ok"], report["cause"]) == (False, "credentials.refused")
    assert report["advice"]
    assert "nonsense" not in str(report)
    assert api.probe(ALICE, user="alice", password=registrar.password)["ok"]
    assert api.probe(BOB)["cause"] == "credentials.missing"


def test_an_aor_without_a_host_is_asked_for_as_well(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio()
    configure(service().rest(), registrar)
    assert api.probe({"aor": "alice", "aor_type": "remote"})["ok"]
    assert registrar.dump() == {}


def test_an_aor_that_is_registered_is_only_fetched(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    before = registrar.dump()[AOR]
    report = api.probe(ALICE)
    assert report["ok"]
    assert "registers this AOR there already" in report["verdict"]
    assert [contact["uri"] for contact in report["contacts"]] == ["sip:alice@192.0.2.1"]
    assert [binding.uri for binding in registrar.dump()[AOR]] == [binding.uri for binding in before]
    assert api.get("/registrations/1/history")["items"] != []


def test_tls_is_described_and_who_is_not_trusted_is_said(
    service: Start, kamailio: StartKamailio, api: Api, tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    registrar = kamailio(tls=authority.issue("server", names=["sip.test"]))
    trusting = service("--sip-trust", str(authority.files.certificate))
    configure(trusting.rest(), registrar, Protocol=4, Port=registrar.tls_port, TLSProfileID=1)
    report = api.probe(ALICE)
    assert report["ok"], report
    (tls,) = [step for step in report["steps"] if step["name"] == "tls"]
    assert tls["text"].startswith("TLSv1.")
    assert tls["details"]["certificates"][0]["names"] == ["sip.test"]
    assert registrar.dump() == {}
    trusting.stop()
    service("--sip-trust", str(other.files.certificate))
    assert api.probe(ALICE)["cause"] == "tls.untrusted"


def test_a_name_that_nobody_knows_and_a_port_that_nobody_has(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio(has_tcp=True)
    rest = service("--dns", "127.0.0.1:1").rest()
    configure(rest, registrar, Host="registrar.invalid")
    report = api.probe(ALICE)
    assert report["cause"] in ("dns.unanswered", "dns.unknown")
    assert report["steps"][0]["name"] == "dns"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert rest.post("sipservertable/1/sipserver/1", Host="127.0.0.1", Port=port, Protocol=2).http_code == 200
    report = api.probe(ALICE)
    assert report["cause"] == "connection.refused"


def test_silence_is_told_within_ten_seconds(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio()
    configure(service().rest(), registrar)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        api.http.patch("/server-tables/1/servers/1", json={"port": silent.getsockname()[1]})
        report = api.probe(ALICE)
    assert report["cause"] == "silence"
    assert "within 9.6 s" in report["reason"]


def test_a_service_that_is_paused_asks_nobody(service: Start, kamailio: StartKamailio, api: Api) -> None:
    configure(service("--paused").rest(), kamailio())
    assert "paused" in api.post("/probe", 409, server="1:1", entry=ALICE)["detail"]


def test_whose_is_what_at_the_registrar(service: Start, kamailio: StartKamailio, api: Api) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    # A ghost at our own address, and somebody else's phone.
    contact = api.probe(ALICE, fetch=True)
    assert contact["ok"]
    phone = Phone(registrar)
    sip_port = rest.get("sipsg/1").values["ListenPort_1"]
    for uri in (f"sip:old@127.0.0.1:{sip_port}", "sip:phone@198.51.100.9"):
        phone.register(f"Contact: <{uri}>;expires=600")
    told = api.post("/registrations/1/bindings")
    owners = {one["uri"]: one["owner"] for one in told["bindings"]}
    assert owners == {
        "sip:alice@192.0.2.1": "ours", f"sip:old@127.0.0.1:{sip_port}": "ours_old", "sip:phone@198.51.100.9": "foreign",
    }  # fmt: skip
    assert told["verdict"] == "1 ours; 1 old ones of ours; 1 of others"
    told = api.post("/registrations/1/bindings", remove_old=True)
    assert told["removed"] == [f"sip:old@127.0.0.1:{sip_port}"]
    assert {binding.uri for binding in registrar.dump()[AOR]} == {"sip:alice@192.0.2.1", "sip:phone@198.51.100.9"}
    # The registrar loses what we believe to be held.
    phone.register("Contact: <sip:alice@192.0.2.1>;expires=0")
    told = api.post("/registrations/1/bindings", register_missing=True)
    assert {one["owner"] for one in told["bindings"]} == {"foreign", "missing"}
    assert told["is_registered_again"]
    eventually(lambda: "sip:alice@192.0.2.1" in {binding.uri for binding in registrar.dump()[AOR]})
    phone.socket.close()
