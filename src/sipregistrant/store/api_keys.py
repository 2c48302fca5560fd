"""API keys: what programs show instead of a name and a password.

A key is 256 random bits, so its plain SHA-256 is what is kept: nobody can guess what has that digest, and looking it up costs
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

__all__ = ["LONGEST_NAME", "PREFIX", "ApiKey", "add", "find", "list_keys", "remove"]

LONGEST_NAME = 64
PREFIX = "srk_"
"""So that programs which look for secrets in source code find one."""
KEY_BYTES = 32

COLUMNS = "id, name, level, created_at, created_by"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without the key. `created_at` is in milliseconds of schedule time."""

    id: int
    name: str
    level: str
    created_at: int
    created_by: str


def add(tx: Tx, name: str, level: str) -> tuple[ApiKey, str]:
    """Make a key; return it, and its text, which nobody can read again."""
    if not name or len(name) > LONGEST_NAME or has_control_characters(name):
        raise ValueRefused("bad", "name", f"1 to {LONGEST_NAME} characters, no control characters")
    if level not in LEVELS:
        raise ValueRefused("bad", "role", "one of " + ", ".join(LEVELS))
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        id = tx.sqlite.execute(
            "INSERT INTO api_key (name, level, digest, created_at, created_by) VALUES (?, ?, ?, ?, ?)",
            (name, level, _digest(key), tx.now, tx.who),
        ).lastrowid
    except sqlite3.IntegrityError:
        raise ObjectExists("key", name) from None
    assert id is not None
    audit.note(tx, "create", "key", name, None, {"role": level})
    return ApiKey(id, name, level, tx.now, tx.who), key


def find(tx: Tx, key: str) -> ApiKey | None:
    """Return who shows a key, or None."""
    row = tx.sqlite.execute(f"SELECT {COLUMNS} FROM api_key WHERE digest = ?", (_digest(key),)).fetchone()
    return None if row is None else ApiKey(*row)


def list_keys(tx: Tx) -> list[ApiKey]:
    """Return all keys by name."""
    return [ApiKey(*row) for row in tx.sqlite.execute(f"SELECT {COLUMNS} FROM api_key ORDER BY name").fetchall()]


def remove(tx: Tx, name: str) -> None:
    """Remove a key: it opens nothing from now on. `ObjectMissing` where there is none of that name."""
    if tx.sqlite.execute("DELETE FROM api_key WHERE name = ?", (name,)).rowcount == 0:
        raise ObjectMissing("key", name)
    audit.note(tx, "delete", "key", name)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
