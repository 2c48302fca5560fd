"""The sockets, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.transport.flows import (
    LONGEST_DRAIN_SECONDS,
    Address,
    Flow,
    Flows,
    GroupAddress,
    Receiver,
    UdpFlow,
)

LOOPBACK = GroupAddress(1, 1, "127.0.0.1", 0, 40)


class Inbox:
    """Takes what flows receive."""

    def __init__(self) -> None:
        self.received: list[tuple[Flow, bytes, Address]] = []

    def __call__(self, flow: Flow, datagram: bytes, source: Address) -> None:
        self.received.append((flow, datagram, source))

    async def wait_for(self, number: int) -> list[bytes]:
        async with asyncio.timeout(5):
            while len(self.received) < number:
                await asyncio.sleep(0.001)
        return [datagram for _, datagram, _ in self.received]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def flow(inbox: Inbox) -> AsyncIterator[UdpFlow]:
    made = UdpFlow(LOOPBACK, inbox)
    yield made
    made.close()


@pytest.fixture
async def flows(inbox: Inbox) -> AsyncIterator[Flows]:
    made = Flows(inbox)
    yield made
    made.close()


@contextlib.contextmanager
def peer(host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    """Return a bound socket of somebody else."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((host, port))
        made.settimeout(5)
        yield made


def group(uid: int, port: int = 0, *, host: str = "127.0.0.1", dscp: int = 40) -> GroupAddress:
    return GroupAddress(uid, uid, host, port, dscp)


def open_flow(flows: Flows, uid: int) -> Flow:
    flow = flows.of_group(uid)
    assert flow is not None
    return flow


# One flow


async def test_what_comes_in_is_handed_on_with_where_it_came_from(flow: UdpFlow, inbox: Inbox) -> None:
    with peer() as other:
        other.sendto(b"hello", (flow.host, flow.port))
        await inbox.wait_for(1)
        assert inbox.received == [(flow, b"hello", other.getsockname())]


async def test_what_is_sent_comes_from_where_it_listens(flow: UdpFlow) -> None:
    with peer() as other:
        assert flow.send(b"hello", other.getsockname()) == ""
        assert other.recvfrom(100) == (b"hello", (flow.host, flow.port))


async def test_a_flow_over_ipv6_has_addresses_of_two_parts(inbox: Inbox) -> None:
    with contextlib.closing(UdpFlow(group(1, host="::1"), inbox)) as flow, peer("::1") as other:
        assert flow.is_ipv6
        assert flow.host == "::1"
        other.sendto(b"hello", (flow.host, flow.port))
        await inbox.wait_for(1)
        source = inbox.received[0][2]
        assert source == other.getsockname()[:2]
        assert flow.send(b"back", source) == ""
        assert other.recv(100) == b"back"


async def test_a_crowd_is_taken_in_batches_with_turns_for_others_in_between() -> None:
    received = 0

    def take(flow: Flow, datagram: bytes, source: Address) -> None:
        nonlocal received
        received += 1

    turns = []
    # In the time that reading may take, three are read and a fourth is begun.
    with contextlib.closing(UdpFlow(LOOPBACK, take, lambda: received * LONGEST_DRAIN_SECONDS / 3.5)) as flow:
        with peer() as other:
            for _ in range(50):
                other.sendto(b"x", (flow.host, flow.port))
        async with asyncio.timeout(5):
            while received < 50:
                await asyncio.sleep(0)
                turns.append(received)
    taken = {after - before for before, after in zip([0, *turns], turns, strict=False)}
    assert 4 in taken
    assert max(taken) == 4


async def test_the_longest_datagram_comes_in_whole(flow: UdpFlow, inbox: Inbox) -> None:
    with peer() as other:
        other.sendto(b"x" * 65507, (flow.host, flow.port))
    assert await inbox.wait_for(1) == [b"x" * 65507]


