"""Refuse what a foreign web page makes a browser send (`access/origin.py`).

Beyond that cookie and origin, newer firmware has a third lock, and an option: a token that came with the login is sent back
in a header, which a page of another origin cannot set (observed: `csrfp_token`, `X-CSRF-Token`).
"""

from __future__ import annotations

import secrets

from starlette.requests import Request

from ..access.origin import READING_METHODS, is_foreign
from ..access.sessions import Session
from .codes import FOREIGN_ORIGIN, WireRefusal

__all__ = ["refuse_foreign_origin", "refuse_without_token"]


def refuse_foreign_origin(request: Request, host: str) -> None:
    """Raise `WireRefusal` for a writing request of a page that is not of `host`."""
    if is_foreign(request, host):
        raise WireRefusal(FOREIGN_ORIGIN)


def refuse_without_token(request: Request, session: Session) -> None:
    """Raise `WireRefusal` for a writing request that does not show the token of its session.

    Reading changes nothing, so it needs none: programs of both firmwares can do it.
    """
    if request.method in READING_METHODS:
        return
    token = request.headers.get("x-csrf-token", "")
    if not secrets.compare_digest(token.encode(), session.csrf_token.encode()):
        raise WireRefusal(FOREIGN_ORIGIN)
