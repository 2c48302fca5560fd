"""What an importer finds, as data: servers with what is registered there, and what a person has to know or to fill in.

An importer reads; it changes nothing. `objects_of` says which objects come of it, in an order in which they can be made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..model import credentials, registrants, servers

__all__ = ["Form", "Found", "Note", "Object", "Trunk", "objects_of"]

Form = dict[str, str]
"""The attributes of an object by their documented names, as a form of /rest gives them."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not carried over, was changed on the way, or has to be filled in.

    `where` is a line of the source, or a name in it. A password that the source does not have is a note by itself: its
    credential is made of everything but EncryptedPassword.
    """

    where: str
    text: str
    is_password: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(slots=True)
class Trunk:
    """One server as the source knows it, what is registered there, and with which credentials."""

    name: str
    """64 characters at most: the Description of its tables."""
    server: Form
    entries: list[tuple[int, Form]] = field(default_factory=list)
    credentials: list[tuple[int, Form]] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class Found:
    """All that an importer makes of a source."""

    trunks: list[Trunk] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def passwords(self) -> list[Note]:
        """The passwords that have to be filled in."""
        return [note for note in self.notes if note.is_password]


@dataclass(frozen=True, slots=True)
class Object:
    """An object that can be made with a PUT, once those before it are there."""

    resource: str
    table_id: int | None
    """Of the table that it is in; None for a table."""
    id: int
    form: Form = field(repr=False)

    @property
    def lacks_password(self) -> bool:
        """Whether it is a credential whose password has to be filled in before it is made."""
        return self.resource == credentials.ENTRY.name and "EncryptedPassword" not in self.form


def objects_of(found: Found, first_table: int, server_table: int = 1, first_server: int = 1) -> list[Object]:
    """Return the objects that a source comes to, each after those that it names.

    Of each trunk: a credential table (where it has credentials) and a registrant table, both with the same id, from
    `first_table` on, and a server, from id `first_server` on in `server_table`, which exists. A server table has 99 places:
    what does not fit is put into further ones, which are made, with ids above `server_table` and not under `first_table`; a
    signaling group has to name them. That the ids are free is the caller's business.
    """
    objects: list[Object] = []
    in_table, next_server = server_table, first_server
    for number, trunk in enumerate(found.trunks, first_table):
        if next_server > servers.ENTRY.highest_id:
            in_table, next_server = max(in_table + 1, first_table), servers.ENTRY.lowest_id
            objects.append(Object(servers.TABLE.name, None, in_table, {"Description": f"Imported servers {in_table}"}))
        named = {"ContactRegistrantTableID": str(number)}
        if trunk.credentials:
            objects += _table(credentials.TABLE.name, credentials.ENTRY.name, number, trunk.name, trunk.credentials)
            named["RemoteAuthorizationTableID"] = str(number)
        objects += _table(registrants.TABLE.name, registrants.ENTRY.name, number, trunk.name, trunk.entries)
        objects.append(Object(servers.ENTRY.name, in_table, next_server, {**trunk.server, **named}))
        next_server += 1
    return objects


def _table(table: str, entry: str, id: int, name: str, rows: Sequence[tuple[int, Form]]) -> list[Object]:
    return [Object(table, None, id, {"Description": name}), *(Object(entry, id, row, form) for row, form in rows)]
