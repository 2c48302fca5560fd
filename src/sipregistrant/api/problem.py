"""Errors as problem documents (RFC 9457), with every fault of the request named."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

__all__ = ["MEDIA_TYPE", "problem"]

MEDIA_TYPE = "application/problem+json"  # RFC 9457 §6.1


def problem(status: int, detail: str = "", *, faults: Sequence[tuple[str, str]] = (), **members: Any) -> JSONResponse:
    """Return the document. `faults` are (field, what is wrong with it); `members` extend it (§3.2).

    The type is always about:blank: the status says what kind of problem it is; the title is its phrase then (§4.2.1).
    """
    content: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    if faults:
        content["faults"] = [{"field": field, "problem": text} for field, text in faults]
    return JSONResponse(content | members, status, media_type=MEDIA_TYPE)
