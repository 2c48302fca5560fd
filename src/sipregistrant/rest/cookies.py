"""The session cookie of the wire API.

Page R-LOGIN: the token comes in the login reply's Set-Cookie and goes back as Cookie with each request. Its name and
attributes, and what programs do to them: observed.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..access.sessions import Session

__all__ = ["cookie_line", "csrf_cookie_line", "tokens_in"]

COOKIE = "PHPSESSID"
CSRF_COOKIE = "csrfp_token"


def cookie_line(token: str) -> str:
    """Return the value of the Set-Cookie header; it must be the last of them."""
    return f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"


def csrf_cookie_line(session: Session) -> str:
    """Return the value of the Set-Cookie header of newer firmware; pages of ours read it, so it is not HttpOnly."""
    return f"{CSRF_COOKIE}={session.csrf_token}; Path=/; Secure; SameSite=Strict"


def tokens_in(cookie_headers: Iterable[str]) -> list[str]:
    """Return the session tokens of Cookie headers, which may be whole Set-Cookie lines, or several joined with `, `."""
    pairs = (pair.partition("=") for header in cookie_headers for pair in header.replace(",", ";").split(";"))
    return [value.strip() for name, _, value in pairs if name.strip() == COOKIE]
