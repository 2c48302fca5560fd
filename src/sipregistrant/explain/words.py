"""Instants and lengths of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["ago", "duration", "instant", "until"]

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def instant(at: int) -> str:
    """Return an instant (ms of schedule time) as `2026-11-23 20:14:05 UTC`."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(ms: int) -> str:
    """Return a length of time by its two largest units: `3 h 12 min`, `41 s`."""
    seconds = max(0, round(ms / 1000))
    parts: list[str] = []
    for size, name in UNITS:
        if parts or seconds >= size or size == 1:
            if number := seconds // size:
                parts.append(f"{number:,} {name}")
            seconds %= size
            if len(parts) == 2 or (parts and not number):
                break
    return " ".join(parts) or "0 s"


def ago(at: int, now: int) -> str:
    """Return `2026-11-23 20:14:05 UTC, 41 s ago`."""
    return f"{instant(at)}, {duration(now - at)} ago"


def until(at: int, now: int) -> str:
    """Return `2026-11-23 20:14:05 UTC, in 41 s`."""
    return f"{instant(at)}, in {duration(at - now)}"
