"""Questions to a real name server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipregistrant.engine.naming import names, questions
from sipregistrant.engine.naming.names import NameServers, Pointer, Service
from tests.dns_server import NameServer


@pytest.fixture
def server() -> Iterator[NameServer]:
    """Return a running name server."""
    zone = {
        "sip.test.": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
        "_sip._udp.sip.test.": {"SRV": ["10 60 5060 a.sip.test.", "20 0 5070 B.sip.test."]},
        "_sip._udp.closed.test.": {"SRV": ["0 0 0 ."]},
        "alias.test.": {"CNAME": ["sip.test."]},
    }
    with NameServer(zone) as running:
        yield running


def client(server: NameServer) -> NameServers:
    """Return who asks that server."""
    return NameServers([("127.0.0.1", server.port)])


async def test_addresses_and_services_with_their_life(server: NameServer) -> None:
    server.set("sip.test.", "A", ["192.0.2.1", "192.0.2.2"], ttl=77)
    asks = client(server)
    found = await asks.ask("sip.test", "A")
    assert (sorted(found.records), found.seconds) == (["192.0.2.1", "192.0.2.2"], 77)
    assert (await asks.ask("sip.test", "AAAA")).records == ["2001:db8::1"]
    services = await asks.ask("_sip._udp.sip.test", "SRV")
    assert sorted(services.records) == [Service(10, 60, 5060, "a.sip.test"), Service(20, 0, 5070, "B.sip.test")]
    assert (await asks.ask("_sip._udp.closed.test", "SRV")).records == [Service(0, 0, 0, "")]


async def test_pointers_whatever_is_in_them(server: NameServer) -> None:
    server.set("naptr.test.", "NAPTR", [
        '20 1 "S" "SIP+D2U" "" _sip._udp.Sip.test.', '10 1 "u" "E2U+sip" "!^.*$!sip:\\255\\000((@x!" .',
    ], ttl=33)  # fmt: skip
    found = await client(server).ask("naptr.test", "NAPTR")
    assert found.seconds == 33
    first, second = sorted(found.records)
    assert (first.flags, first.service, first.replacement) == ("u", "e2u+sip", "")
    assert "\\xff" in first.regexp
    assert second == Pointer(20, 1, "s", "sip+d2u", "", "_sip._udp.Sip.test")


async def test_what_is_not_there_is_an_answer(server: NameServer) -> None:
    asks = client(server)
    assert (await asks.ask("nowhere.test", "A")).records == []
    assert (await asks.ask("sip.test", "SRV")).records == []


async def test_nobody_answers(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "LONGEST_QUESTION_SECONDS", 0.2)
    server.is_down = True
    with pytest.raises(OSError, match="no answer of the name server within 0.2 s"):
        await client(server).ask("sip.test", "A")


async def test_aliases_are_followed(server: NameServer) -> None:
    assert sorted((await client(server).ask("alias.test", "A")).records) == ["192.0.2.1", "192.0.2.2"]


async def test_aliases_that_go_round_in_circles_end(server: NameServer) -> None:
    server.set("a.test.", "CNAME", ["b.test."])
    server.set("b.test.", "CNAME", ["a.test."])
    with pytest.raises(OSError, match="the name servers failed"):
        await client(server).ask("a.test", "A")
    assert len(server.asked) < 10


async def test_a_server_that_fails_is_an_os_error_and_not_an_answer(server: NameServer) -> None:
    server.failing.add("sip.test.")
    with pytest.raises(OSError, match="the name servers failed"):
        await client(server).ask("sip.test", "A")


async def test_a_thousand_records_come_whole_over_tcp(server: NameServer) -> None:
    addresses = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    server.set("many.test.", "A", addresses)
    assert sorted((await client(server).ask("many.test", "A")).records) == sorted(addresses)
    assert server.asked_over_tcp == 1


async def test_what_is_no_name_is_an_os_error(server: NameServer) -> None:
    for name in ("a..b", "x" * 64 + ".test"):
        with pytest.raises(OSError, match="not a host name"):
            await client(server).ask(name, "A")
    assert not server.asked


async def test_the_table_of_hosts_comes_first(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "hosts"
    table.write_text("# ours\n192.0.2.99 Sip.test sip  # a comment\n2001:DB8::99 sip.test\nno-address sip.test\n")
    monkeypatch.setattr(names, "HOSTS", table)
    asks = client(server)
    assert (await asks.ask("sip.test.", "A")).records == ["192.0.2.99"]
    assert (await asks.ask("SIP", "A")).records == ["192.0.2.99"]
    assert (await asks.ask("sip.test", "AAAA")).records == ["2001:db8::99"]
    assert not server.asked
    table.unlink()
    assert sorted((await asks.ask("sip.test", "A")).records) == ["192.0.2.1", "192.0.2.2"]


async def test_the_machine_knows_itself() -> None:
    asks = NameServers()
    found = await asyncio.gather(asks.ask("localhost", "A"), asks.ask("localhost", "AAAA"))
    assert {"127.0.0.1", "::1"} & {address for answer in found for address in answer.records}


async def test_other_name_servers_are_asked_from_one_question_to_the_next(server: NameServer) -> None:
    with NameServer({"sip.test.": {"A": ["192.0.2.9"]}}) as other:
        asks = client(server)
        assert sorted((await asks.ask("sip.test", "A")).records) == ["192.0.2.1", "192.0.2.2"]
        asks.use([("127.0.0.1", other.port)])
        assert (await asks.ask("sip.test", "A")).records == ["192.0.2.9"]
