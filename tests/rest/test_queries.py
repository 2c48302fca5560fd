"""What may stand behind the question mark."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sipregistrant.model.attributes import Value
from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest.codes import WireRefusal
from sipregistrant.rest.queries import Query, action_in, parse_query

VALUES: Mapping[str, Value] = {"AOR": "sip:u@h", "rt_RegistrationState": "registered", "rt_Failures": 0}


def told(query: str, resource: str = "sipregistrantentry") -> tuple[int, int, str]:
    with pytest.raises(WireRefusal) as refused:
        parse_query(query, resource)
    answer = refused.value.answer
    return answer.http_code, answer.code, answer.params


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("", Query()),
        ("details=true", Query(details=True)),
        ("details=true&filter=statistics", Query(details=True, category="statistics")),
        ("filter=configuration", Query(category="configuration")),
        ("_=1763000000&format=xml", Query()),
    ],
)
def test_a_query_is_read(query: str, result: Query) -> None:
    assert parse_query(query, "sipregistrantentry") == result


@pytest.mark.parametrize("query", ["details=True", "details=1", "details=false", "details="])
def test_details_is_exactly_true(query: str) -> None:
    assert told(query) == (400, 20035, "sipregistrantentry")


@pytest.mark.parametrize("query", ["filter=", "filter=Runtime", "filter=all", "filter=runtime,statistics"])
def test_a_filter_is_one_of_the_categories(query: str) -> None:
    assert told(query) == (400, 20035, "sipregistrantentry")


@pytest.mark.parametrize("resource", RESOURCES)
def test_nothing_here_has_an_inventory(resource: str) -> None:
    assert told("details=true&filter=inventory", resource) == (400, 20035, resource)


@pytest.mark.parametrize(
    "resource", ["sipremoteauthtable", "sipremoteauthentry", "sipprofile", "siptlsprofile", "sipservertable"]
)
def test_a_category_that_the_resource_lacks_is_refused(resource: str) -> None:
    assert told("filter=runtime", resource) == (400, 20035, resource)
    assert told("filter=statistics", resource) == (400, 20035, resource)


def test_too_many_fields_are_refused() -> None:
    assert told("&".join(["a=1"] * 100)) == (400, 20035, "")


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("", {"AOR", "rt_RegistrationState", "rt_Failures"}),
        ("configuration", {"AOR"}),
        ("runtime", {"rt_RegistrationState"}),
        ("statistics", {"rt_Failures"}),
    ],
)
def test_a_filter_selects_attributes(category: str, names: set[str]) -> None:
    assert set(Query(category=category).select(VALUES)) == names


@pytest.mark.parametrize(
    ("query", "action"),
    [("", None), ("details=true", None), ("action=refresh", "refresh"), ("action=", ""), ("action=a&action=b", "b")],
)
def test_an_action_is_read(query: str, action: str | None) -> None:
    assert action_in(query) == action
