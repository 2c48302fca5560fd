"""What is not as it should be, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from sipregistrant.model.alarms import AlarmKind, Condition
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.model.status import State
from sipregistrant.store.watched import Look, Watched
from sipregistrant.watch.conditions import LEAST_FREE_BYTES, Machine, conditions

NOW = 1_800_000_000_000
WELL = Machine(10**12)
UP = Standing(is_up=True, since=NOW / 1000 - 3600)
DOWN = Standing(is_up=False, since=NOW / 1000 - 60)
SILENT, REFUSES = (AlarmKind.SILENT, "1:1"), (AlarmKind.REFUSES, "1:1")


def server(standing: Standing = UP, **given: Any) -> Watched:
    counts = given.pop("counts", {State.REGISTERED: 10_000})
    return Watched("1:1", "192.0.2.1:5060", standing, **{"is_on": True, "counts": counts, **given})


def look(*servers: Watched, **given: Any) -> Look:
    return Look(list(servers), **{"group_faults": {}, "is_paused": False, "failing_webhooks": [], **given})


def found(
    seen: Look | None, machine: Machine = WELL, standing: tuple[tuple[AlarmKind, str], ...] = ()
) -> list[Condition]:
    return conditions(seen, machine, standing, NOW)


def test_all_is_well() -> None:
    assert found(look(server())) == []


def test_a_server_that_is_silent() -> None:
    (condition,) = found(look(server(DOWN, next_expiry=NOW + 60_000)))
    assert (condition.kind, condition.subject, condition.number) == (AlarmKind.SILENT, "1:1", 10_000)
    assert condition.text == (
        "server 1:1 (192.0.2.1:5060) answers nobody since 2027-01-15T07:59:00Z: 10,000 registrations; "
        "the first lapses at 2027-01-15T08:01:00Z"
    )


def test_one_transaction_that_was_lost_is_no_silence_but_an_open_breaker_is() -> None:
    moment = Standing(is_up=False, since=NOW / 1000 - 1)
    assert found(look(server(moment))) == []
    moment.held_back = HeldBack.SILENT, NOW / 1000
    assert len(found(look(server(moment)))) == 1


def test_it_is_over_when_what_waited_was_tried() -> None:
    (condition,) = found(look(server(untried=312)), standing=(SILENT,))
    assert "answers again since 2027-01-15T07:00:00Z; 312 of 10,000 registrations not tried again yet" in condition.text
    assert found(look(server(untried=312))) == []
    assert found(look(server()), standing=(SILENT,)) == []


def test_after_a_restart_nobody_knows_so_it_stands() -> None:
    (condition,) = found(look(server(Standing())), standing=(SILENT,))
    assert "did not answer before this start" in condition.text
    assert found(look(server(Standing()))) == []


@pytest.mark.parametrize(
    ("rejected", "others", "is_raised"), [(10, 0, False), (11, 0, True), (11, 500, False), (30, 500, True)]
)
def test_refusals_in_mass(rejected: int, others: int, is_raised: bool) -> None:
    counts = {State.REJECTED: rejected, State.REGISTERED: others}
    conditions = found(look(server(counts=counts, refusal="403 Forbidden")))
    assert [condition.kind for condition in conditions] == [AlarmKind.REFUSES] * is_raised
    if is_raised:
        assert (
            f"refuses {rejected} of {rejected + others} registrations; the last answer: 403 Forbidden"
            in conditions[0].text
        )


def test_a_server_that_refuses_everybody_is_told_at_once() -> None:
    standing = Standing(is_up=True, since=1, held_back=(HeldBack.REFUSES_ALL, NOW / 1000))
    (condition,) = found(look(server(standing, counts={State.REGISTERED: 9989, State.REJECTED: 11})))
    assert condition.kind is AlarmKind.REFUSES
    assert condition.text.endswith("one AOR a minute is tried until one is accepted")


@pytest.mark.parametrize(
    ("lapsed", "total", "is_raised"), [(0, 1, False), (1, 1, True), (1, 1000, False), (2, 1000, True)]
)
def test_what_lapses(lapsed: int, total: int, is_raised: bool) -> None:
    conditions = found(look(server(counts={State.REGISTERED: total}, lapsed=lapsed, lapses_at=NOW + 60_000)))
    assert [condition.kind for condition in conditions] == [AlarmKind.LAPSED] * is_raised
    if is_raised:
        assert "cannot be called: the first lapses at 2027-01-15T08:01:00Z" in conditions[0].text


def test_what_has_lapsed() -> None:
    (condition,) = found(look(server(lapsed=500, lapses_at=NOW - 60_000)))
    assert "the first has lapsed at 2027-01-15T07:59:00Z" in condition.text


def test_refreshes_that_are_late_where_nothing_holds_them_back() -> None:
    (condition,) = found(look(server(overdue=50)))
    assert condition.kind is AlarmKind.OVERDUE
    waits = Standing(is_up=True, since=1, held_back=(HeldBack.PAUSED, NOW / 1000))
    assert found(look(server(waits, overdue=50))) == []
    assert [condition.kind for condition in found(look(server(DOWN, overdue=50)))] == [AlarmKind.SILENT]


def test_a_server_that_is_not_on_is_nobodys_worry() -> None:
    assert found(look(server(DOWN, is_on=False, lapsed=500, lapses_at=1))) == []


def test_a_pause_is_one_alarm() -> None:
    (condition,) = found(look(server(DOWN, lapsed=500, lapses_at=1), is_paused=True))
    assert condition.kind is AlarmKind.PAUSED


def test_a_group_without_a_socket() -> None:
    (condition,) = found(look(group_faults={2: "5060 is in use"}))
    assert (condition.subject, condition.text) == ("2", "signaling group 2 has no socket: 5060 is in use")


def test_a_webhook_that_takes_nothing_for_minutes() -> None:
    assert found(look(failing_webhooks=[("ops", NOW - 299_000, "HTTP 500")])) == []
    (condition,) = found(look(failing_webhooks=[("ops", NOW - 300_000, "HTTP 500")]))
    assert condition.text == "webhook ops has taken no event since 2027-01-15T07:55:00Z: HTTP 500"


def test_a_database_that_cannot_be_written_or_read() -> None:
    (condition,) = found(None, Machine(10**12, "disk I/O error", 2000))
    assert condition.kind is AlarmKind.DATABASE
    assert (
        condition.text
        == "the database cannot be written: disk I/O error; 2,000 outcomes of attempts wait to be written"
    )


def test_a_disk_that_is_nearly_full() -> None:
    assert found(look(), Machine(LEAST_FREE_BYTES)) == []
    (condition,) = found(look(), Machine(LEAST_FREE_BYTES - 1))
    assert (condition.kind, condition.text) == (AlarmKind.DISK, "only 536 MB are free where the data directory is")
