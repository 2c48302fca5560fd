"""Which credentials a registration may answer a challenge with.

The realm is known only when the challenge comes, the user of the From URI before: so the store hands out, in the
order of use, all credentials of the server's table that fit the user, and the core chooses among them by realm
(`sip/registration.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

import re2

from ..model.credentials import ALGORITHM_OF_HA1, AUTHENTICATION_ID, ENTRY, HA1, REGEX
from ..sip.authentication import Credential
from .schema import OBJECTS
from .secrets import Vault
from .tx import Tx

__all__ = ["credentials_for"]

TABLE = OBJECTS[ENTRY.name]

# A table of a million regular expressions would be a million matches an attempt.
MOST_PATTERNS = 1000

# Opened or compiled once for all attempts; beyond that, the one that was not used for longest is opened anew.
MOST_REMEMBERED = 4096

# One credential for a whole trunk is written so.
MATCH_ALL = frozenset({".*", "^.*$"})

COLUMNS = "id, position, realm, user, encrypted_password, match_regex, password_kind"
EXACT = f"""
SELECT {COLUMNS} FROM {TABLE.name} WHERE parent_uid = ? AND from_uri_user_match = {AUTHENTICATION_ID:d}
  AND user IN (SELECT value FROM json_each(?))
"""
PATTERNS = f"""
SELECT {COLUMNS} FROM {TABLE.name} WHERE parent_uid = ? AND from_uri_user_match = {REGEX:d}
ORDER BY position LIMIT {MOST_PATTERNS}
"""

_Row = tuple[int, int, str, str, bytes, str, int]
"""A credential as `COLUMNS` has it."""


def credentials_for(tx: Tx, table_uid: int | None, users: Collection[str]) -> dict[str, list[Credential]]:
    """Return for each user of a From URI the credentials that fit it, first to be tried first."""
    if table_uid is None or not users:
        return {}
    by_user: dict[str, list[_Row]] = {user: [] for user in users}
    for row in tx.sqlite.execute(EXACT, (table_uid, json.dumps(list(users)))):
        by_user[row[3]].append(row)
    for row in tx.sqlite.execute(PATTERNS, (table_uid,)):
        if row[5] in MATCH_ALL:
            matching: Iterable[list[_Row]] = by_user.values()
        else:
            matches = _compiled(row[5]).fullmatch
            matching = [rows for user, rows in by_user.items() if matches(user) is not None]
        for rows in matching:
            rows.append(row)
    return {user: _opened_in_order(tx, table_uid, rows) for user, rows in by_user.items()}


def _opened_in_order(tx: Tx, table_uid: int, rows: list[_Row]) -> list[Credential]:
    if len(rows) > 1:
        rows.sort(key=lambda row: (row[1], row[0]))
    return [_opened(tx.vault, table_uid, id, realm, user, sealed, kind) for id, _, realm, user, sealed, _, kind in rows]


@lru_cache(MOST_REMEMBERED)
def _compiled(pattern: str) -> Any:
    """Return a compiled pattern; re2's own cache holds fewer than a table may have."""
    return re2.compile(pattern)


@lru_cache(MOST_REMEMBERED)
def _opened(vault: Vault, table_uid: int, id: int, realm: str, user: str, sealed: bytes, kind: int) -> Credential:
    password = vault.open(sealed, f"{ENTRY.name}:{table_uid}.{id}:encrypted_password")
    if kind == HA1:
        return Credential(realm, user, password.lower(), str(id), ALGORITHM_OF_HA1[len(password)])
    return Credential(realm, user, password, str(id))
