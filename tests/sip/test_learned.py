"""What a registrar tells in its 200 beside the bindings."""

from __future__ import annotations

import json

import pytest

from sipregistrant.sip.learned import LONGEST, MOST_OF_EACH, Learned
from sipregistrant.sip.outcome import Kind
from tests.playbook import URI, Play, contact, order

VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb1"


def learned(*headers: tuple[str, str]) -> dict[str, object]:
    outcome = Play(order()).sends().receives(200, contact(), *headers).ends(Kind.ACCEPTED)
    return json.loads(outcome.learned) if outcome.learned else {}


def test_a_plain_200_teaches_nothing() -> None:
    assert learned() == {}
    assert learned(("Via", VIA)) == {}
    assert learned(("Via", VIA + ";received=192.0.2.1;rport=5060")) == {}


def test_routes_and_other_aors_come_in_their_order() -> None:
    found = learned(
        ("Service-Route", "<sip:a.example;lr>, <sip:b.example;lr>"), ("Service-Route", "<sip:c.example;lr>"),
        ("Path", "<sip:edge.example;lr>"), ("P-Associated-URI", "<sip:+1555@example.com>, <tel:+1555>"),
    )  # fmt: skip
    assert found == {
        "service_route": ["<sip:a.example;lr>", "<sip:b.example;lr>", "<sip:c.example;lr>"],
        "path": ["<sip:edge.example;lr>"],
        "associated_uris": ["<sip:+1555@example.com>", "<tel:+1555>"],
    }


def test_the_gruus_are_those_of_our_own_contact() -> None:
    other = '<sip:x@198.51.100.9>;expires=60;pub-gruu="sip:x@example.com;gr=1"'
    mine = f'<{URI}>;expires=60;pub-gruu="sip:alice@example.com;gr=2";temp-gruu="sip:t.1@example.com;gr"'
    outcome = Play(order()).sends().receives(200, ("Contact", other), ("Contact", mine)).ends(Kind.ACCEPTED)
    assert json.loads(outcome.learned) == {
        "public_gruu": "sip:alice@example.com;gr=2",
        "temporary_gruu": "sip:t.1@example.com;gr",
    }


@pytest.mark.parametrize(
    ("parameters", "address"),
    [
        (";received=203.0.113.9;rport=40001", "203.0.113.9:40001"),
        (";received=203.0.113.9", "203.0.113.9:5060"),
        (";rport=40001", "192.0.2.1:40001"),
    ],
)
def test_behind_a_nat_the_address_that_the_registrar_saw(parameters: str, address: str) -> None:
    assert learned(("Via", VIA + parameters), ("Via", "SIP/2.0/UDP h;received=1.2.3.4")) == {"public_address": address}


@pytest.mark.parametrize("value", ["", ",,", '"', "<sip:a", "\x00"])
def test_what_cannot_be_read_is_left_out_or_kept_as_text(value: str) -> None:
    learned(("Service-Route", value), ("P-Associated-URI", value), ("Via", "received=" + value))


def test_a_registrar_cannot_make_us_keep_much() -> None:
    found = learned(("Service-Route", ",".join(["<sip:" + "a" * 2000 + ">"] * 100)))
    routes = found["service_route"]
    assert isinstance(routes, list)
    assert (len(routes), len(routes[0])) == (MOST_OF_EACH, LONGEST)


def test_what_is_kept_can_be_read_again() -> None:
    known = Learned(["<sip:a;lr>"], [], ["tel:+1"], "g", "t", "h:1", "2")
    assert Learned.from_json(known.to_json()) == known
    assert (Learned.from_json(None), Learned.from_json(""), Learned().to_json()) == (Learned(), Learned(), "")
