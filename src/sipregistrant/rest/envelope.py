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

It is written as text: names are ours, values are escaped, and the layout stands here as it is read. Through lxml's writer
a list of a thousand took four times as long (measured).

A reply comes in pieces, so that a list of a million is never in memory, neither as objects nor as text, and whoever sends
it can let others run between two of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..model.attributes import CONTROL_CHARACTER, Value
from .codes import Answer

__all__ = ["CONTENT_TYPE", "Block", "Listing", "Member", "refusal", "success"]

CONTENT_TYPE = "text/xml; charset=UTF-8"

DECLARATION = '<?xml version="1.0"?>\n'  # with no encoding, observed: UTF-8 is what XML means then

# Some programs cut exactly five characters off a reply before they parse it, others trim white space (both observed).
BLANK_LINES = "\n" * 5

# Enough for nearly every reply to be one piece, and written in about a millisecond.
PIECE_CHARACTERS = 32 * 1024


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
    return _in_pieces(_reply(_status(200), body, blank_lines=blank_lines))


def refusal(answer: Answer, href: str, *, blank_lines: bool = False) -> AsyncIterator[bytes]:
    """Write the reply to a request that was refused: exactly one `app_status_entry`, and no body.

    `href` is the resource that was asked for, absolute, without the query.
    """
    told = (
        f'  <app_status href="{_attribute(href)}">\n'
        f'   <app_status_entry code="{answer.code}" params="{_attribute(answer.params)}"/>\n'
        "  </app_status>\n"
    )
    return _in_pieces(_reply(_status(answer.http_code, told), None, blank_lines=blank_lines))


async def _in_pieces(texts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Gather texts into pieces; all but the last have at least `PIECE_CHARACTERS`."""
    waiting: list[str] = []
    length = 0
    async for text in texts:
        waiting.append(text)
        length += len(text)
        if length >= PIECE_CHARACTERS:
            yield "".join(waiting).encode()
            waiting, length = [], 0
    if waiting:
        yield "".join(waiting).encode()


async def _reply(status: str, body: Block | Listing | None, *, blank_lines: bool) -> AsyncIterator[str]:
    yield (BLANK_LINES if blank_lines else "") + DECLARATION + "<root>\n" + status
    if isinstance(body, Block):
        for text in _block(body, " "):
            yield text
    elif body is not None:
        yield f' <{body.name}_list count="{body.count}">\n'
        async for member in body.members:
            if isinstance(member, Block):
                for text in _block(member, "  "):
                    yield text
            else:
                yield f'  <{member.name}_pk id="{member.id}" href="{_attribute(member.href)}"/>\n'
        yield f" </{body.name}_list>\n"
    yield "</root>\n"


def _status(http_code: int, told: str = "") -> str:
    return f" <status>\n  <http_code>{http_code}</http_code>\n{told}</status>\n"


def _block(block: Block, indent: str) -> Iterator[str]:
    id = f' id="{block.id}"' if block.id else ""
    lines = [f'{indent}<{block.name}{id} href="{_attribute(block.href)}">\n']
    for name, value in sorted(block.values.items()):
        text = "" if value is None else str(value)
        if len(text) > PIECE_CHARACTERS:
            lines.append(f"{indent} <{name}>")
            yield "".join(lines)
            for start in range(0, len(text), PIECE_CHARACTERS):
                yield _text(text[start : start + PIECE_CHARACTERS])
            lines = [f"</{name}>\n"]
        else:
            lines.append(f"{indent} <{name}>{_text(text)}</{name}>\n")
    lines.append(f"{indent}</{block.name}>\n")
    yield "".join(lines)


def _text(text: str) -> str:
    """Return the text as it may stand in an element.

    What XML cannot say is left out: attributes never hold such characters, but what a registrar answered, a Host header
    or a path may.
    """
    # Digits and letters, as nearly all values are, need no search for what XML cannot say.
    return text if text.isalnum() and text.isascii() else escape(CONTROL_CHARACTER.sub("", text))


def _attribute(text: str) -> str:
    """Return the text as it may stand between double quotes."""
    return escape(CONTROL_CHARACTER.sub("", text), {'"': "&quot;"})
