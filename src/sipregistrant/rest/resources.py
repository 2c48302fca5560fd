"""Requests on resources: GET reads, PUT creates at the id that the client picked, POST changes, DELETE deletes.

Page REST API - Resource Design for the methods, `/rest/<table>/{id}/<entry>/{id}` for the places. GET, PUT and POST
answer with the whole state of the object, DELETE with the status alone. Each request is one transaction: what a PUT or
POST answers is read in the one that wrote it (but the `Sequence` of a table with more than a thousand entries). No
resource is known by name here; `model/registry.py` has them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from starlette.requests import Request

from ..access.origin import READING_METHODS
from ..model.registry import RESOURCES
from ..model.resource import Resource, Values
from ..store import actions, config, state
from ..store.sequence import SEQUENCE
from ..store.store import Store
from ..store.tx import Key, Tx
from .codes import ACTION_INVALID, ID_INVALID, ID_OUT_OF_RANGE, METHOD_UNSUPPORTED, RESOURCE_UNKNOWN, WireRefusal
from .envelope import Block, Listing, Member
from .forms import read_form
from .queries import RUNTIME_PREFIX, Query, action_in, parse_query

__all__ = ["Resources", "Target", "locate"]

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})

# A list is read and written in pages, each as of one moment: up to one page, the whole list is.
OBJECTS_PER_PAGE = 1000
IDS_PER_PAGE = 10_000

LONGEST_ID_DIGITS = 10
LONGEST_SHOWN_ID = 32

# Programs send the parameters of other firmware. Each name is logged once; not a name more than this, whatever is sent.
MOST_LOGGED_NAMES = 1000

NAME = re.compile("[a-z][a-z0-9_]{0,63}", re.ASCII)
NO_NAME = "(not shown)"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: an object, or with `id` None the list of all that there are (in table `parent`)."""

    resource: Resource
    parent: int | None
    id: int | None

    @property
    def key(self) -> Key:
        """Return the key of the object; there must be one."""
        assert self.id is not None
        return Key(self.id, self.parent)

    @property
    def path(self) -> str:
        """Return the path in the one way it is written."""
        table = f"{self.resource.parent}/{self.parent}/" if self.parent is not None else ""
        return f"/rest/{table}{self.resource.name}" + ("" if self.id is None else f"/{self.id}")


def locate(segments: Sequence[str]) -> Target:
    """Return what the segments of a path behind `/rest` name, or raise `WireRefusal`."""
    resource = RESOURCES.get(segments[0]) if segments else None
    if resource is None or resource.parent or len(segments) > 4:
        raise WireRefusal(RESOURCE_UNKNOWN)
    parent: int | None = None
    if len(segments) > 2:
        entry = RESOURCES.get(segments[2])
        if entry is None or entry.parent != resource.name:
            raise WireRefusal(RESOURCE_UNKNOWN)
        parent = _parse_id(segments[1], resource)
        resource, segments = entry, segments[2:]
    return Target(resource, parent, _parse_id(segments[1], resource) if len(segments) == 2 else None)


def _parse_id(text: str, resource: Resource) -> int:
    if not (text.isascii() and text.isdigit()):
        raise WireRefusal(ID_INVALID.about(resource.name))
    if len(text) > LONGEST_ID_DIGITS or not resource.lowest_id <= int(text) <= resource.highest_id:
        raise WireRefusal(ID_OUT_OF_RANGE.about(resource.name, text[:LONGEST_SHOWN_ID]))
    return int(text)


