"""The objects of /api/v1: everything that is configured, each resource by the same rules.

    GET    /tables                         a page of them
    POST   /tables                         a new one, at an id that is free
    GET    /tables/{table}                 one
    PUT    /tables/{table}                 make it, or give it these values and the defaults
    PATCH  /tables/{table}                 change what is named, and nothing else
    DELETE /tables/{table}
    POST   /tables/{table}/{verb}          refresh, disable, enable, …: where there is something to register (`verbs.py`)

and so for what hangs in them, `/tables/{table}/entries/{entry}`. No resource is known by name here: `shapes.py` has them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ..errors import Refusal
from ..model.resource import Resource, Values
from ..store import config, runtime
from ..store.objects import STORED, parent_uid_of, require
from ..store.sequence import SEQUENCE, render_if_short
from ..store.store import Store
from ..store.tx import Key, Tx
from . import schemas
from .gate import Changer, Reader
from .json_objects import NamedTwice, loads
from .pages import After, Limit, page_of
from .problem import Problem, problem_of
from .registrations import registrations_of
from .shapes import PLACES, Place, Shape, shape_of
from .verbs import Verb, carry_out, verbs_of

__all__ = ["MOST_BODY_BYTES", "Objects", "id_in", "read_object"]

MOST_BODY_BYTES = 64 * 1024

READ = "Needs the role readonly."
CHANGE = "Needs the role rest."

Json = dict[str, Any]


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a body; raises `Problem`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise Problem(413, f"at most {MOST_BODY_BYTES} bytes are taken")
    try:
        given = loads(body)
    except NamedTwice as fault:
        raise Problem(422, "nothing was changed", faults=[(fault.name, "it is named twice")]) from None
    except (ValueError, RecursionError):
        raise Problem(400, "the body is no JSON") from None
    if not isinstance(given, dict):
        raise Problem(422, "the body is no JSON object")
    return given


class Objects:
    """The routes of all resources."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.router = APIRouter()
        for place in PLACES.values():
            _Routes(store, place).add_to(self.router)


class _Routes:
    """The routes of one resource."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place
        self._resource = place.resource
        self._shape = shape_of(place.resource)
        self._parent = PLACES[place.resource.parent] if place.resource.parent else None
        above = f"/{self._parent.collection}/{{{self._parent.one}}}" if self._parent else ""
        self._list_path = f"{above}/{place.collection}"
        self._path = f"{self._list_path}/{{{place.one}}}"

    def add_to(self, router: APIRouter) -> None:
        """Add them."""
        one = self._place.one
        shown, whole, part = (schemas.ref(name) for name in (one, f"{one}_whole", f"{one}_part"))
        self._add(router, "GET", self._list_path, self.list_all, f"List the {self._place.collection}", READ,
                  schemas.json_reply("A page, by id.", schemas.listed(shown)), ids=bool(self._parent))  # fmt: skip
        self._add(router, "POST", self._list_path, self.add, f"Make a {one}, at a free id", CHANGE,
                  schemas.json_reply("It was made.", shown), body=whole, status=201, failures=(400, 404, 409, 413))  # fmt: skip
        self._add(router, "GET", self._path, self.get, f"Show a {one}", READ, schemas.json_reply("It.", shown),
                  failures=(404,))  # fmt: skip
        self._add(router, "PUT", self._path, self.put, f"Make a {one}, or give it these values and the defaults", CHANGE,
                  schemas.json_reply("It was changed.", shown), body=whole, failures=(400, 404, 409, 413),
                  also={201: schemas.json_reply("It was made.", shown)})  # fmt: skip
        self._add(router, "PATCH", self._path, self.patch, f"Change what is named of a {one}", CHANGE,
                  schemas.json_reply("It was changed.", shown), body=part, failures=(400, 404, 409, 413))  # fmt: skip
        self._add(router, "DELETE", self._path, self.delete, f"Delete a {one}", CHANGE,
                  {"description": "It is gone; what was registered by it is un-registered."}, status=204,
                  failures=(404, 409))  # fmt: skip
        for word, verb in verbs_of(self._resource).items():
            self._add(router, "POST", f"{self._path}/{word}", self._verb(verb), f"{word.capitalize()} a {one}: {verb.about}",
                      CHANGE, schemas.json_reply("It is noted; many are carried out in steps.", shown), failures=(404,),
                      name=f"{word}_{one}")  # fmt: skip

    def _add(self, router: APIRouter, method: str, path: str, endpoint: Callable[..., Awaitable[Response]], summary: str,
             role: str, reply: Json, *, body: Json | None = None, status: int = 200, failures: tuple[int, ...] = (),
             also: schemas.Responses | None = None, ids: bool = True, name: str = "") -> None:  # fmt: skip
        parameters = [
            schemas.id_in_path(place) for place in (self._parent, self._place) if place and f"{{{place.one}}}" in path
        ]
        extra: Json = {"parameters": parameters} if parameters else {}
        if body is not None:
            extra |= schemas.body(body)
        if parameters and 404 not in failures:
            failures = (*failures, 404)
        router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description=role, tags=[self._place.collection],
            status_code=status, operation_id=name or f"{endpoint.__name__}_{self._place.one}", response_class=JSONResponse,
            responses={**schemas.problems(*failures), status: reply, **(also or {})}, openapi_extra=extra,
            response_model=None,
        )  # fmt: skip

    # --- what the routes do

    async def list_all(self, request: Request, actor: Reader, after: After = 0, limit: Limit = 100) -> Response:
        """Return a page of them."""
        found = await self._store.read(_page, self._shape, self._parent_in(request), after, limit)
        return page_of(found, limit)

    async def get(self, request: Request, actor: Reader) -> Response:
        """Return one."""
        return JSONResponse(await self._store.read(_one, self._shape, self._key_in(request)))

    async def add(self, request: Request, actor: Changer) -> Response:
        """Make one at a free id."""
        parent, given = self._parent_in(request), await read_object(request)
        made = await self._write(actor.name, _add, self._shape, parent, given)
        return JSONResponse(made, 201)

    async def put(self, request: Request, actor: Changer) -> Response:
        """Make one, or replace it."""
        key, given = self._key_in(request), await read_object(request)
        values, is_new = await self._write(actor.name, _put, self._shape, key, given)
        return JSONResponse(values, 201 if is_new else 200)

    async def patch(self, request: Request, actor: Changer) -> Response:
        """Change one."""
        key, given = self._key_in(request), await read_object(request)
        return JSONResponse(await self._write(actor.name, _patch, self._shape, key, given))

    async def delete(self, request: Request, actor: Changer) -> Response:
        """Delete one."""
        await self._write(actor.name, config.delete, self._resource, self._key_in(request))
        return Response(status_code=204)

    def _verb(self, verb: Verb) -> Callable[..., Awaitable[Response]]:
        async def act(request: Request, actor: Changer) -> Response:
            return JSONResponse(await self._write(actor.name, _act, self._shape, self._key_in(request), verb))

        return act

    async def _write(self, who: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Write, and call attributes as JSON does where it is refused."""
        try:
            return await self._store.write_as(who, function, *arguments)
        except Refusal as error:
            attribute = getattr(error, "attribute", "")
            raise problem_of(error, self._shape.where(attribute) if attribute else "") from None

    def _parent_in(self, request: Request) -> int | None:
        return None if self._parent is None else id_in(request, self._parent)

    def _key_in(self, request: Request) -> Key:
        return Key(id_in(request, self._place), self._parent_in(request))


