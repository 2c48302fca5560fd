"""Server-sent events: what a table has to tell, from where the listener was, as it comes.

The id of each message is that of its row: who was cut off says the last one that came (`Last-Event-ID`, as browsers do by
themselves, or `?after=`), and misses nothing. A stream ends by itself, so that nobody goes on listening with a token that
was removed; listeners connect again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Header, Query
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from ..watch.bell import Bell
from .pages import LARGEST_ID
from .problem import Problem

__all__ = ["MEDIA_TYPE", "After", "LastEventId", "Message", "Seconds", "Streams", "resumed"]

Json = dict[str, Any]

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 1800
MOST_LISTENERS = 100

After = Annotated[
    int | None, Query(ge=0, le=LARGEST_ID, description="what came last; nothing: what is new from now on")
]
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="the same, as browsers say it when they connect again")
]
Seconds = Annotated[int, Query(ge=1, le=LONGEST_SECONDS, description="when the stream ends, at the latest")]


class Message(NamedTuple):
    """One message of a stream."""

    id: int
    event: str
    data: Json


Fetch = Callable[[int], Awaitable[list[Message]]]
"""Returns what there is behind an id, in its order, a bounded number; nothing where there is nothing."""


class Streams:
    """The streams that are open."""

    def __init__(self, bell: Bell, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._bell = bell
        self._clock = clock
        self._open = 0

    def respond(self, fetch: Fetch, after: int, seconds: int) -> EventSourceResponse:
        """Return the stream of what is behind `after`; a problem where too many listen already."""
        if self._open >= MOST_LISTENERS:
            raise Problem(503, f"{MOST_LISTENERS} streams are open, more are not", headers={"Retry-After": "30"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventSourceResponse(self._messages(fetch, after, seconds), headers=headers)

    async def _messages(self, fetch: Fetch, after: int, seconds: int) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            until = self._clock() + seconds
            # So that a listener knows at once that it listens.
            yield KEEPALIVE_COMMENT
            while (left := until - self._clock()) > 0:
                heard = self._bell.rings
                messages = await fetch(after)
                if messages:
                    after = messages[-1].id
                    yield b"".join(map(_encoded, messages))
                    continue
                if self._bell.is_closed:
                    return
                await self._bell.wait(min(left, KEEP_ALIVE_SECONDS), heard)
                yield KEEPALIVE_COMMENT
        finally:
            self._open -= 1


def resumed(after: int | None, last_event_id: str | None) -> int | None:
    """Return behind which id a stream goes on, None for what is new from now on."""
    if last_event_id is None:
        return after
    text = last_event_id.strip()
    if not text.isascii() or not text.isdigit() or int(text[:17]) > LARGEST_ID:
        raise Problem(422, faults=[("Last-Event-ID", "the id of a message is wanted, a whole number")])
    return int(text)


def _encoded(message: Message) -> bytes:
    data = json.dumps(message.data, ensure_ascii=False)
    return format_sse_event(id=str(message.id), event=message.event, data_str=data)
