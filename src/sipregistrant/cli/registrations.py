"""`sipregistrant status`, `registration`, and the verbs: what became of what is configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..errors import ConfigurationError
from ..model.status import Status
from .client import Client, connected
from .output import STATE_STYLES, As, Output, short, show_many, show_one, wide

__all__ = ["refresh", "register", "registration", "status", "unregister"]

LOOK_EVERY_SECONDS = 2.0
WORST = ("rejected", "failing", "degraded")
SHOWN_WORST = 10

COLUMNS = ("id", "table", "entry", "aor", "server", "state", "last_code", "expires_at", "next_attempt_at", "reason")
FOR_PEOPLE = ("id", "entry", "aor", "server", "state", "code", "expires", "next", "reason")
"""The same in less room; instants are UTC."""
STATE_OF = {"registered": "registered", "retry_wait": "failing", "rejected": "rejected", "unregistered": "registering or off",
            "unregistering": "unregistering"}  # fmt: skip
"""What people call what the last attempts left."""

States = Annotated[list[Status] | None, typer.Option("--state", help="In this state; may be repeated.")]
OfTable = Annotated[int | None, typer.Option("--table", min=1, metavar="ID", help="Of this table.")]
OfEntry = Annotated[str, typer.Option("--entry", metavar="TABLE:ID", help="Of this entry.")]
AtServer = Annotated[str, typer.Option("--server", metavar="TABLE:ID", help="At this server.")]
OfGroup = Annotated[int | None, typer.Option("--group", min=1, metavar="ID", help="Of this signaling group.")]
WithText = Annotated[str, typer.Option("--text", metavar="TEXT", help="With this in the AOR.")]
LastCode = Annotated[
    int | None, typer.Option("--last-code", min=0, max=699, metavar="CODE", help="Answered so at last; 0 not.")
]
Overdue = Annotated[bool | None, typer.Option("--overdue/--not-overdue", help="Due, and not sent for half a minute.")]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Id of the registration; `registration list` shows it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="So many at most.")]
All = Annotated[bool, typer.Option("--all", help="Every registration, where nothing else is said.")]

registration = typer.Typer(name="registration", add_completion=False, no_args_is_help=True,
                           help="Registrations: an entry at one server, and how it stands.")  # fmt: skip
status = typer.Typer(add_completion=False)
refresh = typer.Typer(add_completion=False)
register = typer.Typer(add_completion=False)
unregister = typer.Typer(add_completion=False)


def _filter(states: list[Status] | None, table: int | None, entry: str, server: str, group: int | None, text: str,
            last_code: int | None, overdue: bool | None) -> dict[str, Any]:  # fmt: skip
    """Return the parameters of a filter."""
    id: str | None = None
    if entry:
        in_table, colon, id = entry.partition(":")
        if not colon or not in_table.isdigit() or not id.isdigit():
            raise ConfigurationError("--entry", f"{entry!r} is not TABLE:ID")
        table = int(in_table)
    return {"state": [state.value for state in states or ()], "table": table, "entry": id, "server": server, "group": group,
            "text": text, "last_code": last_code, "overdue": overdue}  # fmt: skip


@registration.command("list")
@connected
def list_registrations(client: Client, state: States = None, table: OfTable = None, entry: OfEntry = "", server: AtServer = "",
                       group: OfGroup = None, text: WithText = "", last_code: LastCode = None, overdue: Overdue = None,
                       limit: Limit = 1000, output: As = Output.TABLE) -> None:  # fmt: skip
    """List registrations that fit."""
    which = _filter(state, table, entry, server, group, text, last_code, overdue)
    items = client.pages("/registrations", most=limit, **which)
    if output is Output.TABLE:
        show_many(map(_for_people, items), FOR_PEOPLE, output)
    else:
        show_many(items, COLUMNS, output)


def _for_people(item: Mapping[str, Any]) -> dict[str, Any]:
    told = {"entry": f"{item['table']}:{item['entry']}", "code": item["last_code"] or ""}
    times = {"expires": short(item["expires_at"] or "")[11:], "next": short(item["next_attempt_at"] or "")[11:]}
    return {**item, **told, **times}


@registration.command("show")
@connected
def show_registration(client: Client, id: Id, output: As = Output.TABLE) -> None:
    """Show a registration: what is held, what came of the last attempt, and when the next one is."""
    show_one(client.get(f"/registrations/{id}"), output)


@registration.command("history")
@connected
def show_history(client: Client, id: Id, limit: Limit = 50, output: As = Output.TABLE) -> None:
    """Show its changes of state, the newest first."""
    changes = client.get(f"/registrations/{id}/history", limit=min(limit, 1000))["items"]
    show_many(changes, ("at", "before", "after", "code", "reason"), output)


@status.command("status")
@connected
def show_status(client: Client,
                watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it, until Ctrl-C.")] = False,
                output: As = Output.TABLE) -> None:  # fmt: skip
    """Show how many registrations are in which state, and the worst of them."""
    if output is Output.JSON:
        show_one(client.get("/status"), output)
        return
    if output is Output.CSV:
        show_many(_rows(client.get("/status")), ("server", "state", "registrations"), output)
        return
    console = wide()
    if client.get("/service")["is_paused"]:
        Console(stderr=True).print("[yellow]the service is paused: nothing is sent until `sipregistrant resume`[/]")
    if not watch:
        console.print(_picture(client))
        return
    try:
        with Live(_picture(client), console=console, refresh_per_second=1, screen=console.is_terminal) as live:
            while True:
                time.sleep(LOOK_EVERY_SECONDS)
                live.update(_picture(client))
    except KeyboardInterrupt:
        return


def _rows(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"server": one["server"], "state": state, "registrations": number}
        for one in told["servers"]
        for state, number in one["states"].items()
    ]


def _picture(client: Client) -> Table:
    told = client.get("/status")
    picture = Table.grid(padding=(0, 0))
    counts = Table(box=None, pad_edge=False)
    counts.add_column("server")
    for state in STATE_OF.values():
        counts.add_column(state, justify="right")
    for name, states in [("all", told["states"]), *((one["server"], one["states"]) for one in told["servers"])]:
        counts.add_row(name, *(_number(STATE_OF[state], states.get(state, 0)) for state in STATE_OF))
    picture.add_row(counts)
    worst = [
        item for state in WORST for item in client.pages("/registrations", most=SHOWN_WORST, state=state)
    ][:SHOWN_WORST]  # fmt: skip
    if worst:
        picture.add_row("")
        shown = Table(box=None, pad_edge=False)
        for name in ("aor", "state", "code", "since", "next attempt", "reason"):
            shown.add_column(name, overflow="fold")
        for item in worst:
            style = STATE_STYLES.get(item["state"], "")
            cells = (item["aor"], Text(item["state"], style=style), str(item["last_code"] or ""), short(item["since"] or ""),
                     short(item["next_attempt_at"] or ""), item["reason"])  # fmt: skip
            shown.add_row(*cells)
        picture.add_row(shown)
    return picture


def _number(state: str, number: int) -> Text:
    return Text(f"{number:,}" if number else "·", style=STATE_STYLES.get(state, "") if number else "dim")


def _verb(verb: str, about: str) -> Callable[..., None]:
    def act(client: Client, state: States = None, table: OfTable = None, entry: OfEntry = "", server: AtServer = "",
            group: OfGroup = None, text: WithText = "", last_code: LastCode = None, overdue: Overdue = None,
            all: All = False) -> None:  # fmt: skip
        which = _filter(state, table, entry, server, group, text, last_code, overdue)
        number, after = 0, 0
        console = Console(stderr=True)
        with console.status(f"{verb} …") as shown:
            while after is not None:
                told = client.ask(
                    "POST", f"/registrations/{verb}", params={**which, "after": after or None, "all": all or None}
                ).json()
                number, after = number + told["registrations"], told["next"]
                shown.update(f"{verb}: {number:,} registrations")
        print(f"{number:,} registrations")

    act.__doc__ = f"{about}\n\nThose that fit are meant; --all says that every one is."
    return connected(act)


refresh.command("refresh")(_verb("refresh", "Have registrations refreshed now."))
register.command("register")(_verb("register", "Have registrations registered again that were un-registered."))
unregister.command("unregister")(_verb("unregister", "Un-register; it stays so until `register`."))
