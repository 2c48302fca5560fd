"""API tokens: what programs show instead of a name and a password.

A token is 256 random bits, so its plain SHA-256 is what is kept: nobody can guess what has that digest, and looking it up costs
a request microseconds, where a password's hash would cost tens of milliseconds.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass

from ..errors import ObjectExists, ObjectMissing, ValueRefused
from ..model.attributes import has_control_characters
from . import audit
from .tx import Tx
from .users import LEVELS

__all__ = ["LONGEST_NAME", "PREFIX", "ApiToken", "add", "find", "list_tokens", "remove"]

LONGEST_NAME = 64
PREFIX = "srt_"
"""So that programs which look for secrets in source code find one."""
TOKEN_BYTES = 32

COLUMNS = "id, name, level, created_at, created_by"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token, without its text. `created_at` is in milliseconds of schedule time."""

    id: int
    name: str
    level: str
    created_at: int
    created_by: str


def add(tx: Tx, name: str, level: str) -> tuple[ApiToken, str]:
    """Make a token; return it, and its text, which nobody can read again."""
    if not name or len(name) > LONGEST_NAME or has_control_characters(name):
        raise ValueRefused("bad", "name", f"1 to {LONGEST_NAME} characters, no control characters")
    if level not in LEVELS:
        raise ValueRefused("bad", "role", "one of " + ", ".join(LEVELS))
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    try:
        id = tx.sqlite.execute(
            "INSERT INTO api_token (name, level, digest, created_at, created_by) VALUES (?, ?, ?, ?, ?)",
            (name, level, _digest(token), tx.now, tx.who),
        ).lastrowid
    except sqlite3.IntegrityError:
        raise ObjectExists("token", name) from None
    assert id is not None
    audit.note(tx, "create", "token", name, None, {"role": level})
    return ApiToken(id, name, level, tx.now, tx.who), token


def find(tx: Tx, token: str) -> ApiToken | None:
    """Return who shows a token, or None."""
    row = tx.sqlite.execute(f"SELECT {COLUMNS} FROM api_token WHERE digest = ?", (_digest(token),)).fetchone()
    return None if row is None else ApiToken(*row)


def list_tokens(tx: Tx) -> list[ApiToken]:
    """Return all tokens by name."""
    return [ApiToken(*row) for row in tx.sqlite.execute(f"SELECT {COLUMNS} FROM api_token ORDER BY name").fetchall()]


def remove(tx: Tx, name: str) -> None:
    """Remove a token: it opens nothing from now on. `ObjectMissing` where there is none of that name."""
    if tx.sqlite.execute("DELETE FROM api_token WHERE name = ?", (name,)).rowcount == 0:
        raise ObjectMissing("token", name)
    audit.note(tx, "delete", "token", name)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
