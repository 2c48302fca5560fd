"""The XML of a reply, to the letter that programs written for real boxes rely on.

    <?xml version="1.0"?>
    <root>
     <status>
      <http_code>200</http_code>
    </status>
     <sipsg id="1" href="https://HOST/rest/sipsg/1">
      <Description></Description>
     </sipsg>
    </root>

One element a line, one blank before `<status>` and the resource, two before their children, `</status>` at the margin,
and a newline at the very end: clients cut replies at these places (observed; page REST API - Resource Design for the
elements). The children stand in ASCII order of their names; what is unset is `<X></X>`.

A reply comes in pieces, so that a list of a million is never in memory, neither as objects nor as text, and whoever sends
it can let others run between two of them. Escaping is lxml's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from lxml import etree

from ..model.attributes import CONTROL_CHARACTER, Value
from .codes import Answer

__all__ = ["CONTENT_TYPE", "Block", "Listing", "Member", "refusal", "success"]

CONTENT_TYPE = "text/xml; charset=UTF-8"

DECLARATION = b'<?xml version="1.0"?>\n'  # with no encoding, observed: UTF-8 is what XML means then

# Some programs cut exactly five characters off a reply before they parse it, others trim white space (both observed).
BLANK_LINES = b"\n" * 5

# Enough for nearly every reply to be one piece, and written in well under a millisecond.
PIECE_BYTES = 32 * 1024
PIECE_CHARACTERS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """One object with its attributes; `id` is "" for what there is one of."""

    name: str
    id: str
    href: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Member:
    """One object of a list by its id alone: `<NAME_pk id= href=/>`."""

    name: str
    id: str
    href: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a resource; `count` says how many `members` gives, which reads them as they are written."""

    name: str
    count: int
    members: AsyncIterator[Member | Block]


def success(body: Block | Listing | None = None, *, blank_lines: bool = False) -> AsyncIterator[bytes]:
    """Write the reply to a request that was carried out; DELETE, login and logout have no body."""
    return _reply(200, None, "", body, blank_lines=blank_lines)


def refusal(answer: Answer, href: str, *, blank_lines: bool = False) -> AsyncIterator[bytes]:
    """Write the reply to a request that was refused: exactly one `app_status_entry`, and no body.

    `href` is the resource that was asked for, absolute, without the query.
    """
    return _reply(answer.http_code, answer, href, None, blank_lines=blank_lines)


async def _reply(http_code: int, answer: Answer | None, href: str, body: Block | Listing | None, *,
                 blank_lines: bool) -> AsyncIterator[bytes]:  # fmt: skip
    buffer = BytesIO()
    if blank_lines:
        buffer.write(BLANK_LINES)
    buffer.write(DECLARATION)
    with etree.xmlfile(buffer, encoding="UTF-8") as xml, xml.element("root"):
        _write_status(xml, http_code, answer, href)
        async for _ in _write_body(xml, body):
            xml.flush()
            if buffer.tell() >= PIECE_BYTES:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        xml.write("\n")
    buffer.write(b"\n")
    yield buffer.getvalue()


def _write_status(xml: Any, http_code: int, answer: Answer | None, href: str) -> None:
    xml.write("\n ")
    with xml.element("status"):
        xml.write("\n  ")
        with xml.element("http_code"):
            xml.write(str(http_code))
        if answer is not None:
            xml.write("\n  ")
            with xml.element("app_status", {"href": _printable(href)}):
                xml.write("\n   ")
                entry = {"code": str(answer.code), "params": _printable(answer.params)}
                xml.write(etree.Element("app_status_entry", entry))
                xml.write("\n  ")
        xml.write("\n")


async def _write_body(xml: Any, body: Block | Listing | None) -> AsyncIterator[None]:
    """Write the body; stop wherever the reply may be cut into pieces."""
    if isinstance(body, Block):
        for _ in _write_block(xml, body, indent="\n "):
            yield
    elif body is not None:
        xml.write("\n ")
        with xml.element(f"{body.name}_list", {"count": str(body.count)}):
            async for member in body.members:
                if isinstance(member, Block):
                    for _ in _write_block(xml, member, indent="\n  "):
                        yield
                else:
                    xml.write("\n  ")
                    href = _printable(member.href)
                    xml.write(etree.Element(f"{member.name}_pk", {"id": member.id, "href": href}))
                yield
            xml.write("\n ")


def _write_block(xml: Any, block: Block, *, indent: str) -> Iterator[None]:
    xml.write(indent)
    href = {"href": _printable(block.href)}
    with xml.element(block.name, {"id": block.id, **href} if block.id else href):
        for name, value in sorted(block.values.items()):
            xml.write(indent + " ")
            text = "" if value is None else str(value)
            with xml.element(name):
                for start in range(0, len(text), PIECE_CHARACTERS):
                    xml.write(_printable(text[start : start + PIECE_CHARACTERS]))
                    yield
        xml.write(indent)


def _printable(text: str) -> str:
    """Return the text without what XML cannot say.

    Attributes never hold such characters; what a registrar answered, a Host header or a path may.
    """
    return CONTROL_CHARACTER.sub("", text)
