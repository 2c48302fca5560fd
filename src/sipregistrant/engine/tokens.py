"""Where the core's randomness comes from."""

from __future__ import annotations

import secrets

__all__ = ["SystemTokens"]

# 64 random bits: a forged answer has to guess them within the 32 seconds that a request waits.
TOKEN_BYTES = 8

# One call to the kernel serves so many tokens.
POOL_TOKENS = 256


class SystemTokens:
    """Tokens from the operating system's generator, drawn in bulk."""

    def __init__(self) -> None:
        self._pool: list[str] = []

    def branch(self) -> str:
        """Return 64 random bits."""
        if not self._pool:
            drawn = secrets.token_hex(TOKEN_BYTES * POOL_TOKENS)
            size = 2 * TOKEN_BYTES
            self._pool = [drawn[at : at + size] for at in range(0, len(drawn), size)]
        return self._pool.pop()

    cnonce = branch
