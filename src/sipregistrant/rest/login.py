"""`POST /rest/login`: a user name and a password become a session.

Page R-LOGIN: `Username` and `Password`, both required, of at most 256 and 128 characters; the user's access level must
be REST, an administrator's does not do. A failed login is body 500 with a code of the 3000s (observed).
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from ..access.login import Login
from ..access.sessions import Session, Sessions
from ..store import users
from .codes import BAD_LOGIN, LOGIN_FIELD_MISSING, WRONG_LEVEL, WireRefusal

__all__ = ["LEVEL", "begin_session"]

log = structlog.get_logger(__name__)

LEVEL = "rest"


async def begin_session(login: Login, sessions: Sessions, form: Mapping[str, str], peer: str) -> Session:
    """Return a new session of the user that the form names, or raise `WireRefusal`."""
    username, password = form.get("username", ""), form.get("password", "")
    if not username or not password:
        raise WireRefusal(LOGIN_FIELD_MISSING.about("Password" if username else "Username"))
    level = await login.level_of(username, password, peer)
    if level is None:
        raise WireRefusal(BAD_LOGIN.about(username[: users.LONGEST_NAME]))
    if level != LEVEL:
        log.warning("login.wrong_level", user=username, user_level=level, peer=peer)
        raise WireRefusal(WRONG_LEVEL.about(username))
    return sessions.begin(username)
