"""From a server's configuration to its targets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipregistrant.engine.naming.names import Pointer, Service
from sipregistrant.engine.naming.resolver import Resolver
from sipregistrant.engine.naming.targets import Unreachable, find_targets, targets_at, targets_of_domain
from sipregistrant.sip.targets import Target, Weighted
from tests.engine.listed import make_settings
from tests.engine.virtual_time import in_virtual_time, virtual_loop
from tests.engine.zone import Zone

A, B = "198.51.100.7", "198.51.100.8"
V6 = "2001:db8::7"


def a_zone() -> Zone:
    """Return a domain with two servers over UDP, one over TLS, and a host of two families."""
    return Zone({
        "sip.example.com": [A, V6],
        "a.example.com": [A],
        "b.example.com": [B],
        "example.com": ["198.51.100.9"],
        "_sip._udp.example.com": [Service(10, 60, 5070, "a.example.com"), Service(20, 5, 5080, "b.example.com")],
        "_sips._tcp.example.com": [Service(1, 1, 5071, "b.example.com")],
        "_sip._ws.example.com": [Service(1, 1, 8080, "a.example.com")],
        "_sips._ws.example.com": [Service(1, 1, 8443, "b.example.com")],
        "_proxy._tcp.example.com": [Service(1, 1, 5090, "a.example.com")],
        "_sip._udp.closed.example": [Service(0, 0, 0, "")],
        "_sip._udp.half.example": [Service(1, 0, 5060, "gone.example.com"), Service(2, 0, 5060, "b.example.com")],
        "_sip._udp.lost.example": [Service(1, 0, 5060, "gone.example.com")],
    })  # fmt: skip


async def found(server: dict[str, Any], group: dict[str, Any] | None = None) -> list[Weighted]:
    """Return the targets of a server."""
    return await find_targets(make_settings(group=group, **server), Resolver(virtual_loop().time, a_zone()))


@pytest.mark.parametrize(("server", "group", "target"), [
    ({"Port": 5080}, {}, Target("198.51.100.1", 5080)),
    ({"Port": None}, {}, Target("198.51.100.1", 5060)),
    ({"Port": None, "Protocol": 4}, {}, Target("198.51.100.1", 5061, "tls")),
    ({"Port": 8080, "Protocol": 2, "WebSocketPath": "/"}, {}, Target("198.51.100.1", 8080, "ws")),
    ({"Port": None, "Protocol": 2, "WebSocketPath": "/"}, {}, Target("198.51.100.1", 80, "ws")),
    ({"Port": None, "Protocol": 4, "WebSocketPath": "/"}, {}, Target("198.51.100.1", 443, "wss")),
    ({"Host": "sip.example.com"}, {}, Target(A, 5060)),
    ({"Host": "sip.example.com", "HostIpVersion": 1}, {}, Target(V6, 5060)),
    ({}, {"OutboundProxy": "sip.example.com", "OutboundProxyPort": 5090}, Target(A, 5090)),
    ({}, {"OutboundProxy": "192.0.2.9", "OutboundProxyPort": 0}, Target("192.0.2.9", 5060)),
    ({"ServerLookup": 1, "DomainName": "example.com"}, {"OutboundProxy": "192.0.2.9", "OutboundProxyPort": 0},
     Target("192.0.2.9", 5060)),
])  # fmt: skip
@in_virtual_time
async def test_requests_go_to_the_server_or_to_the_outbound_proxy(server: dict[str, Any], group: dict[str, Any],
                                                                  target: Target) -> None:  # fmt: skip
    assert [one.target for one in await found(server, group)] == [target]


@pytest.mark.parametrize(("routes", "protocol", "target"), [
    ("<sip:sip.example.com:5090;lr>,<sip:b.example.com;lr>", 1, Target(A, 5090)),
    ("<sip:sip.example.com:5090;lr;transport=tcp>", 1, Target(A, 5090, "tcp")),
    ("<sip:sip.example.com:5090;lr>", 2, Target(A, 5090, "tcp")),
    ("<sip:198.51.100.7;lr>", 4, Target(A, 5061, "tls")),
    ("<sips:sip.example.com:5099;lr;transport=tcp>", 4, Target(A, 5099, "tls")),
    ("<sip:[2001:db8::7];lr>", 1, Target(V6, 5060)),
])  # fmt: skip
@in_virtual_time
async def test_requests_with_routes_go_to_the_first_of_them(routes: str, protocol: int, target: Target) -> None:
    server = {"RouteSet": routes, "Protocol": protocol, "ServerLookup": 1, "DomainName": "example.com"}
    assert [one.target for one in await found(server, {"OutboundProxy": "192.0.2.9"})] == [target]


@in_virtual_time
async def test_a_route_that_is_a_domain_is_asked_for_services() -> None:
    over_ws = {
        "RouteSet": "<sip:example.com;lr>,<sip:b.example.com;transport=ws;lr>",
        "Protocol": 2,
        "WebSocketPath": "/ws",
    }
    assert [one.target for one in await found(over_ws)] == [Target(A, 8080, "ws")]
    assert [one.target for one in await found({"RouteSet": "<sip:example.com;transport=udp;lr>"})] == [
        Target(A, 5070),
        Target(B, 5080),
    ]


@pytest.mark.parametrize(("server", "targets"), [
    ({}, [Weighted(Target(A, 5070), 10, 60), Weighted(Target(B, 5080), 20, 5)]),
    ({"Protocol": 4}, [Weighted(Target(B, 5071, "tls"), 1, 1)]),
    ({"Protocol": 2, "WebSocketPath": "/ws"}, [Weighted(Target(A, 8080, "ws"), 1, 1)]),
    ({"Protocol": 4, "WebSocketPath": "/ws"}, [Weighted(Target(B, 8443, "wss"), 1, 1)]),
    ({"Protocol": 2, "ServiceName": "proxy"}, [Weighted(Target(A, 5090, "tcp"), 1, 1)]),
    # §4.2: no SRV records, so the domain itself is the host.
    ({"Protocol": 2}, [Weighted(Target("198.51.100.9", 5060, "tcp"), 0, 1)]),
    ({"DomainName": "half.example"}, [Weighted(Target(B, 5060), 2, 0)]),
])  # fmt: skip
@in_virtual_time
async def test_services_are_found_by_the_domain(server: dict[str, Any], targets: list[Weighted]) -> None:
    assert await found({"ServerLookup": 1, "DomainName": "example.com", **server}) == targets


@pytest.mark.parametrize(("domain", "sentence"), [
    ("closed.example", "_sip._udp.closed.example: the service is not offered there"),
    ("lost.example", "_sip._udp.lost.example: no address for gone.example.com: the name servers know none"),
    ("nowhere.example", "no address for nowhere.example: the name servers know none"),
])  # fmt: skip
@in_virtual_time
async def test_a_domain_without_a_server_is_said_in_a_sentence(domain: str, sentence: str) -> None:
    with pytest.raises(Unreachable, match=f"^{sentence}$"):
        await found({"ServerLookup": 1, "DomainName": domain})


@in_virtual_time
async def test_a_name_with_a_port_and_an_address_have_no_services() -> None:
    zone = a_zone()
    resolver = Resolver(virtual_loop().time, zone)
    await targets_at("sip.example.com", 5060, resolver)
    await targets_at("198.51.100.1", None, resolver)
    assert zone.asked == [("sip.example.com", "A")]
    assert [one.target for one in await targets_at("example.com", None, resolver)] == [Target(A, 5070), Target(B, 5080)]


@in_virtual_time
async def test_over_udp_there_is_no_web_socket() -> None:
    with pytest.raises(
        Unreachable, match="^a WebSocket needs TCP or TLS: WebSocketPath of the server goes with Protocol 2"
    ):
        await found({"Protocol": 1, "WebSocketPath": "/ws"})


# NAPTR: RFC 3263 §4.1

U, T, S = (Pointer(10 * n, 50, "s", service, "", f"_{n}.example.com") for n, service in
           enumerate(("sip+d2u", "sip+d2t", "sips+d2t"), 1))  # fmt: skip
VIA_U, VIA_T, VIA_S = Target(A, 5091), Target(A, 5092, "tcp"), Target(A, 5093, "tls")
BY_SRV = Target(B, 5080)


async def of_domain(pointers: list[Pointer], *transports: str, **records: list[Any]) -> list[Target]:
    """Return the targets of a domain that has these NAPTR records, and SRV records over UDP."""
    zone = Zone({
        "example.com": pointers, "a.example.com": [A], "b.example.com": [B],
        "_sip._udp.example.com": [Service(1, 1, 5080, "b.example.com")],
        **{f"_{n}.example.com": [Service(1, 1, 5090 + n, "a.example.com")] for n in (1, 2, 3)}, **records,
    })  # fmt: skip
    found = await targets_of_domain("example.com", Resolver(virtual_loop().time, zone), transports or ("udp", "tcp"))
    assert sum(kind == "NAPTR" for _, kind in zone.asked) == 1
    return [one.target for one in found]


@pytest.mark.parametrize(("pointers", "transports", "target"), [
    ([U, T, S], (), VIA_U),
    ([T._replace(order=1), U], (), VIA_T),
    ([U, T._replace(order=10, preference=49)], (), VIA_T),
    ([S, U, T], ("tls",), VIA_S),
    ([S._replace(order=1), T], (), VIA_T),
    # What we cannot use is passed over, however preferred.
    ([U._replace(order=1, service="sip+d2s", replacement="_2.example.com"), U], (), VIA_U),
    ([U._replace(order=1, flags="u", regexp="!^.*$!sip:a@evil.example!"), T], (), VIA_T),
    ([U._replace(order=1, regexp="\\xff!(((", replacement="_2.example.com"), T], (), VIA_T),
    ([U._replace(order=1, flags="", replacement="example.com"), T], (), VIA_T),
    ([U._replace(order=1, replacement=""), T], (), VIA_T),
    # What points to itself, or to nothing, leads no further.
    ([U._replace(replacement="example.com"), T], (), VIA_T),
    ([U._replace(replacement="_gone.example.com")], (), BY_SRV),
    # Without any, SRV records are asked for.
    ([S], (), BY_SRV),
    ([], (), BY_SRV),
    ([], ("tcp", "udp"), BY_SRV),
])  # fmt: skip
@in_virtual_time
async def test_a_domain_chooses_the_transport(
    pointers: list[Pointer], transports: tuple[str, ...], target: Target
) -> None:
    assert await of_domain(pointers, *transports) == [target]


@in_virtual_time
async def test_where_the_first_choice_has_no_server_the_next_is_taken() -> None:
    closed: list[Any] = [Service(0, 0, 0, "")]
    assert await of_domain([U, T], **{"_1.example.com": closed}) == [VIA_T]
    lost: list[Any] = [Service(1, 1, 5060, "gone.example.com")]
    with pytest.raises(Unreachable, match=r"^_1.example.com: the service is not offered there$"):
        await of_domain([U], **{"_1.example.com": closed, "_sip._udp.example.com": lost})


@in_virtual_time
async def test_a_domain_with_neither_is_the_host_itself() -> None:
    zone = Zone({"host.example": [A]})
    resolver = Resolver(virtual_loop().time, zone)
    assert [one.target for one in await targets_of_domain("host.example", resolver, ("udp", "tcp"))] == [
        Target(A, 5060)
    ]
    assert [kind for _, kind in zone.asked] == ["NAPTR", "SRV", "SRV", "A"]
    assert [one.target for one in await targets_of_domain(A, resolver, ("tls",))] == [Target(A, 5061, "tls")]
    assert len(zone.asked) == 4


@pytest.mark.parametrize(("route", "protocol", "target"), [
    ("<sip:example.com;lr>", 1, VIA_T),
    ("<sip:example.com;lr>", 4, VIA_S),
    ("<sips:example.com;lr>", 4, VIA_S),
    ("<sip:example.com;transport=udp;lr>", 1, BY_SRV),
    ("<sip:example.com:5060;lr>", 1, Target("198.51.100.9", 5060)),
])  # fmt: skip
@in_virtual_time
async def test_a_route_without_port_and_transport_is_found_by_naptr(route: str, protocol: int, target: Target) -> None:
    zone = Zone({
        "example.com": [T, S, "198.51.100.9"], "a.example.com": [A], "b.example.com": [B],
        "_sip._udp.example.com": [Service(1, 1, 5080, "b.example.com")],
        "_2.example.com": [Service(1, 1, 5092, "a.example.com")], "_3.example.com": [Service(1, 1, 5093, "a.example.com")],
    })  # fmt: skip
    settings = make_settings(RouteSet=route, Protocol=protocol)
    assert [one.target for one in await find_targets(settings, Resolver(virtual_loop().time, zone))] == [target]


@in_virtual_time
async def test_the_last_good_naptr_is_used_while_nobody_answers() -> None:
    zone = Zone({"example.com": [T], "a.example.com": [A], "_2.example.com": [Service(1, 1, 5092, "a.example.com")]})
    resolver = Resolver(virtual_loop().time, zone)
    for is_down in (False, True):
        zone.is_down = is_down
        assert [one.target for one in await targets_of_domain("example.com", resolver, ("udp", "tcp"))] == [VIA_T]
        await asyncio.sleep(100)
