"""Which connection a row of a registrar takes."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.transport.flows import Flows, GroupAddress
from sipregistrant.engine.transport.streams import FIRST_BACK_OFF_SECONDS, StreamFlow, Streams
from sipregistrant.engine.transport.tls import TlsFiles
from sipregistrant.engine.transport.ways import Ways, uri_of
from sipregistrant.model.attributes import Value
from sipregistrant.model.schedule import RegistrarSettings
from sipregistrant.model.tls_profiles import PROFILE
from sipregistrant.sip.targets import Target

from .listed import GROUP, make_settings

TARGET = Target("127.0.0.1", 9, "tls")


class Desk:
    """Ways to a registrar over TLS, where nobody listens."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.flows = Flows(lambda *_: None)
        self.group = GroupAddress(GROUP.group_uid, 1, "127.0.0.1", 0, 40)
        self.flows.update([self.group])
        self.streams = Streams(lambda *_: None, self.lose, lambda: 1000.0, random.Random(1))
        self.ways = Ways(self.flows, self.streams, TlsFiles())

    def lose(self, flow: StreamFlow, reason: str) -> None:
        self.lost.append(reason)

    def to(self, **profile: Value) -> StreamFlow:
        flow = self.ways.to(TARGET, over_tls(**profile), 1)
        assert isinstance(flow, StreamFlow)
        return flow


def over_tls(**profile: Value) -> RegistrarSettings:
    return replace(make_settings(), tls={**PROFILE.to_create({}), **profile})


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.streams.close()
    desk.flows.close()


async def test_another_time_out_of_the_handshake_leaves_the_connection_alone_and_counts_for_the_next(
    desk: Desk,
) -> None:
    flow = desk.to()
    assert desk.to(HandshakeTimeout=7) is flow
    assert not desk.lost
    assert flow.terms is not None
    assert flow.terms.seconds == 30
    flow = desk.to(HandshakeTimeout=8, ValidateServerFQDN=0)
    assert desk.lost == ["its TLS profile was changed"]
    assert flow.terms is not None
    assert (flow.terms.seconds, flow.terms.checks_name) == (8, False)


async def test_what_shapes_no_connection_leaves_it_alone(desk: Desk) -> None:
    flow = desk.to()
    assert desk.to(Description="x", TLSVersion=2, ClientCipher=6, ClientCipherSequence="6,5") is flow


async def test_another_dscp_marks_the_connection_that_stands(desk: Desk) -> None:
    flow = desk.to()
    assert flow.dscp == 40
    desk.flows.update([replace(desk.group, dscp=8)])
    assert desk.to() is flow
    assert flow.dscp == 8


async def test_while_no_connection_may_be_opened_it_is_said_until_when(desk: Desk) -> None:
    desk.to()._fail("refused")
    with pytest.raises(Unreachable, match="^tls:127.0.0.1:9: refused$") as told:
        desk.to()
    assert 1000 < told.value.until <= 1000 + FIRST_BACK_OFF_SECONDS


async def test_while_one_of_several_connections_backs_off_the_others_take_its_rows(desk: Desk) -> None:
    flows = [desk.ways.to(TARGET, over_tls(), row) for row in range(4)]
    first, second = flows[0], flows[1]
    assert isinstance(first, StreamFlow)
    assert isinstance(second, StreamFlow)
    first._fail("reset")
    with pytest.raises(Unreachable, match="reset"):
        desk.ways.to(TARGET, over_tls(), 4)
    second.opened_at = 1000.0  # it stands
    assert desk.ways.to(TARGET, over_tls(), 4) is second


async def test_of_connections_that_are_not_shared_each_backs_off_for_itself(desk: Desk) -> None:
    settings = replace(over_tls(), server={**make_settings().server, "ReuseTransport": 0})
    flow = desk.ways.to(TARGET, settings, 1)
    assert isinstance(flow, StreamFlow)
    flow._fail("refused")
    with pytest.raises(Unreachable, match="refused") as told:
        desk.ways.to(TARGET, settings, 1)
    assert told.value.until == 0
    assert desk.ways.to(TARGET, settings, 2) is not flow


@pytest.mark.parametrize(("transport", "server", "group", "uri"), [
    ("ws", {"Host": "pbx.example", "Port": 8080}, {}, "ws://pbx.example:9/sip"),
    ("wss", {"Host": "192.0.2.7", "DomainName": "sip.example"}, {}, "wss://192.0.2.7:9/sip"),
    ("wss", {"ServerLookup": 1, "DomainName": "sip.example:5090"}, {}, "wss://sip.example:9/sip"),
    ("ws", {"Host": "2001:db8::7"}, {}, "ws://[2001:db8::7]:9/sip"),
    ("ws", {"Host": "pbx.example"}, {"OutboundProxy": "edge.example"}, "ws://edge.example:9/sip"),
    ("ws", {"Host": "a.test", "RouteSet": "<sip:edge.test:8080;lr>"}, {}, "ws://edge.test:9/sip"),
    ("tls", {"Host": "pbx.example"}, {}, ""),
])  # fmt: skip
def test_a_web_socket_is_asked_for_at_the_host_that_was_looked_up(
    transport: str, server: dict[str, Any], group: dict[str, Any], uri: str
) -> None:
    settings = make_settings(group=group, WebSocketPath="/sip", **server)
    assert uri_of(Target("127.0.0.1", 9, transport), settings) == uri


async def test_who_has_no_web_socket_does_not_load_the_library() -> None:
    asked = "import sys, sipregistrant.service; print(sorted(n for n in sys.modules if n.startswith('websockets')))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", asked, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said == b"[]\n"


async def test_another_path_is_another_connection_and_does_not_wait_for_the_first(desk: Desk) -> None:
    target = Target("127.0.0.1", 9, "ws")
    flow = desk.ways.to(target, make_settings(WebSocketPath="/a"), 1)
    assert isinstance(flow, StreamFlow)
    flow._fail("no WebSocket there: HTTP 404 Not Found")
    with pytest.raises(Unreachable, match="404 Not Found"):
        desk.ways.to(target, make_settings(WebSocketPath="/a"), 1)
    assert desk.ways.to(target, make_settings(WebSocketPath="/b"), 1) is not flow
