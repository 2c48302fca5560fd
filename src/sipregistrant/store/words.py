"""Instants and numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["instant", "plural"]


def instant(at: int | None) -> str:
    """Return an instant of schedule time (ms) as UTC, to the second; "" for none."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def plural(number: int, what: str) -> str:
    """Return `1 registration`, `2,000 registrations`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
