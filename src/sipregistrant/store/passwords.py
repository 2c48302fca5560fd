"""Login passwords: argon2id, always in a thread, because one hash takes tens of milliseconds on purpose."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["LONGEST_PASSWORD", "PASSWORD_RULE", "hash_password", "hash_password_now", "is_acceptable", "verify"]

LONGEST_PASSWORD = 128  # what the login of the wire API takes ("Resource - login")

# RFC 9106 §4, second recommended option, but one lane: a login must not take both processors from the registrations.
HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)

# Two at once are 128 MiB; a flood of logins waits instead of taking the machine.
THREADS = ThreadPoolExecutor(2, thread_name_prefix="argon2")

PASSWORD_RULE = f"1 to {LONGEST_PASSWORD} printable characters are wanted"


def is_acceptable(password: str) -> bool:
    """Tell whether a text may become somebody's password: nobody can type again what nobody can see."""
    return 1 <= len(password) <= LONGEST_PASSWORD and password.isprintable()


@cache
def _nobody() -> str:
    """Return what is verified when there is no such user: the time of an answer must not tell which names exist."""
    return HASHER.hash("nobody's password")


def hash_password_now(password: str) -> str:
    """Return the hash that `verify` takes; blocks."""
    return HASHER.hash(password)


async def hash_password(password: str) -> str:
    """Return the hash that `verify` takes."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, HASHER.hash, password)


async def verify(password_hash: str | None, password: str) -> bool:
    """Tell whether the password is the one. None, for a user that does not exist, takes as long and is False."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, _verify_now, password_hash, password)


def _verify_now(password_hash: str | None, password: str) -> bool:
    try:
        is_right = HASHER.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return is_right and bool(password_hash)
