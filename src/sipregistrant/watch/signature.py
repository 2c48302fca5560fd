"""The signature of a webhook's message, as Standard Webhooks has it: HMAC-SHA256 over id, timestamp and body.

A receiver computes the same with its secret and compares; the timestamp keeps an old message from being played again.
Libraries for it exist in most languages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

__all__ = ["headers"]

PREFIX = "whsec_"


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message; `timestamp` is in seconds since the Unix epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def _key(secret: str) -> bytes:
    """Return the bytes of a secret: what is behind `whsec_` is their base64."""
    text = secret.removeprefix(PREFIX)
    return base64.b64decode(text + "=" * (-len(text) % 4))
