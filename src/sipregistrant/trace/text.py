"""Attempts as people read them: the messages whole, and as a ladder.

What peers send is shown without control characters: a terminal obeys them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from .messages import Address, Attempt, Message

__all__ = ["as_ladder", "as_text", "place", "printable"]

WIDTH = 34
"""Columns between the two lines of a ladder."""
LONGEST_LABEL = 100


def printable(data: bytes) -> str:
    """Return a message as text: its lines, and nothing that a terminal would obey."""
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line.replace("\t", " ")) for line in lines)


def place(address: Address) -> str:
    """Return an address as it is written in a URI."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def as_text(attempts: Iterable[Attempt]) -> str:
    """Return all messages, with when, from where to where, and how their attempts ended."""
    parts = []
    for attempt in attempts:
        parts.append(_title(attempt))
        for message in attempt.messages:
            way = f"{place(message.source)} -> {place(message.destination)}"
            again = ", sent again" if message.is_repeated else ""
            head = f"{_instant(message.at)}  {way}  {message.transport.upper()}, {len(message.data)} bytes{again}"
            parts.append(head if message.is_repeated else f"{head}\n\n{_indented(message)}")
        parts.append(f"{_instant(attempt.ended_at)}  {_end(attempt)}\n")
    return "\n".join(parts)


def as_ladder(attempts: Iterable[Attempt]) -> str:
    """Return a line for each message: when after the first one of its attempt, which way, and what it is."""
    return "\n".join("\n".join(_rungs(attempt)) for attempt in attempts)


def _rungs(attempt: Attempt) -> Iterator[str]:
    yield _title(attempt)
    messages = attempt.messages
    began = messages[0].at if messages else attempt.ended_at
    if messages:
        us, them = place(messages[0].local), f"{place(messages[0].remote)} {messages[0].transport.upper()}"
        yield f"{'':12}{us:<{WIDTH}}{them}"
    sent = 0
    for message in messages:
        sent = sent + 1 if message.is_repeated else 1 if message.is_sent else sent
        label = first_line(message) + (f" (again, {_ordinal(sent)} time)" if message.is_repeated else "")
        arrow = f"├{'─' * (WIDTH - 3)}▶│" if message.is_sent else f"│◀{'─' * (WIDTH - 3)}┤"
        yield f"{message.at - began:+10.3f}  {arrow}  {label}"
    yield f"{attempt.ended_at - began:+10.3f}  {_end(attempt)}"
    yield ""


def first_line(message: Message) -> str:
    """Return what a message is, in a few words: `REGISTER, CSeq 7, with credentials`, `401 Unauthorized, CSeq 7`."""
    lines = printable(message.data.partition(b"\r\n\r\n")[0]).split("\n")
    method, _, rest = lines[0].partition(" ")
    what = rest if method.startswith("SIP/") else method
    names: Sequence[tuple[str, str]] = [
        (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
    ]
    cseq = next((value.split()[0] for name, value in names if name == "cseq" and value), "")
    has_credentials = any(name in ("authorization", "proxy-authorization") for name, _ in names)
    return f"{what[:LONGEST_LABEL]}, CSeq {cseq}" + (", with credentials" if has_credentials else "")


def _title(attempt: Attempt) -> str:
    return f"registration {attempt.registration}  {attempt.aor}  at {attempt.server}"


def _end(attempt: Attempt) -> str:
    what = attempt.outcome.replace("_", " ")
    code = f" {attempt.code}" if attempt.code and not attempt.reason.startswith(str(attempt.code)) else ""
    return f"=> {what}{code}" + (f": {attempt.reason}" if attempt.reason else "")


def _indented(message: Message) -> str:
    return "\n".join(f"    {line}" if line else "" for line in printable(message.data).rstrip("\n").split("\n")) + "\n"


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="microseconds").replace("+00:00", "Z")


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
