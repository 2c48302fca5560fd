"""What the tables of answers share."""

from __future__ import annotations

from .cause import Cause

__all__ = ["AOR_AND_DOMAIN", "ASK", "answer"]

AOR_AND_DOMAIN = "AOR of the entry, DomainName of the server"
ASK = "ask the operator of the registrar, with the time and the Call-ID (`sipregistrant trace`)"


def answer(
    code: int, title: str, meaning: str, causes: tuple[str, ...], advice: tuple[str, ...], heals: str
) -> tuple[int, Cause]:
    return code, Cause(f"answer.{code}", f"{code} {title}", meaning, causes, advice, heals)
