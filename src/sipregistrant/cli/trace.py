"""`sipregistrant trace`: the messages of a registration, kept after a failure or while it is traced."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..errors import ConfigurationError
from .client import Client, connected
from .output import Output, short, show_many

__all__ = ["trace"]

LOOK_EVERY_SECONDS = 1.0
DEFAULT_SECONDS = 600
MOST_OF_AN_ENTRY = 16

ENTRY = re.compile(r"([0-9]{1,5}):([0-9]{1,10})\Z", re.ASCII)

COLUMNS = ("registration", "aor", "server", "traced_until", "attempts", "messages", "ended_at", "code", "reason")

trace = typer.Typer(add_completion=False)


class Form(StrEnum):
    """How messages are shown."""

    LADDER = "ladder"
    TEXT = "text"
    JSON = "json"


@trace.command("trace")
@connected
def show_trace(
    client: Client,
    which: Annotated[
        str, typer.Argument(metavar="AOR|TABLE:ENTRY|REGISTRATION",
                            help="sip:alice@carrier.example, 1:17, or the id of a registration; without, what there is."),
    ] = "",
    on: Annotated[bool | None, typer.Option("--on/--off", help="Trace it; or no longer, and forget what is kept.")] = None,
    seconds: Annotated[
        int | None,
        typer.Option("--for", min=1, max=86400, metavar="SECONDS", help=f"Trace it for so long. [{DEFAULT_SECONDS}]"),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="A line for each message, the messages whole, or JSON.")] = Form.LADDER,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a capture that Wireshark reads; - is standard output.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what comes, until Ctrl-C.")] = False,
) -> None:  # fmt: skip
    """Show the last messages of a registration, and have all of them kept for a while.

    What has failed is kept for an hour without being asked for; of what succeeds nothing is, unless it is traced (--on).
    Passwords and what is made of them are masked.
    """
    if not which:
        if on is not None or seconds is not None or pcap is not None or follow:
            raise ConfigurationError("AOR|TABLE:ENTRY|REGISTRATION", "which one?")
        show_many(client.pages("/traces"), COLUMNS, Output.JSON if form is Form.JSON else Output.TABLE)
        return
    ids = _ids(client, which)
    if on is False:
        for id in ids:
            client.ask("DELETE", f"/registrations/{id}/trace")
        return
    if on or seconds is not None:
        for id in ids:
            told = client.ask("PUT", f"/registrations/{id}/trace", json={"seconds": seconds or DEFAULT_SECONDS}).json()
            Console(stderr=True).print(f"registration {id} is traced until {short(told['traced_until'])}")
        if not follow and pcap is None:
            return
    if pcap is not None:
        _write(client, ids, pcap)
    elif follow:
        _follow(client, ids, form)
    elif form is Form.JSON:
        print(json.dumps([client.get(f"/registrations/{id}/trace") for id in ids], ensure_ascii=False, indent=2))
    else:
        for id in ids:
            print(client.ask("GET", f"/registrations/{id}/trace", params={"format": form.value}).text, end="")


def _ids(client: Client, which: str) -> list[int]:
    """Return the registrations that are meant."""
    if which.isdecimal():
        return [int(which)]
    match = ENTRY.match(which)
    fits = {"table": int(match[1]), "entry": int(match[2])} if match else {"text": which}
    found = client.pages("/registrations", most=MOST_OF_AN_ENTRY, **fits)
    ids = [item["id"] for item in found if match or item["aor"] == which]
    if not ids:
        raise ConfigurationError("AOR|TABLE:ENTRY|REGISTRATION", f"nothing is registered as {which}")
    return ids


def _write(client: Client, ids: list[int], file: Path) -> None:
    if len(ids) > 1:
        raise ConfigurationError("--pcap", f"the entry has several registrations, name one: {', '.join(map(str, ids))}")
    content = client.ask("GET", f"/registrations/{ids[0]}/trace", params={"format": "pcap"}).content
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError("--pcap", f"{file}: {error.strerror}") from None


def _follow(client: Client, ids: Iterable[int], form: Form) -> None:
    """Show attempts as they end."""
    shown: dict[int, str] = {}
    try:
        while True:
            for id in ids:
                attempts = client.get(f"/registrations/{id}/trace")["attempts"]
                for attempt in attempts:
                    if attempt["ended_at"] > shown.get(id, ""):
                        print(_shown(attempt, form), flush=True)
                        shown[id] = attempt["ended_at"]
            time.sleep(LOOK_EVERY_SECONDS)
    except KeyboardInterrupt:
        return


def _shown(attempt: dict[str, Any], form: Form) -> str:
    """Return an attempt as it is followed: a line, or several, for each message."""
    if form is Form.JSON:
        return json.dumps(attempt, ensure_ascii=False)
    lines = []
    for message in attempt["messages"]:
        arrow = "->" if message["direction"] == "sent" else "<-"
        remote = message["destination" if message["direction"] == "sent" else "source"]
        first = message["text"].partition("\n")[0] + " (again)" * message["is_repeated"]
        lines.append(f"{message['at'][11:23]}  {arrow} {remote}  {first}")
        if form is Form.TEXT and not message["is_repeated"]:
            lines += ["", *("    " + line for line in message["text"].rstrip("\n").split("\n")), ""]
    reason = f": {attempt['reason']}" if attempt["reason"] else ""
    lines.append(f"{attempt['ended_at'][11:23]}  => {attempt['outcome'].replace('_', ' ')}{reason}")
    return "\n".join(lines)
