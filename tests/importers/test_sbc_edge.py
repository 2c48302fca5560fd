"""A live SBC Edge over its own REST: our own service stands in for one, and replies as older firmware writes them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers.sbc_edge import Box, fetch, passwords_to_fill_in, with_passwords
from tests.service import PASSWORD, USER, Rest, ServiceProcess

HEAD = '<?xml version="1.0"?>\n<root>\n <status>\n  <http_code>{}</http_code>\n</status>\n{}</root>\n'
Replies = Callable[[httpx2.Request], str | bytes]


@pytest.fixture
def service(tmp_path: Path, free_port: int) -> Iterator[ServiceProcess]:
    with ServiceProcess(tmp_path / "data", free_port, "--paused") as service:
        yield service


def furnish(rest: Rest, entries: int) -> None:
    assert rest.put("sipremoteauthtable/4", Description="carrier").http_code == 200
    for number, realm in ((1, "a.example"), (2, "")):
        form: dict[str, str | int] = {
            "Realm": realm,
            "User": f"u{number}",
            "EncryptedPassword": "secret",
            "FromURIUserMatch": 0,
        }
        assert rest.put(f"sipremoteauthtable/4/sipremoteauthentry/{number}", **form).http_code == 200
    assert rest.post("sipremoteauthtable/4", Sequence="2,1").http_code == 200
    assert rest.put("sipcontactregistrant/7", Description="trunks").http_code == 200
    for number in range(1, entries + 1):
        path = f"sipcontactregistrant/7/sipregistrantentry/{number}"
        assert (
            rest.put(path, AOR=f"sip:u{number}@example.com", AorType=3, URI1="sip:u@192.0.2.7", Q1=50).http_code == 200
        )
    server: dict[str, str | int] = {"Host": "192.0.2.1", "RemoteAuthorizationTableID": 4, "ContactRegistrantTableID": 7}
    assert rest.put("sipservertable/1/sipserver/3", **server).http_code == 200


def test_everything_that_is_there_is_read_with_its_ids(service: ServiceProcess, tmp_path: Path) -> None:
    furnish(service.rest(), 30)
    context = ssl.create_default_context(cafile=service.data_dir / "https.crt")
    with Box(service.base, USER, PASSWORD, verify=context) as box:
        objects, notes = fetch(box)
    places = [(one.resource, one.table_id, one.id) for one in objects]
    assert [place for place in places if place[0] == "sipregistrantentry"] == [
        ("sipregistrantentry", 7, number) for number in range(1, 31)
    ]
    assert places.index(("sipcontactregistrant", None, 7)) < places.index(("sipservertable", None, 1))
    assert (
        places.index(("sipservertable", None, 1)) < places.index(("sipserver", 1, 3)) < places.index(("sipsg", None, 1))
    )
    by_place = dict(zip(places, objects, strict=True))
    assert by_place["sipregistrantentry", 7, 30].form["AOR"] == "sip:u30@example.com"
    assert by_place["sipserver", 1, 3].form["ContactRegistrantTableID"] == "7"
    assert by_place["sipremoteauthtable", None, 4].form["Sequence"] == "2,1"
    assert [note for note in notes if not note.is_password] == []
    assert len([note for note in notes if note.is_password]) == 2

    listed = passwords_to_fill_in(objects)
    assert listed == "table,id,user,realm,password\n4,1,u1,a.example,\n4,2,u2,,\n"
    (tmp_path / "filled.csv").write_text(listed.replace("a.example,", "a.example,secret"))
    filled = with_passwords(objects, tmp_path / "filled.csv")
    assert [one.form.get("EncryptedPassword") for one in filled if one.resource == "sipremoteauthentry"] == [
        "secret",
        None,
    ]
    (tmp_path / "bad.csv").write_text("table,id,password\n4,x,y\n")
    with pytest.raises(ImportFaulty, match=r"bad\.csv:2: a line of table, id, user, realm, password is wanted"):
        with_passwords(objects, tmp_path / "bad.csv")


def test_a_wrong_password_and_nobody_there_are_one_sentence(service: ServiceProcess) -> None:
    context = ssl.create_default_context(cafile=service.data_dir / "https.crt")
    with (
        pytest.raises(ImportFaulty, match=f"the login of '{USER}' is refused"),
        Box(service.base, USER, "x", verify=context),
    ):
        pass
    with pytest.raises(ImportFaulty, match="it does not answer"), Box(service.base, USER, PASSWORD):
        pass
    with pytest.raises(ImportFaulty, match="it does not answer"), Box("https://127.0.0.1:1", USER, PASSWORD):
        pass
    with pytest.raises(ImportFaulty, match="begins with https"):
        Box("http://127.0.0.1", USER, PASSWORD)


def box(replies: Replies) -> Box:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=replies(request))

    return Box("https://box.example", USER, PASSWORD, transport=httpx2.MockTransport(answer))


def test_lists_without_details_hrefs_that_are_not_escaped_and_blank_lines_are_read() -> None:
    asked: list[str] = []

    def replies(request: httpx2.Request) -> str:
        path = request.url.path.removeprefix("/rest/")
        asked.append(path)
        href = 'href="https://box.example/rest/x?details=true&filter=statistics"'
        table, entry = "sipcontactregistrant", "sipregistrantentry"
        inside = {
            table: f'<{table}_list count="1"><{table}_pk id="2" {href}/></{table}_list>',
            f"{table}/2": f'<{table} id="2" {href}><Description>a &amp; b</Description><Odd>1</Odd><rt_X>1</rt_X></{table}>',
            f"{table}/2/{entry}": f'<{entry}_list count="2"><{entry} id="2:1" {href}><AOR>sip:a</AOR><AorTtl>60</AorTtl>'
            f'</{entry}><{entry} id="2:2" {href}><AOR></AOR></{entry}></{entry}_list>',
        }
        if path in inside:
            return HEAD.format(200, inside[path])
        if path in ("login", "logout"):
            return "\n\n\n\n\n" + HEAD.format(200, "")
        return HEAD.format(404, "")

    with box(replies) as there:
        objects, notes = fetch(there)
    assert [(one.resource, one.table_id, one.id, one.form) for one in objects] == [
        ("sipcontactregistrant", None, 2, {"Description": "a & b"}),
        ("sipregistrantentry", 2, 1, {"AOR": "sip:a", "AorTtl": "60"}),
    ]
    assert [str(note) for note in notes] == [
        "sipcontactregistrant 2: Odd is nothing that this service has",
        "sipregistrantentry 2:2: left out: AOR is empty",
    ]
    assert asked[-1] == "logout"


def test_a_session_that_ends_on_the_way_is_begun_again() -> None:
    logins = 0

    def replies(request: httpx2.Request) -> str:
        nonlocal logins
        logins += request.url.path == "/rest/login"
        is_lost = logins < 2 and request.url.path not in ("/rest/login", "/rest/logout")
        return HEAD.format(401 if is_lost else 200, "")

    with box(replies) as there:
        assert fetch(there) == ([], [])
    assert logins == 2


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b"<html>It works!</html>", "the reply has no http_code: is this the REST API of a box?"),
        (b"It works!", "the reply is no XML"),
        (b"", "the reply is no XML"),
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaa">]><root><status><http_code>200</http_code></status></root>',
            "declares a document type",
        ),
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><root/>'.encode("utf-16"), "declares a document type"),
        (HEAD.format(500, "").encode(), "it is refused with 500"),
        (
            HEAD.format(
                200, '<sipremoteauthtable_list><sipremoteauthtable id="x"/></sipremoteauthtable_list>'
            ).encode(),
            "'x' is no id",
        ),
    ],
)
def test_whatever_answers_it_ends_with_one_sentence(reply: bytes, problem: str) -> None:
    def replies(request: httpx2.Request) -> str | bytes:
        return HEAD.format(200, "") if request.url.path in ("/rest/login", "/rest/logout") else reply

    with pytest.raises(ImportFaulty, match=problem.replace("?", r"\?")), box(replies) as there:
        fetch(there)


def test_a_reply_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipregistrant.importers.sbc_edge.LARGEST_REPLY_BYTES", 1000)
    with pytest.raises(ImportFaulty, match="the reply is larger than"), box(lambda request: b"x" * 2000):
        pass
