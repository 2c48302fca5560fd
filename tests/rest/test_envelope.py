"""The XML of replies."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sipregistrant.rest.codes import Answer
from sipregistrant.rest.envelope import PIECE_BYTES, Block, Listing, Member, refusal, success

from .support import vector


def whole(*args: object, **kwargs: bool) -> str:
    return b"".join(success(*args, **kwargs)).decode()  # type: ignore[arg-type]


def value_as_written(value: str) -> str:
    return whole(Block("sipsg", "1", "https://h", {"X": value})).split("<X>")[1].split("</X>")[0]


def test_a_reply_without_a_body_is_the_status_alone() -> None:
    assert whole() == vector("logout")


def test_blank_lines_come_before_the_declaration() -> None:
    assert whole(blank_lines=True) == vector("delete")


def test_a_refusal_has_one_entry_that_closes_itself() -> None:
    answer = Answer(500, 20013, "1|sipcontactregistrant")
    pieces = refusal(answer, "https://sbc.example/rest/sipcontactregistrant/1")
    assert b"".join(pieces).decode() == vector("put_refused")


def test_children_stand_in_ascii_order() -> None:
    block = Block("sipsg", "1", "https://h", {"rt_Status": 0, "customAdminState": 1, "URI1": "", "Q1": 1, "AOR": "a"})
    assert [child.tag for child in ElementTree.fromstring(whole(block))[1]] == [
        "AOR", "Q1", "URI1", "customAdminState", "rt_Status",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_unset_is_an_empty_element_with_both_tags(value: str | None) -> None:
    assert "\n  <URI1></URI1>\n" in whole(Block("sipregistrantentry", "1:1", "https://h", {"URI1": value}))


def test_the_id_stands_before_the_href() -> None:
    assert '<sipsg id="1" href="https://h">' in whole(Block("sipsg", "1", "https://h", {"X": 1}))


def test_a_list_that_is_empty_counts_none() -> None:
    assert whole(Listing("sipcontactregistrant", 0, ())) == vector("list_empty")


def test_markup_in_a_value_is_escaped() -> None:
    assert value_as_written("<b> & \"c\" 'd'") == "&lt;b&gt; &amp; \"c\" 'd'"


def test_markup_in_attributes_is_escaped() -> None:
    text = b"".join(refusal(Answer(500, 3007, '<"&'), 'https://h/rest/"<&')).decode()
    assert ElementTree.fromstring(text).find("status/app_status/app_status_entry[@params='<\"&']") is not None


def test_other_scripts_are_utf_8() -> None:
    assert value_as_written("Zürich 東京 🌲") == "Zürich 東京 🌲"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\r", "\n", "\x1f", "\x7f", "\x85", "\udce4", "\uffff"])
def test_what_xml_cannot_say_is_left_out(character: str) -> None:
    assert value_as_written(f"Not{character}Found") == "NotFound"


def test_what_xml_cannot_say_is_left_out_of_attributes_too() -> None:
    text = b"".join(refusal(Answer(500, 3007, "a\x00b"), "https://h\x1b/rest")).decode()
    assert 'href="https://h/rest"' in text
    assert 'params="ab"' in text


def test_a_long_list_comes_in_pieces() -> None:
    members = (Member("sipregistrantentry", f"1:{id}", f"https://h/{id}") for id in range(5000))
    pieces = list(success(Listing("sipregistrantentry", 5000, members)))
    assert len(pieces) > 5
    assert max(map(len, pieces)) < PIECE_BYTES + 1000
    assert len(ElementTree.fromstring(b"".join(pieces))[1]) == 5000


def test_a_long_value_comes_in_pieces() -> None:
    sequence = ",".join(map(str, range(100_000)))
    pieces = list(success(Block("sipcontactregistrant", "1", "https://h", {"Sequence": sequence})))
    assert len(pieces) > 10
    assert ElementTree.fromstring(b"".join(pieces)).findtext("sipcontactregistrant/Sequence") == sequence


def test_a_list_is_written_as_it_is_read() -> None:
    taken: list[int] = []

    def members() -> object:
        for id in range(100_000):
            taken.append(id)
            yield Member("sipsg", str(id), f"https://h/{id}")

    next(success(Listing("sipsg", 100_000, members())))  # type: ignore[arg-type]
    assert len(taken) < 2000
