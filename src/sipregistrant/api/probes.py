"""Asking a registrar: would this AOR register, and what does it hold?

POST /probe                            try a would-be entry; nothing is stored, nothing stays bound
POST /registrations/{id}/bindings      fetch what the registrar holds for an AOR, and say whose it is; on request remove what is
                                       ours and old

Both send something, so both are POST and need the role rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from ..explain.answers import of_code
from ..explain.faults import of_reason
from ..model.addressing import registering_user
from ..model.holdings import Holding, Owner, compare
from ..model.probing import Prober, Question, Report
from ..model.registrants import ENTRY
from ..sip.authentication import Credential
from ..store import actions, probed
from ..store.store import Store
from ..store.tx import Key, Tx
from . import schemas
from .gate import Changer
from .objects import read_object
from .pages import LARGEST_ID
from .problem import Problem
from .shapes import shape_of

__all__ = ["Probes"]

Json = dict[str, Any]

EXPIRES_SECONDS = 60
SERVER = re.compile(r"([0-9]{1,5}):([0-9]{1,2})\Z", re.ASCII)

TEXT, SWITCH, INTEGER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
NULL_OR = {"type": ["integer", "null"]}
STEP = schemas.object_of({
    "name": TEXT, "ok": {"type": ["boolean", "null"]}, "text": TEXT, "milliseconds": INTEGER, "details": {"type": "object"},
})  # fmt: skip
CONTACT = schemas.object_of(
    {"uri": TEXT, "expires_seconds": NULL_OR, "q": {"type": ["number", "null"]}, "is_at_us": SWITCH}
)
REPORT = schemas.object_of({
    "ok": SWITCH, "verdict": TEXT, "cause": TEXT, "advice": {"type": "array", "items": TEXT}, "registrar": TEXT, "code": INTEGER,
    "reason": TEXT, "steps": {"type": "array", "items": STEP},
    "contacts": {"anyOf": [{"type": "array", "items": CONTACT}, {"type": "null"}], "description": "what is bound afterwards"},
})  # fmt: skip
HOLDING = schemas.object_of({
    "uri": TEXT, "owner": {"enum": [owner.value for owner in Owner]}, "expires_seconds": NULL_OR,
    "q": {"type": ["number", "null"]},
})  # fmt: skip
HOLDINGS = schemas.object_of({
    "ok": SWITCH, "verdict": TEXT, "bindings": {"type": "array", "items": HOLDING}, "removed": {"type": "array", "items": TEXT},
    "is_registered_again": SWITCH, "steps": {"type": "array", "items": STEP},
})  # fmt: skip
NO_CONTROLS = {"type": "string", "pattern": schemas.NO_CONTROLS, "maxLength": 256}
PROBE = schemas.object_of({
    "server": {"type": "string", "pattern": "^[0-9]{1,5}:[0-9]{1,2}$", "description": "TABLE:ID"},
    "group": {"type": "integer", "minimum": 1, "maximum": 10000, "description": "of the groups that use it; the first, if "
        "none is said"},
    "entry": {"type": "object", "description": "as an entry is written: aor, aor_type, from_uri"},
    "user": NO_CONTROLS, "password": {**NO_CONTROLS, "format": "password"}, "fetch": {**SWITCH, "description": "bind nothing, "
        "only fetch"},
    "expires_seconds": {"type": "integer", "minimum": 1, "maximum": 3600},
}, optional=("group", "user", "password", "fetch", "expires_seconds"))  # fmt: skip
AUDIT = schemas.object_of(
    {"remove_old": SWITCH, "register_missing": SWITCH}, optional=("remove_old", "register_missing")
)

MEMBERS: Mapping[str, type] = {
    "server": str,
    "group": int,
    "entry": dict,
    "user": str,
    "password": str,
    "fetch": bool,
    "expires_seconds": int,
}
WORDS = {str: "a text", int: "a whole number", dict: "an object", bool: "true or false"}

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class Probes:
    """The routes. Without a `prober` no service runs, and nobody can be asked."""

    def __init__(self, store: Store, prober: Prober | None) -> None:
        self._store = store
        self._prober = prober
        self.router = router = APIRouter(tags=["probes"])
        for path, endpoint, summary, reply, given in (
            ("/probe", self.probe, "Try a would-be entry at its registrar",
             schemas.json_reply("What came of it.", REPORT), PROBE),
            ("/registrations/{id}/bindings", self.audit, "Fetch what the registrar holds, and say whose it is",
             schemas.json_reply("What there is.", HOLDINGS), AUDIT),
        ):  # fmt: skip
            router.add_api_route(
                path, endpoint, methods=["POST"], summary=summary, response_model=None, response_class=JSONResponse,
                operation_id=f"{endpoint.__name__}_bindings" if "bindings" in path else endpoint.__name__,
                description="Asks the registrar, which may take some seconds. Needs the role rest.",
                openapi_extra=schemas.body(given, is_required=given is PROBE),
                responses={**schemas.problems(400, 404, 409, 413), 200: reply},
            )  # fmt: skip

    async def probe(self, request: Request, actor: Changer) -> Response:
        """Try an entry."""
        given = _checked(await read_object(request), MEMBERS, ("server", "entry"))
        at = SERVER.match(given["server"])
        if at is None:
            raise Problem(422, faults=[("server", "TABLE:ID is wanted")])
        form = _form(given["entry"])
        if ("user" in given) != ("password" in given):
            raise Problem(422, faults=[("password" if "user" in given else "user", "wanted beside the other")])
        credential = Credential("", given["user"], given["password"], "") if "user" in given else None
        server = Key(int(at[2]), int(at[1]))
        question = await self._store.read(probed.of_server, server, given.get("group"), form, credential)
        if isinstance(question, str):
            raise Problem(409, question)
        aor = str(question.entry["AOR"])
        is_ours = await self._store.read(probed.is_registered, server, aor, registering_user(question.entry))
        question.expires = 0 if given.get("fetch") or is_ours else given.get("expires_seconds", EXPIRES_SECONDS)
        report = await self._ask(question)
        return JSONResponse(_report(report, was_ours=is_ours and not given.get("fetch")))

    async def audit(self, request: Request, id: Id, actor: Changer) -> Response:
        """Fetch what is bound."""
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        given = _checked(
            await read_object(request) if has_body else {}, {"remove_old": bool, "register_missing": bool}, ()
        )
        question = await self._store.read(probed.of_registration, id)
        if question is None:
            raise Problem(404, f"there is no registration {id}")
        if isinstance(question, str):
            raise Problem(409, question)
        report = await self._ask(question)
        holdings = await self._store.read(_compared, id, question, report)
        removed = [one.uri for one in holdings if one.owner is Owner.OURS_OLD] if given.get("remove_old") else []
        if removed:
            question.removed = tuple(removed)
            report = await self._ask(question)
            holdings = await self._store.read(_compared, id, question, report)
            there = {one.uri for one in holdings}
            removed = [uri for uri in removed if uri not in there]
        is_missing = any(one.owner is Owner.MISSING for one in holdings)
        if is_missing and given.get("register_missing"):
            await self._store.write_as(actor.name, _refresh, id)
        return JSONResponse({
            "ok": report.ok, "verdict": _verdict_on(report, holdings), "bindings": [_holding(one) for one in holdings],
            "removed": removed, "is_registered_again": bool(is_missing and given.get("register_missing")),
            "steps": _steps(report),
        })  # fmt: skip

    async def _ask(self, question: Question) -> Report:
        if self._prober is None:
            raise Problem(409, "no service runs: nobody can be asked")
        report = await self._prober.probe(question)
        if report is None:
            raise Problem(503, "enough probes are under way; try again in a moment", headers={"Retry-After": "5"})
        return report


def _checked(given: Json, members: Mapping[str, type], wanted: tuple[str, ...]) -> Json:
    faults = [(name[:64], "there is no such member") for name in given.keys() - members.keys()]
    faults += [
        (name, f"{WORDS[kind]} is wanted")
        for name, kind in members.items()
        if name in given and type(given[name]) is not kind
    ]
    faults += [(name, "is wanted") for name in wanted if name not in given]
    seconds = given.get("expires_seconds")
    if type(seconds) is int and not 1 <= seconds <= 3600:
        faults.append(("expires_seconds", "1 to 3600 is wanted"))
    for name in ("user", "password"):
        text = given.get(name)
        if isinstance(text, str) and (len(text) > 256 or not text.isprintable()):
            faults.append((name, "at most 256 printable characters"))
    if faults:
        raise Problem(422, faults=sorted(faults))
    return given


def _form(entry: Json) -> dict[str, str]:
    shape = shape_of(ENTRY)
    found = shape.read(entry)
    if faults := shape.faults(found):
        raise Problem(422, faults=[(f"entry.{name}", problem) for name, problem in faults])
    return dict(found.form)


def _compared(tx: Tx, id: int, question: Question, report: Report) -> list[Holding]:
    if report.contacts is None:
        return []
    held = [contact.uri for contact in question.sent.contacts if contact.granted] if question.sent is not None else []
    wanted = {*probed.wanted_by_us(tx, probed.binding_key_of(tx, id)), *held}
    return compare(report.contacts, wanted, held)


def _refresh(tx: Tx, id: int) -> None:
    row = tx.sqlite.execute("SELECT registrar_id FROM registration WHERE id = ?", (id,)).fetchone()
    if row is not None:
        actions.act_on(tx, "refresh", [(id, row[0])])


def _report(report: Report, *, was_ours: bool) -> Json:
    cause = None if report.ok else of_reason(report.reason) or (of_code(report.code) if report.code else None)
    if report.ok:
        verdict = "it would register"
        if was_ours:
            verdict = (
                "the registrar takes the credentials; an entry registers this AOR there already, so it was only fetched"
            )
    else:
        verdict = f"it would not register: {report.reason}"
    return {
        "ok": report.ok, "verdict": verdict, "cause": cause.key if cause else "", "advice": list(cause.advice) if cause else [],
        "registrar": report.registrar, "code": report.code, "reason": report.reason, "steps": _steps(report),
        "contacts": None if report.contacts is None else [
            {"uri": one.uri, "expires_seconds": one.expires, "q": one.q, "is_at_us": one.is_at_us} for one in report.contacts
        ],
    }  # fmt: skip


def _steps(report: Report) -> list[Json]:
    return [
        {"name": step.name, "ok": step.ok, "text": step.text, "milliseconds": round(step.seconds * 1000),
         "details": dict(step.details)}
        for step in report.steps
    ]  # fmt: skip


def _holding(one: Holding) -> Json:
    return {"uri": one.uri, "owner": one.owner.value, "expires_seconds": one.expires, "q": one.q}


def _verdict_on(report: Report, holdings: list[Holding]) -> str:
    if not report.ok:
        return f"it could not be fetched: {report.reason}"
    number = {owner: sum(one.owner is owner for one in holdings) for owner in Owner}
    parts = [
        f"{number[owner]} {words}" for owner, words in OWNERS.items() if number[owner]
    ] or ["nothing is bound, and nothing is believed to be"]  # fmt: skip
    return "; ".join(parts)


OWNERS = {
    Owner.OURS: "ours", Owner.OURS_OLD: "old ones of ours", Owner.FOREIGN: "of others", Owner.MISSING: "missing: believed to "
        "be held, and not listed",
}  # fmt: skip
