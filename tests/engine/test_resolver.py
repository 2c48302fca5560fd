"""From a host to an address."""

from __future__ import annotations

import asyncio

import pytest

from sipregistrant.engine.resolver import LONGEST_LOOK_UP_SECONDS, USED_FOR_SECONDS, Resolver
from tests.engine.virtual_time import in_virtual_time, virtual_loop

NAME = "sip.example.com"


@pytest.mark.parametrize(("host", "address"), [
    ("198.51.100.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
])  # fmt: skip
@in_virtual_time
async def test_an_address_is_not_looked_up_and_comes_back_as_the_kernel_writes_it(host: str, address: str) -> None:
    assert await Resolver(virtual_loop().time).resolve(host) == address
    assert not virtual_loop().look_ups


@in_virtual_time
async def test_a_name_is_looked_up_once_a_minute() -> None:
    loop = virtual_loop()
    loop.addresses[NAME] = ["198.51.100.1"]
    resolver = Resolver(loop.time)
    for _ in range(5):
        assert await resolver.resolve(NAME) == "198.51.100.1"
    assert loop.look_ups == [NAME]
    await asyncio.sleep(USED_FOR_SECONDS)
    loop.addresses[NAME] = ["198.51.100.2"]
    assert await resolver.resolve(NAME) == "198.51.100.2"


@pytest.mark.parametrize(("prefer_ipv6", "address"), [(False, "198.51.100.1"), (True, "2001:db8::1")])
@in_virtual_time
async def test_the_family_that_is_preferred_is_taken(prefer_ipv6: bool, address: str) -> None:
    virtual_loop().addresses[NAME] = ["2001:db8::1", "198.51.100.1"]
    assert await Resolver(virtual_loop().time).resolve(NAME, prefer_ipv6=prefer_ipv6) == address


@in_virtual_time
async def test_the_other_family_is_taken_where_there_is_no_choice() -> None:
    virtual_loop().addresses[NAME] = ["2001:db8::1"]
    assert await Resolver(virtual_loop().time).resolve(NAME) == "2001:db8::1"


@in_virtual_time
async def test_the_preference_is_part_of_what_is_remembered() -> None:
    virtual_loop().addresses[NAME] = ["198.51.100.1", "2001:db8::1"]
    resolver = Resolver(virtual_loop().time)
    assert await resolver.resolve(NAME) == "198.51.100.1"
    assert await resolver.resolve(NAME, prefer_ipv6=True) == "2001:db8::1"


@in_virtual_time
async def test_a_name_that_is_not_there_is_an_os_error_and_is_asked_again() -> None:
    loop = virtual_loop()
    resolver = Resolver(loop.time)
    with pytest.raises(OSError, match="Name or service not known"):
        await resolver.resolve(NAME)
    loop.addresses[NAME] = ["198.51.100.1"]
    assert await resolver.resolve(NAME) == "198.51.100.1"


@in_virtual_time
async def test_what_is_no_name_is_an_os_error() -> None:
    with pytest.raises(OSError, match="not a host name"):
        await Resolver(virtual_loop().time).resolve("a..b")


@in_virtual_time
async def test_a_name_server_that_is_silent_is_not_waited_for_for_ever() -> None:
    loop = virtual_loop()
    loop.addresses[NAME] = None
    with pytest.raises(OSError, match="no answer of the name server within 10 s"):
        await Resolver(loop.time).resolve(NAME)
    assert loop.time() == pytest.approx(LONGEST_LOOK_UP_SECONDS)


@in_virtual_time
async def test_the_last_good_answer_is_used_while_there_is_no_better() -> None:
    loop = virtual_loop()
    loop.addresses[NAME] = ["198.51.100.1"]
    resolver = Resolver(loop.time)
    await resolver.resolve(NAME)
    del loop.addresses[NAME]
    await asyncio.sleep(3600)
    assert await resolver.resolve(NAME) == "198.51.100.1"
    # And the name server is not asked for each row meanwhile.
    assert await resolver.resolve(NAME) == "198.51.100.1"
    assert len(loop.look_ups) == 2


async def test_the_real_resolver_knows_this_machine() -> None:
    resolver = Resolver(asyncio.get_running_loop().time)
    assert await resolver.resolve("localhost") in ("127.0.0.1", "::1")
    with pytest.raises(OSError, match="not a host name"):
        await resolver.resolve("a..b")
