"""Problem documents."""

from __future__ import annotations

import json

from sipregistrant.api.problem import problem


def test_a_problem_has_the_phrase_of_its_status_as_title() -> None:
    response = problem(404, "user x does not exist")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "user x does not exist",
    }


def test_every_fault_is_named() -> None:
    response = problem(422, faults=[("name", "empty"), ("level", "unknown")])
    assert json.loads(bytes(response.body))["faults"] == [
        {"field": "name", "problem": "empty"},
        {"field": "level", "problem": "unknown"},
    ]


def test_more_members_may_be_added() -> None:
    assert json.loads(bytes(problem(500, reference="abc").body))["reference"] == "abc"
