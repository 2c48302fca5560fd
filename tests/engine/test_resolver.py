"""What is known of names, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from sipregistrant.engine.naming.names import Service
from sipregistrant.engine.naming.resolver import (
    LONGEST_WAIT_FOR_BETTER_SECONDS,
    RETRY_SECONDS,
    SHORTEST_USE_SECONDS,
    Resolver,
)
from tests.engine.virtual_time import in_virtual_time, virtual_loop
from tests.engine.zone import Zone

NAME = "sip.example.com"
SRV = "_sip._udp.example.com"


def resolver_of(zone: Zone) -> Resolver:
    """Return a resolver on the virtual clock."""
    return Resolver(virtual_loop().time, zone)


@pytest.mark.parametrize(("host", "address"), [
    ("198.51.100.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
])  # fmt: skip
@in_virtual_time
async def test_an_address_is_not_looked_up_and_comes_back_as_the_kernel_writes_it(host: str, address: str) -> None:
    zone = Zone()
    assert await resolver_of(zone).addresses(host) == [address]
    assert not zone.asked


@in_virtual_time
async def test_a_name_is_asked_for_once_for_as_long_as_its_answer_says() -> None:
    zone = Zone({NAME: ["198.51.100.1"]}, seconds=300)
    resolver = resolver_of(zone)
    for _ in range(5):
        assert await resolver.addresses(NAME) == ["198.51.100.1"]
        await asyncio.sleep(50)
    assert zone.asked == [(NAME, "A")]
    zone.records[NAME] = ["198.51.100.2"]
    await asyncio.sleep(50)
    assert await resolver.addresses(NAME) == ["198.51.100.2"]


@in_virtual_time
async def test_an_answer_that_may_not_be_kept_is_kept_for_some_seconds() -> None:
    zone = Zone({NAME: ["198.51.100.1"]}, seconds=0)
    resolver = resolver_of(zone)
    await resolver.addresses(NAME)
    await asyncio.sleep(SHORTEST_USE_SECONDS - 1)
    await resolver.addresses(NAME)
    assert len(zone.asked) == 1
    await asyncio.sleep(1)
    await resolver.addresses(NAME)
    assert len(zone.asked) == 2


@in_virtual_time
async def test_many_who_ask_at_once_ask_once() -> None:
    zone = Zone({NAME: ["198.51.100.1"]})
    resolver = resolver_of(zone)
    found = await asyncio.gather(*(resolver.addresses(NAME) for _ in range(50)))
    assert found == [["198.51.100.1"]] * 50
    assert len(zone.asked) == 1


@pytest.mark.parametrize(("prefer_ipv6", "addresses"), [(False, ["198.51.100.1"]), (True, ["2001:db8::1"])])
@in_virtual_time
async def test_the_family_that_is_preferred_is_taken(prefer_ipv6: bool, addresses: list[str]) -> None:
    resolver = resolver_of(Zone({NAME: ["2001:db8::1", "198.51.100.1"]}))
    assert await resolver.addresses(NAME, prefer_ipv6=prefer_ipv6) == addresses


@in_virtual_time
async def test_the_other_family_is_taken_where_there_is_no_choice() -> None:
    assert await resolver_of(Zone({NAME: ["2001:db8:0::1"]})).addresses(NAME) == ["2001:db8::1"]


@in_virtual_time
async def test_a_name_that_is_not_known_is_an_os_error_and_is_asked_again() -> None:
    zone = Zone()
    resolver = resolver_of(zone)
    with pytest.raises(OSError, match="the name servers know none"):
        await resolver.addresses(NAME)
    zone.records[NAME] = ["198.51.100.1"]
    await asyncio.sleep(60)
    assert await resolver.addresses(NAME) == ["198.51.100.1"]


@in_virtual_time
async def test_a_name_that_has_gone_is_not_used_any_more() -> None:
    zone = Zone({NAME: ["198.51.100.1"]})
    resolver = resolver_of(zone)
    await resolver.addresses(NAME)
    del zone.records[NAME]
    await asyncio.sleep(61)
    with pytest.raises(OSError, match="the name servers know none"):
        await resolver.addresses(NAME)


@in_virtual_time
async def test_a_name_server_that_is_silent_is_not_waited_for_for_ever() -> None:
    resolver = resolver_of(Zone({NAME: None}))
    with pytest.raises(OSError, match="no answer of the name server within 10 s"):
        await resolver.addresses(NAME)


@in_virtual_time
async def test_the_last_good_answer_is_used_while_nobody_answers() -> None:
    zone = Zone({NAME: ["198.51.100.1"]})
    resolver = resolver_of(zone)
    await resolver.addresses(NAME)
    zone.is_down = True
    await asyncio.sleep(3600)
    assert await resolver.addresses(NAME) == ["198.51.100.1"]
    # And the name server is not asked for each row meanwhile.
    assert await resolver.addresses(NAME) == ["198.51.100.1"]
    assert len(zone.asked) == 2
    zone.is_down, zone.records[NAME] = False, ["198.51.100.2"]
    await asyncio.sleep(RETRY_SECONDS)
    assert await resolver.addresses(NAME) == ["198.51.100.2"]


@in_virtual_time
async def test_what_is_known_is_worth_no_long_wait() -> None:
    zone = Zone({NAME: ["198.51.100.1"]})
    resolver = resolver_of(zone)
    await resolver.addresses(NAME)
    zone.records[NAME] = None
    await asyncio.sleep(61)
    before = virtual_loop().time()
    assert await resolver.addresses(NAME) == ["198.51.100.1"]
    assert virtual_loop().time() - before == pytest.approx(LONGEST_WAIT_FOR_BETTER_SECONDS)
    # The one look-up goes on; nobody begins another.
    assert await resolver.addresses(NAME) == ["198.51.100.1"]
    assert len(zone.asked) == 2


@in_virtual_time
async def test_services_are_asked_for_by_their_name() -> None:
    services = [Service(10, 60, 5060, "a.example.com"), Service(20, 0, 5070, "b.example.com")]
    zone = Zone({SRV: services})
    assert await resolver_of(zone).services(SRV) == services
    assert await resolver_of(zone).services("_sip._tcp.example.com") == []
    assert zone.asked == [(SRV, "SRV"), ("_sip._tcp.example.com", "SRV")]
