"""The OpenAPI description of /rest is up to date and right, and what is sent by it is answered as it says.

schemathesis makes the requests, fitting and not. Since the status line is always 200, the checks are ours: the envelope is
laid out to the letter (`stage.py`), what does not fit is refused and changes nothing, and what fits is refused only for
what no schema can say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from tools import openapi

from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest.codes import ANSWERS

from .described import Description
from .stage import Answer, Stage
from .support import BASE

DOCUMENT = openapi.document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}

# Random ids would never find an object. A table is where one is; a new object comes beside it.
FREE_ID = {"PUT": 2}
WRITES = ("PUT", "POST")

FIRST_OBJECTS = (
    ("/rest/sipremoteauthtable/1", b""),
    ("/rest/sipremoteauthtable/1/sipremoteauthentry/1", b"User=alice&EncryptedPassword=secret"),
    ("/rest/sipcontactregistrant/1", b""),
    ("/rest/sipcontactregistrant/1/sipregistrantentry/1", b"AOR=alice&URI1=sip:alice@192.0.2.7"),
    ("/rest/sipservertable/1/sipserver/1", b"Host=192.0.2.1&RemoteAuthorizationTableID=1&ContactRegistrantTableID=1"),
)

LISTED = {(answer.http_code, answer.code) for answer in ANSWERS} | {
    (500, resource.in_use_code) for resource in RESOURCES.values() if resource.in_use_code
}

# Existence, references, uniqueness, use by others, rules among the servers of a table; and who logs in with what.
NOT_FOR_A_SCHEMA = {
    20012,
    20013,
    20040,
    20041,
    20050,
    31005,
    31007,
    31009,
    31010,
    31011,
    31020,
    31022,
    31023,
    31030,
    3007,
}

# Texts with a syntax of their own, and those that others make necessary.
HAS_SYNTAX = {
    "AOR", *(f"URI{number}" for number in range(1, 9)), "Host", "DomainName", "StaticHost", "OutboundProxy",
    "MatchRegex", "ClientCipherSequence", "Sequence", "PublicAddress", "SourcePorts", "RouteSet", "WebSocketPath", "FromURI",
    "Realm", "EncryptedPassword", "ExtraHeaders",
}  # fmt: skip


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        furnish(stage)
        yield stage


def furnish(stage: Stage) -> None:
    """Make the objects that are not there, and step to the end of what that begins."""
    cookie = stage.begin_session()
    for path, form in FIRST_OBJECTS:
        assert stage.send("PUT", path, form, cookie=cookie).told in ((200, 0), (500, 20013))
    stage.step()


def test_the_description_is_what_the_attribute_tables_make() -> None:
    assert openapi.PAGE.read_text(encoding="utf-8") == openapi.page(), "run ./do docs"


def test_the_description_is_right_by_the_schema_of_openapi() -> None:
    SCHEMA.validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_resource_and_attribute_is_described() -> None:
    for resource in RESOURCES.values():
        shown = DOCUMENT["components"]["schemas"][resource.name]["properties"]
        assert {attribute.name for attribute in resource.attributes} <= set(shown)
        assert {f"{method} {openapi.path_of_object(resource)}" for method in ("GET", "PUT", "POST", "DELETE")} <= set(
            OPERATIONS
        )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("label", OPERATIONS)
def test_what_is_sent_by_the_description(stage: Stage, label: str, mode: GenerationMode) -> None:
    description = Description(DOCUMENT)
    verb, _, path = label.partition(" ")

    @settings(max_examples=40 if verb in WRITES and path != "/rest/login" else 15, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), is_nearby=st.integers(0, 3).map(bool))
    def exchange(case: Any, is_nearby: bool) -> None:
        if is_nearby and case.path_parameters:
            *tables, own = case.path_parameters
            case.path_parameters = {**dict.fromkeys(tables, 1), own: FREE_ID.get(verb, 1)}
        method, sent_path, body = on_the_wire(case)
        fits = description.fits(method, sent_path, body)
        before = None if fits else stage.everything()
        answer = stage.send(method, sent_path, body, cookie=stage.begin_session())
        check(answer, fits=fits)
        if before is not None:
            assert stage.everything() == before
        if answer.http_code == 200 and method != "GET":
            restore(stage)

    exchange()


def on_the_wire(case: Any) -> tuple[str, str, bytes]:
    """Return method, path with query, and body of a request as it would be sent."""
    parts = case.as_transport_kwargs(base_url=BASE)
    names = ("method", "url", "data", "json", "params")
    request = requests.Request(**{name: parts[name] for name in names if name in parts}).prepare()
    body = request.body or b""
    assert isinstance(body, str | bytes)
    return str(request.method), str(request.url).removeprefix(BASE), body.encode() if isinstance(body, str) else body


def check(answer: Answer, *, fits: bool) -> None:
    """Hold the answer against what the description, and the tables of codes, allow."""
    assert answer.code != 20000
    if not fits:
        assert answer.http_code >= 400, answer.text
    if answer.http_code != 200:
        assert answer.told in LISTED, answer.text
    if fits and answer.http_code != 200 and answer.code not in NOT_FOR_A_SCHEMA:
        # 20045: a change that needs another attribute beside it.
        assert answer.code in (20038, 20039, 20045), answer.text
        assert answer.params.split("|")[-1] in HAS_SYNTAX, answer.text


def restore(stage: Stage) -> None:
    """Bring back the objects of the beginning and remove all others, so that an example may be tried again."""
    stage.step()
    cookie = stage.begin_session()
    for name in (
        "sipsg",
        "sipservertable",
        "sipcontactregistrant",
        "sipremoteauthtable",
        "sipprofile",
        "siptlsprofile",
        "providerprofile",
    ):
        members = stage.send("GET", f"/rest/{name}", cookie=cookie).members or ()
        for member in members:
            if member.id == "1" and name not in ("sipcontactregistrant", "sipremoteauthtable"):
                continue
            stage.send("DELETE", f"/rest/{name}/{member.id}", cookie=cookie)
    furnish(stage)