async def test_a_closed_port_of_a_peer_does_not_stop_the_reading(flow: UdpFlow, inbox: Inbox) -> None:
    with peer() as gone:
        address = gone.getsockname()
    for _ in range(3):
        assert flow.send(b"hello?", address) == ""
    with peer() as other:
        other.sendto(b"hello", (flow.host, flow.port))
    assert await inbox.wait_for(1) == [b"hello"]


async def test_what_cannot_be_sent_says_why(flow: UdpFlow) -> None:
    assert flow.send(b"x" * 70000, ("127.0.0.1", 5060)) == "Message too long"
    assert flow.send(b"x", ("2001:db8::1", 5060)) != ""


async def test_a_closed_flow_sends_nothing_and_its_port_is_free(inbox: Inbox) -> None:
    flow = UdpFlow(LOOPBACK, inbox)
    flow.close()
    assert flow.send(b"x", ("127.0.0.1", 5060)) != ""
    with peer("127.0.0.1", flow.port):
        pass


async def test_an_address_that_is_not_ours_is_an_error(inbox: Inbox) -> None:
    with pytest.raises(OSError, match="Cannot assign"):
        UdpFlow(group(1, host="192.0.2.1"), inbox)


@pytest.mark.parametrize(("host", "option", "kind"), [
    ("127.0.0.1", (socket.IPPROTO_IP, socket.IP_RECVTOS), socket.IP_TOS),
    ("::1", (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS), socket.IPV6_TCLASS),
])  # fmt: skip
async def test_packets_are_marked_with_the_dscp(inbox: Inbox, host: str, option: tuple[int, int], kind: int) -> None:
    def mark_seen_by(other: socket.socket) -> int:
        _, [(_, seen, value)], _, _ = other.recvmsg(100, 100)
        assert seen == kind
        return value[0]

    with contextlib.closing(UdpFlow(group(1, host=host, dscp=46), inbox)) as flow, peer(host) as other:
        other.setsockopt(*option, 1)
        flow.send(b"x", other.getsockname()[:2])
        assert mark_seen_by(other) == 46 << 2
        flow.take_dscp(replace(flow.address, dscp=8))
        flow.send(b"x", other.getsockname()[:2])
        assert mark_seen_by(other) == 8 << 2


