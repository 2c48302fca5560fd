"""`sipregistrant events`, `alarms`, `webhook`: what the service tells by itself, and who is sent it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ..errors import ConfigurationError, ServiceUnreachable
from ..model.events import EventKind
from .client import Client, connected
from .output import As, Output, short, show_many, show_one
from .people import segment

__all__ = ["alarms", "events", "webhook"]

SEVERITY_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "green"}

TRY_AGAIN_SECONDS = 2.0

events = typer.Typer(add_completion=False)
alarms = typer.Typer(add_completion=False)
webhook = typer.Typer(name="webhook", add_completion=False, no_args_is_help=True,
                      help="Webhooks: who is sent the events, signed, in their order.")  # fmt: skip

Kinds = Annotated[list[EventKind] | None, typer.Option("--kind", help="Of this kind; may be repeated.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="So many at most.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the webhook.")]


@events.command("events")
@connected
def show_events(
    client: Client,
    kind: Kinds = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")] = False,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="ID", help="What came behind this one, the oldest first.")
    ] = None,
    limit: Limit = 20,
    output: As = Output.TABLE,
) -> None:
    """Show what has happened, the last first: what changed, alarms that were raised and cleared, starts and stops."""
    if not follow and after is None:
        found = client.get("/events", kind=[one.value for one in kind or ()], limit=limit)["items"]
        show_many(found, ("id", "at", "kind", "text"), output)
        return
    if follow and not client.is_running:
        raise ConfigurationError("--follow", "no service runs, so nothing happens")
    try:
        for event in _listen(client, kind or [], after, None if follow else limit):
            print(json.dumps(event, ensure_ascii=False) if output is Output.JSON else _line(event), flush=True)
    except KeyboardInterrupt:
        return


def _listen(client: Client, kinds: list[EventKind], after: int | None, most: int | None) -> Iterator[dict[str, Any]]:
    """Give the events behind `after`, at most so many; without a bound those from now on, over ends of the stream and of the
    service.
    """
    if most is not None:
        yield from islice(_stream(client, kinds, after, 1), most)
        return
    if after is None:
        newest = client.get("/events", limit=1)["items"]
        after = newest[0]["id"] if newest else 0
    is_away = False
    while True:
        try:
            for event in _stream(client, kinds, after, None):
                after, is_away = event["id"], False
                yield event
        except ServiceUnreachable as error:
            if not is_away:
                print(f"sipregistrant: {error}; it is tried again", file=sys.stderr)
            is_away = True
            time.sleep(TRY_AGAIN_SECONDS)


def _stream(client: Client, kinds: list[EventKind], after: int | None, seconds: int | None) -> Iterator[dict[str, Any]]:
    told = [kind.value for kind in kinds]
    with client.stream("/events/stream", after=after, kind=told, seconds=seconds) as pieces:
        yield from _messages(pieces)


def _messages(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Give the data of server-sent events."""
    rest = b""
    for piece in pieces:
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            data = [line.removeprefix(b"data:").strip() for line in block.split(b"\n") if line.startswith(b"data:")]
            if data:
                yield json.loads(b"\n".join(data))


def _line(event: dict[str, Any]) -> str:
    return f"{event['id']}  {short(event['at'])}  {event['kind']}  {event['text']}"


@alarms.command("alarms")
@connected
def show_alarms(
    client: Client,
    all: Annotated[bool, typer.Option("--all", help="Those that are over, too, the newest first.")] = False,
    limit: Limit = 50,
    output: As = Output.TABLE,
) -> None:
    """Show what is not as it should be, since when, and what to do. Ends with 3 where an alarm stands."""
    params: dict[str, Any] = {"standing": "false", "limit": limit} if all else {}
    found = client.get("/alarms", **params)["items"]
    if output is Output.TABLE and not all:
        _show_standing(found)
    else:
        columns = ("id", "severity", "kind", "subject", "raised_at", "cleared_at", "number", "text")
        show_many(found, columns, output)
    if any(alarm["cleared_at"] is None for alarm in found):
        raise typer.Exit(3)


def _show_standing(found: list[dict[str, Any]]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if not found:
        console.print("no alarm stands", style="green")
    for alarm in found:
        head = Text(alarm["severity"], style=SEVERITY_STYLES[alarm["severity"]])
        console.print(head, f" since {short(alarm['raised_at'])}: {alarm['text']}", sep="", markup=False)
        console.print(f"  {alarm['advice']}", style="dim", markup=False)


@webhook.command("list")
@connected
def list_webhooks(client: Client, output: As = Output.TABLE) -> None:
    """List the webhooks, and how far each has come."""
    columns = ("name", "url", "is_enabled", "sent_event", "failures", "failing_since", "next_attempt_at", "last_error")
    show_many(client.get("/webhooks")["items"], columns, output)


@webhook.command("show")
@connected
def show_webhook(client: Client, name: Name, output: As = Output.TABLE) -> None:
    """Show a webhook: how far it has come, what it answered last, and when it is tried again."""
    show_one(client.get(f"/webhooks/{segment(name)}"), output)


@webhook.command("put")
@connected
def put_webhook(
    client: Client,
    name: Name,
    to: Annotated[str | None, typer.Option(metavar="URL", help="Where messages go; wanted of a new one.")] = None,
    kind: Annotated[list[EventKind] | None, typer.Option("--kind", help="Only of this kind; may be repeated.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it is sent anything.")] = None,
    new_secret: Annotated[bool, typer.Option("--new-secret", help="Make and print another secret.")] = False,
) -> None:
    """Make a webhook, or change one. The secret of a new one is printed, this once: receivers check signatures with it."""
    given = {
        "url": to,
        "kinds": [one.value for one in kind] if kind else None,
        "is_enabled": enabled,
        "new_secret": new_secret or None,
    }
    told = client.ask(
        "PUT",
        f"/webhooks/{segment(name)}",
        json={member: value for member, value in given.items() if value is not None},
    ).json()
    if "secret" in told:
        print(told["secret"])


@webhook.command("delete")
@connected
def delete_webhook(client: Client, name: Name) -> None:
    """Remove a webhook."""
    client.ask("DELETE", f"/webhooks/{segment(name)}")
