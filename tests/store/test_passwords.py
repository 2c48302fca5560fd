"""Login passwords."""

from __future__ import annotations

import pytest

from sipregistrant.store.passwords import hash_password, hash_password_now, verify


@pytest.fixture(scope="module")
def password_hash() -> str:
    """One hash for all tests: it takes long on purpose."""
    return hash_password_now("open sesame")


def test_a_hash_is_argon2id_and_does_not_hold_the_password(password_hash: str) -> None:
    assert password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert "sesame" not in password_hash


async def test_the_right_password_is_right(password_hash: str) -> None:
    assert await verify(password_hash, "open sesame")


@pytest.mark.parametrize("password", ["", "Open sesame", "open sesame ", "ü\x00"])
async def test_any_other_is_wrong(password_hash: str, password: str) -> None:
    assert not await verify(password_hash, password)


async def test_nobody_has_a_password() -> None:
    assert not await verify(None, "nobody's password")
    assert not await verify(None, "")


@pytest.mark.parametrize("broken", ["x", "$argon2id$v=19$m=65536,t=3,p=1$", "plain text"])
async def test_what_is_no_hash_verifies_nothing(broken: str) -> None:
    assert not await verify(broken, broken)


async def test_an_empty_hash_verifies_nothing() -> None:
    assert not await verify("", "nobody's password")


async def test_two_hashes_of_one_password_differ(password_hash: str) -> None:
    assert await hash_password("open sesame") != password_hash
