"""Two thousand random requests, and the store is what the model says after each (`machine.py`; more: ./do fuzz-rest)."""

from __future__ import annotations

import pytest

from .fuzz import play
from .model import Model, Request
from .stage import LayoutError, Stage, read_answer

REQUESTS = 2000
MOST_BATCHES = 10


def test_store_and_model_stay_equal_over_two_thousand_requests() -> None:
    with Stage() as stage:
        played = 0
        for start in range(MOST_BATCHES):
            # Shrinking what is found takes minutes: ./do fuzz-rest --seed START does it.
            played += play(stage, start=start, shrinks=False)
            if played >= REQUESTS:
                break
    assert played >= REQUESTS


def test_the_model_is_no_yes_man() -> None:
    model = Model()
    assert model.apply(Request("DELETE", "sipprofile", ("1",))).code == 31005
    assert model.apply(Request("PUT", "sipserver", ("1", "1"))).code == 20045
    assert model.apply(Request("PUT", "sipserver", ("1", "1"), form={"Host": "192.0.2.1"})).http_code == 200
    assert model.apply(Request("PUT", "sipserver", ("1", "1"), form={"Host": "192.0.2.1"})).code == 20013


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" <status>", "  <status>"),
        ("</status>", " </status>"),
        ("?>\n", "?>"),
        ("</root>\n", "</root>"),
        ('<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>'),
        ("  <Description></Description>", "  <Description/>"),
        ("  <Description></Description>", "  <Z></Z>\n  <Description></Description>"),
        ('id="1" href', 'href id="1"'),
        ("https://", "http://"),
        ("<http_code>200<", "<http_code>400<"),
    ],
)
def test_a_reply_that_is_laid_out_otherwise_is_no_reply(old: str, new: str) -> None:
    reply = (
        '<?xml version="1.0"?>\n<root>\n <status>\n  <http_code>200</http_code>\n</status>\n'
        ' <sipprofile id="1" href="https://sbc.example/rest/sipprofile/1">\n'
        "  <Description></Description>\n  <StaticHost>a&amp;b</StaticHost>\n </sipprofile>\n</root>\n"
    )
    headers = {"content-type": "text/xml; charset=UTF-8"}
    answer = read_answer("GET", "/rest/sipprofile/1", 200, headers, reply.encode())
    assert answer.object is not None
    assert answer.object.values == {"Description": "", "StaticHost": "a&b"}
    assert old in reply
    with pytest.raises(LayoutError):
        read_answer("GET", "/rest/sipprofile/1", 200, headers, reply.replace(old, new, 1).encode())
