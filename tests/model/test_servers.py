"""SIP server tables and servers: the pages, row for row."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ObjectConflict, ValueRefused
from sipregistrant.model.resource import Values
from sipregistrant.model.servers import ENTRY, LOOKUP_MIXED, SRV_DOMAINS, SRV_TWICE, TABLE, check_siblings

from .tables import NO, YES, Row, table_of

ENABLE = {0: "btFalse", 1: "btTrue"}
LOOKUP = {0: "eLkUpIpFQDN", 1: "eLkUpSRV"}
SERVER_TYPE = {0: "eConventionalSrvr", 1: "eSrvRecordTemplateSrvr", 2: "eSrvRecordSrvr"}
IP_VERSION = {0: "eVersionPreferIPv4", 1: "eVersionPreferIPv6"}

# "Resource - sipserver": the first six rows are the page, the others what programs for real boxes know of it.
PAGE = [
    Row("ServerLookup", YES, "Enum", 0, LOOKUP),
    Row("ServerType", YES, "Enum", 0, SERVER_TYPE),
    Row("Weight", YES, "int", 0, (0, 65535)),
    Row("Host", YES, "uri", None, 256),
    Row("HostIpVersion", YES, "Enum", 0, IP_VERSION),
    Row("DomainName", YES, "uri", "", 256),
    Row("ServiceName", NO, "uri", "sip", 64),
    Row("Port", NO, "int", 5060, (1024, 65535)),
    Row("TransportSocket", NO, "int", 4, (0, 4)),
    Row("ReuseTransport", NO, "Enum", 1, ENABLE),
    Row("ReuseTimeout", NO, "int", 0, (5, 1440, 0)),
    Row("Protocol", YES, "Enum", 1, {1: "UDP", 2: "TCP", 4: "TLS"}),
    Row("Monitor", NO, "Enum", 1, {0: "none", 1: "SIP options", 2: "not documented"}),
    Row("KeepAliveFrequency", NO, "int", 30, (30, 300, 0)),
    Row("RecoverFrequency", NO, "int", 5, (5, 300, 0)),
    Row("LocalUserName", NO, "string", "Anonymous", 64),
    Row("PeerUserName", NO, "string", "Anonymous", 64),
    Row("Priority", YES, "int", 1, (0, 16)),
    Row("RemoteAuthorizationTableID", NO, "int", 0, (0, 65535)),
    Row("ContactRegistrantTableID", NO, "int", 0, (0, 65535)),
    Row("StaggerRegistration", NO, "Enum", 0, ENABLE),
    Row("ClearRemoteRegistrationOnStartup", NO, "Enum", 0, ENABLE),
    Row("SessionURIValidation", NO, "Enum", 0, {0: "edsStrict", 1: "edsLiberal"}),
    Row("ContactURIRandomizer", NO, "Enum", 0, ENABLE),
    Row("RetryNonStaleNonce", NO, "Enum", 1, ENABLE),
    Row("TLSProfileID", NO, "int", 0, (0, 65535)),
    Row("AuthorizationOnRefresh", NO, "Enum", 1, ENABLE),
]

# What a program for real boxes sends; what it leaves out has a default.
CLIENT_FORM = {
    "ServerLookup": "0", "ServerType": "0", "Priority": "0", "Host": "192.0.2.1", "Port": "5060", "Protocol": "1",
    "DomainName": "", "Weight": "0", "Monitor": "1", "ReuseTimeout": "0", "TransportSocket": "4",
}  # fmt: skip


def test_a_server_has_the_rows_of_its_page() -> None:
    assert table_of(ENTRY) == PAGE


def test_the_rows_of_the_page_name_it_and_the_others_were_observed() -> None:
    sources = [attribute.source for attribute in ENTRY.attributes]
    assert sources == ["Resource - sipserver"] * 6 + ["observed"] * 21 + ["ours"] * len(ENTRY.ours)


def test_a_server_names_its_tables() -> None:
    assert {attribute.name: attribute.refers_to for attribute in ENTRY.references} == {
        "RemoteAuthorizationTableID": "sipremoteauthtable",
        "ContactRegistrantTableID": "sipcontactregistrant",
        "TLSProfileID": "siptlsprofile",
        "ProviderProfileID": "providerprofile",
    }


def test_a_server_table_has_a_display_name_beside_description_and_sequence() -> None:
    assert table_of(TABLE) == [
        Row("Description", NO, "string", None, 64),
        Row("Sequence", NO, "sequence", None, 0),
        Row("StringName", NO, "read-only", None, 0),
    ]


def test_ids_of_server_tables_and_servers_have_their_ranges() -> None:
    assert (TABLE.lowest_id, TABLE.highest_id) == (1, 65534)
    assert (ENTRY.parent, ENTRY.lowest_id, ENTRY.highest_id) == ("sipservertable", 1, 99)


def test_a_server_table_in_use_is_refused_as_31007() -> None:
    assert TABLE.in_use_code == 31007


def test_server_table_1_is_there_from_the_factory() -> None:
    assert list(TABLE.factory) == [1]


def test_what_programs_for_real_boxes_send_is_taken() -> None:
    values = ENTRY.to_create(CLIENT_FORM)
    assert (values["Priority"], values["KeepAliveFrequency"], values["DomainName"]) == (0, 30, "")


@pytest.mark.parametrize("monitor", ["0", "1"])
@pytest.mark.parametrize("frequency", ["0", "30", "300"])
def test_a_keep_alive_is_0_or_in_range_whatever_monitor_says(monitor: str, frequency: str) -> None:
    values = ENTRY.to_create({**CLIENT_FORM, "Monitor": monitor, "KeepAliveFrequency": frequency})
    assert values["KeepAliveFrequency"] == int(frequency)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("KeepAliveFrequency", "29", "bad"), ("RecoverFrequency", "4", "bad"), ("ReuseTimeout", "4", "bad"),
        ("Protocol", "3", "bad"), ("Port", "1023", "bad"), ("Port", "65536", "bad"), ("Priority", "17", "bad"),
        ("TransportSocket", "5", "bad"), ("Host", "", "empty"), ("ServerLookup", "", "empty"),
        ("RemoteAuthorizationTableID", "65536", "bad"),
    ],
)  # fmt: skip
def test_a_server_that_breaks_its_page_is_refused(name: str, value: str, fault: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**CLIENT_FORM, name: value})
    assert (refused.value.fault, refused.value.attribute) == (fault, name)


def test_a_server_without_host_is_refused() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({})
    assert (refused.value.fault, refused.value.attribute) == ("missing", "Host")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "2001:db8::1", "pbx.example", "my_pbx"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert ENTRY.to_create({**CLIENT_FORM, "Host": host})["Host"] == host


@pytest.mark.parametrize("host", ["sip:pbx.example", "a b", "pbx.example:5070", "a@b", "-", "ü.example", "<x>"])
def test_a_host_that_no_uri_can_hold_is_refused(host: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**CLIENT_FORM, "Host": host})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "Host")


def test_a_domain_may_have_a_port() -> None:
    assert ENTRY.to_create({**CLIENT_FORM, "DomainName": "example.com:5070"})["DomainName"] == "example.com:5070"


def test_a_domain_that_no_uri_can_hold_is_refused() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**CLIENT_FORM, "DomainName": "example com"})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "DomainName")


# Servers of one table


def by_srv(**changes: str) -> Values:
    return ENTRY.to_create({"Host": "h", "ServerLookup": "1", "DomainName": "example.com", **changes})


def by_address(**changes: str) -> Values:
    return ENTRY.to_create({"Host": "192.0.2.1", **changes})


def rule_broken(server: Values, *others: Values) -> str:
    with pytest.raises(ObjectConflict) as refused:
        check_siblings("1:2", server, others)
    assert refused.value.id == "1:2"
    return refused.value.rule


@pytest.mark.parametrize(
    ("server", "others"),
    [
        (by_srv(), []),
        (by_srv(), [by_srv(Protocol="2"), by_srv(Protocol="4", DomainName="EXAMPLE.com")]),
        (by_address(), [by_address(), by_address(DomainName="a.example"), by_address(DomainName="b.example")]),
    ],
)
def test_servers_that_go_together(server: Values, others: list[Values]) -> None:
    check_siblings("1:9", server, others)


def test_a_table_looks_up_by_address_or_by_srv_not_by_both() -> None:
    assert rule_broken(by_srv(), by_address()) == LOOKUP_MIXED
    assert rule_broken(by_address(), by_srv()) == LOOKUP_MIXED
    assert rule_broken(by_srv(), by_srv(), by_address()) == LOOKUP_MIXED


def test_a_domain_is_looked_up_by_srv_once_for_each_protocol() -> None:
    assert rule_broken(by_srv(), by_srv(DomainName="Example.COM")) == SRV_TWICE


def test_a_table_has_one_srv_domain() -> None:
    assert rule_broken(by_srv(), by_srv(DomainName="other.example", Protocol="2")) == SRV_DOMAINS


def test_srv_needs_a_domain() -> None:
    with pytest.raises(ValueRefused) as refused:
        by_srv(DomainName="")
    assert (refused.value.fault, refused.value.attribute) == ("empty", "DomainName")


def test_a_dot_at_the_end_makes_no_other_domain() -> None:
    assert rule_broken(by_srv(DomainName="example.com."), by_srv()) == SRV_TWICE


ROUTES = "<sip:edge1.example.com;lr>,<sip:core.example.com:5070;transport=tcp;lr>"


@pytest.mark.parametrize(("routes", "protocol"), [
    ("", "1"), (ROUTES, "1"), (ROUTES, "4"), ("<sips:edge.example.com;lr>", "4"), ("<sip:a;transport=tls;lr>", "4"),
])  # fmt: skip
def test_a_route_set_is_of_loose_routes(routes: str, protocol: str) -> None:
    assert ENTRY.to_create({**CLIENT_FORM, "RouteSet": routes, "Protocol": protocol})["RouteSet"] == routes


@pytest.mark.parametrize(("routes", "why"), [
    ("<sip:edge.example.com>", "lacks lr"), ("sip:edge.example.com;lr", "is not <URI>"),
    ("<sips:edge.example.com;lr>", "Protocol 4"), ("<sip:a;lr>,<sip:a;transport=TLS;lr>", "Protocol 4"),
    ("<sip:a;transport=ws;lr>", "needs a WebSocketPath"), ("<sip:a;transport=sctp;lr>", "not over this transport"),
])  # fmt: skip
def test_a_route_set_that_no_request_could_take_is_refused(routes: str, why: str) -> None:
    with pytest.raises(ValueRefused, match=why) as refused:
        ENTRY.to_create({**CLIENT_FORM, "RouteSet": routes})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "RouteSet")


def test_a_route_over_a_web_socket_goes_with_a_path() -> None:
    routes = "<sip:edge.example.com;transport=ws;lr>"
    form = {**CLIENT_FORM, "Protocol": "2", "WebSocketPath": "/ws", "RouteSet": routes}
    assert ENTRY.to_create(form)["RouteSet"] == routes


@pytest.mark.parametrize("path", ["", "/", "/ws", "/sip/ws?site=1", "/%20"])
def test_the_path_of_a_web_socket_begins_with_a_slash(path: str) -> None:
    assert ENTRY.to_create({**CLIENT_FORM, "WebSocketPath": path})["WebSocketPath"] == path


@pytest.mark.parametrize(
    "path", ["ws", "ws://host/ws", "/w s", "/ws\t", "/ws\r\nX: y", "/ws\x7f", "/ws#top", "/\u2003"]
)
def test_what_could_not_stand_in_a_request_of_http_is_no_path(path: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**CLIENT_FORM, "WebSocketPath": path})
    assert refused.value.attribute == "WebSocketPath"
