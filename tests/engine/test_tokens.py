"""Where the core's randomness comes from."""

from __future__ import annotations

import re

from sipregistrant.engine.tokens import POOL_TOKENS, SystemTokens


def test_a_token_has_64_bits_in_hexadecimal() -> None:
    tokens = SystemTokens()
    assert re.fullmatch("[0-9a-f]{16}", tokens.branch())
    assert re.fullmatch("[0-9a-f]{16}", tokens.cnonce())


def test_no_token_comes_twice() -> None:
    tokens = SystemTokens()
    drawn = [tokens.branch() if n % 2 else tokens.cnonce() for n in range(5 * POOL_TOKENS + 3)]
    assert len(set(drawn)) == len(drawn)


def test_two_sources_have_nothing_in_common() -> None:
    first, second = SystemTokens(), SystemTokens()
    assert not {first.branch() for _ in range(100)} & {second.branch() for _ in range(100)}
