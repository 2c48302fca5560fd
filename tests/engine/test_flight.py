"""What is in memory of a registration while an attempt of it is in flight."""

from __future__ import annotations

from sipregistrant.engine.flight import Flight, Registrar
from sipregistrant.engine.pacing import Pacing
from sipregistrant.engine.reach import Reach
from sipregistrant.engine.servers import ServerMemory
from sipregistrant.model.schedule import Sent
from sipregistrant.sip.registration import Attempt
from sipregistrant.sip.transaction import NEVER, SipTimers
from tests.engine.listed import GROUP, Network, make_row, make_settings
from tests.engine.virtual_time import in_virtual_time
from tests.playbook import CountingTokens, order


def a_registrar() -> Registrar:
    """Return one that was never spoken to."""
    return Registrar(1, Reach([], lambda target: Pacing(), Pacing()), ServerMemory())


def test_of_a_registrar_nothing_is_known_at_first() -> None:
    registrar = a_registrar()
    assert registrar.known_rev == -1
    registrar.settings = make_settings(1, rev=0)
    assert registrar.known_rev == 0


@in_virtual_time
async def test_a_flight_has_the_deadline_and_cseq_of_its_attempt_until_that_is_over() -> None:
    attempt = Attempt(order(), cseq=5, tokens=CountingTokens(), timers=SipTimers())
    flow = Network().make_flow(GROUP, lambda flow, datagram, source: None)
    tried = Sent("", "", "", "198.51.100.1", 5060, "udp")
    flight = Flight(make_row(), a_registrar(), attempt, flow, ("198.51.100.1", 5060), tried, 0, 10.0, Pacing())
    attempt.start(10.0)
    assert (flight.cseq, flight.next_timeout, flight.peer_host) == (5, 10.5, "198.51.100.1")
    attempt.transport_failed("no route")
    assert flight.next_timeout == NEVER