def id_in(request: Request, place: Place) -> int:
    """Return an id of the path; there is nothing at one that no object can have."""
    told, resource = request.path_params[place.one], place.resource
    if not (
        told.isascii() and told.isdigit() and len(told) <= 10 and resource.lowest_id <= int(told) <= resource.highest_id
    ):
        wanted = f"a number, {resource.lowest_id} to {resource.highest_id}, is wanted"
        raise Problem(422, faults=[(place.one, wanted)])
    return int(told)


# --- in one transaction each


def _shown(tx: Tx, shape: Shape, rows: list[Any], parent: int | None, *, with_sequence: bool = False) -> list[Json]:
    """Return rows of one table as JSON."""
    resource = shape.resource
    place = {"table": parent} if resource.parent else {}
    standing: Mapping[int, Json] = {}
    if not shape.has_contacts:
        standing = {id: _status(values) for id, values in runtime.runtime_of(tx, resource, rows).items()}
    objects = []
    for row in rows:
        shown = {"id": row.id, **place, **shape.to_json(_values(tx, resource, row, with_sequence))}
        if standing.get(row.id):
            shown["status"] = standing[row.id]
        objects.append(shown)
    return objects


def _values(tx: Tx, resource: Resource, row: Any, with_sequence: bool) -> Values:
    values = config.known(resource, row)
    if resource.has_sequence and with_sequence:
        # None for a long table: nobody else writes, or reads, while a million ids are rendered.
        values[SEQUENCE] = render_if_short(tx, resource, row.uid)
    return values


def _status(values: Mapping[str, str | int]) -> Json:
    """Return what /rest shows as `rt_ServerStatus` as `server_status`."""
    return {runtime.word_of(name): value for name, value in values.items()}


def _page(tx: Tx, shape: Shape, parent: int | None, after: int, limit: int) -> list[Json]:
    resource = shape.resource
    rows = STORED[resource.name].page(tx, parent_uid_of(tx, resource, parent), after, limit)
    return _shown(tx, shape, list(rows), parent)


def _one(tx: Tx, shape: Shape, key: Key) -> Json:
    row = require(tx, shape.resource, key)
    (shown,) = _shown(tx, shape, [row], key.parent, with_sequence=True)
    if shape.has_contacts and key.parent is not None:
        shown["registrations"] = registrations_of(tx, key.parent, key.id)
    return shown


def _check(shape: Shape, given: Json, current: Values | None) -> dict[str, str]:
    """Return the form of a body, or raise `Problem` with all that is wrong with it."""
    read = shape.read(given)
    faults = shape.faults(read, current)
    if faults:
        raise Problem(422, "nothing was changed", faults=faults)
    return read.form


def _add(tx: Tx, shape: Shape, parent: int | None, given: Json) -> Json:
    resource = shape.resource
    id = STORED[resource.name].free_id(tx, parent_uid_of(tx, resource, parent))
    if id is None:
        raise Problem(409, f"all ids up to {resource.highest_id} are taken")
    return _put(tx, shape, Key(id, parent), given)[0]


def _put(tx: Tx, shape: Shape, key: Key, given: Json) -> tuple[Json, bool]:
    resource = shape.resource
    is_new = not config.exists(tx, resource, key)
    form = _check(shape, given, None)
    if is_new:
        config.create(tx, resource, key, form)
    else:
        defaults = {a.name: "" if (value := a.default) is None else str(value) for a in resource.stored}
        config.change(tx, resource, key, defaults | form)
    return _one(tx, shape, key), is_new


def _patch(tx: Tx, shape: Shape, key: Key, given: Json) -> Json:
    current = config.known(shape.resource, require(tx, shape.resource, key))
    config.change(tx, shape.resource, key, _check(shape, given, current))
    return _one(tx, shape, key)


def _act(tx: Tx, shape: Shape, key: Key, verb: Verb) -> Json:
    carry_out(tx, shape.resource, key, verb)
    return _one(tx, shape, key)
