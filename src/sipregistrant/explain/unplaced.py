"""Why an entry has no registration at all: what newcomers meet first."""

from __future__ import annotations

from dataclasses import dataclass

from .explanation import Explanation

__all__ = ["Unplaced", "explain_unplaced"]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """What is known of an entry without registrations. `servers` name its table, as `TABLE:ID`; `groups` use a table of "
    "theirs."""

    aor: str
    table: int
    entry: int
    servers: tuple[str, ...]
    groups: tuple[int, ...]
    is_pending: bool


def explain_unplaced(facts: Unplaced) -> Explanation:
    """Explain it."""
    headline = f"{facts.aor} (entry {facts.entry} of table {facts.table}) is registered nowhere."
    if facts.is_pending:
        text = (
            "A change of its table, or of a server that names it, is carried out in steps, and has not come to it yet."
        )
        return Explanation(headline, {"next": text}, "pending", ())
    if not facts.servers:
        why = f"No server names table {facts.table}, so nobody says where it is to be registered."
        advice = (
            f"name the table in a server: `sipregistrant server set TABLE ID contact_registrant_table_id={facts.table}`"
        )
        return Explanation(headline, {"why": why}, "unplaced.no_server", (advice,))
    tables = sorted({int(server.partition(":")[0]) for server in facts.servers})
    named = ", ".join(facts.servers)
    if not facts.groups:
        which = ", ".join(map(str, tables))
        why = (
            f"Server {named} names table {facts.table}, but no signaling group uses server table {which}, so nobody says from "
            "where."
        )
        advice = f"have a group use it: `sipregistrant group set 1 server_cluster_id={tables[0]}`"
        return Explanation(headline, {"why": why}, "unplaced.no_group", (advice,))
    groups = ", ".join(map(str, facts.groups))
    why = f"Server {named} and signaling group {groups} are there for it, but it has no registration."
    advice = "change any attribute of the server and change it back, so that it is carried out again; and report this"
    return Explanation(headline, {"why": why}, "unplaced.unknown", (advice,))
