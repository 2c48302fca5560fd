"""What a provider profile changes of a REGISTER, and of what is made of its 200."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipregistrant.sip.behaviour import Behaviour, ContactMatch, ExpiresStyle, UnregisterStyle
from sipregistrant.sip.bindings import SentContact
from sipregistrant.sip.outbound import Outbound
from sipregistrant.sip.outcome import Kind
from sipregistrant.sip.registration import Order
from tests.playbook import URI, Play, contact, order

SECOND = "sip:mobile@192.0.2.2"
ELSEWHERE = "sip:alice@203.0.113.9:1024"
OTHER = "sip:bob@203.0.113.9"
BOTH = (SentContact(URI, 100, 3600), SentContact(SECOND, 50, 600))


def of(behaviour: Behaviour, **changes: object) -> Order:
    return replace(order(contacts=BOTH), behaviour=behaviour, **changes)  # type: ignore[arg-type]


def matching(match: ContactMatch, *, contacts: tuple[SentContact, ...] = BOTH[:1], **changes: object) -> Play:
    return Play(of(Behaviour(contact_match=match), contacts=contacts, **changes)).sends()


# ExpiresStyle


def test_usually_a_register_says_it_in_the_header_and_in_each_contact() -> None:
    Play(of(Behaviour())).sends(expires="3600", contact=[f"<{URI}>;q=1;expires=3600", f"<{SECOND}>;q=0.5;expires=600"])


@pytest.mark.parametrize(
    ("style", "header", "contacts"),
    [(ExpiresStyle.PARAMETER, None, [f"<{URI}>;q=1;expires=3600", f"<{SECOND}>;q=0.5;expires=600"]),
     (ExpiresStyle.HEADER, "3600", [f"<{URI}>;q=1", f"<{SECOND}>;q=0.5"]),
     (ExpiresStyle.OWN, "3600", [f"<{URI}>;q=1", f"<{SECOND}>;q=0.5;expires=600"])],
)  # fmt: skip
def test_a_register_says_it_where_the_profile_wants_it(
    style: ExpiresStyle, header: str | None, contacts: list[str]
) -> None:
    Play(of(Behaviour(expires_style=style))).sends(expires=header, contact=contacts)


@pytest.mark.parametrize(
    ("style", "header", "gone"),
    [(ExpiresStyle.USUAL, "0", ";expires=0"), (ExpiresStyle.PARAMETER, None, ";expires=0"),
     (ExpiresStyle.HEADER, "0", ""), (ExpiresStyle.OWN, "0", "")],
)  # fmt: skip
def test_so_does_an_un_register(style: ExpiresStyle, header: str | None, gone: str) -> None:
    play = Play(of(Behaviour(expires_style=style), contacts=(), removed=[URI])).sends(
        expires=header, contact=f"<{URI}>{gone}"
    )
    play.receives(200).ends(Kind.REMOVED)


@pytest.mark.parametrize("style", [ExpiresStyle.PARAMETER, ExpiresStyle.HEADER, ExpiresStyle.OWN])
def test_what_goes_beside_what_is_bound_goes_by_its_own_parameter(style: ExpiresStyle) -> None:
    play = Play(of(Behaviour(expires_style=style), removed=[ELSEWHERE])).sends()
    assert play.last.all("contact")[-1] == f"<{ELSEWHERE}>;expires=0"


@pytest.mark.parametrize("style", list(ExpiresStyle))
def test_min_expires_is_adopted_wherever_it_stands(style: ExpiresStyle) -> None:
    play = Play(of(Behaviour(expires_style=style))).sends().receives(423, ("Min-Expires", "7200")).sends()
    said = [value.partition("expires=")[2] for value in play.last.all("contact")] + play.last.all("expires")
    assert set(said) - {""} == {"7200"}


def test_flows_stand_in_contacts_without_expires_too() -> None:
    outbound = Outbound("urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6", 1)
    play = Play(of(Behaviour(expires_style=ExpiresStyle.HEADER), contacts=BOTH[:1], outbound=outbound))
    play.sends(contact=f"<{URI}>;q=1{outbound.parameters}", supported="path, outbound")


# UnregisterStyle


@pytest.mark.parametrize("style", list(ExpiresStyle))
def test_a_wildcard_comes_with_an_expires_of_0_and_with_nothing_else(style: ExpiresStyle) -> None:
    behaviour = Behaviour(expires_style=style, unregister_style=UnregisterStyle.ALL)
    play = Play(of(behaviour, contacts=(), removed=[URI, SECOND], removes_all=True))
    play.sends(contact="*", expires="0").receives(200).ends(Kind.REMOVED)


def test_a_200_that_still_lists_ours_is_no_removal() -> None:
    play = Play(of(Behaviour(), contacts=(), removed=[URI], removes_all=True)).sends()
    play.receives(200, contact(URI, 60)).ends(Kind.REFUSED, reason=f"{URI} is still registered")


# ContactMatch


def test_by_uri_alone_a_rewritten_contact_is_not_ours() -> None:
    play = matching(ContactMatch.URI).receives(200, contact(ELSEWHERE, 60))
    play.ends(Kind.REFUSED, reason="without any contact of ours")


def test_by_uri_alone_one_that_means_the_same_is_ours() -> None:
    play = matching(ContactMatch.URI).receives(200, contact("sip:%61lice@192.0.2.1:5060", 60))
    assert play.ends(Kind.ACCEPTED, grants={URI: 60}).grants[0].matched == "uri"


def test_by_uri_alone_a_token_means_nothing() -> None:
    sent = SentContact("sip:SBC1@192.0.2.1", 100, 3600, token="SBC1")
    listed = contact("sip:SBC1@203.0.113.9", 60)
    assert matching(ContactMatch.USUAL, contacts=(sent,)).receives(200, listed).ends(Kind.ACCEPTED)
    assert matching(ContactMatch.URI, contacts=(sent,)).receives(200, listed).ends(Kind.REFUSED)


@pytest.mark.parametrize("match", [ContactMatch.USER, ContactMatch.ANY])
def test_by_its_user_ours_is_found_among_others_at_another_address(match: ContactMatch) -> None:
    play = matching(match).receives(200, contact(OTHER, 10), contact(ELSEWHERE, 60))
    assert play.ends(Kind.ACCEPTED, grants={URI: 60}).grants[0].matched == "user"


@pytest.mark.parametrize("match", [ContactMatch.USER, ContactMatch.ANY])
def test_one_that_came_back_as_it_was_sent_comes_before_one_with_the_same_user(match: ContactMatch) -> None:
    play = matching(match).receives(200, contact(ELSEWHERE, 10), contact(URI, 60))
    assert play.ends(Kind.ACCEPTED, grants={URI: 60}).grants[0].matched == "uri"


def test_by_its_user_another_user_is_not_ours_though_it_is_the_only_one() -> None:
    assert (
        matching(ContactMatch.USUAL).receives(200, contact(OTHER, 60)).ends(Kind.ACCEPTED).grants[0].matched == "only"
    )
    assert matching(ContactMatch.USER).receives(200, contact(OTHER, 60)).ends(Kind.REFUSED)


def test_any_is_ours_where_nothing_else_is() -> None:
    play = matching(ContactMatch.ANY).receives(200, contact(OTHER, 60), contact("sip:carol@203.0.113.9", 30))
    assert play.ends(Kind.ACCEPTED, grants={URI: 60}).grants[0].matched == "any"
    assert matching(ContactMatch.USUAL).receives(200, contact(OTHER, 60), contact("sip:c@h", 30)).ends(Kind.REFUSED)


def test_each_of_several_takes_one_of_what_is_left() -> None:
    play = matching(ContactMatch.ANY, contacts=BOTH)
    play.receives(200, contact(OTHER, 60), contact(SECOND, 30)).ends(Kind.ACCEPTED, grants={URI: 60, SECOND: 30})
    play = matching(ContactMatch.ANY, contacts=BOTH)
    play.receives(200, contact(OTHER, 60)).ends(Kind.ACCEPTED, grants={URI: 60})


def test_nothing_at_all_is_nobodys() -> None:
    assert matching(ContactMatch.ANY).receives(200).ends(Kind.REFUSED, reason="200 without Contact")


@pytest.mark.parametrize(
    ("match", "is_there"),
    [(ContactMatch.USUAL, False), (ContactMatch.URI, False), (ContactMatch.USER, True), (ContactMatch.ANY, True)],
)
def test_what_was_to_go_is_still_there_under_its_user(match: ContactMatch, is_there: bool) -> None:
    play = matching(match, contacts=(), removed=[URI]).receives(200, contact(ELSEWHERE, 60))
    play.ends(Kind.REFUSED if is_there else Kind.REMOVED)


def test_any_other_contact_does_not_make_an_un_register_fail() -> None:
    matching(ContactMatch.ANY, contacts=(), removed=[URI]).receives(200, contact(OTHER, 60)).ends(Kind.REMOVED)
