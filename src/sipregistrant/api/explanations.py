"""Why registrations are as they are, in words.

GET /registrations/{id}/explanation                      one
GET /tables/{table}/entries/{entry}/explanation          all of an entry, the worst first; or why it has none
GET /explanation?aor=sip:alice@carrier.example           all of an AOR, wherever it is
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from ..errors import SipParseError
from ..explain.explanation import Explanation, Facts, explain
from ..explain.unplaced import explain_unplaced
from ..model.status import SEVERITY
from ..sip.uri import parse_uri
from ..store import explained
from ..store.store import Store
from ..store.tx import Tx
from . import schemas
from .gate import Reader
from .pages import LARGEST_ID
from .problem import Problem

__all__ = ["Explanations"]

Json = dict[str, Any]

TEXT = {"type": "string"}
EXPLANATION = schemas.object_of({
    "aor": TEXT, "server": TEXT, "state": TEXT, "headline": TEXT,
    "parts": {"type": "object", "additionalProperties": TEXT,
              "description": "`sent`, `why`, `others`, `held`, `next`: sentences, where there is something to say"},
    "advice": {"type": "array", "items": TEXT}, "cause": {"type": "string", "description": "a key of docs/outcomes.md"},
    "text": TEXT,
})  # fmt: skip

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
TableId = Annotated[int, Path(ge=1, le=65534)]
EntryId = Annotated[int, Path(ge=1, le=2147483647)]
Aor = Annotated[str, Query(min_length=1, max_length=512)]


class Explanations:
    """The routes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.router = router = APIRouter(tags=["explanations"])
        several = schemas.json_reply(
            "Each, the worst first.", schemas.object_of({"items": {"type": "array", "items": EXPLANATION}})
        )
        for path, endpoint, summary, reply in (
            ("/registrations/{id}/explanation", self.explain_registration, "Explain a registration",
             schemas.json_reply("It.", EXPLANATION)),
            ("/tables/{table}/entries/{entry}/explanation", self.explain_entry, "Explain the registrations of an entry", several),
            ("/explanation", self.explain_aor, "Explain the registrations of an AOR", several),
        ):  # fmt: skip
            router.add_api_route(
                path, endpoint, methods=["GET"], summary=summary, response_model=None, response_class=JSONResponse,
                operation_id=endpoint.__name__, description="Needs the role readonly.",
                responses={**schemas.problems(404), 200: reply},
            )  # fmt: skip

    async def explain_registration(self, actor: Reader, id: Id) -> Response:
        """Explain one."""
        facts = await self._store.read(explained.one, id)
        if facts is None:
            raise Problem(404, f"there is no registration {id}")
        return JSONResponse(_json(facts, self._store.now()))

    async def explain_entry(self, actor: Reader, table: TableId, entry: EntryId) -> Response:
        """Explain those of an entry."""
        found = await self._store.read(explained.of_entry, table, entry)
        if found is None:
            raise Problem(404, f"there is no entry {entry} in table {table}")
        if isinstance(found, list):
            return self._all(found)
        told = explain_unplaced(found)
        return JSONResponse({"items": [{"aor": found.aor, "server": "", "state": "no server", **_told(told)}]})

    async def explain_aor(self, actor: Reader, aor: Aor) -> Response:
        """Explain those of an AOR."""
        try:
            user = parse_uri(aor).user
        except SipParseError as error:
            raise Problem(422, faults=[("aor", str(error))]) from None
        found = await self._store.read(_by_aor, aor, user or "")
        if not found:
            raise Problem(404, f"nothing is registered as {aor}")
        return self._all(found)

    def _all(self, found: list[Facts]) -> Response:
        found.sort(key=lambda facts: -SEVERITY[facts.status])
        return JSONResponse({"items": [_json(facts, self._store.now()) for facts in found]})


def _by_aor(tx: Tx, aor: str, user: str) -> list[Facts]:
    found = [explained.one(tx, id) for id in explained.by_aor(tx, aor, user)]
    return [facts for facts in found if facts is not None]


def _json(facts: Facts, now: int) -> Json:
    return {"aor": facts.aor, "server": facts.server, "state": facts.status.value, **_told(explain(facts, now))}


def _told(told: Explanation) -> Json:
    return {
        "headline": told.headline,
        "parts": dict(told.parts),
        "advice": list(told.advice),
        "cause": told.cause,
        "text": told.text,
    }
