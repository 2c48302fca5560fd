"""Who is logged in: sessions, their cookie, and how long they live.

Page R-LOGIN: the token comes in the login reply's Set-Cookie and goes back as Cookie with each request; a session
without activity ends after ten minutes. Cookie name and attributes, and what programs do to them: observed.

Sessions are in memory: after a restart programs log in again, as they do after ten idle minutes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["IDLE_SECONDS", "MOST_OF_ONE_USER", "Session", "Sessions", "cookie_line", "csrf_cookie_line", "tokens_in"]

COOKIE = "PHPSESSID"
CSRF_COOKIE = "csrfp_token"
IDLE_SECONDS = 600.0

# Many programs never log out. A login is never refused for that; the session that was not used for longest goes.
MOST_OF_ONE_USER = 100

TOKEN_BYTES = 16  # 128 bits, the 32 hexadecimal digits that a PHPSESSID has


def make_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(TOKEN_BYTES)


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


@dataclass(slots=True)
class Session:
    """One login of a user. `used_at` is the instant of its last request."""

    token: str
    user: str
    used_at: float

    @property
    def csrf_token(self) -> str:
        """What each writing request shows beside the cookie, where that is demanded: a page that is not ours cannot
        read it. Derived from the token, which it does not tell.
        """
        return hashlib.sha256(f"csrf:{self.token}".encode()).hexdigest()[: 2 * TOKEN_BYTES]


class Sessions:
    """All sessions. Every user's are ordered by use, so that the first is the one that goes."""

    def __init__(self, *, clock: Callable[[], float], tokens: Callable[[], str] = make_token) -> None:
        """`clock` gives monotonic seconds, `tokens` a new secret each time."""
        self._clock = clock
        self._tokens = tokens
        self._by_token: dict[str, Session] = {}
        self._by_user: dict[str, OrderedDict[str, Session]] = {}
        self.changes = 0
        """How often a user's sessions were ended: a login that began before it must look again."""

    def __len__(self) -> int:
        return len(self._by_token)

    def begin(self, user: str) -> Session:
        """Log a user in."""
        self._end_idle_ones(user)
        while len(self._by_user.get(user, ())) >= MOST_OF_ONE_USER:
            self.end(next(iter(self._by_user[user].values())))
        session = Session(self._tokens(), user, self._clock())
        self._by_token[session.token] = session
        self._by_user.setdefault(user, OrderedDict())[session.token] = session
        return session

    def find(self, tokens: Iterable[str]) -> Session | None:
        """Return the first live session among the tokens, now used, or None."""
        for token in tokens:
            session = self._by_token.get(token)
            if session is None:
                continue
            if self._is_idle(session):
                self.end(session)
                continue
            session.used_at = self._clock()
            self._by_user[session.user].move_to_end(token)
            return session
        return None

    def end(self, session: Session) -> None:
        """End one session: a logout. Ending it twice is nothing."""
        if self._by_token.pop(session.token, None) is None:
            return
        own = self._by_user[session.user]
        del own[session.token]
        if not own:
            del self._by_user[session.user]

    def end_all_of(self, user: str) -> None:
        """End all sessions of a user, whose password is another now, or who is gone."""
        self.changes += 1
        for session in list(self._by_user.get(user, {}).values()):
            self.end(session)

    def _end_idle_ones(self, user: str) -> None:
        for session in list(self._by_user.get(user, {}).values()):
            if not self._is_idle(session):
                break
            self.end(session)

    def _is_idle(self, session: Session) -> bool:
        return self._clock() - session.used_at >= IDLE_SECONDS
