"""The numbers of answers."""

from __future__ import annotations

import pytest

from sipregistrant import errors
from sipregistrant.errors import (
    ActionUnknown,
    NotUnique,
    ObjectConflict,
    ObjectExists,
    ObjectInUse,
    ObjectMissing,
    ReferenceMissing,
    Refusal,
    ValueRefused,
)
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.servers import LOOKUP_MIXED, SRV_DOMAINS, SRV_TWICE
from sipregistrant.rest import codes
from sipregistrant.rest.codes import ANSWERS, MEANINGS, VALUE_BAD, Answer, WireRefusal, answer_to

REFUSALS: list[tuple[Refusal, str, tuple[int, int, str]]] = [
    (ValueRefused("missing", "AOR"), "PUT", (400, 20045, "sipregistrantentry|1:1|AOR")),
    (ValueRefused("empty", "AOR"), "PUT", (400, 20039, "sipregistrantentry|1:1|AOR")),
    (ValueRefused("bad", "Q1", "0 to 100"), "POST", (400, 20038, "sipregistrantentry|1:1|Q1")),
    (NotUnique("sipregistrantentry", "", "URI2"), "PUT", (500, 20041, "sipregistrantentry|1:1|URI2")),
    (ReferenceMissing("sipserver", "1:1", "ContactRegistrantTableID", "sipcontactregistrant 7"), "PUT",
     (500, 20040, "sipserver|1:1|ContactRegistrantTableID|sipcontactregistrant 7")),
    (ObjectMissing("sipcontactregistrant", "9"), "GET", (404, 20012, "9|sipcontactregistrant")),
    (ObjectMissing("sipcontactregistrant", "9"), "POST", (404, 20012, "9|sipcontactregistrant")),
    (ObjectMissing("sipcontactregistrant", "9"), "DELETE", (500, 20012, "9|sipcontactregistrant")),
    (ObjectExists("sipregistrantentry", "1:1"), "PUT", (500, 20013, "1:1|sipregistrantentry")),
    (ObjectInUse("sipremoteauthtable", "1", "sipserver", "1:1"), "DELETE", (500, 31010, "1|1:1")),
    (ObjectInUse("sipcontactregistrant", "1", "sipserver", "1:1"), "DELETE", (500, 31011, "1|1:1")),
    (ObjectInUse("sipservertable", "1", "sipsg", "1"), "DELETE", (500, 31007, "1|1")),
    (ObjectInUse("sipprofile", "1", "sipsg", "1"), "DELETE", (500, 31005, "1|1")),
    (ObjectInUse("sipregistrantentry", "1:1", "sipserver", "2:3"), "DELETE",
     (500, 20050, "sipserver|2:3|sipregistrantentry|1:1")),
    (ObjectInUse("siptlsprofile", "1", "sipserver", "1:1"), "DELETE", (500, 31009, "1|1:1")),
    (ObjectInUse("providerprofile", "1", "sipserver", "1:1"), "DELETE", (500, 20050, "sipserver|1:1|providerprofile|1")),
    (ActionUnknown("sipsg", "reboot"), "POST", (400, 20046, "reboot")),
    (ObjectConflict(LOOKUP_MIXED, "1:1", "ServerLookup"), "PUT", (500, 31020, "1|1:1")),
    (ObjectConflict(SRV_TWICE, "1:1", "DomainName"), "PUT", (500, 31022, "1|1:1")),
    (ObjectConflict(SRV_DOMAINS, "1:1", "DomainName"), "PUT", (500, 31023, "1|1:1")),
    (WireRefusal(VALUE_BAD.about("sipsg", "1", "DSCP")), "PUT", (400, 20038, "sipsg|1|DSCP")),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "method", "told"), REFUSALS, ids=lambda value: type(value).__name__)
def test_a_refusal_has_its_numbers_and_tokens(refusal: Refusal, method: str, told: tuple[int, int, str]) -> None:
    assert answer_to(refusal, method=method, resource="sipregistrantentry", id="1:1") == Answer(*told)


def test_every_kind_of_refusal_has_an_answer() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)}
    assert {type(refusal) for refusal, _, _ in REFUSALS} == kinds - {Refusal} | {WireRefusal}


def test_every_fault_of_a_value_has_an_answer() -> None:
    assert set(codes.VALUE_ANSWERS) == {"missing", "empty", "bad"}


def test_every_code_that_is_used_is_in_the_table() -> None:
    used = {answer.code for answer in ANSWERS} | {resource.in_use_code for resource in RESOURCES.values()} - {0}
    assert used <= set(MEANINGS)


def test_every_answer_of_the_module_is_listed() -> None:
    declared = [value for value in vars(codes).values() if isinstance(value, Answer)]
    declared += codes.CONFLICTS.values()
    assert sorted(map(repr, declared)) == sorted(map(repr, ANSWERS))


def test_a_separator_inside_a_token_does_not_make_two_of_it() -> None:
    assert VALUE_BAD.about("a|b", "c").params == "a b|c"


def test_a_wire_refusal_says_its_numbers() -> None:
    assert str(WireRefusal(VALUE_BAD.about("sipsg", "1"))) == "400/20038 sipsg|1"
