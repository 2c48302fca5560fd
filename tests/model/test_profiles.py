"""SIP profiles: the page, row for row."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.profiles import PROFILE

from .tables import NO, Row, table_of

ENABLE = {0: "btFalse", 1: "btTrue"}
CHOICES = {0: "eDisable", 1: "eSBCFqdn", 2: "eServerFqdn", 3: "eStatic"}


def test_a_profile_has_the_rows_of_its_page() -> None:
    assert table_of(PROFILE) == [
        Row("Description", NO, "string", None, 64),
        Row("UserAgentHeader", NO, "string", "Ribbon SBC Edge", 256),
        Row("FQDNinFromHeader", NO, "Enum", 0, CHOICES),
        Row("FQDNinContactHeader", NO, "Enum", 0, CHOICES),
        Row("StaticHost", NO, "uri", None, 255),
        Row("AllowHeader", NO, "Enum", 1, ENABLE),
        Row("SessionTimer", NO, "Enum", 1, ENABLE),
        Row("SessionTimerMin", NO, "int", 600, (0, 7200)),
        Row("OriginFieldUserName", NO, "string", None, 64),
        Row("DiagnosticsHeader", NO, "Enum", None, ENABLE),
    ]


def test_no_attribute_of_a_profile_affects_service() -> None:
    assert not any(attribute.service_affecting for attribute in PROFILE.attributes)


def test_ids_of_profiles_have_their_range() -> None:
    assert (PROFILE.parent, PROFILE.lowest_id, PROFILE.highest_id) == ("", 1, 65534)


def test_a_profile_in_use_is_refused_as_31005() -> None:
    assert PROFILE.in_use_code == 31005


def test_profile_1_is_there_from_the_factory() -> None:
    assert list(PROFILE.factory) == [1]


def test_a_description_alone_makes_a_profile() -> None:
    assert PROFILE.to_create({"Description": "x"})["UserAgentHeader"] == "Ribbon SBC Edge"


def test_a_user_agent_may_be_taken_away() -> None:
    assert PROFILE.to_create({"UserAgentHeader": ""})["UserAgentHeader"] == ""


@pytest.mark.parametrize("host", ["pbx.example", "pbx.example:5070", "192.0.2.1"])
def test_a_static_host_may_have_a_port(host: str) -> None:
    assert PROFILE.to_create({"StaticHost": host})["StaticHost"] == host


@pytest.mark.parametrize("host", ["a b", "sip:a", "a@b", "pbx.example:0"])
def test_a_static_host_that_no_uri_can_hold_is_refused(host: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        PROFILE.to_create({"StaticHost": host})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "StaticHost")
