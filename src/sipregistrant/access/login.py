"""Checks a user name and a password."""

from __future__ import annotations

import structlog

from ..model.attributes import has_control_characters
from ..store import passwords, users
from ..store.store import Store
from .sessions import Sessions
from .throttle import Throttle

__all__ = ["Login"]

log = structlog.get_logger(__name__)


class Login:
    """Tells what who logs in may do, and makes guessing slow."""

    def __init__(self, store: Store, sessions: Sessions, throttle: Throttle) -> None:
        self._store = store
        self._sessions = sessions
        self._throttle = throttle

    async def level_of(self, username: str, password: str, peer: str) -> str | None:
        """Return the user's level, or None where user and password do not fit together; who guesses gets that late."""
        while True:
            # Checking takes its time. Who changes the password meanwhile wants that to hold for this login, too.
            changes = self._sessions.changes
            level = await self._checked(username, password)
            if level is None:
                # The filter for fail2ban in deploy/ reads this line from its beginning.
                log.warning("login.refused", user=username[: users.LONGEST_NAME], peer=peer)
                await self._throttle.failed(username, peer)
                return None
            await self._throttle.succeeded(username, peer)
            if self._sessions.changes == changes:
                return level

    async def _checked(self, username: str, password: str) -> str | None:
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