class Resources:
    """Carries requests on resources to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._logged_names: set[tuple[str, str]] = set()

    async def carry_out(self, request: Request, target: Target, host: str, who: str) -> Block | Listing | None:
        """Do what the request says and return what the reply shows; raises `Refusal`."""
        if request.method not in METHODS:
            raise WireRefusal(METHOD_UNSUPPORTED.about(target.resource.name), allow=_allowed(target))
        query = request.scope["query_string"].decode("latin-1")
        href = f"https://{host}{target.path}"
        action = action_in(query)
        if action is not None and request.method != "POST":
            raise WireRefusal(ACTION_INVALID.about(action))
        asked = parse_query(query, target.resource.name)
        if request.method in READING_METHODS:
            return await self._get(target, asked, href)
        if target.id is None:
            answer = ID_INVALID.about(target.resource.name) if action is None else ACTION_INVALID.about(action)
            raise WireRefusal(answer)
        if request.method == "DELETE":
            await self._store.write_as(who, config.delete, target.resource, target.key)
            return None
        if action is not None:
            values = await self._store.write_as(who, act, target.resource, target.key, action)
        else:
            form = await read_form(request, target.resource.keeps_plus, target.resource.keeps_first_plus)
            self._log_unknown_names(target.resource, form)
            write = create if request.method == "PUT" else change
            values = await self._store.write_as(who, write, target.resource, target.key, form)
        if target.resource.has_sequence and values[SEQUENCE] is None:
            values[SEQUENCE] = await self._store.read(state.sequence, target.resource, target.key)
        return Block(target.resource.name, str(target.key), href, values)

    async def _get(self, target: Target, query: Query, href: str) -> Block | Listing:
        resource, parent = target.resource, target.parent
        if target.id is not None:
            values = await self._store.read(state.one, resource, target.key)
            return Block(resource.name, str(target.key), href, query.select(values))
        if query.details:
            number, objects = await self._store.read(_counted, state.page, resource, parent, OBJECTS_PER_PAGE)
            return Listing(resource.name, number, self._blocks(target, query, href, objects))
        number, ids = await self._store.read(_counted, state.ids, resource, parent, IDS_PER_PAGE)
        return Listing(resource.name, number, self._members(target, href, ids))

    async def _blocks(self, target: Target, query: Query, href: str,
                      objects: list[tuple[Key, Values]]) -> AsyncIterator[Block]:  # fmt: skip
        """Give the objects of a list, the first page of which is there."""
        resource = target.resource
        while objects:
            for key, values in objects:
                yield Block(resource.name, str(key), f"{href}/{key.id}", query.select(values))
            if len(objects) < OBJECTS_PER_PAGE:
                return
            last = objects[-1][0].id
            objects = await self._store.read(state.page, resource, target.parent, last, OBJECTS_PER_PAGE)

    async def _members(self, target: Target, href: str, ids: list[int]) -> AsyncIterator[Member]:
        """Give the members of a list, the first page of which is there."""
        name, parent = target.resource.name, target.parent
        while ids:
            for id in ids:
                yield Member(name, str(Key(id, parent)), f"{href}/{id}")
            if len(ids) < IDS_PER_PAGE:
                return
            ids = await self._store.read(state.ids, target.resource, parent, ids[-1], IDS_PER_PAGE)

    def _log_unknown_names(self, resource: Resource, form: Mapping[str, str]) -> None:
        """Log each name that the resource does not have, once.

        What does not look like a name is not repeated, and none of a resource with a password: a value that was sent with
        an unencoded `&` in it is a name from there on.
        """
        for name in form:
            is_fit_for_logs = NAME.fullmatch(name) is not None and not resource.has_secret
            unknown = (resource.name, name if is_fit_for_logs else NO_NAME)
            if name in resource.by_lower_name or name.startswith(RUNTIME_PREFIX) or unknown in self._logged_names:
                continue
            if len(self._logged_names) < MOST_LOGGED_NAMES:
                self._logged_names.add(unknown)
                log.info("rest.parameter_ignored", resource=resource.name, parameter=unknown[1])


def _allowed(target: Target) -> str:
    return ", ".join(sorted(READING_METHODS if target.id is None else METHODS))


T = TypeVar("T")


def _counted(tx: Tx, read: Callable[[Tx, Resource, int | None, int, int], list[T]], resource: Resource,
             parent: int | None, most: int) -> tuple[int, list[T]]:  # fmt: skip
    """Return the first page of a list, and how many there are in all, as of one moment."""
    found = read(tx, resource, parent, 0, most)
    return (len(found) if len(found) < most else state.count(tx, resource, parent)), found


def create(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Values:
    """Create an object; return its state."""
    return state.after_write(tx, resource, config.create(tx, resource, key, form))


def change(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Values:
    """Change what the form names of an object; return its state."""
    return state.after_write(tx, resource, config.change(tx, resource, key, form))


def act(tx: Tx, resource: Resource, key: Key, action: str) -> Values:
    """Carry out an action on an object; return its state."""
    return state.after_write(tx, resource, actions.act(tx, resource, key, action))
