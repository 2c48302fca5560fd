"""Flows of RFC 5626 as a REGISTER and its answer speak of them."""

from __future__ import annotations

import uuid

import pytest

from sipregistrant.sip.bindings import SentContact, find_bindings
from sipregistrant.sip.fields import parse_contacts
from sipregistrant.sip.message import Response, parse_message
from sipregistrant.sip.outbound import Outbound, flow_timer, instance_urn, is_outbound

OURS = Outbound("urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6", 2)
CONTACT = SentContact("sip:u1@192.0.2.1:5070", 100, 3600, flow=str(OURS))


def answer(*lines: str) -> Response:
    head = ["SIP/2.0 200 OK", "Via: SIP/2.0/UDP h;branch=z9hG4bKx", "From: <sip:a@b>;tag=1", "To: <sip:a@b>;tag=2",
            "Call-ID: c", "CSeq: 1 REGISTER"]  # fmt: skip
    message = parse_message("\r\n".join([*head, *lines, "Content-Length: 0", "", ""]).encode())
    assert isinstance(message, Response)
    return message


def test_an_instance_is_a_uuid_that_stays() -> None:
    urn = instance_urn(b"key", 1, 1, 1)
    assert urn == instance_urn(b"key", 1, 1, 1)
    assert uuid.UUID(urn.removeprefix("urn:uuid:")).version == 4


def test_each_entry_at_each_server_of_each_group_is_another_instance() -> None:
    places = [(b"key", 1, 1, 1), (b"key", 2, 1, 1), (b"key", 1, 2, 1), (b"key", 1, 1, 2), (b"other", 1, 1, 1)]
    assert len({instance_urn(*place) for place in places}) == len(places)


def test_what_a_contact_says_of_its_flow() -> None:
    assert OURS.parameters == ';+sip.instance="<urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6>";reg-id=2'
    assert Outbound.from_text(str(OURS)) == OURS


@pytest.mark.parametrize(
    ("parameters", "is_ours"),
    [
        (';+sip.instance="<urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6>";reg-id=2', True),
        (';reg-id=2;+SIP.INSTANCE="<URN:UUID:F81D4FAE-7DEC-41D0-A765-00A0C91E6BF6>"', True),
        (';+sip.instance="<urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6>";reg-id=1', False),
        (';+sip.instance="<urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf7>";reg-id=2', False),
        (';+sip.instance="<urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6>"', False),
        (";reg-id=2", False),
        ("", False),
    ],
)
def test_which_contact_is_of_our_flow(parameters: str, is_ours: bool) -> None:
    (contact,) = parse_contacts([f"<sip:u1@192.0.2.1>{parameters}"])
    assert OURS.is_of(contact) == is_ours


def test_the_same_uri_may_stand_there_once_for_each_flow() -> None:
    listed = parse_contacts([
        f"<{CONTACT.uri}>;expires=60{Outbound(OURS.instance, 1).parameters}",
        f"<{CONTACT.uri}>;expires=1800{OURS.parameters}",
    ])  # fmt: skip
    found = find_bindings([CONTACT], [], listed, None, lambda asked: asked, OURS)
    assert [(grant.expires, grant.matched) for grant in found.grants] == [(1800, "instance")]


def test_a_registrar_without_flows_is_understood_by_the_uri() -> None:
    listed = parse_contacts(["<sip:other@192.0.2.9>;expires=9", f"<{CONTACT.uri}>;expires=1800"])
    found = find_bindings([CONTACT], [], listed, None, lambda asked: asked, OURS)
    assert [(grant.expires, grant.matched) for grant in found.grants] == [(1800, "uri")]


def test_a_contact_that_was_rewritten_is_found_by_its_flow() -> None:
    listed = parse_contacts(["<sip:x@203.0.113.1>;expires=5", f"<sip:y@203.0.113.7>;expires=1800{OURS.parameters}"])
    found = find_bindings([CONTACT], [], listed, None, lambda asked: asked, OURS)
    assert [(grant.uri, grant.expires) for grant in found.grants] == [(CONTACT.uri, 1800)]


def test_what_another_flow_holds_is_not_still_there_because_of_us() -> None:
    other = parse_contacts([f"<{CONTACT.uri}>;expires=60{Outbound(OURS.instance, 1).parameters}"])
    ours = parse_contacts([f"<{CONTACT.uri}>;expires=60{OURS.parameters}"])
    plain = parse_contacts([f"<{CONTACT.uri}>;expires=60"])
    still = [find_bindings([], [CONTACT.uri], listed, None, int, OURS).still_there for listed in (other, ours, plain)]
    assert still == [[], [CONTACT.uri], [CONTACT.uri]]


@pytest.mark.parametrize(
    ("lines", "is_it"),
    [(["Require: outbound"], True), (["Require: gin, Outbound"], True), (["Require: path"], False),
     (["Supported: outbound"], False), ([], False), (['Require: "'], False)],
)  # fmt: skip
def test_whether_the_registrar_keeps_flows(lines: list[str], is_it: bool) -> None:
    assert is_outbound(answer(*lines)) == is_it


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120), ("3", 10), ("0", 0), ("-1", 0), ("many", 0), ("3600", 3600), ("3601", 0)]
)
def test_within_what_time_it_wants_to_hear_of_one(value: str, seconds: int) -> None:
    assert flow_timer(answer(f"Flow-Timer: {value}")) == seconds


def test_where_it_does_not_say() -> None:
    assert flow_timer(answer()) == 0
