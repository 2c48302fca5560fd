"""Masks secrets in log events, whoever wrote them: nothing is rendered that has not been through here.

By the key that a value stands under, at any depth; and in texts by what they look like: header lines with credentials (RFC 3261
§20.7, §20.28), a digest's `response`, passwords in URIs (§19.1.1), our API tokens, private keys. What is no text, number or
container is masked as the text that it would be written as. Too much is masked rather than too little.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

__all__ = ["MASK", "mask_text", "redact"]

MASK = "***"

SECRET_KEY = re.compile(
    r"pass(?:word|wd|phrase)|secret|authorization|credentials?\b|cookie|\bha1\b|private_?key|token$|^response$|^csrf",
    re.IGNORECASE,
)

# A name, perhaps quoted, then `:` or `=`: in headers, JSON, forms, and what Python writes of a mapping.
_IS = r"[\"']?\s*[:=]\s*"

PATTERNS = [
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(rf"((?:proxy-)?authorization|authentication-info|(?:set-)?cookie|x-csrf-token){_IS}[^\r\n]*", re.IGNORECASE),
     rf"\1: {MASK}"),
    (re.compile(rf"(\w*(?:password|passwd|passphrase|secret)|\bha1|\btoken){_IS}(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&]+)",
                re.IGNORECASE),
     rf"\1={MASK}"),
    (re.compile(rf"\b(response){_IS}\"?[0-9a-f]{{16,}}\"?", re.IGNORECASE), rf"\1={MASK}"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"srt_[A-Za-z0-9_-]+"), f"srt_{MASK}"),
    (re.compile(r"\b(sips?:[^\s:@<>\"]+):[^\s@<>\"]+@", re.IGNORECASE), rf"\1:{MASK}@"),
]  # fmt: skip
"""What to look for, and what is written instead."""

DEEPEST = 8


def mask_text(text: str) -> str:
    """Return a text with what looks like a secret masked."""
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _under(key: str, value: Any, depth: int) -> Any:
    """Return what is written of the value that stands under a key."""
    return MASK if SECRET_KEY.search(key) else _masked(value, depth)


def _masked(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return mask_text(bytes(value).decode("latin-1"))
    if depth > DEEPEST:
        return MASK
    if isinstance(value, Mapping):
        return {mask_text(str(key)): _under(str(key), one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one, depth + 1) for one in value]
    return mask_text(str(value))


def redact(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask an event; a processor of structlog, the last one before the event is rendered."""
    for key, value in event.items():
        event[key] = _under(key, value, 0)
    return event
