"""Refuse what a foreign web page makes a browser send.

A form POST with a cookie is a *simple request*: a browser sends it for any page without asking. The cookie is
SameSite=Strict; this is the second lock. Programs send neither header and are not concerned.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from .codes import FOREIGN_ORIGIN, WireRefusal

__all__ = ["refuse_foreign_origin"]

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


def _is_same(origin: str, host: str) -> bool:
    """Tell whether an origin is https and this host; `null` is not."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"https://{host}")
        same_port = (theirs.port or HTTPS_PORT) == (ours.port or HTTPS_PORT)
    except ValueError:
        return False
    return theirs.scheme == "https" and theirs.hostname == ours.hostname and same_port
