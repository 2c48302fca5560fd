"""Registrars that are reached over WebSockets (RFC 7118)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.kamailio import WEB_SOCKET_MODULE, Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import Rest, ServiceProcess, eventually

pytestmark = pytest.mark.skipif(
    WEB_SOCKET_MODULE is None,
    reason="needs WebSockets: sudo apt-get install --no-install-recommends kamailio kamailio-websocket-modules",
)

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"
UDP, TCP, TLS = 1, 2, 4
PATH = "/sip"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def reason(rest: Rest) -> str:
    return rest.get(ENTRY).values["rt_LastReason"]


def test_over_a_web_socket(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(web_socket_path=PATH)
    rest = service().rest()
    configure(rest, registrar, Protocol=TCP, WebSocketPath=PATH)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"ws:127.0.0.1:{registrar.port}"
    (binding,) = registrar.dump()[AOR]
    assert ".invalid:" in binding.uri
    assert binding.uri.endswith(";transport=ws")
    assert rest.post(f"{ENTRY}?action=register").http_code == 200
    eventually(lambda: registrar.dump()[AOR][0].cseq > binding.cseq)
    assert [one.uri for one in registrar.dump()[AOR]] == [binding.uri]
    assert rest.delete(ENTRY).http_code == 200
    eventually(lambda: AOR not in registrar.dump())


def test_what_was_registered_over_a_web_socket_is_registered_again_when_that_ends(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(web_socket_path=PATH)
    first = service()
    rest = first.rest()
    configure(rest, registrar, Protocol=TCP, WebSocketPath=PATH)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    (binding,) = registrar.dump()[AOR]
    registrar.restart()
    assert AOR not in registrar.dump()
    eventually(lambda: AOR in registrar.dump(), within=60)
    eventually(lambda: rest.state() == "registered")
    # Nobody reaches us by the name in it, so it stays the same, whatever connection it is registered over.
    assert [one.uri for one in registrar.dump()[AOR]] == [binding.uri]


def test_over_a_secure_web_socket_and_who_is_not_trusted_is_said(
    service: Start, kamailio: StartKamailio, tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    registrar = kamailio(web_socket_path=PATH, tls=authority.issue("server", names=["sip.test"]))
    trusting = service("--sip-trust", str(authority.files.certificate), "--advertise", "registrant.test")
    rest = trusting.rest()
    configure(rest, registrar, Protocol=TLS, Port=registrar.tls_port, TLSProfileID=1, WebSocketPath=PATH)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Registrar"] == f"wss:127.0.0.1:{registrar.tls_port}"
    assert registrar.dump()[AOR][0].uri.startswith("sip:alice@registrant.test:")
    assert registrar.dump()[AOR][0].uri.endswith(";transport=ws")
    trusting.stop()
    rest = service("--sip-trust", str(other.files.certificate)).rest()
    eventually(lambda: "its certificate is not trusted" in reason(rest))


def test_a_certificate_for_another_domain_is_a_reason(service: Start, kamailio: StartKamailio, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    registrar = kamailio(web_socket_path=PATH, tls=authority.issue("server", names=["other.test"]))
    rest = service("--sip-trust", str(authority.files.certificate)).rest()
    configure(rest, registrar, Protocol=TLS, Port=registrar.tls_port, TLSProfileID=1, WebSocketPath=PATH)
    put_entry(rest)
    eventually(lambda: "its certificate is for other.test, not for sip.test" in reason(rest))
    assert AOR not in registrar.dump()


def test_a_path_where_there_is_no_web_socket_is_a_reason_and_the_right_one_helps_at_once(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(web_socket_path=PATH)
    rest = service().rest()
    configure(rest, registrar, Protocol=TCP, WebSocketPath="/other")
    put_entry(rest)
    eventually(lambda: "no WebSocket there: HTTP 404 Not Found" in reason(rest))
    assert rest.get(ENTRY).values["rt_Registrar"] == f"ws:127.0.0.1:{registrar.port}"
    assert rest.post("sipservertable/1/sipserver/1", WebSocketPath=PATH).http_code == 200
    eventually(lambda: rest.state() == "registered", within=60)


def test_over_udp_there_is_no_web_socket(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, Protocol=UDP, WebSocketPath=PATH)
    put_entry(rest)
    eventually(lambda: "a WebSocket needs TCP or TLS" in reason(rest))
    assert registrar.requests() == 0
