"""What a row puts on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sipregistrant.engine.naming.routing import route_of
from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.ordering import build, common_lines, own_address
from sipregistrant.engine.transport.flows import Address
from sipregistrant.model.addressing import Addressing, OwnAddress
from sipregistrant.model.registrants import LOCAL, NONE, REMOTE, STATIC
from sipregistrant.model.schedule import Claimed, RegistrarSettings, Rival, Sent, SentContact
from sipregistrant.sip.registration import Order
from sipregistrant.sip.targets import Target
from tests.engine.listed import GROUP, Network, entry, make_row, make_settings
from tests.engine.virtual_time import in_virtual_time

OWN = OwnAddress("192.0.2.1", 5070, "udp", "us.example.net")
TARGET = Target("198.51.100.1", 5060)
CONTACT = "sip:alice@192.0.2.1:5070"
MOBILE = "sip:alice@203.0.113.7"


def order_of(row: Claimed, settings: RegistrarSettings | None = None, own: OwnAddress = OWN,
             target: Target = TARGET) -> tuple[Order, Sent]:  # fmt: skip
    settings = settings or make_settings()
    addressing = Addressing(settings.server, settings.profile, own)
    built = build(row, settings, addressing, target, call_id="call", from_tag="tag", common="")
    assert built is not None
    return built


def is_silent(row: Claimed) -> bool:
    """Tell whether there is nothing to say for a row."""
    settings = make_settings()
    addressing = Addressing(settings.server, settings.profile, OWN)
    return build(row, settings, addressing, TARGET, call_id="call", from_tag="tag", common="") is None


def sent(*uris: str, host: str = "198.51.100.1") -> Sent:
    contacts = [SentContact(uri, 100, 3600, 3600, "uri") for uri in uris]
    return Sent("sip:alice@example.com", "sip:alice@example.com", "sip:example.com", host, 5060, "udp", contacts)


def contacts_of(order: Order) -> list[str]:
    return [contact.uri for contact in order.contacts]


# Who registers where, for each AorType


@pytest.mark.parametrize(("aor_type", "aor", "to_uri", "from_uri", "request_uri"), [
    (LOCAL, "alice", "sip:alice@192.0.2.1", "sip:alice@192.0.2.1", "sip:example.com"),
    (LOCAL, "sip:alice", "sip:alice@192.0.2.1", "sip:alice@192.0.2.1", "sip:example.com"),
    (LOCAL, "sip:alice@given.example:5080", "sip:alice@192.0.2.1", "sip:alice@192.0.2.1", "sip:example.com"),
    (LOCAL, "tel:+44123", "sip:+44123@192.0.2.1", "sip:+44123@192.0.2.1", "sip:example.com"),
    (LOCAL, "#21", "sip:%2321@192.0.2.1", "sip:%2321@192.0.2.1", "sip:example.com"),
    (REMOTE, "alice", "sip:alice@example.com", "sip:alice@192.0.2.1", "sip:example.com"),
    (REMOTE, "alice@given.example", "sip:alice@example.com", "sip:alice@192.0.2.1", "sip:example.com"),
    (STATIC, "sip:alice@home.example", "sip:alice@home.example", "sip:alice@home.example", "sip:home.example"),
    (STATIC, "sip:alice@home.example:5080", "sip:alice@home.example:5080", "sip:alice@home.example:5080",
     "sip:home.example:5080"),
    (NONE, "sip:alice@home.example", "sip:alice@home.example", "sip:alice@192.0.2.1", "sip:home.example"),
    (NONE, "home.example", "sip:home.example", "sip:home.example", "sip:home.example"),
    (NONE, "tel:+44-123", "sip:+44-123@example.com;user=phone", "sip:+44-123@192.0.2.1", "sip:example.com"),
])  # fmt: skip
def test_an_aor_becomes_to_from_and_request_uri(aor_type: int, aor: str, to_uri: str, from_uri: str,
                                                request_uri: str) -> None:  # fmt: skip
    row = make_row(entry=entry(aor, AorType=aor_type))
    order, tried = order_of(row, make_settings(DomainName="example.com"))
    assert (order.to_uri, order.from_uri, order.request_uri) == (to_uri, from_uri, request_uri)
    assert (tried.aor, tried.from_uri, tried.request_uri) == (to_uri, from_uri, request_uri)


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
def test_a_server_without_domain_is_its_own_domain(aor_type: int) -> None:
    order, _ = order_of(make_row(entry=entry("alice", AorType=aor_type)))
    assert order.request_uri == "sip:198.51.100.1"


@pytest.mark.parametrize(("choice", "from_uri"), [
    (0, "sip:alice@192.0.2.1"), (1, "sip:alice@us.example.net"), (2, "sip:alice@example.com"),
    (3, "sip:alice@static.example:5099"),
])  # fmt: skip
def test_the_profile_chooses_the_host_of_the_from(choice: int, from_uri: str) -> None:
    profile: dict[str, Any] = {"FQDNinFromHeader": choice, "StaticHost": "static.example:5099"}
    order, _ = order_of(
        make_row(entry=entry("alice", AorType=REMOTE)), make_settings(DomainName="example.com", profile=profile)
    )
    assert order.from_uri == from_uri
    assert order.to_uri == "sip:alice@example.com"


def test_the_from_of_a_static_aor_is_not_the_profiles() -> None:
    order, _ = order_of(make_row(entry=entry()), make_settings(profile={"FQDNinFromHeader": 1}))
    assert order.from_uri == "sip:alice@example.com"


@pytest.mark.parametrize("aor_type", [NONE, LOCAL, REMOTE, STATIC])
def test_a_sips_aor_is_a_fault_without_tls(aor_type: int) -> None:
    with pytest.raises(Unreachable, match="a sips AOR needs TLS"):
        order_of(make_row(entry=entry("sips:alice@example.com", AorType=aor_type)))


@pytest.mark.parametrize(("transport", "via"), [("tls", "TLS"), ("wss", "WSS")])
def test_a_sips_aor_goes_over_tls_and_the_via_says_over_what(transport: str, via: str) -> None:
    order, _ = order_of(make_row(entry=entry("sips:alice@example.com")), target=TARGET._replace(transport=transport))
    assert (order.to_uri, order.transport) == ("sips:alice@example.com", via)


# Contacts


def test_all_contacts_of_an_entry_go_with_their_q_and_expiry() -> None:
    row = make_row(entry=entry(URI1=CONTACT, URI3="mobile", URI8="desk.example.com", Q3=50, TTL3=600, Q8=5, TTL8=0))
    order, tried = order_of(row)
    assert [(contact.uri, contact.q, contact.asked) for contact in order.contacts] == [
        (CONTACT, 100, 3600), ("sip:mobile@192.0.2.1:5070", 50, 600), ("sip:desk.example.com", 5, 3600),
    ]  # fmt: skip
    assert [(contact.uri, contact.asked, contact.granted) for contact in tried.contacts] == [
        (CONTACT, 3600, None), ("sip:mobile@192.0.2.1:5070", 600, None), ("sip:desk.example.com", 3600, None),
    ]  # fmt: skip
    assert order.expires == 3600
    assert not order.removed


def test_an_entry_without_contacts_has_one_of_its_user_at_our_address() -> None:
    order, _ = order_of(make_row(entry=entry("alice", AorType=LOCAL, URI1="")))
    assert contacts_of(order) == ["sip:alice@192.0.2.1:5070"]


def test_our_address_may_be_ipv6() -> None:
    order, _ = order_of(make_row(entry=entry("alice", AorType=LOCAL, URI1="")), own=OwnAddress("[2001:db8::1]", 5070))
    assert contacts_of(order) == ["sip:alice@[2001:db8::1]:5070"]
    assert order.to_uri == "sip:alice@[2001:db8::1]"
    assert order.sent_by == "[2001:db8::1]:5070"


def test_an_advertised_port_stands_in_the_via() -> None:
    order, _ = order_of(make_row(), own=OwnAddress("203.0.113.5:15060", 5070))
    assert order.sent_by == "203.0.113.5:15060"


def test_a_contact_that_is_no_longer_wanted_is_removed_by_the_same_request() -> None:
    order, tried = order_of(make_row(entry=entry(URI1=CONTACT), sent=sent(CONTACT, MOBILE)))
    assert contacts_of(order) == [CONTACT]
    assert order.removed == [MOBILE]
    # What the registrar holds after that is what was bound, and nothing else.
    assert [contact.uri for contact in tried.contacts] == [CONTACT]


@pytest.mark.parametrize("before", ["sip:alice@192.0.2.1:5070", "sip:%61lice@192.0.2.1:5070"])
def test_a_contact_that_is_only_written_in_another_way_is_not_removed(before: str) -> None:
    order, _ = order_of(make_row(entry=entry(URI1=CONTACT), sent=sent(before)))
    assert not order.removed


def test_letters_of_a_host_in_another_case_are_the_same_contact() -> None:
    order, _ = order_of(make_row(entry=entry(URI1="sip:alice@PBX.example.com"), sent=sent("sip:alice@pbx.example.com")))
    assert contacts_of(order) == ["sip:alice@PBX.example.com"]
    assert not order.removed


# Un-REGISTER


def test_an_unregister_names_exactly_what_was_sent() -> None:
    row = make_row(
        desired=False, entry=entry("sip:alice@elsewhere.example", URI1="sip:x@y"), sent=sent(CONTACT, MOBILE)
    )
    order, _ = order_of(row)
    assert order.is_removal
    assert order.removed == [CONTACT, MOBILE]
    assert (order.to_uri, order.request_uri) == ("sip:alice@example.com", "sip:example.com")


def test_a_tombstone_has_no_entry_and_says_what_it_remembers() -> None:
    order, _ = order_of(make_row(desired=False, entry=None, sent=sent(CONTACT), is_tombstone=True))
    assert order.is_removal
    assert order.removed == [CONTACT]
    assert order.from_uri == "sip:alice@example.com"


def test_what_was_never_answered_is_unregistered_as_the_entry_has_it() -> None:
    order, _ = order_of(make_row(desired=False, entry=entry(URI1=CONTACT, URI2=MOBILE), is_tombstone=True))
    assert order.is_removal
    assert order.removed == [CONTACT, MOBILE]


def test_a_row_that_remembers_nothing_has_nothing_to_say() -> None:
    assert is_silent(make_row(desired=False, entry=None))


def test_a_sips_binding_of_before_can_still_be_removed() -> None:
    row = make_row(desired=False, entry=None, sent=replace(sent(CONTACT), aor="sips:alice@example.com"))
    assert order_of(row)[0].is_removal


# Rivals (rule 7)


def rival(uri: str, *, remembers: Sent | None = None, is_same_group: bool = True) -> Rival:
    return Rival(2, is_same_group, entry(URI1=uri), remembers)


def test_a_contact_that_a_rival_wants_is_not_unregistered() -> None:
    row = make_row(desired=False, sent=sent(CONTACT, MOBILE), rivals=[rival(MOBILE)])
    assert order_of(row)[0].removed == [CONTACT]


def test_where_rivals_want_all_of_it_nothing_is_said() -> None:
    assert is_silent(make_row(desired=False, sent=sent(CONTACT), rivals=[rival(CONTACT)]))


def test_a_contact_that_a_rival_writes_in_another_way_is_not_unregistered() -> None:
    assert is_silent(
        make_row(desired=False, sent=sent("sip:a@PBX.example.com"), rivals=[rival("sip:a@pbx.example.com")])
    )


def test_a_contact_that_is_completed_with_our_address_is_known_as_a_rivals() -> None:
    assert is_silent(make_row(desired=False, sent=sent(CONTACT), rivals=[rival("alice")]))


def test_a_rival_of_another_group_keeps_what_it_has_sent() -> None:
    theirs = rival("alice", remembers=sent("sip:alice@192.0.2.2:5072"), is_same_group=False)
    row = make_row(desired=False, sent=sent(CONTACT, "sip:alice@192.0.2.2:5072"), rivals=[theirs])
    assert order_of(row)[0].removed == [CONTACT]


def test_a_contact_that_is_given_up_for_a_rival_is_not_removed_by_the_register_of_the_others() -> None:
    row = make_row(entry=entry(URI1=CONTACT), sent=sent(CONTACT, MOBILE), rivals=[rival(MOBILE)])
    assert not order_of(row)[0].removed


# What all requests to a registrar share


def test_the_common_lines_are_user_agent_and_allow() -> None:
    assert common_lines(make_settings()) == "User-Agent: Ribbon SBC Edge\r\nAllow: OPTIONS\r\n"


def test_a_profile_may_leave_both_out() -> None:
    assert common_lines(make_settings(profile={"UserAgentHeader": "", "AllowHeader": 0})) == ""


@pytest.mark.parametrize(("proxy", "port", "route"), [
    ("proxy.example.com", 5090, "<sip:proxy.example.com:5090;lr>"),
    ("192.0.2.9", 0, "<sip:192.0.2.9:5060;lr>"),
    ("192.0.2.9", None, "<sip:192.0.2.9:5060;lr>"),
    ("2001:db8::9", 5060, "<sip:[2001:db8::9]:5060;lr>"),
    ("[2001:db8::9]", 5060, "<sip:[2001:db8::9]:5060;lr>"),
])  # fmt: skip
def test_an_outbound_proxy_is_a_loose_route(proxy: str, port: int | None, route: str) -> None:
    group: dict[str, Any] = {"OutboundProxy": proxy, "OutboundProxyPort": port}
    assert common_lines(make_settings(group=group)).startswith(f"Route: {route}\r\n")


# Routes

ROUTES = "<sip:edge.example.com;lr>, <sip:core.example.com;lr>"


def test_a_route_set_stands_in_the_place_of_an_outbound_proxy() -> None:
    settings = make_settings(group={"OutboundProxy": "proxy.example.com"}, RouteSet=ROUTES)
    assert common_lines(settings).startswith(f"Route: {ROUTES}\r\nUser-Agent:")


def test_an_un_register_takes_the_route_of_its_registration() -> None:
    before, now = make_settings(RouteSet=ROUTES), make_settings(RouteSet="<sip:new.example.com;lr>")

    def ordered(row: Claimed, settings: RegistrarSettings) -> tuple[Order, Sent]:
        addressing = Addressing(settings.server, settings.profile, OWN)
        built = build(
            row, settings, addressing, TARGET, "call", "tag", common_lines(settings), route=route_of(settings)
        )
        assert built is not None
        return built

    order, tried = ordered(make_row(), before)
    assert order.common == common_lines(before)
    assert Sent.from_json(tried.to_json()) == tried
    leaving = make_row(entry=None, desired=False, sent=tried)
    for settings in (now, before, make_settings()):
        assert ordered(leaving, settings)[0].common == common_lines(before)
    # What was sent before routes were remembered goes as all others go now.
    assert ordered(make_row(entry=None, desired=False, sent=sent(CONTACT)), now)[0].common == common_lines(now)


# From where


@in_virtual_time
async def test_our_address_is_the_sockets_unless_the_operator_says_another() -> None:
    flow = Network().make_flow(GROUP, lambda flow, datagram, source: None)
    assert own_address(flow, TARGET, host="", fqdn="") == OwnAddress("192.0.2.1", 5070)
    assert own_address(flow, TARGET, host="203.0.113.5", fqdn="us") == OwnAddress("203.0.113.5", 5070, fqdn="us")
    assert own_address(flow, TARGET, host="2001:db8::1", fqdn="").host == "[2001:db8::1]"


class OverWebSocket:
    """A flow that is a WebSocket, as far as our address goes."""

    is_reliable, transport, host, port, id = True, "wss", "192.0.2.1", 5070, 1

    def send(self, datagram: bytes, to: Address) -> str:
        raise AssertionError("nothing is sent here")

    def local_host_towards(self, host: str) -> str:
        return self.host


def test_over_a_web_socket_nobody_reaches_us_but_over_that_unless_the_operator_says_otherwise() -> None:
    target = Target("198.51.100.1", 5060, "wss")
    own = own_address(OverWebSocket(), target, host="", fqdn="", nowhere="x1.invalid")
    order, _ = order_of(make_row(entry=entry(AorType=LOCAL, AOR="alice", URI1="")), own=own)
    assert contacts_of(order) == ["sip:alice@x1.invalid:5070;transport=ws"]
    assert order.sent_by == "x1.invalid:5070"
    # Who we are is not where we are.
    assert order.to_uri == "sip:alice@192.0.2.1"
    own = own_address(OverWebSocket(), target, host="203.0.113.5", fqdn="", nowhere="x1.invalid")
    order, _ = order_of(make_row(entry=entry(URI1="")), own=own)
    assert contacts_of(order) == ["sip:alice@203.0.113.5:5070;transport=ws"]
    assert order.sent_by == "203.0.113.5:5070"


def test_what_was_sent_before_a_crash_and_has_changed_since_is_removed_too() -> None:
    row = make_row(entry=entry("sip:u1@example.com", URI1="sip:new@192.0.2.1"))
    row.unanswered = entry("sip:u1@example.com", URI1="sip:old@192.0.2.1")
    order, tried = order_of(row)
    assert [contact.uri for contact in order.contacts] == ["sip:new@192.0.2.1"]
    assert order.removed == ["sip:old@192.0.2.1"]
    assert [contact.uri for contact in tried.contacts] == ["sip:new@192.0.2.1"]


def test_a_removal_remembers_what_was_sent_unanswered_beside_what_is_wanted() -> None:
    row = make_row(entry=entry(URI1=CONTACT), unanswered=entry(URI1=MOBILE), desired=False)
    order, tried = order_of(row)
    assert order.removed == [MOBILE, CONTACT]
    assert [contact.uri for contact in tried.contacts] == [MOBILE, CONTACT]


def test_a_range_of_numbers_is_registered_with_gin_and_un_registered_with_it() -> None:
    row = make_row(entry=entry("sip:pbx@example.com", URI1="sip:192.0.2.1:5070;bnc"))
    order, tried = order_of(row)
    assert order.common.endswith("Require: gin\r\nProxy-Require: gin\r\nSupported: path\r\n")
    assert [contact.uri for contact in order.contacts] == ["sip:192.0.2.1:5070;bnc"]
    row.desired, row.sent = False, tried
    order, _ = order_of(row)
    assert order.removed == ["sip:192.0.2.1:5070;bnc"]
    assert "Require: gin" in order.common
    assert "gin" not in order_of(make_row())[0].common


def test_one_contact_that_is_no_range_has_no_gin() -> None:
    assert "gin" not in order_of(make_row(entry=entry(URI1="sip:u@bnc.example.com")))[0].common


def test_who_registers_for_another_is_in_the_from_and_remembered_for_its_removal() -> None:
    row = make_row(entry=entry("sip:alice@home.example", FromURI="sip:admin@boss.example"))
    order, tried = order_of(row)
    assert (order.to_uri, order.from_uri) == ("sip:alice@home.example", "sip:admin@boss.example")
    assert Sent.from_json(tried.to_json()).from_uri == "sip:admin@boss.example"
    order, _ = order_of(make_row(entry=None, desired=False, sent=tried))
    assert (order.to_uri, order.from_uri) == ("sip:alice@home.example", "sip:admin@boss.example")
