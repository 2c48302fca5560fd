"""The audit log: who changed what, from what to what; written in the transaction of the change itself.

Who it was, `Tx.who`, is said by whoever hands the transaction its function (`Store.write_as`). Secrets are masked before they
come here. A table that is deleted is one line, whatever was in it, and so is an import: its numbers are told, not its lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..model.resource import Resource, Values
from .tx import Tx

__all__ = ["Noted", "columns", "note", "page"]


class Noted(NamedTuple):
    """One line. `at` is in milliseconds of schedule time; `before` and `after` are None where there was, or is, nothing."""

    id: int
    at: int
    who: str
    action: str
    resource: str
    key: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


NOTE = "INSERT INTO audit (at, who, action, resource, key, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)"


def note(tx: Tx, action: str, resource: str, key: object, before: Mapping[str, Any] | None = None,
         after: Mapping[str, Any] | None = None) -> None:  # fmt: skip
    """Add a line. `before` and `after` hold what differs, no secrets."""
    line = (tx.now, tx.who, action, resource, str(key), _json(before), _json(after))
    tx.sqlite.execute(NOTE, line)


def _json(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False)


def columns(resource: Resource, values: Values) -> dict[str, Any]:
    """Return values by the names that the JSON API has for them."""
    return {a.column: values[a.name] for a in resource.attributes if a.name in values}


PAGE = """
SELECT id, at, who, action, resource, key, before, after FROM audit
WHERE id < :before AND (:who = '' OR who = :who) AND (:resource = '' OR resource = :resource) AND (:key = '' OR key = :key)
ORDER BY id DESC LIMIT :most
"""


def page(tx: Tx, before: int, most: int, *, who: str = "", resource: str = "", key: str = "") -> list[Noted]:
    """Return at most so many lines with an id below `before`, the newest first, "" for any."""
    where = {"before": before, "most": most, "who": who, "resource": resource, "key": key}
    return [
        Noted(*head, *(None if text is None else json.loads(text) for text in (was, is_)))
        for *head, was, is_ in tx.sqlite.execute(PAGE, where).fetchall()
    ]
