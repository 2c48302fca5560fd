"""Flows of RFC 5626 with a real registrar that keeps them."""

from __future__ import annotations

from collections.abc import Callable

from tests.kamailio import Kamailio
from tests.relay import UdpRelay
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"

Start = Callable[..., ServiceProcess]
StartKamailio = Callable[..., Kamailio]


def test_each_flow_is_a_binding_of_its_own(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(has_tcp=True, flow_timer=30)
    rest = service().rest()
    configure(rest, registrar, Protocol=2, OutboundFlows=2)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 2, within=10)
    bindings = registrar.dump()[AOR]
    assert [binding.uri for binding in bindings] == ["sip:alice@192.0.2.1"] * 2
    assert len({binding.call_id for binding in bindings}) == 2
    assert len({(binding.instance, binding.reg_id) for binding in bindings}) == 2
    assert len({binding.instance for binding in bindings}) == 1
    assert rest.get("sipcontactregistrant/1/sipregistrantentry/1").values["rt_Registrations"] == "2"
    rest.delete("sipcontactregistrant/1/sipregistrantentry/1")
    eventually(lambda: AOR not in registrar.dump(), within=10)


def test_fewer_flows_take_only_their_own_bindings_away(service: Start, kamailio: StartKamailio) -> None:
    registrar = kamailio(has_tcp=True, flow_timer=30)
    rest = service().rest()
    configure(rest, registrar, Protocol=2, OutboundFlows=2)
    put_entry(rest, URI1="sip:alice@192.0.2.1")
    eventually(lambda: len(registrar.dump().get(AOR, [])) == 2, within=10)
    rest.post("sipservertable/1/sipserver/1", OutboundFlows=1)
    eventually(lambda: [binding.reg_id for binding in registrar.dump().get(AOR, [])] == [1], within=10)


def test_a_udp_flow_that_the_nat_has_forgotten_is_noticed_and_everything_over_it_registers_again(
    service: Start, kamailio: StartKamailio
) -> None:
    registrar = kamailio(flow_timer=10)
    with UdpRelay(("127.0.0.1", registrar.port)) as relay:
        rest = service().rest()
        rest.post("sipprofile/1", ContactAsSeen=1)
        configure(rest, registrar, Port=relay.port, OutboundFlows=1, Monitor=0)
        put_entry(rest)
        (first,) = eventually(lambda: registrar.dump().get(AOR, []), within=10)
        assert first.reg_id == 1
        # A keep-alive tells where we are seen; from then on it is elsewhere.
        eventually(lambda: relay.carried >= 6, within=15)
        relay.move()
        outside = f"sip:alice@127.0.0.1:{relay.addresses()[0][1]}"
        eventually(lambda: [binding.uri for binding in registrar.dump().get(AOR, [])] == [outside], within=30)
