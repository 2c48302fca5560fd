"""What was registered over which connection: with the connection the way to it is gone, so it is registered again.

Over UDP nothing is lost with a socket, so a restart is silent; what is here of it is the address that a NAT gives us, where
contacts name that (`engine/transport/seen.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .tx import Tx

__all__ = ["lose_step", "remember"]

ROWS_PER_STEP = 1000
"""Some milliseconds: settles wait meanwhile."""

REMEMBER = """
INSERT INTO flow (registration_id, flow) SELECT value ->> 0, value ->> 1 FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM registration WHERE id = value ->> 0)
ON CONFLICT (registration_id) DO UPDATE SET flow = excluded.flow
"""


def remember(tx: Tx, rows: Sequence[tuple[int, int]]) -> None:
    """Note rows as registered over flows: (row, flow)."""
    if rows:
        tx.sqlite.execute(REMEMBER, (json.dumps(rows),))


DUE_AGAIN = """
UPDATE registration SET due_at = min(due_at, :now) WHERE desired = 1 AND due_at IS NOT NULL
  AND id IN (SELECT value FROM json_each(:ids)) RETURNING registrar_id
"""


def lose_step(tx: Tx, flow_id: int | None) -> bool:
    """Make due some of what was registered over a flow, or over any connection (None: they ended with the process that had
    them; the addresses that NATs give, which are negative, did not). Tell whether there may be more.
    """
    where = "" if flow_id is None else "WHERE flow = :flow"
    found = tx.sqlite.execute(
        f"SELECT registration_id, flow FROM flow {where} LIMIT :most", {"flow": flow_id, "most": ROWS_PER_STEP}
    ).fetchall()
    lost = json.dumps([id for id, flow in found if flow > 0 or flow_id is not None])
    tx.knocks.update(
        registrar_id for (registrar_id,) in tx.sqlite.execute(DUE_AGAIN, {"now": tx.now, "ids": lost}).fetchall()
    )
    ids = json.dumps([id for id, _ in found])
    tx.sqlite.execute("DELETE FROM flow WHERE registration_id IN (SELECT value FROM json_each(?))", (ids,))
    return len(found) == ROWS_PER_STEP
