"""Refuse what a foreign web page makes a browser send.

A form POST with a cookie is a *simple request*: a browser sends it for any page without asking. The cookie is
SameSite=Strict; this is the second lock. Programs send neither header and are not concerned.

The third is that of newer firmware, and an option: a token that came with the login is sent back in a header, which a page
of another origin cannot set (observed: `csrfp_token`, `X-CSRF-Token`).
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.requests import Request

from .codes import FOREIGN_ORIGIN, WireRefusal
from .sessions import Session

__all__ = ["refuse_foreign_origin", "refuse_without_token"]

READING_METHODS = frozenset({"GET", "HEAD"})
OWN_SITES = frozenset({"same-origin", "none"})  # none: typed by the user, no page at all
HTTPS_PORT = 443


def refuse_foreign_origin(request: Request, host: str) -> None:
    """Raise `WireRefusal` for a writing request of a page that is not of `host`."""
    if request.method in READING_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_foreign = (site is not None and site not in OWN_SITES) or (origin is not None and not _is_same(origin, host))
    if is_foreign:
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


def _is_same(origin: str, host: str) -> bool:
    """Tell whether an origin is https and this host; `null` is not."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"https://{host}")
        same_port = (theirs.port or HTTPS_PORT) == (ours.port or HTTPS_PORT)
    except ValueError:
        return False
    return theirs.scheme == "https" and theirs.hostname == ours.hostname and same_port
