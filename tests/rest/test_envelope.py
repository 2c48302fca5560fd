"""The XML of replies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest

from sipregistrant.rest.codes import Answer
from sipregistrant.rest.envelope import PIECE_CHARACTERS, Block, Listing, Member, refusal, success

from .support import vector


async def written(pieces: AsyncIterator[bytes]) -> str:
    return b"".join([piece async for piece in pieces]).decode()


async def whole(*args: object, **kwargs: bool) -> str:
    return await written(success(*args, **kwargs))  # type: ignore[arg-type]


async def members(number: int, taken: list[int] | None = None) -> AsyncIterator[Member]:
    """Give so many members, and note which were asked for."""
    for id in range(number):
        if taken is not None:
            taken.append(id)
        yield Member("sipregistrantentry", f"1:{id}", f"https://h/{id}")


async def value_as_written(value: str) -> str:
    return (await whole(Block("sipsg", "1", "https://h", {"X": value}))).split("<X>")[1].split("</X>")[0]


async def test_a_reply_without_a_body_is_the_status_alone() -> None:
    assert await whole() == vector("logout")


async def test_blank_lines_come_before_the_declaration() -> None:
    assert await whole(blank_lines=True) == vector("delete")


async def test_a_refusal_has_one_entry_that_closes_itself() -> None:
    answer = Answer(500, 20013, "1|sipcontactregistrant")
    pieces = refusal(answer, "https://sbc.example/rest/sipcontactregistrant/1")
    assert await written(pieces) == vector("put_refused")


async def test_children_stand_in_ascii_order() -> None:
    block = Block("sipsg", "1", "https://h", {"rt_Status": 0, "customAdminState": 1, "URI1": "", "Q1": 1, "AOR": "a"})
    assert [child.tag for child in ElementTree.fromstring(await whole(block))[1]] == [
        "AOR", "Q1", "URI1", "customAdminState", "rt_Status",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, ""])
async def test_what_is_unset_is_an_empty_element_with_both_tags(value: str | None) -> None:
    assert "\n  <URI1></URI1>\n" in await whole(Block("sipregistrantentry", "1:1", "https://h", {"URI1": value}))


async def test_the_id_stands_before_the_href() -> None:
    assert '<sipsg id="1" href="https://h">' in await whole(Block("sipsg", "1", "https://h", {"X": 1}))


async def test_a_list_that_is_empty_counts_none() -> None:
    assert await whole(Listing("sipcontactregistrant", 0, members(0))) == vector("list_empty")


async def test_markup_in_a_value_is_escaped() -> None:
    assert await value_as_written("<b> & \"c\" 'd'") == "&lt;b&gt; &amp; \"c\" 'd'"


async def test_markup_in_attributes_is_escaped() -> None:
    text = await written(refusal(Answer(500, 3007, '<"&'), 'https://h/rest/"<&'))
    assert ElementTree.fromstring(text).find("status/app_status/app_status_entry[@params='<\"&']") is not None


async def test_other_scripts_are_utf_8() -> None:
    assert await value_as_written("Zürich 東京 🌲") == "Zürich 東京 🌲"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\r", "\n", "\x1f", "\x7f", "\x85", "\udce4", "\uffff"])
async def test_what_xml_cannot_say_is_left_out(character: str) -> None:
    assert await value_as_written(f"Not{character}Found") == "NotFound"


async def test_what_xml_cannot_say_is_left_out_of_attributes_too() -> None:
    text = await written(refusal(Answer(500, 3007, "a\x00b"), "https://h\x1b/rest"))
    assert 'href="https://h/rest"' in text
    assert 'params="ab"' in text


async def test_a_long_list_comes_in_pieces() -> None:
    pieces = [piece async for piece in success(Listing("sipregistrantentry", 5000, members(5000)))]
    assert len(pieces) > 5
    assert max(map(len, pieces)) < PIECE_CHARACTERS + 1000
    assert len(ElementTree.fromstring(b"".join(pieces))[1]) == 5000


async def test_a_long_value_comes_in_pieces() -> None:
    sequence = ",".join(map(str, range(100_000)))
    pieces = [piece async for piece in success(Block("sipcontactregistrant", "1", "https://h", {"Sequence": sequence}))]
    assert len(pieces) > 10
    assert ElementTree.fromstring(b"".join(pieces)).findtext("sipcontactregistrant/Sequence") == sequence


async def test_a_list_is_written_as_it_is_read() -> None:
    taken: list[int] = []
    await anext(success(Listing("sipregistrantentry", 100_000, members(100_000, taken))))
    assert len(taken) < 2000
