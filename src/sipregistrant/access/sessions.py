"""Who is logged in: sessions, and how long they live.

A session without activity ends after ten minutes (page R-LOGIN). Sessions are in memory: after a restart people and
programs log in again, as they do after ten idle minutes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

__all__ = ["IDLE_SECONDS", "MOST_OF_ONE_USER", "Session", "Sessions", "make_token"]

IDLE_SECONDS = 600.0

# Many programs never log out. A login is never refused for that; the session that was not used for longest goes.
MOST_OF_ONE_USER = 100

TOKEN_BYTES = 16  # 128 bits, the 32 hexadecimal digits that a PHPSESSID has


def make_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(TOKEN_BYTES)


@dataclass(slots=True)
class Session:
    """One login of a user, who may do what `level` says. `used_at` is the instant of its last request."""

    token: str = field(repr=False)
    user: str
    used_at: float
    level: str = "rest"

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

    def begin(self, user: str, level: str = "rest") -> Session:
        """Log a user in."""
        self._end_idle_ones(user)
        while len(self._by_user.get(user, ())) >= MOST_OF_ONE_USER:
            self.end(next(iter(self._by_user[user].values())))
        session = Session(self._tokens(), user, self._clock(), level)
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
