"""Secrets at rest: AES-GCM under a key that lies beside the database, not in it.

A sealed value is `key id (4 bytes) | nonce (12) | ciphertext and tag`. The place it belongs to (table, row, column)
is bound in as additional data, so that a value moved to another row does not open.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import KeyUnusable

__all__ = ["Vault"]

KEY_ID_BYTES = 4
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: random nonces of 96 bits, well below 2**32 seals under one key
KEY_BITS = 256


class Vault:
    """Seals and opens secrets with the key of one data directory."""

    def __init__(self, path: Path) -> None:
        """Read the key file, or make one (mode 0600) where there is none.

        Raises `KeyUnusable` where the file is not a key, or others may read it.
        """
        self.path = path
        if not path.exists():
            _write_new_key(path)
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(str(path), "others may read it; chmod 600 it and change the passwords it protects")
        try:
            key_id, key = path.read_text("ascii").split()
            self._key_id = bytes.fromhex(key_id)
            self._cipher = AESGCM(base64.b64decode(key, validate=True))
        except ValueError:
            raise KeyUnusable(str(path), "is not a key file of this program") from None

    def seal(self, secret: str, place: str) -> bytes:
        """Return the sealed form of a secret that belongs at `place` (`table:row:column`)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self._key_id + nonce + self._cipher.encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return the secret, or raise `KeyUnusable`."""
        if sealed[:KEY_ID_BYTES] != self._key_id:
            raise KeyUnusable(str(self.path), "is not the key that the secrets were sealed with")
        body = KEY_ID_BYTES + NONCE_BYTES
        try:
            return self._cipher.decrypt(sealed[KEY_ID_BYTES:body], sealed[body:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise KeyUnusable(str(self.path), f"does not open the secret of {place}") from None


def _write_new_key(path: Path) -> None:
    """Make a key, on disk before anything is sealed with it."""
    key_id = secrets.token_hex(KEY_ID_BYTES)
    key = base64.b64encode(AESGCM.generate_key(KEY_BITS)).decode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key_id} {key}\n")
        file.flush()
        os.fsync(file.fileno())
