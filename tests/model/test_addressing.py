"""What an entry puts on the wire: the rows of the decisions on AorType, URIn, Qn, TTLn, Request-URI and From."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipregistrant.errors import Refusal
from sipregistrant.model import profiles, registrants, servers
from sipregistrant.model.addressing import Addressing, OwnAddress, contact_ttl, registering_user
from sipregistrant.model.resource import Values
from sipregistrant.model.uris import read_aor, read_contact
from sipregistrant.sip.uri import parse_uri

NONE, LOCAL, REMOTE, STATIC = "0", "1", "2", "3"

OWN = OwnAddress("192.0.2.10", 5062, fqdn="us.example")
SERVER = servers.ENTRY.to_create({"Host": "203.0.113.5", "DomainName": "example.com", "Port": "5070"})
PROFILE = profiles.PROFILE.to_create({})


def entry(aor: str, aor_type: str = LOCAL, **form: str) -> Values:
    return registrants.ENTRY.to_create({"AOR": aor, "AorType": aor_type, **form})


def names(aor: str, aor_type: str, *, server: Values = SERVER, profile: Values = PROFILE,
          own: OwnAddress = OWN) -> tuple[str, str, str]:  # fmt: skip
    found = Addressing(server, profile, own).identity(entry(aor, aor_type))
    return found.aor_uri, found.from_uri, found.request_uri


def key(aor: str, aor_type: str, *, server: Values = SERVER, own: OwnAddress = OWN) -> int:
    return Addressing(server, PROFILE, own).binding_key(entry(aor, aor_type))


def uris(*, own: OwnAddress = OWN, profile: Values = PROFILE, **form: str) -> list[str]:
    return [contact.uri for contact in Addressing(SERVER, profile, own).contacts(entry("sip:alice", **form))]


# Third party


@pytest.mark.parametrize(("aor", "aor_type"), [("alice", LOCAL), ("alice", REMOTE), ("sip:alice@example.com", STATIC)])
def test_a_third_party_stands_in_the_from_and_nowhere_else(aor: str, aor_type: str) -> None:
    to, _, request_uri = names(aor, aor_type)
    made = entry(aor, aor_type, FromURI="sip:%23pbx@example.org")
    assert Addressing(SERVER, PROFILE, OWN).identity(made) == (to, "sip:%23pbx@example.org", request_uri)
    assert registering_user(made) == "#pbx"
    assert Addressing(SERVER, PROFILE, OWN).binding_key(made) == key(aor, aor_type)


# AorType


def test_a_local_aor_is_the_user_at_our_address() -> None:
    assert names("sip:alice", LOCAL)[0] == "sip:alice@192.0.2.10"


def test_a_local_aor_is_at_our_name_where_the_profile_says_so() -> None:
    profile = {**PROFILE, "FQDNinFromHeader": profiles.SBC_FQDN}
    assert names("sip:alice", LOCAL, profile=profile)[0] == "sip:alice@us.example"


def test_a_local_aor_is_at_our_address_where_the_profile_wants_a_name_that_we_have_not() -> None:
    profile = {**PROFILE, "FQDNinFromHeader": profiles.SBC_FQDN}
    assert names("sip:alice", LOCAL, profile=profile, own=replace(OWN, fqdn=""))[0] == "sip:alice@192.0.2.10"


def test_a_remote_aor_is_the_user_at_the_servers_domain() -> None:
    assert names("sip:alice", REMOTE)[0] == "sip:alice@example.com"


def test_a_remote_aor_is_at_the_servers_host_where_it_has_no_domain() -> None:
    assert names("sip:alice", REMOTE, server={**SERVER, "DomainName": ""})[0] == "sip:alice@203.0.113.5"


def test_an_ipv6_host_of_a_server_is_put_in_brackets() -> None:
    server = {**SERVER, "DomainName": "", "Host": "2001:db8::1"}
    assert names("sip:alice", REMOTE, server=server)[::2] == ("sip:alice@[2001:db8::1]", "sip:[2001:db8::1]")


@pytest.mark.parametrize(("aor_type", "host"), [(LOCAL, "192.0.2.10"), (REMOTE, "example.com")])
def test_a_host_that_is_given_is_replaced_in_local_and_remote(aor_type: str, host: str) -> None:
    assert names("sip:alice@elsewhere.example:5099;x=y", aor_type)[0] == f"sip:alice@{host}"


def test_a_static_aor_is_as_written_in_to_and_from() -> None:
    profile = {**PROFILE, "FQDNinFromHeader": profiles.STATIC, "StaticHost": "static.example"}
    aor = "sip:alice@pbx.example:5080;x=y"
    assert names(aor, STATIC, profile=profile)[:2] == (aor, aor)


def test_an_aor_without_host_type_is_as_written() -> None:
    assert names("sip:alice@pbx.example;x=y", NONE)[0] == "sip:alice@pbx.example;x=y"


def test_an_aor_without_host_type_and_user_gets_none() -> None:
    assert names("sip:example.org", NONE) == ("sip:example.org", "sip:example.org", "sip:example.org")


def test_a_tel_aor_is_sent_as_a_sip_uri_of_the_servers_domain() -> None:
    assert names("tel:+4930123", NONE) == (
        "sip:+4930123@example.com;user=phone", "sip:+4930123@192.0.2.10", "sip:example.com",
    )  # fmt: skip


def test_a_tel_aor_goes_to_a_server_whose_domain_is_an_ipv6_address() -> None:
    server = {**SERVER, "DomainName": "", "Host": "2001:db8::1"}
    assert names("tel:+4930123", NONE, server=server)[::2] == (
        "sip:+4930123@[2001:db8::1];user=phone", "sip:[2001:db8::1]",
    )  # fmt: skip


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
def test_a_missing_scheme_is_sip(aor_type: str) -> None:
    assert names("alice", aor_type) == names("sip:alice", aor_type)


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
def test_a_secure_aor_stays_secure(aor_type: str) -> None:
    assert all(uri.startswith("sips:") for uri in names("sips:alice", aor_type))


@pytest.mark.parametrize("user", ["1001", "+4930123", "192.0.2.99", "a.b"])
def test_a_user_may_look_like_a_host(user: str) -> None:
    assert names(f"sip:{user}", REMOTE)[0] == f"sip:{user}@example.com"


def test_what_a_user_must_not_hold_is_escaped() -> None:
    assert names("sip:#31#", REMOTE)[0] == "sip:%2331%23@example.com"
    assert names("sip:jörg", REMOTE)[0] == "sip:j%C3%B6rg@example.com"


# Request-URI


@pytest.mark.parametrize("aor_type", [STATIC, NONE])
def test_the_request_uri_of_a_static_or_typeless_aor_is_its_host(aor_type: str) -> None:
    assert names("sip:alice@pbx.example", aor_type)[2] == "sip:pbx.example"
    assert names("sip:alice@pbx.example:5080;x=y", aor_type)[2] == "sip:pbx.example:5080"


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
def test_the_request_uri_of_a_local_or_remote_aor_is_the_servers_domain(aor_type: str) -> None:
    assert names("sip:alice@pbx.example:5080", aor_type)[2] == "sip:example.com"


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
def test_the_request_uri_is_the_servers_host_where_it_has_no_domain(aor_type: str) -> None:
    assert names("sip:alice", aor_type, server={**SERVER, "DomainName": ""})[2] == "sip:203.0.113.5"


def test_the_request_uri_has_a_port_only_where_the_domain_has_one() -> None:
    assert names("sip:alice", REMOTE, server={**SERVER, "DomainName": "example.com:5099"})[2] == "sip:example.com:5099"


# From


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE, NONE])
@pytest.mark.parametrize(
    ("choice", "host"),
    [
        (profiles.DISABLE, "192.0.2.10"),
        (profiles.SBC_FQDN, "us.example"),
        (profiles.SERVER_FQDN, "example.com"),
        (profiles.STATIC, "static.example:5090"),
    ],
)
def test_the_host_of_the_from_is_what_the_profile_says(aor_type: str, choice: int, host: str) -> None:
    profile = {**PROFILE, "FQDNinFromHeader": choice, "StaticHost": "static.example:5090"}
    assert names("sip:alice@pbx.example", aor_type, profile=profile)[1] == f"sip:alice@{host}"


# URIn


def test_a_whole_uri_is_used_as_it_is() -> None:
    assert uris(URI1="sip:Alice@Pbx.example:5099;Line=1;ob") == ["sip:Alice@Pbx.example:5099;Line=1;ob"]


def test_a_secure_uri_is_used_as_it_is() -> None:
    assert uris(URI1="sips:alice@pbx.example") == ["sips:alice@pbx.example"]


@pytest.mark.parametrize("text", ["bob", "sip:bob"])
def test_a_user_is_completed_with_our_address_and_port(text: str) -> None:
    assert uris(URI1=text) == ["sip:bob@192.0.2.10:5062"]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_user_is_completed_with_our_transport_where_it_is_not_udp(transport: str) -> None:
    assert uris(URI1="bob", own=replace(OWN, transport=transport)) == [f"sip:bob@192.0.2.10:5062;transport={transport}"]


@pytest.mark.parametrize("number", ["1001", "+4930123", "#31#"])
def test_a_number_is_a_user(number: str) -> None:
    assert uris(URI1=f"sip:{number}") == [f"sip:{number.replace('#', '%23')}@192.0.2.10:5062"]


@pytest.mark.parametrize("host", ["pbx.example", "pbx:5070", "[2001:db8::1]", "192.0.2.7", "pbx;bnc"])
def test_what_is_a_host_is_not_completed(host: str) -> None:
    assert uris(URI1=host) == [f"sip:{host}"]
    assert uris(URI1=f"sip:{host}") == [f"sip:{host}"]


def test_an_own_ipv6_address_completes_in_brackets() -> None:
    assert uris(URI1="bob", own=OwnAddress("[2001:db8::7]", 5060)) == ["sip:bob@[2001:db8::7]:5060"]


@pytest.mark.parametrize(
    ("choice", "host"),
    [
        (profiles.SBC_FQDN, "us.example:5062"),
        (profiles.SERVER_FQDN, "example.com:5062"),
        (profiles.STATIC, "static.example:5090"),
    ],
)
def test_a_user_is_completed_with_the_host_that_the_profile_says(choice: int, host: str) -> None:
    profile = {**PROFILE, "FQDNinContactHeader": choice, "StaticHost": "static.example:5090"}
    assert uris(URI1="bob", profile=profile) == [f"sip:bob@{host}"]


def test_contacts_keep_their_order_and_holes_are_left_out() -> None:
    assert uris(URI2="sip:b@h", URI5="sip:e@h", URI8="sip:a@h") == ["sip:b@h", "sip:e@h", "sip:a@h"]


def test_without_any_uri_there_is_one_contact_of_the_aors_user_at_our_address() -> None:
    (contact,) = Addressing(SERVER, PROFILE, OWN).contacts(entry("sip:alice", Q1="50", TTL1="600"))
    assert (contact.uri, contact.q, contact.asked) == ("sip:alice@192.0.2.10:5062", 50, 600)


def test_without_any_uri_an_aor_without_user_gets_a_contact_without_one() -> None:
    (contact,) = Addressing(SERVER, PROFILE, OWN).contacts(entry("sip:example.org", NONE))
    assert contact.uri == "sip:192.0.2.10:5062"


# Qn, TTLn, AorTtl


def test_q_is_kept_in_hundredths() -> None:
    found = Addressing(SERVER, PROFILE, OWN).contacts(
        entry("sip:a", URI1="b", Q1="5", URI2="c", Q2="100", URI3="d", Q3="0")
    )
    assert [contact.q for contact in found] == [5, 100, 0]


@pytest.mark.parametrize(("ttl", "asked"), [("64", 1800), ("0", 1800), ("63", 63), ("65", 65), ("7200", 7200)])
def test_a_ttl_of_64_or_0_means_that_of_the_aor_and_any_other_itself(ttl: str, asked: int) -> None:
    values = entry("sip:a", AorTtl="1800", URI3="b", TTL3=ttl)
    assert contact_ttl(values, 3) == asked
    assert Addressing(SERVER, PROFILE, OWN).contacts(values)[0].asked == asked


def test_a_ttl_that_is_not_given_is_that_of_the_aor() -> None:
    assert contact_ttl(entry("sip:a"), 1) == 3600


# What credentials are chosen by


@pytest.mark.parametrize(
    ("aor", "aor_type", "user"),
    [
        ("sip:alice", LOCAL, "alice"), ("alice", REMOTE, "alice"), ("sip:alice@h", STATIC, "alice"),
        ("tel:+4930123", NONE, "+4930123"), ("sip:#31#", LOCAL, "#31#"), ("sip:%2331%23", LOCAL, "#31#"),
        ("sip:j%C3%B6rg@h", STATIC, "jörg"), ("sip:example.com", NONE, ""),
    ],
)  # fmt: skip
def test_credentials_are_chosen_by_the_user_with_its_escapes_resolved(aor: str, aor_type: str, user: str) -> None:
    assert registering_user(entry(aor, aor_type)) == user


# The binding key


def test_the_key_is_a_signed_number_of_64_bits() -> None:
    assert -(2**63) <= key("sip:alice", REMOTE) < 2**63


def test_one_aor_at_one_domain_has_one_key_however_it_is_written() -> None:
    wanted = key("sip:alice", REMOTE)
    assert key("alice", REMOTE) == wanted
    assert key("sip:al%69ce", REMOTE) == wanted
    assert key("sip:alice@example.com", STATIC) == wanted
    assert key("sip:alice@EXAMPLE.com;x=y", STATIC) == wanted
    assert key("sip:alice@example.com", NONE) == wanted


@pytest.mark.parametrize(
    ("aor", "aor_type"),
    [("sip:bob", REMOTE), ("sip:Alice", REMOTE), ("sip:alice", LOCAL), ("sips:alice", REMOTE)],
)
def test_another_aor_has_another_key(aor: str, aor_type: str) -> None:
    assert key(aor, aor_type) != key("sip:alice", REMOTE)


def test_another_domain_has_another_key() -> None:
    assert key("sip:alice", LOCAL, server={**SERVER, "DomainName": "example.net"}) != key("sip:alice", LOCAL)


def test_two_servers_of_one_domain_have_one_key() -> None:
    assert key("sip:alice", REMOTE, server={**SERVER, "Host": "203.0.113.6"}) == key("sip:alice", REMOTE)


# Whatever is taken can be sent

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LIKELY = st.from_regex(r"(sips?:|tel:|)[0-9a-zü+#*;:?%._-]{1,30}(@[a-z][a-z.]{0,10}[a-z])?", fullmatch=True)
TEXTS = ANYTHING | LIKELY


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(TEXTS, st.sampled_from([NONE, LOCAL, REMOTE, STATIC]))
def test_whatever_aor_is_taken_can_be_put_on_the_wire(aor: str, aor_type: str) -> None:
    try:
        values = entry(aor, aor_type)
    except Refusal:
        return
    found = Addressing(SERVER, PROFILE, OWN).identity(values)
    (contact,) = Addressing(SERVER, PROFILE, OWN).contacts(values)
    for uri in (found.aor_uri, found.from_uri, found.request_uri, contact.uri):
        parse_uri(uri)
        assert uri.isascii()
    assert parse_uri(found.request_uri).user == ""
    Addressing(SERVER, PROFILE, OWN).binding_key(values)
    registering_user(values)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(TEXTS)
def test_whatever_contact_is_taken_can_be_put_on_the_wire(text: str) -> None:
    try:
        values = entry("sip:alice", URI2=text)
    except Refusal:
        return
    (contact,) = Addressing(SERVER, PROFILE, OWN).contacts(values)
    parse_uri(contact.uri)
    assert contact.uri.isascii()


PLAIN = st.from_regex(
    r"(sip:)?[A-Za-z0-9_.+-]{1,12}(@[a-z0-9]{1,4}(-[a-z0-9])?(\.[a-z0-9]{1,4}){0,3})?", fullmatch=True
)


@given(PLAIN, st.sampled_from([NONE, LOCAL, REMOTE, STATIC]), st.sampled_from([OWN, OwnAddress("[2001:db8::1]", 5060)]))
@settings(max_examples=400)
def test_what_is_put_together_as_text_is_what_parsing_would_make_of_it(
    aor: str, aor_type: str, own: OwnAddress
) -> None:
    try:
        values = entry(aor, aor_type, URI1=aor)
    except Refusal:
        return
    addressing = Addressing(SERVER, PROFILE, own)
    parsed = addressing._parsed_identity(read_aor(str(values["AOR"]), int(aor_type)), int(aor_type))
    assert addressing.identity(values) == parsed
    contact = read_contact(aor)
    expected = contact.uri or f"sip:{contact.user}@{own.host}:{own.port}"
    assert addressing.contacts(values)[0].uri == expected


def test_what_the_user_of_a_third_party_must_not_hold_is_escaped() -> None:
    row = entry("sip:alice", FromURI="sip:jörg#1@boss.example")
    assert Addressing(SERVER, PROFILE, OWN).identity(row).from_uri == "sip:j%C3%B6rg%231@boss.example"
