"""Rule 13 of the schedule (design, section 2): hot rows stay narrow, and are found by the due index."""

from __future__ import annotations

import pytest

from sipregistrant.store import claim, settle
from sipregistrant.store.objects import STORED
from sipregistrant.store.schema import BOUND
from sipregistrant.store.tx import Tx

from .support import Clock, Site


async def plan(site: Site, statement: str, values: dict[str, object] | tuple[object, ...]) -> str:
    """Return the database's plan of a statement."""

    def explain(tx: Tx) -> str:
        return "\n".join(row[3] for row in tx.sqlite.execute(f"EXPLAIN QUERY PLAN {statement}", values))

    return await site.store.read(explain)


async def test_rule_13_a_claim_finds_due_rows_by_the_due_index_alone(site: Site) -> None:
    await site.put_chain()
    for statement in (claim.DUE, claim.UPCOMING):
        found = await plan(site, statement, {"registrar_id": 1, "klass": 0, "now": 1, "most": 10})
        assert found.startswith(
            "SEARCH registration USING COVERING INDEX ix_registration_due (registrar_id=? AND class=? AND due_at"
        )
        assert "\n" not in found


async def test_rule_13_a_claim_reads_its_rows_by_their_numbers(site: Site) -> None:
    await site.put_chain()
    found = await plan(site, claim.READ, ("[1]",))
    assert "SEARCH r USING INTEGER PRIMARY KEY" in found
    assert "SCAN r" not in found
    assert "SCAN entry" not in found
    assert "SCAN bound" not in found


async def test_rule_6_a_step_reads_its_entries_and_no_others(site: Site) -> None:
    await site.put_chain()
    page = STORED["sipregistrantentry"]._page
    found = await plan(site, str(page), {"parent_uid": 1, "after": 5, "most": 10})
    assert found.startswith("SEARCH sipregistrantentry USING INDEX")
    assert "id>?" in found
    assert "\n" not in found, "what is left is sorted at each step"


async def test_rule_13_rivals_are_found_by_their_key(site: Site) -> None:
    await site.put_chain()
    found = await plan(site, claim.RIVALS, ("[1]",))
    assert "SEARCH r USING INDEX ix_registration_binding_key" in found


async def test_rule_13_a_settle_finds_its_rows_by_their_numbers(site: Site) -> None:
    await site.put_chain()
    found = await plan(site, settle.SETTLE[2], (None,) * (2 * len(settle.COLUMNS) + 2))
    assert "SEARCH registration USING INTEGER PRIMARY KEY" in found
    assert "SCAN registration" not in found


@pytest.mark.parametrize("statement", [settle.END, *settle.FORGET, settle.FORGET_TOMBSTONE])
async def test_rule_13_what_is_over_is_found_by_its_number_however_many_tombstones_there_are(
    site: Site, statement: str
) -> None:
    await site.put_chain()
    found = await plan(site, statement, {"rows": "[[1,1]]"})
    table = statement.split("DELETE FROM ")[1].split()[0]
    assert f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid=?)" in found
    assert f"SCAN {table}" not in found
    if table == "registration":
        assert "CORRELATED" not in found


async def test_rule_13_heads_are_probes_of_the_due_index(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    seen: list[str] = []

    def heads(tx: Tx) -> None:
        raw = tx.conn.connection.dbapi_connection
        assert raw is not None
        raw.set_trace_callback(seen.append)
        claim.heads(tx)
        raw.set_trace_callback(None)

    await site.store.read(heads)
    (statement,) = [statement for statement in seen if statement.startswith("SELECT id")]
    found = await plan(site, statement, {})
    assert found.count("SEARCH registration USING COVERING INDEX ix_registration_due (registrar_id=? AND class=?") >= 4
    assert "SCAN registration" not in found


async def test_rule_13_what_is_bound_is_written_only_when_it_changes(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    before = await site.all(BOUND)
    clock.advance(1800)
    await site.register(sent=None)
    assert await site.all(BOUND) == before


async def test_rule_13_healthy_rows_stand_in_no_index_that_a_refresh_changes_but_the_due_index(site: Site) -> None:
    def indexes(tx: Tx) -> dict[str, list[str]]:
        names = tx.conn.exec_driver_sql("PRAGMA index_list(registration)").all()
        return {
            row.name: [column.name for column in tx.conn.exec_driver_sql(f"PRAGMA index_info({row.name})")]
            for row in names
        }

    changed_by_settle = {"due_at", "class", "state", "cseq", "expires_at", "maybe_held_until", "attempted_at", "since_at",
                         "failures", "last_code", "last_reason", "challenge", "nonce_count", "applied_rev"}  # fmt: skip
    found = await site.store.read(indexes)
    hot = {name for name, columns in found.items() if changed_by_settle & set(columns)}
    assert hot == {"ix_registration_due", "ix_registration_unhealthy"}
