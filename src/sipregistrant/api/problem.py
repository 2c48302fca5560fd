"""Errors as problem documents (RFC 9457), with every fault of the request named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from ..errors import (
    ActionUnknown,
    ConfigurationError,
    NotUnique,
    ObjectExists,
    ObjectMissing,
    ReferenceMissing,
    SipRegistrantError,
    ValueRefused,
)
from .request_ids import request_id

__all__ = ["MEDIA_TYPE", "Problem", "problem", "problem_of"]

NOTHING = "nothing was changed"

MEDIA_TYPE = "application/problem+json"  # RFC 9457 §6.1


class Problem(Exception):
    """A request that is not carried out: the status, and what the document says."""

    def __init__(self, status: int, detail: str = "", *, faults: Sequence[tuple[str, str]] = (),
                 headers: Mapping[str, str] | None = None, **members: Any) -> None:  # fmt: skip
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.headers = headers or {}
        self.members = members

    def response(self) -> JSONResponse:
        """Return the document."""
        reply = problem(self.status, self.detail, faults=self.faults, **self.members)
        reply.headers.update(self.headers)
        return reply


def problem(status: int, detail: str = "", *, faults: Sequence[tuple[str, str]] = (), **members: Any) -> JSONResponse:
    """Return the document. `faults` are (field, what is wrong with it); `members` extend it (§3.2).

    The type is always about:blank: the status says what kind of problem it is; the title is its phrase then (§4.2.1).
    """
    content: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    if faults:
        content["faults"] = [{"field": field, "problem": text} for field, text in faults]
    if id := request_id():
        content["request_id"] = id
    return JSONResponse(content | members, status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def problem_of(error: SipRegistrantError, field: str = "") -> Problem:
    """Return what a refusal is to who asked; `field` is what JSON calls the attribute that is at fault."""
    match error:
        case ObjectMissing() | ActionUnknown():
            return Problem(404, str(error))
        case ObjectExists():
            return Problem(409, str(error))
        case ValueRefused():
            return Problem(
                422, "nothing was changed", faults=[(field or error.attribute, error.problem or f"it is {error.fault}")]
            )
        case ReferenceMissing():
            return Problem(
                422, "nothing was changed", faults=[(field or error.attribute, f"{error.target} does not exist")]
            )
        case NotUnique():
            return Problem(422, NOTHING, faults=[(field or error.attribute, "it is not unique")])
        case ConfigurationError():
            return Problem(422, str(error))
    return Problem(409, str(error))