async def test_a_flow_that_is_bound_to_an_address_has_that_one_towards_everybody(flow: UdpFlow) -> None:
    assert flow.local_host_towards("198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize(("wildcard", "towards"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
async def test_a_flow_that_is_bound_to_a_wildcard_has_the_address_of_the_route(inbox: Inbox, wildcard: str,
                                                                              towards: str) -> None:  # fmt: skip
    with contextlib.closing(UdpFlow(group(1, host=wildcard), inbox)) as flow:
        assert flow.local_host_towards(towards) == towards
        assert flow.local_host_towards(towards) == towards


async def test_without_a_route_there_is_an_error_and_no_address(inbox: Inbox) -> None:
    with contextlib.closing(UdpFlow(group(1, host="0.0.0.0"), inbox)) as flow, pytest.raises(OSError):
        flow.local_host_towards("255.255.255.255")


# The flows of all groups


async def test_each_group_has_a_flow_of_its_own(flows: Flows) -> None:
    flows.update([group(1), group(2)])
    assert open_flow(flows, 1).port != open_flow(flows, 2).port
    assert not flows.faults


async def test_a_port_in_use_is_a_fault_with_a_reason_and_others_go_on(flows: Flows) -> None:
    with peer() as other:
        port = other.getsockname()[1]
        flows.update([group(1, port), group(2)])
        assert flows.of_group(1) is None
        assert flows.why_not(1) == f"udp:127.0.0.1:{port} cannot be bound: Address already in use"
        assert flows.faults == {1: flows.why_not(1)}
        assert open_flow(flows, 2)
    flows.update([group(1, port), group(2)])
    assert open_flow(flows, 1).port == port
    assert not flows.faults


async def test_rows_of_a_group_are_spread_over_its_sockets(flows: Flows) -> None:
    flows.update([replace(group(1), number=number) for number in range(3)])
    ports = [found.port for row in range(6) if (found := flows.of_group(1, row))]
    assert len(set(ports)) == 3
    assert ports[:3] == ports[3:]
    flows.update([group(1)])
    assert {found.port for row in range(6) if (found := flows.of_group(1, row))} == {ports[0]}


async def test_of_several_sockets_one_that_cannot_be_had_is_a_fault_of_its_rows_alone(flows: Flows) -> None:
    with peer() as other:
        port = other.getsockname()[1]
        flows.update([group(1), replace(group(1, port), number=1)])
        assert flows.of_group(1, 0) is not None
        assert flows.of_group(1, 1) is None
        assert flows.why_not(1) == f"udp:127.0.0.1:{port} cannot be bound: Address already in use"


async def test_the_fault_of_a_group_that_is_gone_is_forgotten(flows: Flows) -> None:
    with peer() as other:
        flows.update([group(1, other.getsockname()[1])])
    flows.update([])
    assert not flows.faults


async def test_what_stays_as_it_is_is_not_touched(flows: Flows) -> None:
    flows.update([group(1), group(2)])
    before = flows.of_group(1)
    flows.update([group(2, free_port()), group(1)])
    assert flows.of_group(1) is before


async def test_a_group_that_moves_gets_a_new_socket_and_frees_the_old_port(flows: Flows) -> None:
    flows.update([group(1)])
    old = open_flow(flows, 1).port
    new = free_port()
    flows.update([group(1, new)])
    assert open_flow(flows, 1).port == new
    with peer("127.0.0.1", old):
        pass


async def test_two_groups_may_swap_their_ports(flows: Flows) -> None:
    first, second = free_port(), free_port()
    flows.update([group(1, first), group(2, second)])
    flows.update([group(1, second), group(2, first)])
    assert (open_flow(flows, 1).port, open_flow(flows, 2).port) == (second, first)
    assert not flows.faults


async def test_another_dscp_needs_no_other_socket(flows: Flows) -> None:
    flows.update([group(1)])
    before = open_flow(flows, 1)
    flows.update([group(1, dscp=0)])
    assert flows.of_group(1) is before
    assert before.address.dscp == 0


async def test_the_socket_of_a_group_that_is_gone_closes_while_there_is_another(flows: Flows) -> None:
    flows.update([group(1), group(2)])
    gone = open_flow(flows, 1).port
    flows.update([group(2)])
    with peer("127.0.0.1", gone):
        pass
    # What is left to say for the first group goes out over the second.
    assert flows.of_group(1) is flows.of_group(2)


async def test_the_last_socket_stays_for_what_is_to_be_unregistered(flows: Flows) -> None:
    flows.update([group(1)])
    before = open_flow(flows, 1)
    flows.update([])
    assert flows.of_group(1) is before
    flows.update([group(2)])
    assert flows.of_group(1) is flows.of_group(2) is not before


async def test_a_group_that_is_gone_is_not_in_the_way_of_a_new_one_at_its_port(flows: Flows) -> None:
    port = free_port()
    flows.update([group(1, port)])
    flows.update([])
    flows.update([group(2, port)])
    assert open_flow(flows, 2).port == port
    assert not flows.faults


async def test_without_any_socket_there_is_a_reason_too(flows: Flows) -> None:
    assert flows.of_group(1) is None
    assert flows.why_not(1) == "no signaling group has a socket"


async def test_after_close_there_is_no_flow(inbox: Inbox) -> None:
    flows = Flows(inbox)
    flows.update([group(1)])
    flows.close()
    assert flows.of_group(1) is None


def free_port() -> int:
    with peer() as other:
        return int(other.getsockname()[1])


async def test_a_group_that_stays_down_is_said_once() -> None:
    def no_socket(address: GroupAddress, receiver: Receiver) -> UdpFlow:
        raise OSError(98, "Address already in use")

    flows = Flows(lambda flow, datagram, source: None, no_socket)
    with capture_logs() as logs:
        for _ in range(3):
            flows.update([GroupAddress(1, 1, "::1", 5060, 0)])
    assert [line["reason"] for line in logs] == ["udp:[::1]:5060 cannot be bound: Address already in use"]
