"""A live SBC Edge, read over its own REST API: everything that a registrant needs of it, with the ids that it has there.

It only reads, but for the login. Passwords are never given out by a box, so each credential is told as one to fill in
(`passwords_to_fill_in`, `with_passwords`). Blank lines stand before some replies, and hrefs may have an `&` that is not
escaped (observed).
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2

from ..errors import ImportFaulty
from ..model.attributes import Kind
from ..model.registry import RESOURCES, child_of
from ..model.resource import Resource
from .found import Form, Note, Object

__all__ = ["Box", "fetch", "passwords_to_fill_in", "with_passwords"]

# What is named by others comes before them.
ORDER = (
    "sipremoteauthtable", "sipcontactregistrant", "sipprofile", "siptlsprofile", "sipservertable", "sipsg",
)  # fmt: skip

TIMEOUT_SECONDS = 60.0
LARGEST_REPLY_BYTES = 256 * 1024 * 1024
MOST_REQUESTS = 200_000

SESSION_MISSING = 401
OK = 200

# A document type is where entities are declared; no reply of a box has one.
DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
BARE_AMPERSAND = re.compile(rb"&(?!(?:[a-zA-Z]+|#[0-9]+|#x[0-9a-fA-F]+);)")

SEQUENCE = "Sequence"
COLUMNS = ("table", "id", "user", "realm", "password")


class Box:
    """A box, and a session there."""

    def __init__(self, url: str, user: str, password: str, *, verify: Any = True,
                 transport: httpx2.BaseTransport | None = None) -> None:  # fmt: skip
        """`url` is `https://HOST[:PORT]`, `verify` what httpx2 takes: a context of TLS, or False for whoever answers."""
        self._url = url.rstrip("/").removesuffix("/rest")
        if not self._url.startswith("https://"):
            raise ImportFaulty(url, "the address of a box begins with https://")
        self._login = {"Username": user, "Password": password}
        self._http = httpx2.Client(base_url=f"{self._url}/rest/", verify=verify, timeout=TIMEOUT_SECONDS, trust_env=False,
                                   transport=transport)  # fmt: skip
        self._requests = 0

    def __enter__(self) -> Box:
        try:
            self._log_in()
        except BaseException:
            self._http.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(httpx2.HTTPError):
            self._http.post("logout")
        self._http.close()

    def objects(self, resource: Resource, table: int | None) -> Iterator[tuple[int, dict[str, str]]]:
        """Give (id, attributes) of all objects of a resource, in one table where it hangs in one."""
        path = f"{resource.parent}/{table}/{resource.name}" if resource.parent else resource.name
        listed = self._get(f"{path}?details=true")
        if listed is None:
            return
        for member in listed:
            if member.tag == f"{resource.name}_pk":
                # Firmware that knows no details: one by one.
                one = self._get(f"{path}/{_id(member)}")
                member = member if one is None else one
            if member.tag == resource.name:
                yield _id(member), {str(child.tag): child.text or "" for child in member}

    def _log_in(self) -> None:
        reply = self._ask("POST", "login", data=self._login)
        if _code(reply) != OK:
            raise ImportFaulty(
                self._url, f"the login of {self._login['Username']!r} is refused: user, password, and the level REST"
            )

    def _get(self, path: str) -> ElementTree.Element | None:
        """Return the element behind the status of a reply, None where there is no such resource on this box."""
        root = self._ask("GET", path)
        if _code(root) == SESSION_MISSING:
            self._log_in()
            root = self._ask("GET", path)
        code = _code(root)
        if code == OK:
            return root[1] if len(root) > 1 else None
        if code in (404, 405):
            return None
        entry = root.find("status/app_status/app_status_entry")
        told = f" ({entry.get('code')})" if entry is not None else ""
        raise ImportFaulty(f"{self._url}/rest/{path}", f"it is refused with {code}{told}")

    def _ask(self, method: str, path: str, **request: Any) -> ElementTree.Element:
        where = f"{self._url}/rest/{path}"
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise ImportFaulty(where, f"more than {MOST_REQUESTS:,} requests would be needed")
        try:
            with self._http.stream(method, path, **request) as reply:
                body = bytearray()
                for piece in reply.iter_bytes():
                    body += piece
                    if len(body) > LARGEST_REPLY_BYTES:
                        raise ImportFaulty(where, f"the reply is larger than {LARGEST_REPLY_BYTES:,} bytes")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ImportFaulty(where, f"it does not answer: {error}") from None
        return _parsed(bytes(body), where)


def _parsed(body: bytes, where: str) -> ElementTree.Element:
    """Return the root of a reply; blank lines stand before some."""
    body = body.strip()
    if DOCTYPE.search(body) or b"\0" in body:
        raise ImportFaulty(where, "the reply declares a document type, as no box does")
    try:
        root = ElementTree.fromstring(BARE_AMPERSAND.sub(b"&amp;", body))
    except (ElementTree.ParseError, ValueError, LookupError):
        raise ImportFaulty(where, "the reply is no XML: is this the REST API of a box?") from None
    if root.find("status/http_code") is None:
        raise ImportFaulty(where, "the reply has no http_code: is this the REST API of a box?")
    return root


def _code(root: ElementTree.Element) -> int:
    text = (root.findtext("status/http_code") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0


def _id(member: ElementTree.Element) -> int:
    """Return the id of a member: `3`, or `1:3` for entry 3 of table 1."""
    text = (member.get("id") or "").rpartition(":")[2]
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ImportFaulty(str(member.tag), f"{member.get('id')!r} is no id")
    return int(text)


def fetch(box: Box) -> tuple[list[Object], list[Note]]:
    """Return what is configured on a box, in an order in which it can be made, and what a person has to know of it.

    Raises `ImportFaulty`, and nothing else.
    """
    objects: list[Object] = []
    notes: list[Note] = []
    for name in ORDER:
        resource = RESOURCES[name]
        sequences: list[Object] = []
        for id, values in box.objects(resource, None):
            form = _form(resource, f"{name} {id}", values, notes)
            sequence = form.pop(SEQUENCE, "") if resource.has_sequence else ""
            objects.append(Object(name, None, id, form))
            entry = child_of(name)
            if entry is None:
                continue
            inside = [
                Object(entry.name, id, own, _form(entry, f"{entry.name} {id}:{own}", found, notes))
                for own, found in box.objects(entry, id)
            ]
            objects += inside
            if sequence and [one.id for one in inside] != [
                int(part) for part in sequence.split(",") if part.strip().isdigit()
            ]:
                sequences.append(Object(name, None, id, {**form, SEQUENCE: sequence}))
        objects += sequences
    return _checked(objects, notes), notes


def _form(resource: Resource, where: str, values: Mapping[str, str], notes: list[Note]) -> Form:
    """Return what we know of a box's attributes; a password is a note, and so is what we do not know."""
    form: Form = {}
    for name, value in values.items():
        attribute = resource.by_lower_name.get(name.lower())
        if name.startswith("rt_") or (attribute is not None and attribute.kind is Kind.READ_ONLY):
            continue
        if attribute is None:
            notes.append(Note(where, f"{name} is nothing that this service has"))
        elif attribute.kind is Kind.SECRET:
            user = values.get("User", "")
            notes.append(Note(where, f"the password of {user!r} has to be filled in", is_password=True))
        else:
            form[attribute.name] = value
    return form


