"""A server is disabled, taken out for maintenance, and enabled again, with a real registrar behind it."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
SERVER = "sipservertable/1/sipserver/1"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"
DISABLED, ENABLED, DRAIN, MAINTENANCE = range(4)

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def test_a_disabled_server_un_registers_and_an_enabled_one_registers_again(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar, other = kamailio(), kamailio(realm="other.test")
    rest = service().rest()
    configure(rest, registrar, realm="")
    # Another domain: servers of one domain may be doors of one location service, where a contact that one of them wants stays.
    made = rest.put(
        "sipservertable/1/sipserver/2", Host=other.host, Port=other.port, DomainName=other.realm,
        RemoteAuthorizationTableID=1, ContactRegistrantTableID=1,
    )  # fmt: skip
    assert made.http_code == 200
    put_entry(rest, AorType=2, AOR="sip:alice")
    eventually(lambda: registrar.dump().get(AOR))
    eventually(lambda: other.dump().get("alice@other.test"))
    for off, word in ((DISABLED, "Disabled"), (DRAIN, "Drained")):
        assert rest.post(SERVER, AdminState=off).http_code == 200
        eventually(lambda: not registrar.dump())
        eventually(lambda word=word: rest.get(SERVER).values["rt_ServerStatus"] == word)  # type: ignore[misc]
        assert other.dump().get("alice@other.test")
        assert rest.post(SERVER, AdminState=ENABLED).http_code == 200
        eventually(lambda: registrar.dump().get(AOR))
        eventually(lambda: rest.get(SERVER).values["rt_ServerStatus"] == "Up")


def test_in_maintenance_a_binding_is_neither_refreshed_nor_removed(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(max_expires=6)
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    assert rest.post(SERVER, AdminState=MAINTENANCE).http_code == 200
    (bound,) = registrar.dump()[AOR]
    assert rest.get(SERVER).values["rt_ServerStatus"] == "Maintenance"
    waits = eventually(lambda: rest.get(ENTRY).values["rt_LastReason"].removeprefix("OK"), within=8)
    assert waits == "waits: the server is in maintenance"
    assert [binding.cseq for binding in registrar.dump()[AOR]] == [bound.cseq]
    eventually(lambda: AOR not in registrar.dump(), within=10)
    eventually(lambda: rest.state() == "failing")
    at = time.monotonic()
    assert rest.post(SERVER, AdminState=ENABLED).http_code == 200
    eventually(lambda: registrar.dump().get(AOR))
    assert time.monotonic() - at < 2
