"""Contact registrant tables and entries: the page, row for row, and what the attributes of an entry must be together."""

from __future__ import annotations

import pytest

from sipregistrant.errors import NotUnique, ValueRefused
from sipregistrant.model.registrants import ENTRY, TABLE
from sipregistrant.model.resource import Values

from .tables import NO, YES, Row, table_of

MAX = 2147483647

# "Resource - sipregistrantentry": 28 parameters, copied by hand.
PAGE = [
    Row("AorType", NO, "Enum", 1, {0: "e_HostNone", 1: "e_HostLocal", 2: "e_HostRemote", 3: "e_HostStatic"}),
    Row("AOR", YES, "uri", None, 512),
    Row("AorTtl", NO, "int", 3600, (1, MAX)),
    Row("FailedRegistrationRetryTimer", YES, "int", 120, (30, 86400)),
    Row("TTL1", NO, "int", 64, (0, MAX)),
    Row("TTL2", NO, "int", 64, (0, MAX)),
    Row("TTL3", NO, "int", 64, (0, MAX)),
    Row("TTL4", NO, "int", 64, (0, MAX)),
    Row("TTL5", NO, "int", 64, (0, MAX)),
    Row("TTL6", NO, "int", 64, (0, MAX)),
    Row("TTL7", NO, "int", 64, (0, MAX)),
    Row("TTL8", NO, "int", 64, (0, MAX)),
    Row("Q1", NO, "int", 100, (0, 100)),
    Row("Q2", NO, "int", 100, (0, 100)),
    Row("Q3", NO, "int", 100, (0, 100)),
    Row("Q4", NO, "int", 100, (0, 100)),
    Row("Q5", NO, "int", 100, (0, 100)),
    Row("Q6", NO, "int", 100, (0, 100)),
    Row("Q7", NO, "int", 100, (0, 100)),
    Row("Q8", NO, "int", 100, (0, 100)),
    Row("URI1", NO, "uri", None, 512),
    Row("URI2", NO, "uri", None, 512),
    Row("URI3", NO, "uri", None, 512),
    Row("URI4", NO, "uri", None, 512),
    Row("URI5", NO, "uri", None, 512),
    Row("URI6", NO, "uri", None, 512),
    Row("URI7", NO, "uri", None, 512),
    Row("URI8", NO, "uri", None, 512),
]


def made(**form: str) -> Values:
    return ENTRY.to_create({"AOR": "sip:alice", **form})


def test_an_entry_has_exactly_the_28_parameters_of_its_page() -> None:
    assert table_of(ENTRY) == PAGE
    assert len(PAGE) == 28


def test_no_attribute_of_an_entry_affects_service() -> None:
    assert not any(attribute.service_affecting for attribute in ENTRY.attributes)


def test_all_attributes_of_an_entry_come_from_its_page() -> None:
    of_the_page = ENTRY.attributes[: -len(ENTRY.ours)]
    assert {attribute.source for attribute in of_the_page} == {"Resource - sipregistrantentry"}


def test_an_entry_hangs_in_its_table() -> None:
    assert (ENTRY.name, ENTRY.parent) == ("sipregistrantentry", "sipcontactregistrant")


def test_a_table_has_a_description_and_a_sequence() -> None:
    assert table_of(TABLE) == [
        Row("Description", NO, "string", None, 64),
        Row("Sequence", NO, "sequence", None, 0),
    ]


def test_ids_of_tables_and_entries_have_their_ranges() -> None:
    assert (TABLE.lowest_id, TABLE.highest_id) == (1, 65534)
    assert (ENTRY.lowest_id, ENTRY.highest_id) == (1, MAX)


def test_a_table_in_use_is_refused_as_31011() -> None:
    assert TABLE.in_use_code == 31011


def test_the_least_that_makes_an_entry_is_an_aor() -> None:
    values = ENTRY.to_create({"AOR": "sip:alice"})
    assert values["AorType"] == 1
    assert values["AorTtl"] == 3600
    assert values["FailedRegistrationRetryTimer"] == 120
    assert [values[f"TTL{n}"] for n in range(1, 9)] == [64] * 8
    assert [values[f"Q{n}"] for n in range(1, 9)] == [100] * 8
    assert [values[f"URI{n}"] for n in range(1, 9)] == [""] * 8


