"""A cause: what an outcome means for a registrant, where it usually comes from, and what to change."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cause", "Heals"]


class Heals:
    """Whether it passes by itself; each is the rest of a sentence that begins with "It"."""

    ITSELF = "passes by itself when the cause is gone: it is tried again until then"
    NEVER = "does not pass by itself: something has to be changed, here or at the registrar"
    MAYBE = "may pass by itself, if the fault is at the other side"
    GOOD = "is as it should be"


@dataclass(frozen=True, slots=True)
class Cause:
    """One line of the table of outcomes.

    `key` is a word for programs that stays the same; `title` names it; `meaning` says what has happened; `causes` are the likely
    ones, the likeliest first; `advice` says what to do, with names of attributes and commands.
    """

    key: str
    title: str
    meaning: str
    causes: tuple[str, ...]
    advice: tuple[str, ...]
    heals: str
