"""A PUT over HTTPS keeps an AOR registered at a real registrar."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import pytest

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_chain_of_puts_registers_within_two_seconds(service: Start, kamailio: StartKamailio, algorithm: str) -> None:
    registrar = kamailio(algorithm=algorithm)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:alice@192.0.2.1:5060")
    started = time.monotonic()
    bindings = eventually(lambda: registrar.dump().get(AOR, []), within=5)
    assert time.monotonic() - started < 2
    assert [binding.uri for binding in bindings] == ["sip:alice@192.0.2.1:5060"]
    eventually(lambda: rest.state() == "registered")
    values = rest.get("sipcontactregistrant/1/sipregistrantentry/1").values
    assert values["rt_LastCode"] == "200"
    assert values["rt_Registrar"] == f"udp:127.0.0.1:{registrar.port}"
    assert 3590 <= int(values["rt_Expires"]) <= 3600
    assert rest.get("sipcontactregistrant/1").values["rt_Registered"] == "1"


def test_every_contact_has_its_q_and_its_expiry(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(
        rest, AorTtl=1800, URI1="sip:a@192.0.2.1", Q1=100, TTL1=600, URI2="sip:b@192.0.2.2", Q2=50, TTL2=1200,
        URI3="sip:c@192.0.2.3", Q3=5,
    )  # fmt: skip
    bindings = {binding.uri: binding for binding in eventually(lambda: registrar.dump().get(AOR, []))}
    assert {uri: binding.q for uri, binding in bindings.items()} == {
        "sip:a@192.0.2.1": 1.0, "sip:b@192.0.2.2": 0.5, "sip:c@192.0.2.3": 0.05,
    }  # fmt: skip
    for uri, ttl in (("sip:a@192.0.2.1", 600), ("sip:b@192.0.2.2", 1200), ("sip:c@192.0.2.3", 1800)):
        assert ttl - 5 <= bindings[uri].expires <= ttl


def test_a_third_party_registers_with_its_own_credentials(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    rest.post("sipremoteauthtable/1/sipremoteauthentry/1", User="pbx")
    put_entry(rest, URI1="sip:alice@192.0.2.1", FromURI="sip:pbx@sip.test")
    eventually(lambda: rest.state() == "registered")
    assert [binding.uri for binding in registrar.dump()[AOR]] == ["sip:alice@192.0.2.1"]
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    eventually(lambda: AOR not in registrar.dump())


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_an_ha1_registers_in_place_of_the_password(service: Start, kamailio: StartKamailio, algorithm: str) -> None:
    registrar = kamailio(algorithm=algorithm)
    rest = service().rest()
    user = f"alice:{registrar.realm}:{registrar.password}".encode()
    ha1 = {name: hashlib.new(name.replace("-", ""), user).hexdigest() for name in ("MD5", "SHA-256")}
    configure(rest, registrar)
    path = "sipremoteauthtable/1/sipremoteauthentry/1"
    assert rest.post(path, PasswordKind=1, EncryptedPassword=ha1[algorithm].upper()).http_code == 200
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert [binding.uri for binding in registrar.dump()[AOR]] == ["sip:alice@192.0.2.1"]
    other = "MD5" if algorithm == "SHA-256" else "SHA-256"
    assert rest.post(path, EncryptedPassword=ha1[other]).http_code == 200
    entry = "sipcontactregistrant/1/sipregistrantentry/1"
    reason = eventually(lambda: rest.get(entry).values["rt_LastReason"].removeprefix("OK"))
    assert reason == f"401: realm 'sip.test' asks for {algorithm}, but the HA1 of user 'alice' is of {other}"
    alone = rest.post(path, PasswordKind=0)
    assert (alone.http_code, alone.code) == (400, 20045)


def test_a_range_of_numbers_is_one_registration(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:192.0.2.1:5060;bnc")
    eventually(lambda: rest.state() == "registered")
    assert [binding.uri for binding in registrar.dump()[AOR]] == ["sip:192.0.2.1:5060;bnc"]
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/1").http_code == 200
    eventually(lambda: AOR not in registrar.dump())
    with_user = rest.put(
        "sipcontactregistrant/1/sipregistrantentry/2", AorType=3, AOR="sip:b@sip.test", URI1="sip:1@pbx.test;bnc"
    )
    assert (with_user.http_code, with_user.code) == (400, 20038)


def test_without_uri_the_contact_is_the_aors_user_at_our_address(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    configure(rest, registrar)
    put_entry(rest)
    port = rest.get("sipsg/1").values["ListenPort_1"]
    bindings = eventually(lambda: registrar.dump().get(AOR, []))
    assert [binding.uri for binding in bindings] == [f"sip:alice@127.0.0.1:{port}"]


@pytest.mark.parametrize(
    ("aor_type", "aor", "bound"),
    [(2, "sip:alice", "alice@sip.test"), (3, "sip:alice@other.test", "alice@other.test"), (0, "sip:alice@a.test", "alice@a.test"),
     (1, "sip:alice", "alice@127.0.0.1"), (2, "alice@ignored.test", "alice@sip.test")],
)  # fmt: skip
def test_each_aor_type_is_bound_where_it_belongs(
    service: Start, kamailio: StartKamailio, aor_type: int, aor: str, bound: str
) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, AorType=aor_type, AOR=aor)
    eventually(lambda: registrar.dump().get(bound))


def test_a_binding_is_refreshed_before_it_lapses(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(max_expires=4)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    first = eventually(lambda: registrar.dump().get(AOR, []))[0]
    later = eventually(lambda: [b for b in registrar.dump()[AOR] if b.cseq > first.cseq + 1], within=8)[0]
    assert later.call_id == first.call_id
    assert rest.state() == "registered"


def test_a_refresh_sends_its_nonce_ahead(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(max_expires=4)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    before = registrar.requests()
    eventually(lambda: registrar.requests() > before, within=8)
    time.sleep(0.3)
    assert registrar.requests() == before + 1


def test_a_nonce_that_ran_out_without_a_word_is_no_failure(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(max_expires=6, nonce_expire=1, says_stale=False)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    before = registrar.requests()
    eventually(lambda: registrar.requests() >= before + 2, within=8)
    time.sleep(0.2)
    assert rest.get("sipcontactregistrant/1/sipregistrantentry/1").values["rt_Failures"] == "0"
    assert rest.state() == "registered"


def test_a_wrong_password_is_shown_and_the_right_one_works_at_once(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, password="wrong")
    put_entry(rest)
    eventually(lambda: rest.state() == "rejected")
    values = rest.get("sipcontactregistrant/1/sipregistrantentry/1").values
    assert values["rt_LastCode"] == "401"
    assert "'alice' was refused for realm 'sip.test'" in values["rt_LastReason"]
    assert AOR not in registrar.dump()
    rest.post("sipremoteauthtable/1/sipremoteauthentry/1", EncryptedPassword=registrar.password)
    eventually(lambda: registrar.dump().get(AOR), within=2)
    eventually(lambda: rest.state() == "registered")


def test_the_right_password_works_at_once_also_when_an_attempt_was_in_flight(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar, password="wrong")
    registrar.stop()
    put_entry(rest)
    time.sleep(0.7)  # the first REGISTER is out, and sent again, and nobody answers
    rest.post("sipremoteauthtable/1/sipremoteauthentry/1", EncryptedPassword=registrar.password)
    registrar.start()
    eventually(lambda: registrar.dump().get(AOR), within=15)
    eventually(lambda: rest.state() == "registered")


def test_a_deleted_entry_is_gone_from_the_registrar(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/1").http_code == 200
    assert rest.get("sipcontactregistrant/1/sipregistrantentry/1").http_code == 404
    eventually(lambda: AOR not in registrar.dump(), within=3)


def test_an_entry_put_again_at_once_stays_registered(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:old@192.0.2.1")
    eventually(lambda: registrar.dump().get(AOR))
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    put_entry(rest, URI1="sip:new@192.0.2.1")
    eventually(lambda: [b.uri for b in registrar.dump().get(AOR, [])] == ["sip:new@192.0.2.1"])
    eventually(lambda: rest.state() == "registered")


def test_a_changed_contact_replaces_the_old_one(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:a@192.0.2.1", URI2="sip:b@192.0.2.2")
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 2)
    rest.post("sipcontactregistrant/1/sipregistrantentry/1", URI2="sip:c@192.0.2.3")
    eventually(lambda: {b.uri for b in registrar.dump().get(AOR, [])} == {"sip:a@192.0.2.1", "sip:c@192.0.2.3"})


def test_a_changed_aor_un_registers_the_old_one(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    assert rest.put(
        "sipremoteauthtable/1/sipremoteauthentry/2", Realm="", User="anybody", EncryptedPassword=registrar.password,
        FromURIUserMatch=1, MatchRegex="bob|carol",
    ).http_code == 200  # fmt: skip
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    rest.post("sipcontactregistrant/1/sipregistrantentry/1", AOR="sip:bob@sip.test")
    eventually(lambda: set(registrar.dump()) == {"bob@sip.test"})


def test_a_disabled_group_un_registers_and_an_enabled_one_registers_again(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    rest.post("sipsg/1", customAdminState=0)
    eventually(lambda: not registrar.dump())
    eventually(lambda: rest.state() == "disabled")
    rest.post("sipsg/1", customAdminState=1)
    eventually(lambda: registrar.dump().get(AOR))


def test_a_deleted_server_is_left_with_its_challenge_answered(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(nonce_expire=1)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: registrar.dump().get(AOR))
    time.sleep(1.1)  # the nonce has run out: the un-REGISTER will be challenged
    assert rest.delete("sipservertable/1/sipserver/1").http_code == 200
    eventually(lambda: not registrar.dump())


def test_a_short_expiry_is_raised_to_what_the_registrar_wants(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(min_expires=300)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, AorTtl=60)
    eventually(lambda: rest.state() == "registered")
    assert 290 <= registrar.dump()[AOR][0].expires <= 300


def test_one_contact_wanted_twice_is_removed_when_nobody_wants_it(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio()
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, 1, URI1="sip:a@192.0.2.1")
    put_entry(rest, 2, URI1="sip:a@192.0.2.1", URI2="sip:b@192.0.2.2")
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 2)
    eventually(lambda: (rest.state(1), rest.state(2)) == ("registered", "registered"))
    rest.delete("sipcontactregistrant/1/sipregistrantentry/2")
    eventually(lambda: [b.uri for b in registrar.dump().get(AOR, [])] == ["sip:a@192.0.2.1"])
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    eventually(lambda: not registrar.dump())


def test_a_registrar_that_has_lost_its_memory_has_it_back_with_the_next_refresh(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(max_expires=6)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    registrar.restart()
    assert registrar.dump().get(AOR, []) == []
    bindings = eventually(lambda: registrar.dump().get(AOR, []), within=10)
    assert [binding.uri for binding in bindings] == ["sip:alice@192.0.2.1"]
    eventually(lambda: rest.state() == "registered")


def test_nonces_for_one_use_are_no_failure(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(max_expires=4, one_time_nonce=True)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest)
    eventually(lambda: rest.state() == "registered")
    before = registrar.requests()
    eventually(lambda: registrar.requests() >= before + 4, within=12)
    values = rest.get("sipcontactregistrant/1/sipregistrantentry/1").values
    assert (values["rt_RegistrationState"], values["rt_Failures"]) == ("registered", "0")


def test_a_contact_too_many_is_refused_with_its_reason_and_comes_when_there_is_room(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(max_contacts=1)
    rest = service().rest()
    configure(rest, registrar)
    put_entry(rest, 1, URI1="sip:alice@192.0.2.1")
    eventually(lambda: rest.state(1) == "registered")
    put_entry(rest, 2, URI1="sip:alice@192.0.2.2")
    eventually(lambda: rest.state(2) == "failing")
    values = rest.get("sipcontactregistrant/1/sipregistrantentry/2").values
    assert values["rt_LastCode"] == "503"
    assert rest.state(1) == "registered"
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/1").http_code == 200
    eventually(lambda: not registrar.dump().get(AOR, []))
    assert rest.post("sipcontactregistrant/1/sipregistrantentry/2?action=refresh").http_code == 200
    eventually(lambda: rest.state(2) == "registered")
