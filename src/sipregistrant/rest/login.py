"""`POST /rest/login`: a user name and a password become a session.

Page R-LOGIN: `Username` and `Password`, both required, of at most 256 and 128 characters; the user's access level must
be REST, an administrator's does not do. A failed login is body 500 with a code of the 3000s (observed).
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from ..model.attributes import has_control_characters
from ..store import passwords, users
from ..store.store import Store
from .codes import BAD_LOGIN, LOGIN_FIELD_MISSING, WRONG_LEVEL, WireRefusal
from .sessions import Session, Sessions
from .throttle import Throttle

__all__ = ["Login"]

log = structlog.get_logger(__name__)

LEVEL = "rest"


class Login:
    """Checks who logs in."""

    def __init__(self, store: Store, sessions: Sessions, throttle: Throttle) -> None:
        self._store = store
        self._sessions = sessions
        self._throttle = throttle

    async def begin_session(self, form: Mapping[str, str], peer: str) -> Session:
        """Return a new session of the user that the form names, or raise `WireRefusal`."""
        username, password = form.get("username", ""), form.get("password", "")
        if not username or not password:
            raise WireRefusal(LOGIN_FIELD_MISSING.about("Password" if username else "Username"))
        while True:
            # Checking takes its time. Who changes the password meanwhile wants that to hold for this login, too.
            changes = self._sessions.changes
            level = await self._level_of(username, password)
            if level is None:
                # The filter for fail2ban in deploy/ reads this line from its beginning.
                log.warning("login.refused", user=username[: users.LONGEST_NAME], peer=peer)
                await self._throttle.failed(username, peer)
                raise WireRefusal(BAD_LOGIN.about(username[: users.LONGEST_NAME]))
            await self._throttle.succeeded(username, peer)
            if self._sessions.changes == changes:
                break
        if level != LEVEL:
            log.warning("login.wrong_level", user=username, user_level=level, peer=peer)
            raise WireRefusal(WRONG_LEVEL.about(username))
        return self._sessions.begin(username)

    async def _level_of(self, username: str, password: str) -> str | None:
        """Return the user's level, or None where user and password do not fit together."""
        if not _can_be_right(username, password):
            await passwords.verify(None, "")
            return None
        user = await self._store.read(users.find, username)
        is_right = await passwords.verify(user.password_hash if user else None, password)
        return user.level if user and is_right else None


def _can_be_right(username: str, password: str) -> bool:
    """Tell whether such a user could exist: bytes that are not UTF-8 cannot even be looked up."""
    is_short = len(username) <= users.LONGEST_NAME and len(password) <= passwords.LONGEST_PASSWORD
    return is_short and not has_control_characters(username) and not has_control_characters(password)
