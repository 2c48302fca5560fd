"""`sipregistrant probe`, `bindings`: ask a registrar, before an entry is stored, and about one that is."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ..errors import ConfigurationError
from .client import Client, connected
from .output import As, Output, show_many

__all__ = ["bindings", "probe"]

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}
OWNER_STYLES = {"ours": "green", "ours_old": "yellow", "foreign": "cyan", "missing": "red"}

probe = typer.Typer(add_completion=False)
bindings = typer.Typer(add_completion=False)


@probe.command("probe")
@connected
def try_entry(
    client: Client,
    aor: Annotated[str, typer.Argument(metavar="AOR", help="sip:alice@carrier.example")],
    server: Annotated[str, typer.Option("--server", metavar="TABLE:ID", help="The server to ask.")],
    aor_type: Annotated[
        str, typer.Option("--aor-type", metavar="TYPE", help="As of an entry: static, local, remote, none.")
    ] = "static",
    group: Annotated[
        int | None, typer.Option(min=1, metavar="ID", help="From this signaling group; the first that uses the server.")
    ] = None,
    user: Annotated[
        str, typer.Option(metavar="USER", help="Authenticate as this one; else with the credentials that fit.")
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Its password, from standard input.")
    ] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Bind nothing, only fetch what is there.")] = False,
    expires: Annotated[
        int, typer.Option(min=1, max=3600, metavar="SECONDS", help="Bound for so long, if it could not be taken back.")
    ] = 60,
    output: As = Output.TABLE,
) -> None:
    """Try an AOR at its registrar: name servers, connection, certificate, challenge, expiry, contacts. Nothing is stored, and
    what was bound for the probe is taken back. Ends with 3 where it would not register.
    """  # fmt: skip
    if bool(user) != password_stdin:
        raise ConfigurationError("--user", "goes with --password-stdin")
    body: dict[str, Any] = {
        "server": server,
        "entry": {"aor": aor, "aor_type": aor_type},
        "fetch": fetch,
        "expires_seconds": expires,
    }
    if group is not None:
        body["group"] = group
    if user:
        body |= {"user": user, "password": sys.stdin.read().removesuffix("\n").removesuffix("\r")}
    report = client.ask("POST", "/probe", json=body).json()
    if output is Output.JSON:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    elif output is Output.CSV:
        show_many(report["steps"], ("name", "ok", "text", "milliseconds"), output)
    else:
        _show(report)
    if not report["ok"]:
        raise typer.Exit(3)


def _show(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for step in report["steps"]:
        mark, style = MARKS[step["ok"]]
        took = f"  {step['milliseconds']} ms" if step["milliseconds"] else ""
        console.print(Text.assemble((mark, style), f" {step['name']:<11} {step['text']}", (took, "dim")))
        for certificate in step["details"].get("certificates", ()):
            console.print(
                Text(
                    f"              {certificate['subject']}, by {certificate['issuer']}, until {certificate['not_after']}",
                    style="dim",
                )
            )
    for contact in report["contacts"] or ():
        console.print(Text(f"  bound       {contact['uri']}, {contact['expires_seconds']} s", style="dim"))
    console.print(Text(report["verdict"], style="bold green" if report["ok"] else "bold red"))
    for one in report["advice"]:
        console.print(Text(f" - {one}"))


@bindings.command("bindings")
@connected
def show_bindings(
    client: Client,
    what: Annotated[str, typer.Argument(metavar="TABLE:ENTRY|REGISTRATION", help="1:17, or the id of a registration.")],
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Remove those of ours that nobody wants any more.")
    ] = False,
    register_missing: Annotated[
        bool, typer.Option("--register-missing", help="Register at once what is missing there.")
    ] = False,
    output: As = Output.TABLE,
) -> None:
    """Fetch what the registrar holds for an AOR, and say whose it is: ours, ours of before, of others, or missing. Ends with 3
    where something is missing, old, or could not be fetched.
    """  # fmt: skip
    body = {"remove_old": remove_old, "register_missing": register_missing}
    is_well = True
    for id in _registrations(client, what):
        told = client.ask("POST", f"/registrations/{id}/bindings", json=body).json()
        is_well = is_well and told["ok"] and all(one["owner"] in ("ours", "foreign") for one in told["bindings"])
        if output is Output.JSON:
            print(json.dumps(told, ensure_ascii=False, indent=2))
        elif output is Output.CSV:
            show_many(told["bindings"], ("owner", "uri", "expires_seconds", "q"), output)
        else:
            _show_holdings(told)
    if not is_well:
        raise typer.Exit(3)


def _registrations(client: Client, what: str) -> list[int]:
    if what.isascii() and what.isdigit():
        return [int(what)]
    table, colon, entry = what.partition(":")
    if not colon or not all(part.isascii() and part.isdigit() for part in (table, entry)):
        raise ConfigurationError("bindings", f"{what!r} is no TABLE:ENTRY, and no id of a registration")
    found = [item["id"] for item in client.pages("/registrations", table=table, entry=entry)]
    if not found:
        raise ConfigurationError(
            "bindings", f"entry {what} has no registration; `sipregistrant explain {what}` says why"
        )
    return found


def _show_holdings(told: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(told["verdict"], style="bold"))
    for one in told["bindings"]:
        expires = "" if one["expires_seconds"] is None else f"  {one['expires_seconds']} s"
        console.print(Text.assemble((f"  {one['owner']:<9}", OWNER_STYLES[one["owner"]]), one["uri"], (expires, "dim")))
    for uri in told["removed"]:
        console.print(Text(f"  removed  {uri}"))
    if told["is_registered_again"]:
        console.print("  what is missing is registered now")
