"""Options of a server, as a real registrar sees them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY, SERVER = "sipcontactregistrant/1/sipregistrantentry/1", "sipservertable/1/sipserver/1"
CREDENTIALS = "sipremoteauthtable/1/sipremoteauthentry"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def test_a_random_contact_user_is_kept_over_a_restart(service: Start, kamailio: StartKamailio) -> None:
    registrar, running = kamailio(), service()
    rest = running.rest()
    configure(rest, registrar, ContactURIRandomizer=1)
    put_entry(rest)
    (binding,) = eventually(lambda: registrar.dump().get(AOR, []))
    assert binding.uri.startswith("sip:SBC")
    assert binding.uri.partition("@")[0].endswith("alice")
    eventually(lambda: rest.state() == "registered")
    running.stop()
    running.start()
    rest = running.rest()
    before = registrar.requests()
    assert rest.post(f"{ENTRY}?action=refresh").http_code == 200
    eventually(lambda: registrar.requests() > before)
    assert [one.uri for one in registrar.dump()[AOR]] == [binding.uri]


def test_a_server_that_wants_it_is_cleared_once_at_the_start(service: Start, kamailio: StartKamailio) -> None:
    registrar, running = kamailio(), service()
    rest = running.rest()
    configure(rest, registrar, ClearRemoteRegistrationOnStartup=1)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    running.stop()
    before = registrar.requests()
    running.start()
    rest = running.rest()
    eventually(lambda: registrar.requests() >= before + 2 and rest.state() == "registered")
    assert [binding.uri for binding in registrar.dump()[AOR]] == ["sip:alice@192.0.2.1"]
    time.sleep(1)
    assert registrar.requests() <= before + 4


def test_first_registers_are_staggered(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, StaggerRegistration=1)
    for number in range(1, 5):
        put_entry(rest, number, URI1=f"sip:alice@192.0.2.{number}")
    began = time.monotonic()
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 4, within=20)
    assert time.monotonic() - began > 2.0


def test_a_password_can_be_rotated_with_a_second_credential(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, password="the-old-one")
    second = {"Realm": registrar.realm, "User": "alice", "EncryptedPassword": registrar.password}
    assert rest.put(f"{CREDENTIALS}/2", **second).http_code == 200
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert rest.get(ENTRY).values["rt_Credential"] == "2"
    assert rest.post("sipremoteauthtable/1", Sequence="2,1").http_code == 200
    assert rest.post(f"{ENTRY}?action=refresh").http_code == 200
    eventually(lambda: rest.get(ENTRY).values["rt_Credential"] == "")


def test_a_302_is_followed_to_a_host_that_is_allowed(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    front = kamailio(redirects_to=f"{registrar.host}:{registrar.port}")
    rest = service("--follow-redirects-to", registrar.host).rest()
    configure(rest, front)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert [binding.uri for binding in registrar.dump()[AOR]] == ["sip:alice@192.0.2.1"]
    assert front.dump() == {}
    assert rest.get(ENTRY).values["rt_Registrar"] == f"udp:{registrar.host}:{registrar.port}"
    assert rest.post(f"{ENTRY}?action=unregister").http_code == 200
    eventually(lambda: not registrar.dump())


def test_a_302_is_a_failure_that_names_the_place_where_nobody_allowed_it(
    service: Start, kamailio: StartKamailio
) -> None:
    front = kamailio(redirects_to="198.51.100.9:5080")
    rest = service().rest()
    configure(rest, front)
    put_entry(rest)
    eventually(lambda: rest.state() == "failing")
    assert "moved to <sip:198.51.100.9:5080>, where it is not followed" in rest.get(ENTRY).values["rt_LastReason"]
