"""Requests on resources: GET reads, PUT creates at the id that the client picked, POST changes, DELETE deletes.

Page REST API - Resource Design for the methods, `/rest/<table>/{id}/<entry>/{id}` for the places. GET, PUT and POST
answer with the whole state of the object, DELETE with the status alone. Each request is one transaction: what a PUT or
POST answers is read in the one that wrote it. No resource is known by name here; `model/registry.py` has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from starlette.requests import Request

from ..model.attributes import Value
from ..model.registry import RESOURCES
from ..model.resource import Resource
from ..store import config, runtime
from ..store.store import Store
from ..store.tx import Key, Tx
from .codes import ID_INVALID, ID_OUT_OF_RANGE, METHOD_UNSUPPORTED, RESOURCE_UNKNOWN, WireRefusal
from .envelope import Block, Listing, Member
from .forms import read_form
from .queries import RUNTIME_PREFIX, Query, parse_query, refuse_actions

__all__ = ["Resources", "Target", "locate"]

METHODS = frozenset({"GET", "PUT", "POST", "DELETE"})

LONGEST_ID_DIGITS = 10

# Programs send the parameters of other firmware. Each name is logged once; not a name more than this, whatever is sent.
MOST_LOGGED_NAMES = 1000

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
        raise WireRefusal(ID_OUT_OF_RANGE.about(resource.name, text))
    return int(text)


class Resources:
    """Carries requests on resources to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._logged_names: set[tuple[str, str]] = set()

    async def carry_out(self, request: Request, target: Target, host: str) -> Block | Listing | None:
        """Do what the request says and return what the reply shows; raises `Refusal`."""
        if request.method not in METHODS:
            raise WireRefusal(METHOD_UNSUPPORTED.about(target.resource.name))
        query = request.scope["query_string"].decode("latin-1")
        if request.method == "GET":
            return await self._get(target, parse_query(query, target.resource), f"https://{host}{target.path}")
        if request.method == "POST":
            refuse_actions(query)
        if target.id is None:
            raise WireRefusal(ID_INVALID.about(target.resource.name))
        if request.method == "DELETE":
            await self._store.write(config.delete, target.resource, target.key)
            return None
        form = await read_form(request, target.resource.uri_names)
        self._log_unknown_names(target.resource, form)
        write = create_object if request.method == "PUT" else change_object
        values = await self._store.write(write, target.resource, target.key, form)
        return Block(target.resource.name, str(target.key), f"https://{host}{target.path}", values)

    async def _get(self, target: Target, query: Query, href: str) -> Block | Listing:
        resource = target.resource
        if target.id is not None:
            values = await self._store.read(read_object, resource, target.key)
            return Block(resource.name, str(target.key), href, query.select(values))
        if query.details:
            objects = await self._store.read(read_objects, resource, target.parent)
            return Listing(resource.name, len(objects), _blocks(resource, objects, query, href))
        ids = await self._store.read(config.list_ids, resource, target.parent)
        return Listing(resource.name, len(ids), _members(target, ids, href))

    def _log_unknown_names(self, resource: Resource, form: Mapping[str, str]) -> None:
        for name in form:
            unknown = (resource.name, name)
            if name in resource.by_lower_name or name.startswith(RUNTIME_PREFIX) or unknown in self._logged_names:
                continue
            if len(self._logged_names) < MOST_LOGGED_NAMES:
                self._logged_names.add(unknown)
                log.info("rest.parameter_ignored", resource=resource.name, parameter=name[:64])


def _members(target: Target, ids: Sequence[int], href: str) -> Iterator[Member]:
    name, parent = target.resource.name, target.parent
    return (Member(name, str(Key(id, parent)), f"{href}/{id}") for id in ids)


def _blocks(resource: Resource, objects: Sequence[tuple[Key, Mapping[str, Value]]], query: Query,
            href: str) -> Iterator[Block]:  # fmt: skip
    return (Block(resource.name, str(key), f"{href}/{key.id}", query.select(values)) for key, values in objects)


def read_object(tx: Tx, resource: Resource, key: Key) -> Mapping[str, Value]:
    """Return the whole state of an object: what is configured, and how it stands."""
    return {**config.get(tx, resource, key), **runtime.runtime(tx, resource, key)}


def read_objects(tx: Tx, resource: Resource, parent: int | None) -> list[tuple[Key, Mapping[str, Value]]]:
    """Return the whole state of all objects of a resource, or of one table."""
    objects = config.get_all(tx, resource, parent)
    standing = runtime.runtime_all(tx, resource, parent)
    return [(key, {**values, **standing.get(key.id, {})}) for key, values in objects]


def create_object(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Mapping[str, Value]:
    """Create an object; return its state."""
    config.create(tx, resource, key, form)
    return read_object(tx, resource, key)


def change_object(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Mapping[str, Value]:
    """Change what the form names of an object; return its state."""
    config.change(tx, resource, key, form)
    return read_object(tx, resource, key)
