"""Which credentials a registration may answer a challenge with.

The realm is known only when the challenge comes, the user of the From URI before: so the store hands out, in the
order of use, all credentials of the server's table that fit the user, and the core chooses among them by realm
(`sip/registration.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import re2
from sqlalchemy import Row, select

from ..model.credentials import AUTHENTICATION_ID, ENTRY, REGEX
from ..sip.authentication import Credential
from .schema import OBJECTS
from .tx import Tx

__all__ = ["credentials_for"]

TABLE = OBJECTS[ENTRY.name]

# A table of a million regular expressions would be a million matches an attempt.
MOST_PATTERNS = 1000


def credentials_for(tx: Tx, table_uid: int | None, users: Collection[str]) -> dict[str, list[Credential]]:
    """Return for each user of a From URI the credentials that fit it, first to be tried first."""
    found: dict[str, list[Credential]] = {}
    if table_uid is None:
        return found
    by_user: dict[str, list[Row[Any]]] = {}
    exact = select(TABLE).where(
        TABLE.c.parent_uid == table_uid, TABLE.c.from_uri_user_match == AUTHENTICATION_ID, TABLE.c.user.in_(set(users))
    )
    for row in tx.conn.execute(exact):
        by_user.setdefault(row.user, []).append(row)
    for row in _patterns(tx, table_uid):
        # Compiled once for all users: re2's own cache holds fewer patterns than a table may have.
        pattern = re2.compile(row.match_regex)
        for user in set(users):
            if pattern.fullmatch(user) is not None:
                by_user.setdefault(user, []).append(row)
    for user in set(users):
        rows = sorted(by_user.get(user, []), key=lambda row: (row.position, row.id))
        found[user] = [_opened(tx, row) for row in rows]
    return found


def _patterns(tx: Tx, table_uid: int) -> list[Row[Any]]:
    query = (
        select(TABLE)
        .where(TABLE.c.parent_uid == table_uid, TABLE.c.from_uri_user_match == REGEX)
        .order_by(TABLE.c.position)
        .limit(MOST_PATTERNS)
    )
    return list(tx.conn.execute(query))


def _opened(tx: Tx, row: Row[Any]) -> Credential:
    place = f"{ENTRY.name}:{row.parent_uid}.{row.id}:encrypted_password"
    return Credential(row.realm, row.user, tx.vault.open(row.encrypted_password, place), str(row.id))
