"""Commands on what is configured: `table`, `entry`, `server` and the others, each with list, show, put, set and delete."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from ..api.shapes import PLACES, Place, shape_of
from ..api.verbs import Verb, verbs_of
from ..errors import ConfigurationError
from ..model.attributes import Kind
from .client import Client, connected
from .fields import fields
from .output import As, Output, show_many, show_one

__all__ = ["commands_of", "path_of"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "table": ("id", "description", "registered", "failed", "pending"),
    "entry": ("id", "aor", "aor_type", "aor_ttl", "contacts"),
    "server_table": ("id", "description"),
    "server": (
        "id",
        "host",
        "port",
        "protocol",
        "contact_registrant_table_id",
        "remote_authorization_table_id",
        "server_status",
    ),
    "credential_table": ("id", "description"),
    "credential": ("id", "user", "realm", "from_uri_user_match", "match_regex"),
    "profile": ("id", "description", "user_agent_header"),
    "provider_profile": (
        "id",
        "description",
        "contact_match",
        "expires_style",
        "call_id",
        "unregister_style",
        "extra_headers",
    ),
    "tls_profile": ("id", "description", "verify_peers_certificate", "mutual_auth"),
    "group": (
        "id",
        "description",
        "custom_admin_state",
        "server_cluster_id",
        "profile_id",
        "listen_port_1",
        "status_reason",
    ),
}
"""What a list shows; `-o json` shows everything."""

Table = Annotated[int, typer.Argument(metavar="TABLE", min=1, help="Id of the table.")]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Its id.")]
Fields = Annotated[
    list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="What it is to be; `show` names the fields.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="So many at most.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read `password` from standard input.")]


def path_of(place: Place, table: int | None, id: int | None = None) -> str:
    """Return where objects are in /api/v1, or one of them."""
    parent = PLACES[place.resource.parent] if place.resource.parent else None
    above = f"/{parent.collection}/{table}" if parent else ""
    return f"{above}/{place.collection}" + ("" if id is None else f"/{id}")


def commands_of(name: str, about: str) -> typer.Typer:
    """Return the commands on the objects of a resource, by its name on the wire."""
    place = PLACES[name]
    app = typer.Typer(name=place.one.replace("_", "-"), help=about, no_args_is_help=True, add_completion=False)
    commands = _Commands(place)
    for word, make in (("list", commands.list_all), ("show", commands.show), ("put", commands.put), ("set", commands.set),
                       ("delete", commands.delete)):  # fmt: skip
        app.command(word)(connected(make(), creates=word == "put"))
    for word, verb in verbs_of(place.resource).items():
        app.command(word)(connected(commands.verb(word, verb)))
    return app


class _Commands:
    """Makes the commands: those on entries have the id of a table for their first argument."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._shape = shape_of(place.resource)
        self._one = place.one.replace("_", " ")
        self._a_one = f"{'an' if self._one[0] in 'aeiou' else 'a'} {self._one}"
        self._has_table = bool(place.resource.parent)
        self._has_secret = any(attribute.kind is Kind.SECRET for attribute in place.resource.attributes)

    def list_all(self) -> Callable[..., None]:
        """List them."""

        def run(client: Client, table: int | None, limit: int | None, output: Output) -> None:
            path = path_of(self._place, table)
            items = client.pages(path, most=limit)
            show_many(items if output is Output.JSON else map(_flat, items), COLUMNS[self._place.one], output)

        if self._has_table:

            def list_in(client: Client, table: Table, limit: Limit = None, output: As = Output.TABLE) -> None:
                run(client, table, limit, output)

            return _told(list_in, f"List the {self._place.collection.replace('-', ' ')} of a table.")

        def list_all(client: Client, limit: Limit = None, output: As = Output.TABLE) -> None:
            run(client, None, limit, output)

        return _told(list_all, f"List the {self._place.collection.replace('-', ' ')}.")

    def show(self) -> Callable[..., None]:
        """Show one."""

        def show(client: Client, table: int | None, id: int, output: Output) -> None:
            show_one(client.get(path_of(self._place, table, id)), output)

        return self._on_one(show, f"Show {self._a_one}: all of its fields, and how it stands.")

    def put(self) -> Callable[..., None]:
        """Make one, or replace it."""

        def put(client: Client, table: int | None, id: int, output: Output, given: Sequence[str], stdin: bool) -> None:
            self._send(client, "PUT", table, id, given, stdin, output)

        return self._on_one_with_fields(
            put, f"Make {self._a_one}, or give it these values, and the defaults for all others."
        )

    def set(self) -> Callable[..., None]:
        """Change one."""

        def change(
            client: Client, table: int | None, id: int, output: Output, given: Sequence[str], stdin: bool
        ) -> None:
            self._send(client, "PATCH", table, id, given, stdin, output)

        return self._on_one_with_fields(change, f"Change the named fields of {self._a_one}, and nothing else.")

    def delete(self) -> Callable[..., None]:
        """Delete one."""

        def delete(client: Client, table: int | None, id: int, output: Output) -> None:
            client.ask("DELETE", path_of(self._place, table, id))

        return self._on_one(delete, f"Delete {self._a_one}; what was registered by it is un-registered.")

    def verb(self, word: str, verb: Verb) -> Callable[..., None]:
        """Carry out a verb on one."""

        def act(client: Client, table: int | None, id: int, output: Output) -> None:
            client.ask("POST", f"{path_of(self._place, table, id)}/{word}")

        return self._on_one(act, f"{self._one.capitalize()}: {verb.about}.")

    def _send(self, client: Client, method: str, table: int | None, id: int, given: Sequence[str], stdin: bool,
              output: Output) -> None:  # fmt: skip
        members = fields(self._shape, given)
        if stdin:
            members["password"] = sys.stdin.read().removesuffix("\n").removesuffix("\r")
        if not members and method == "PATCH":
            raise ConfigurationError("FIELD=VALUE", "nothing is to be changed")
        reply = client.ask(method, path_of(self._place, table, id), json=members).json()
        if output is not Output.TABLE:
            show_one(reply, output)

    def _on_one(self, run: Callable[..., None], about: str) -> Callable[..., None]:
        if self._has_table:

            def on_entry(client: Client, table: Table, id: Id, output: As = Output.TABLE) -> None:
                run(client, table, id, output)

            return _told(on_entry, about)

        def on_one(client: Client, id: Id, output: As = Output.TABLE) -> None:
            run(client, None, id, output)

        return _told(on_one, about)

    def _on_one_with_fields(self, run: Callable[..., None], about: str) -> Callable[..., None]:
        names = ", ".join(name for name, a in self._shape.fields.items() if a.kind is not Kind.READ_ONLY)
        if self._shape.has_contacts:
            about += " `contact` may be repeated, and is written as in a Contact header: contact='<sip:a@h>;q=0.5;expires=60'."
        about += f"\n\nFields: {names}{', contact' if self._shape.has_contacts else ''}."
        if self._has_table and self._has_secret:

            def with_password(client: Client, table: Table, id: Id, given: Fields = None, password_stdin: PasswordStdin = False,
                              output: As = Output.TABLE) -> None:  # fmt: skip
                run(client, table, id, output, given or (), password_stdin)

            return _told(with_password, about)
        if self._has_table:

            def on_entry(client: Client, table: Table, id: Id, given: Fields = None, output: As = Output.TABLE) -> None:
                run(client, table, id, output, given or (), False)

            return _told(on_entry, about)

        def on_one(client: Client, id: Id, given: Fields = None, output: As = Output.TABLE) -> None:
            run(client, None, id, output, given or (), False)

        return _told(on_one, about)


def _told(command: Callable[..., None], about: str) -> Callable[..., None]:
    command.__doc__ = about
    return command


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line shows of an object: its status among its fields, contacts as they would be sent."""
    flat = {**item, **item.get("status", {})}
    if "contacts" in item:
        flat["contacts"] = ", ".join(contact["uri"] for contact in item["contacts"] if contact["uri"])
    return flat
