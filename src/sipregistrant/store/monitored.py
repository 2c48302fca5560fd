"""The registrars that are watched with OPTIONS: those whose server says so and is on, not in maintenance, as its signaling
group.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from ..model.schedule import Monitored
from ..model.servers import BY_OPTIONS
from .registrars import RESTS, registrar_settings
from .tx import Tx

__all__ = ["monitored"]

# Settings of so many at once: some ten milliseconds of a reader.
MOST_AT_ONCE = 100

# Of several flows of one server (RFC 5626) the first stands for all: they have the same targets.
WATCHED = text(f"""
SELECT registrar.id, registrar.rev FROM registrar JOIN sipserver ON sipserver.uid = registrar.sipserver_uid
WHERE registrar.is_on = 1 AND registrar.flow = 0 AND registrar.registrant_table_uid IS NOT NULL
  AND NOT {RESTS} AND sipserver.monitor = :by_options
  AND (sipserver.keep_alive_frequency > 0 OR sipserver.recover_frequency > 0)
ORDER BY registrar.id
""")


def monitored(tx: Tx, known: Mapping[int, int]) -> Monitored:
    """Return what is news of the registrars that are watched; `known` are id and rev of those that the caller knows."""
    watched = {row.id: row.rev for row in tx.conn.execute(WATCHED, {"by_options": BY_OPTIONS})}
    news = [id for id, rev in watched.items() if known.get(id) != rev]
    found = [registrar_settings(tx, id) for id in news[:MOST_AT_ONCE]]
    return Monitored(
        [settings for settings in found if settings is not None],
        [id for id in known if id not in watched],
        len(news) <= MOST_AT_ONCE,
    )
