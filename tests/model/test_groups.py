"""SIP signaling groups: the page and what was observed, row for row."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.groups import GROUP

from .tables import NO, YES, Row, table_of

MAX = 2147483647
ENABLE = {0: "btFalse", 1: "btTrue"}
ADMIN = {0: "cmCustomDisabled", 1: "cmCustomEnabled", 2: "cmCustomDrain"}
SELECTION = {0: "eSelectionRoundRobin", 1: "eSelectionPriority", 2: "eSelectionFirstAvailable", 3: "eSelectionDnsSrv"}


def kept(name: str, default: int | None = None) -> Row:
    """A number of the call side: kept without a range, given back, without meaning here."""
    return Row(name, NO, "int", default, (0, MAX))


# "Resource - sipsg": the first eight rows are the page.
PAGE = [
    Row("customAdminState", YES, "Enum", 1, ADMIN),
    Row("Description", YES, "string", None, 64),
    Row("ProfileID", YES, "int", 1, (1, 65534)),
    Row("Channels", YES, "int", 10, (1, 960)),
    Row("ServerSelection", NO, "Enum", 0, SELECTION),
    Row("ServerClusterId", NO, "int", 0, (0, 65534)),
    Row("RTPMode", YES, "Enum", 1, ENABLE),
    Row("MediaConfigID", YES, "int", None, (1, 65534)),
    Row("RouteTableID", NO, "int", None, (1, 65534)),
    Row("ListenPort_1", NO, "int", None, (0, 65535)),
    Row("Protocol_1", NO, "Enum", None, {1: "UDP", 2: "TCP", 4: "TLS"}),
    Row("TLSProfileID_1", NO, "int", 0, (0, 65535)),
    Row("NetInterfaceSignaling", NO, "string", None, 64),
    Row("RemoteHosts", NO, "string", None, 2048),
    Row("RemoteMasks", NO, "string", None, 2048),
    kept("RTPProxyMode"),
    kept("RTPDirectMode"),
    kept("HuntMethod"),
    kept("ProxyIpVersion"),
    Row("OutboundProxy", NO, "uri", None, 256),
    Row("OutboundProxyPort", NO, "int", 5060, (0, 65535)),
    Row("DSCP", NO, "int", 40, (0, 63)),
    kept("NATTraversalType"),
    kept("ICESupport"),
    kept("Monitor"),
    kept("ChallengeRequest", 0),
    kept("NonceLifetime", 600),
    Row("AuthorizationRealm", NO, "string", None, 512),
    kept("NotifyCACProfile"),
    kept("Early183"),
    kept("SGLevelMOHService"),
    kept("InboundNATTraversalDetection"),
    kept("RelOnQckConnect"),
    kept("SipResponseCodes"),
    kept("VideoDirectMode"),
    kept("VideoProxyMode"),
    kept("ICEMode", 0),
    kept("AgentType", 0),
    kept("AllowRefreshSDP", 1),
    Row("ConfigIEState", NO, "Enum", 1, {0: "esDISABLED", 1: "esENABLED"}),
    kept("InteropMode", 0),
    kept("RegisterKeepAlive", 1),
    kept("RingBack", 0),
    kept("SIPReSync", 0),
]


def test_a_group_has_the_rows_of_its_page() -> None:
    assert table_of(GROUP) == PAGE


LEAST = {"Description": "carrier", "MediaConfigID": "1"}
"""What the page requires and gives no default."""


def test_a_group_needs_a_description_and_a_media_configuration() -> None:
    assert GROUP.to_create(LEAST)["customAdminState"] == 1
    for name in LEAST:
        with pytest.raises(ValueRefused) as refused:
            GROUP.to_create({other: value for other, value in LEAST.items() if other != name})
        assert (refused.value.fault, refused.value.attribute) == ("missing", name)


def test_admin_state_and_channels_affect_service_and_nothing_else() -> None:
    assert [a.name for a in GROUP.attributes if a.service_affecting] == ["customAdminState", "Channels"]


def test_a_group_names_its_profile_and_its_server_table() -> None:
    assert {attribute.name: attribute.refers_to for attribute in GROUP.references} == {
        "ProfileID": "sipprofile",
        "ServerClusterId": "sipservertable",
        "TLSProfileID_1": "siptlsprofile",
    }


def test_ids_of_groups_have_their_range() -> None:
    assert (GROUP.parent, GROUP.lowest_id, GROUP.highest_id) == ("", 1, 10000)


def test_group_1_of_the_factory_uses_server_table_1() -> None:
    assert list(GROUP.factory) == [1]
    assert GROUP.factory[1]["ServerClusterId"] == 1


def test_names_are_taken_in_any_case() -> None:
    form = {"customadminstate": "2", "PROFILEID": "7", "Listenport_1": "5070"}
    values = GROUP.to_create(LEAST | form)
    assert (values["customAdminState"], values["ProfileID"], values["ListenPort_1"]) == (2, 7, 5070)


@pytest.mark.parametrize("proxy", ["proxy.example:5070", "sip:proxy.example", "a b"])
def test_an_outbound_proxy_that_no_route_can_hold_is_refused(proxy: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        GROUP.to_create(LEAST | {"OutboundProxy": proxy})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "OutboundProxy")


@pytest.mark.parametrize("address", ["sip:sbc.example.com", "a b", "sbc.example.com:0x", "-"])
def test_a_public_address_that_no_contact_can_hold_is_refused(address: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        GROUP.to_create(LEAST | {"PublicAddress": address})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "PublicAddress")


def test_there_is_a_port_for_each_of_the_source_ports() -> None:
    with pytest.raises(
        ValueRefused, match="SourcePorts is bad: from ListenPort_1 on, the last one would be above 65535"
    ):
        GROUP.to_create(LEAST | {"ListenPort_1": "65530", "SourcePorts": "7"})
    assert GROUP.to_create(LEAST | {"ListenPort_1": "65530", "SourcePorts": "6"})["SourcePorts"] == 6
