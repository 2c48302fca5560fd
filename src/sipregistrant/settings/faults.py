"""What is wrong with a value, in words for who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["nearest", "told_of"]

WANTED = {
    "bool_parsing": "true or false is wanted",
    "bool_type": "true or false is wanted",
    "string_type": "a text is wanted, in quotes",
    "path_type": "a path is wanted, in quotes",
    "list_type": "a list is wanted",
    "model_type": "a section is wanted, or keys that begin with its name and a dot",
}


def told_of(error: Any) -> str:
    """Return what an error of pydantic says."""
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    value = error["input"]
    shown = f"{value!r}: " if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    if error["type"] == "literal_error":
        return f"{shown}{error['ctx']['expected']} is wanted"
    message = str(error["msg"])
    return shown + WANTED.get(error["type"], f"{message[:1].lower()}{message[1:]}")


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the name that was perhaps meant, as what follows a sentence; "" for none."""
    found = difflib.get_close_matches(name, list(names), 1, cutoff)
    return f"; {found[0]}?" if found else ""