def _checked(objects: Sequence[Object], notes: list[Note]) -> list[Object]:
    """Leave out what the store would refuse, and say so."""
    taken = []
    for one in objects:
        form = {**one.form, "EncryptedPassword": "x"} if one.lacks_password else one.form
        faults = RESOURCES[one.resource].faults(form)
        where = f"{one.resource} {one.id if one.table_id is None else f'{one.table_id}:{one.id}'}"
        if faults:
            notes.append(Note(where, "left out: " + "; ".join(str(fault) for fault in faults)))
        else:
            taken.append(one)
    return taken


def passwords_to_fill_in(objects: Sequence[Object]) -> str:
    """Return a CSV with a line for each credential that lacks its password, to be filled in."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in objects:
        if one.lacks_password:
            rows.writerow([one.table_id or "", one.id, one.form.get("User", ""), one.form.get("Realm", ""), ""])
    return text.getvalue()


def with_passwords(objects: Sequence[Object], file: Path) -> list[Object]:
    """Return the objects with the passwords of a CSV that was filled in; raises `ImportFaulty` that names the line."""
    passwords: dict[tuple[int, int], str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            for row in rows:
                try:
                    passwords[int(row["table"]), int(row["id"])] = row["password"] or ""
                except (KeyError, TypeError, ValueError):
                    wanted = ", ".join(COLUMNS)
                    raise ImportFaulty(f"{file}:{rows.line_num}", f"a line of {wanted} is wanted") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImportFaulty(str(file), str(error)) from None
    return [
        replace(one, form={**one.form, "EncryptedPassword": password})
        if one.lacks_password and (password := passwords.get((one.table_id or 0, one.id), ""))
        else one
        for one in objects
    ]
