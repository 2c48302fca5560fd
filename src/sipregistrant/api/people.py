"""Who may do what: sessions, users, tokens; and what they have done, the audit log.

POST   /session                {"name", "password"}: log in; GET says who is logged in, DELETE logs out
GET    /users                  POST {"name", "role", "password"}
PUT    /users/{name}/password  DELETE /users/{name}
GET    /tokens                   POST {"name", "role"} -> the token, once; DELETE /tokens/{name}
GET    /audit                  who changed what, from what to what, the newest first
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ..access.actor import Actor, Role
from ..errors import ValueRefused
from ..store import api_tokens, audit, passwords, users
from ..store.store import Store
from . import schemas
from .gate import COOKIE, Administrator, Reader, gate_of
from .objects import read_object
from .pages import LARGEST_ID, After, Limit
from .problem import Problem
from .registrations import instant

__all__ = ["People"]

Json = dict[str, Any]

ROLES = [role.level for role in Role]
ROLE = {"enum": ROLES}
TEXT = {"type": "string"}
NAME = {"type": "string", "minLength": 1, "maxLength": users.LONGEST_NAME, "pattern": schemas.NO_CONTROLS}
TOKEN_NAME = {**NAME, "maxLength": api_tokens.LONGEST_NAME}
# What can be typed: letters, digits, marks and blanks of ASCII always can.
PASSWORD = {"type": "string", "minLength": 1, "maxLength": passwords.LONGEST_PASSWORD, "format": "password",
            "pattern": "^[ -~]*$", "description": "printable characters, of other scripts as well"}  # fmt: skip
WHO = schemas.object_of({"name": TEXT, "role": ROLE})
USER = WHO
TOKEN = schemas.object_of(
    {"name": TEXT, "role": ROLE, "created_at": TEXT, "created_by": TEXT, "token": TEXT}, optional=("token",)
)
LINE = schemas.object_of({
    "id": {"type": "integer"}, "at": TEXT, "who": TEXT, "action": TEXT, "resource": TEXT, "key": TEXT,
    "before": {"type": ["object", "null"]}, "after": {"type": ["object", "null"]},
})  # fmt: skip

Text = Annotated[str, Query(max_length=256)]


class People:
    """The routes."""

    def __init__(self, store: Store, on_user_changed: Callable[[str], None]) -> None:
        """`on_user_changed(name)` is called when a password is another, or a user is gone."""
        self._store = store
        self._on_user_changed = on_user_changed
        self.router = APIRouter()
        some = schemas.object_of
        name_and_password = some({"name": NAME, "password": PASSWORD})
        self._add("POST", "/session", self.log_in, "Log in", schemas.json_reply("The cookie is in the answer.", WHO),
                  body=name_and_password, status=201, role="Needs nobody.", failures=(400, 413))  # fmt: skip
        self._add("GET", "/session", self.who, "Say who is asking", schemas.json_reply("Who it is.", WHO))
        self._add("DELETE", "/session", self.log_out, "Log out", {"description": "The session has ended."}, status=204)
        items = schemas.json_reply
        admin = "Needs the role admin."
        self._add("GET", "/users", self.list_users, "List the users", items("All, by name.", _all(USER)), role=admin)
        self._add("POST", "/users", self.add_user, "Add a user", items("It was added.", USER), status=201, role=admin,
                  body=some({"name": NAME, "role": ROLE, "password": PASSWORD}), failures=(400, 409, 413))  # fmt: skip
        self._add("PUT", "/users/{name:path}/password", self.set_password, "Change a password; the user's sessions end",
                  {"description": "It was changed."}, status=204, role=admin, body=some({"password": PASSWORD}),
                  failures=(400, 404, 413))  # fmt: skip
        self._add("DELETE", "/users/{name:path}", self.remove_user, "Remove a user; the user's sessions end",
                  {"description": "It is gone."}, status=204, role=admin, failures=(404,))  # fmt: skip
        self._add(
            "GET", "/tokens", self.list_tokens, "List the API tokens", items("All, by name.", _all(TOKEN)), role=admin
        )
        self._add("POST", "/tokens", self.add_token, "Make an API token", items("The token.", TOKEN), status=201,
                  role=admin, body=some({"name": TOKEN_NAME, "role": ROLE}), failures=(400, 409, 413))  # fmt: skip
        self._add("DELETE", "/tokens/{name:path}", self.remove_token, "Remove an API token; it opens nothing from now on",
                  {"description": "It is gone."}, status=204, role=admin, failures=(404,))  # fmt: skip
        self._add("GET", "/audit", self.audit, "Show who changed what, the newest first",
                  items("A page, back in time.", schemas.listed(LINE)), role=admin)  # fmt: skip

    def _add(self, method: str, path: str, endpoint: Any, summary: str, reply: Json, *, body: Json | None = None,
             status: int = 200, role: str = "Needs the role readonly.", failures: tuple[int, ...] = ()) -> None:  # fmt: skip
        extra = schemas.body(body) if body is not None else {}
        if "{name" in path:
            extra["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": NAME}]
        self.router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description=role, tags=["people"], status_code=status,
            operation_id=endpoint.__name__, response_model=None, response_class=JSONResponse, openapi_extra=extra,
            responses={**schemas.problems(*failures), status: reply},
        )  # fmt: skip

    # --- sessions

    async def log_in(self, request: Request) -> Response:
        """Begin a session."""
        name, password = await _texts(request, "name", "password")
        gate = gate_of(request)
        level = await gate.login.level_of(name, password, gate.caller_of(request).peer)
        if level is None:
            raise Problem(401, "no user has this name and this password")
        session = gate.sessions.begin(name, level)
        reply = JSONResponse({"name": f"user:{name}", "role": level}, 201)
        reply.set_cookie(COOKIE, session.token, path="/", secure=True, httponly=True, samesite="strict")
        return reply

    async def who(self, actor: Reader) -> Response:
        """Say who asks."""
        return JSONResponse(_who(actor))

    async def log_out(self, request: Request, actor: Reader) -> Response:
        """End the session, where there is one."""
        gate = gate_of(request)
        session = gate.session_of(request)
        if session is not None:
            gate.sessions.end(session)
        return Response(status_code=204)

    # --- users

    async def list_users(self, actor: Administrator) -> Response:
        """Return all users."""
        found = await self._store.read(users.list_users)
        return JSONResponse({"items": [{"name": user.name, "role": user.level} for user in found]})

    async def add_user(self, request: Request, actor: Administrator) -> Response:
        """Add a user."""
        name, role, password = await _texts(request, "name", "role", "password")
        if role not in ROLES:
            raise Problem(422, faults=[("role", "one of " + ", ".join(ROLES) + " is wanted")])
        password_hash = await passwords.hash_password(_checked(password))
        await self._store.write_as(actor.name, users.add, name, role, password_hash)
        return JSONResponse({"name": name, "role": role}, 201)

    async def set_password(self, request: Request, actor: Administrator) -> Response:
        """Change a password."""
        name = request.path_params["name"]
        (password,) = await _texts(request, "password")
        hashed = await passwords.hash_password(_checked(password))
        await self._store.write_as(actor.name, users.set_password, name, hashed)
        self._on_user_changed(name)
        return Response(status_code=204)

    async def remove_user(self, request: Request, actor: Administrator) -> Response:
        """Remove a user."""
        name = request.path_params["name"]
        await self._store.write_as(actor.name, users.remove, name)
        self._on_user_changed(name)
        return Response(status_code=204)

    # --- tokens

    async def list_tokens(self, actor: Administrator) -> Response:
        """Return all tokens, without their texts."""
        return JSONResponse({"items": [_token(token) for token in await self._store.read(api_tokens.list_tokens)]})

    async def add_token(self, request: Request, actor: Administrator) -> Response:
        """Make a token."""
        name, role = await _texts(request, "name", "role")
        token, text = await self._store.write_as(actor.name, api_tokens.add, name, role)
        return JSONResponse({**_token(token), "token": text}, 201)

    async def remove_token(self, request: Request, actor: Administrator) -> Response:
        """Remove a token."""
        await self._store.write_as(actor.name, api_tokens.remove, request.path_params["name"])
        return Response(status_code=204)

    # --- the audit log

    async def audit(self, actor: Administrator, who: Text = "", resource: Text = "", key: Text = "",
                    before: After = LARGEST_ID, limit: Limit = 100) -> Response:  # fmt: skip
        """Return a page of it."""
        lines = await self._store.read(audit.page, before, limit, who=who, resource=resource, key=key)
        items = [{**line._asdict(), "at": instant(line.at)} for line in lines]
        return JSONResponse({"items": items, "next": lines[-1].id if len(lines) == limit else None})


def _all(item: Json) -> Json:
    return schemas.object_of({"items": {"type": "array", "items": item}})


def _who(actor: Actor) -> Json:
    return {"name": actor.name, "role": actor.role.level}


def _token(token: api_tokens.ApiToken) -> Json:
    return {
        "name": token.name,
        "role": token.level,
        "created_at": instant(token.created_at),
        "created_by": token.created_by,
    }


async def _texts(request: Request, *names: str) -> list[str]:
    """Return the named members of a body; all must be there, and be texts, and there may be no others."""
    given = await read_object(request)
    faults = [(name[:64], "there is no such member") for name in given.keys() - set(names)]
    faults += [(name, "a text is wanted") for name in names if not isinstance(given.get(name), str)]
    if faults:
        raise Problem(422, "nothing was changed", faults=sorted(faults))
    return [str(given[name]) for name in names]


def _checked(password: str) -> str:
    if not passwords.is_acceptable(password):
        raise ValueRefused("bad", "password", passwords.PASSWORD_RULE)
    return password