@pytest.mark.parametrize(
    ("form", "fault", "attribute"),
    [
        ({}, "missing", "AOR"),
        ({"AOR": ""}, "empty", "AOR"),
        ({"AOR": "sip:" + "a" * 509}, "bad", "AOR"),
        ({"AOR": "sip:a", "AorType": "4"}, "bad", "AorType"),
        ({"AOR": "sip:a", "AorType": "x"}, "bad", "AorType"),
        ({"AOR": "sip:a", "AorType": ""}, "bad", "AorType"),
        ({"AOR": "sip:a", "FailedRegistrationRetryTimer": "29"}, "bad", "FailedRegistrationRetryTimer"),
        ({"AOR": "sip:a", "FailedRegistrationRetryTimer": "86401"}, "bad", "FailedRegistrationRetryTimer"),
        ({"AOR": "sip:a", "FailedRegistrationRetryTimer": ""}, "empty", "FailedRegistrationRetryTimer"),
        ({"AOR": "sip:a", "AorTtl": "0"}, "bad", "AorTtl"),
        ({"AOR": "sip:a", "AorTtl": "-1"}, "bad", "AorTtl"),
        ({"AOR": "sip:a", "AorTtl": "1_0"}, "bad", "AorTtl"),
        ({"AOR": "sip:a", "TTL3": "+5"}, "bad", "TTL3"),
        ({"AOR": "sip:a", "TTL8": "2147483648"}, "bad", "TTL8"),
        ({"AOR": "sip:a", "Q1": "101"}, "bad", "Q1"),
        ({"AOR": "sip:a", "Q8": "-1"}, "bad", "Q8"),
        ({"AOR": "sip:a", "URI1": "sip:" + "a" * 509}, "bad", "URI1"),
        ({"AOR": "sip:a", "URI5": "sip:a@b\r\nEvil: 1"}, "bad", "URI5"),
    ],
)
def test_an_entry_that_breaks_its_page_is_refused(form: dict[str, str], fault: str, attribute: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create(form)
    assert (refused.value.fault, refused.value.attribute) == (fault, attribute)


@pytest.mark.parametrize("timer", ["30", "86400"])
def test_the_ends_of_the_retry_timer_are_taken(timer: str) -> None:
    assert made(FailedRegistrationRetryTimer=timer)["FailedRegistrationRetryTimer"] == int(timer)


def test_the_first_fault_in_the_order_of_the_page_is_told() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({"URI1": "a\x00", "Q1": "101", "AorTtl": "x", "AOR": "sip:a"})
    assert refused.value.attribute == "AorTtl"


@pytest.mark.parametrize("aor", ["alice@example.com", "sip:alice", "sip:example.com", "tel:+4930123", "alice"])
def test_a_static_aor_that_is_not_whole_is_refused(aor: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        made(AorType="3", AOR=aor)
    assert (refused.value.fault, refused.value.attribute) == ("bad", "AOR")


@pytest.mark.parametrize("aor", ["sip:1001", "1001", "sip:+4930123", "+4930123", "sip:#31#", "192.0.2.1", "tel:+4930"])
@pytest.mark.parametrize("aor_type", ["1", "2"])
def test_a_local_or_remote_aor_may_be_a_mere_user(aor: str, aor_type: str) -> None:
    assert made(AorType=aor_type, AOR=aor)["AOR"] == aor


@pytest.mark.parametrize(
    "uri", ["1001", "sip:1001", "+4930123", "sip:a@192.0.2.1:5070;line=1", "sips:a@b", "pbx.example"]
)
def test_a_contact_may_be_a_user_a_host_or_a_whole_uri(uri: str) -> None:
    assert made(URI1=uri)["URI1"] == uri


@pytest.mark.parametrize(
    "uri", ["tel:+4930123", "sip:a@b@c", "sip:@b", "sip:", "sip:a@b:99999", "sip:<a>@b", "sip:a@-b"]
)
def test_a_contact_that_cannot_be_sent_is_refused(uri: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        made(URI1=uri)
    assert (refused.value.fault, refused.value.attribute) == ("bad", "URI1")


@pytest.mark.parametrize("again", ["sip:bob@h.example", "sip:bob@H.EXAMPLE", "bob@h.example", "sip:b%6Fb@h.example"])
def test_the_same_contact_twice_is_refused(again: str) -> None:
    with pytest.raises(NotUnique) as refused:
        made(URI2="sip:bob@h.example", URI7=again)
    assert refused.value.attribute == "URI7"


def test_the_same_bare_user_twice_is_refused() -> None:
    with pytest.raises(NotUnique):
        made(URI1="sip:1001", URI2="1001")


def test_contacts_that_differ_in_a_parameter_stand_side_by_side() -> None:
    assert made(URI1="sip:b@h;line=1", URI2="sip:b@h;line=2")["URI2"] == "sip:b@h;line=2"


def test_the_aor_that_is_there_is_checked_against_a_type_that_changes() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_change(made(), {"AorType": "3"})
    assert refused.value.attribute == "AOR"


def test_an_aor_that_would_be_too_long_on_the_wire_is_refused() -> None:
    with pytest.raises(ValueRefused) as refused:
        made(AorType="3", AOR="sip:" + "ü" * 300 + "@example.com")
    assert (refused.value.fault, refused.value.attribute) == ("bad", "AOR")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("pbx", "URI"),
        ("tel:+15550100", "scheme:user@host is wanted, with sip or sips"),
        ("sip:example.com", "scheme:user@host is wanted, with sip or sips"),
        ("sip:pbx@example.com?Subject=x", "a From has no headers"),
        ("<sip:pbx@example.com>", "URI"),
    ],
)
def test_a_third_party_that_no_from_can_hold_is_refused(uri: str, problem: str) -> None:
    with pytest.raises(ValueRefused, match=problem) as refused:
        ENTRY.to_create({"AOR": "sip:alice", "FromURI": uri})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "FromURI")
