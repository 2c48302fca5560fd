"""`sipregistrant transfer`: what another product keeps registered, read and made here."""

from __future__ import annotations

import json
import ssl
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from ..api.shapes import PLACES, shape_of
from ..errors import ConfigurationError, RequestRefused
from ..importers import FORMATS, Note, Object, objects_of, read
from ..importers.sbc_edge import Box, fetch, passwords_to_fill_in, with_passwords
from ..model.registry import RESOURCES
from ..store.bulk_steps import BULK_RESOURCES
from .client import Client, connected
from .entries import wait_for_import
from .objects import path_of

__all__ = ["cli"]

cli = typer.Typer(add_completion=False)

SBC_EDGE = "sbc-edge"
Product = StrEnum("Product", [SBC_EDGE, *FORMATS])  # type: ignore[misc]
MOST_NOTES = 40
FACTORY = frozenset((name, id) for name, resource in RESOURCES.items() for id in resource.factory)
SERVERS_OF_A_TABLE = 99


@cli.command("transfer")
@connected
def transfer(
    client: Client,
    product: Annotated[Product, typer.Argument(metavar="PRODUCT", help=f"{SBC_EDGE}, {', '.join(FORMATS)}.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Its file; of an SBC Edge its address, https://HOST.")
    ],
    user: Annotated[str, typer.Option(metavar="NAME", help="Of an SBC Edge: a user of the level REST.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read that user's password from standard input.")
    ] = False,
    source_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whom to trust that it is that box, PEM.")
    ] = None,
    source_insecure: Annotated[bool, typer.Option("--source-insecure", help="Trust whoever answers there.")] = False,
    passwords: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Read the missing passwords from it; if it is not there, write it, to be filled in.",
        ),
    ] = None,
    notes_to: Annotated[Path | None, typer.Option("--notes", metavar="FILE", help="Write all notes there.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would come to.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the plan is right.")] = False,
) -> None:
    """Make here what another product keeps registered: tables, entries, credentials and servers.

    First it is told what comes of it, and what does not. What is made is registered at once: pause the service (`pause`) as
    long as the other product still does it.
    """
    objects, notes = _read(client, product.value, source, user, password_stdin, _verify(source_ca, source_insecure))
    if passwords is not None and passwords.exists():
        objects = with_passwords(objects, passwords)
    missing = [one for one in objects if one.lacks_password]
    told = [note for note in notes if not note.is_password]
    _show(objects, told, missing)
    if notes_to is not None:
        notes_to.write_text("".join(f"{note}\n" for note in told), "utf-8")
    if missing and passwords is not None and not passwords.exists():
        passwords.touch(0o600)
        passwords.write_text(passwords_to_fill_in(missing), "utf-8")
        print(f"{passwords}: {len(missing):,} passwords to fill in; then say --passwords {passwords} again")
    taken = [one for one in objects if not one.lacks_password]
    if dry_run or not taken:
        return
    if not yes:
        if not sys.stdin.isatty() or password_stdin:
            raise ConfigurationError(
                "--yes", "nothing was changed: nobody is there to say that this is right; say --yes"
            )
        typer.confirm("Make it?", abort=True)
    _make(client, taken)
    print("made" if client.is_running else "made; registered when the service starts")


def _verify(ca: Path | None, insecure: bool) -> Any:
    if insecure:
        return False
    if ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("--source-ca", f"{ca}: {error.strerror or error}") from None


def _read(client: Client, product: str, source: str, user: str, password_stdin: bool,
          verify: Any) -> tuple[list[Object], list[Note]]:  # fmt: skip
    if product != SBC_EDGE:
        found = read(product, Path(source))
        table, server = _free(client)
        return objects_of(found, table, first_server=server), list(found.notes)
    if not user:
        raise ConfigurationError("--user", "a user of the box, of the level REST, is wanted")
    password = (
        sys.stdin.read().rstrip("\r\n") if password_stdin else typer.prompt("Password of the box", hide_input=True)
    )
    with Box(source, user, password, verify=verify) as box:
        objects, notes = fetch(box)
    for one in objects:
        if one.table_id is None and (one.resource, one.id) not in FACTORY and _is_there(client, one):
            raise ConfigurationError(
                one.resource, f"{one.id} is here already: transfer a box into a service of its own"
            )
    return objects, notes


def _free(client: Client) -> tuple[int, int]:
    """Return an id that no table has, nor any above it; and the first free one in server table 1."""
    names = ("sipremoteauthtable", "sipcontactregistrant", "sipservertable")
    last = max((item["id"] for name in names for item in client.pages(path_of(PLACES[name], None))), default=0)
    servers = [item["id"] for item in client.pages(path_of(PLACES["sipserver"], 1))]
    if max(servers, default=0) >= SERVERS_OF_A_TABLE:
        raise ConfigurationError("transfer", "server table 1 is full")
    return last + 1, max(servers, default=0) + 1


def _is_there(client: Client, one: Object) -> bool:
    try:
        client.get(path_of(PLACES[one.resource], one.table_id, one.id))
    except RequestRefused as error:
        if error.status == 404:
            return False
        raise
    return True


def _show(objects: Sequence[Object], notes: Sequence[Note], missing: Sequence[Object]) -> None:
    counts = Counter(PLACES[one.resource].collection.replace("-", " ") for one in objects)
    print(", ".join(_number(number, name) for name, number in counts.items()) or "nothing")
    for one in objects:
        if one.resource == "sipserver":
            form = one.form
            protocol = {"2": "tcp", "4": "tls"}.get(form.get("Protocol", ""), "udp")
            entries = sum(o.resource == "sipregistrantentry" and str(o.table_id) == form.get("ContactRegistrantTableID")
                          for o in objects)  # fmt: skip
            where = f"{protocol}:{form.get('Host', '')}:{form.get('Port', '5060')}"
            print(f"  server {one.table_id}:{one.id}: {where}, {_number(entries, 'entries')}")
    for note in notes[:MOST_NOTES]:
        print(f"note: {note}")
    if len(notes) > MOST_NOTES:
        print(f"note: … and {len(notes) - MOST_NOTES:,} more; --notes FILE writes all")
    if missing:
        number = _number(len(missing), "credentials")
        print(
            f"{number} without a password, which {'is' if len(missing) == 1 else 'are'} not made; --passwords FILE writes which"
        )


def _number(number: int, things: str) -> str:
    """Return a number of things, one of them as one."""
    one = things.removesuffix("ies") + "y" if things.endswith("ies") else things.removesuffix("s")
    return f"{number:,} {one if number == 1 else things}"


def _make(client: Client, objects: Sequence[Object]) -> None:
    """Make all, each after those that it names; entries and credentials of a table in one import."""
    for (name, table), group in groupby(objects, lambda one: (one.resource, one.table_id)):
        place = PLACES[name]
        if name in BULK_RESOURCES:
            client.ask("POST", f"{path_of(place, table)}/import", content=_lines(list(group)))
            wait_for_import(client, path_of(place, table))  # what comes next may name them
            continue
        for one in group:
            client.ask("PUT", path_of(place, table, one.id), json=_members(one))


def _lines(objects: Sequence[Object]) -> Iterator[bytes]:
    for one in objects:
        yield json.dumps({"id": one.id, **one.form}).encode() + b"\n"


def _members(one: Object) -> dict[str, Any]:
    """Return a form as the JSON API takes it."""
    resource = RESOURCES[one.resource]
    by_name = {name: resource.by_lower_name[name.lower()] for name in one.form}
    return shape_of(resource).to_json({a.name: a.parse(one.form[name]) for name, a in by_name.items()})
