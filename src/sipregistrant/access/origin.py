"""Whether a foreign web page made a browser send a request.

A form POST with a cookie is a *simple request*: a browser sends it for any page without asking. The cookies are
SameSite=Strict; this is the second lock. Programs send neither header and are not concerned.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

__all__ = ["READING_METHODS", "is_foreign"]

READING_METHODS = frozenset({"GET", "HEAD"})
OWN_SITES = frozenset({"same-origin", "none"})  # none: typed by the user, no page at all
HTTPS_PORT = 443


def is_foreign(request: Request, host: str) -> bool:
    """Tell whether it is a writing request of a page that is not of `host`."""
    if request.method in READING_METHODS:
        return False
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    return (site is not None and site not in OWN_SITES) or (origin is not None and not _is_same(origin, host))


def _is_same(origin: str, host: str) -> bool:
    """Tell whether an origin is https and this host; `null` is not."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"https://{host}")
        same_port = (theirs.port or HTTPS_PORT) == (ours.port or HTTPS_PORT)
    except ValueError:
        return False
    return theirs.scheme == "https" and theirs.hostname == ours.hostname and same_port
