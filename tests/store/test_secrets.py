"""Secrets at rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sipregistrant.errors import KeyUnusable
from sipregistrant.store.secrets import Vault

PLACE = "sipremoteauthentry:1.1:encrypted_password"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "key")


@pytest.mark.parametrize("secret", ["x", "correct horse", "ü漢😀", "", "x" * 10_000])
def test_what_was_sealed_opens(vault: Vault, secret: str) -> None:
    assert vault.open(vault.seal(secret, PLACE), PLACE) == secret


def test_what_is_sealed_cannot_be_read(vault: Vault) -> None:
    assert b"correct horse" not in vault.seal("correct horse", PLACE)


def test_the_same_secret_is_sealed_differently_each_time(vault: Vault) -> None:
    assert vault.seal("x", PLACE) != vault.seal("x", PLACE)


def test_a_secret_that_was_moved_to_another_place_does_not_open(vault: Vault) -> None:
    sealed = vault.seal("x", PLACE)
    with pytest.raises(KeyUnusable):
        vault.open(sealed, "sipremoteauthentry:1.2:encrypted_password")


def test_another_key_does_not_open(vault: Vault, tmp_path: Path) -> None:
    sealed = vault.seal("x", PLACE)
    with pytest.raises(KeyUnusable, match="is not the key"):
        Vault(tmp_path / "other").open(sealed, PLACE)


@pytest.mark.parametrize("at", [4, 16, -1])
def test_a_secret_that_was_tampered_with_does_not_open(vault: Vault, at: int) -> None:
    sealed = bytearray(vault.seal("secret", PLACE))
    sealed[at] ^= 1
    with pytest.raises(KeyUnusable):
        vault.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("length", [0, 3, 4, 8, 16, 20])
def test_a_secret_that_was_cut_off_does_not_open(vault: Vault, length: int) -> None:
    with pytest.raises(KeyUnusable):
        vault.open(vault.seal("secret", PLACE)[:length], PLACE)


def test_the_key_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Vault(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    Vault(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        Vault(tmp_path / "key")


def test_a_key_file_is_used_again(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "key").seal("x", PLACE)
    assert Vault(tmp_path / "key").open(sealed, PLACE) == "x"


@pytest.mark.parametrize("content", [b"", b"abc", b"00000000 !!!", b"00000000 AAAA", b"zz AAAA", b"\xff\xfe", b"a b c"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(KeyUnusable, match="is not a key file"):
        Vault(tmp_path / "key")


def test_a_fault_does_not_tell_the_secret(vault: Vault) -> None:
    with pytest.raises(KeyUnusable) as refused:
        vault.open(vault.seal("correct horse", PLACE), "elsewhere")
    assert "correct horse" not in str(refused.value)
