"""A server with a provider profile, and a real registrar behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kamailio import Kamailio
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
SERVER = "sipservertable/1/sipserver/1"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


@pytest.mark.parametrize("style", [0, 1, 2, 3])
def test_a_registrar_grants_what_is_asked_wherever_it_stands(
    service: Start, kamailio: StartKamailio, style: int
) -> None:
    registrar = kamailio()
    rest = service().rest()
    assert (
        rest.put("providerprofile/100", ExpiresStyle=style, ExtraHeaders="X-Site: 7|P-Foo: <sip:a@b>").http_code == 200
    )
    configure(rest, registrar, ProviderProfileID=100)
    put_entry(rest, AorTtl=1800, URI1="sip:a@192.0.2.1", URI2="sip:b@192.0.2.2", TTL2=600)
    eventually(lambda: rest.state() == "registered")
    bound = {binding.uri: binding.expires for binding in registrar.dump()[AOR]}
    own = 1800 if style == 2 else 600
    assert 1795 <= bound["sip:a@192.0.2.1"] <= 1800
    assert own - 5 <= bound["sip:b@192.0.2.2"] <= own
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    eventually(lambda: AOR not in registrar.dump())


@pytest.mark.parametrize(("style", "left"), [(0, 1), (1, 0), (2, 2)])
def test_bindings_are_removed_as_the_profile_says(
    service: Start, kamailio: StartKamailio, style: int, left: int
) -> None:
    registrar = kamailio()
    running = service()
    rest = running.rest()
    assert rest.put("providerprofile/100", UnregisterStyle=style).http_code == 200
    configure(rest, registrar, ProviderProfileID=100)
    # Two entries for one AOR: the binding of the first stands for somebody else's once the service has let go of it.
    put_entry(rest, 1, URI1="sip:desk@192.0.2.1")
    eventually(lambda: rest.state() == "registered")
    assert rest.post("providerprofile/100", UnregisterStyle=2).http_code == 200
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/1").http_code == 200
    put_entry(rest, 2, URI1="sip:soft@192.0.2.2")
    eventually(lambda: len(registrar.dump()[AOR]) == 2)
    eventually(lambda: rest.state(2) == "registered")
    assert rest.post("providerprofile/100", UnregisterStyle=style).http_code == 200
    assert rest.delete("sipcontactregistrant/1/sipregistrantentry/2").http_code == 200
    eventually(lambda: len(registrar.dump().get(AOR, [])) == left)


def test_a_profile_that_is_named_is_not_deleted_and_none_that_is_not_there_is_named(
    service: Start, kamailio: StartKamailio
) -> None:
    rest = service().rest()
    configure(rest, kamailio(), ProviderProfileID=1)
    refused = rest.delete("providerprofile/1")
    assert (refused.http_code, refused.code) == (500, 20050)
    missing = rest.post(SERVER, ProviderProfileID=99)
    assert (missing.http_code, missing.code) == (500, 20040)
    assert rest.post(SERVER, ProviderProfileID=0).http_code == 200
    assert rest.delete("providerprofile/1").http_code == 200
