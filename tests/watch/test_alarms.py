"""From conditions that come and go to alarms that are raised and cleared once, in virtual time."""

from __future__ import annotations

import pytest

from sipregistrant.model.alarms import RULES, AlarmKind, Condition
from sipregistrant.watch.alarms import Alarms

SILENT = Condition(AlarmKind.SILENT, "1:1", 3, "silent")
GROUP = Condition(AlarmKind.GROUP, "1", 0, "no socket")
NAME = (AlarmKind.SILENT, "1:1")


def test_it_is_raised_once_and_cleared_once() -> None:
    alarms = Alarms()
    assert alarms.look([SILENT], 1000).raised == [(SILENT, 1000)]
    assert not alarms.look([SILENT], 2000)
    assert not alarms.look([], 3000)
    news = alarms.look([], 3000 + 10_000)
    assert news.cleared == [(NAME, 3000)]
    assert not alarms.look([], 20_000)


def test_what_holds_only_for_a_moment_raises_nothing() -> None:
    alarms = Alarms()
    assert not alarms.look([GROUP], 0)
    assert not alarms.look([], 1000)
    assert not alarms.look([GROUP], 4000)
    assert not alarms.look([GROUP], 8000)
    assert alarms.look([GROUP], 9000).raised == [(GROUP, 4000)]


def test_what_is_away_only_for_a_moment_clears_nothing() -> None:
    alarms = Alarms()
    alarms.look([SILENT], 0)
    for now in range(1000, 60_000, 1000):
        assert not alarms.look([SILENT] if now % 5000 == 0 else [], now).cleared


def test_how_it_looks_now_is_told_apart() -> None:
    alarms = Alarms()
    alarms.look([SILENT], 0)
    more = Condition(AlarmKind.SILENT, "1:1", 9, "silent, nine")
    news = alarms.look([more], 1000)
    assert (news.raised, news.cleared, news.updated) == ([], [], [more])


def test_each_subject_has_its_own() -> None:
    alarms = Alarms()
    other = Condition(AlarmKind.SILENT, "1:2", 3, "silent")
    assert len(alarms.look([SILENT, other], 0).raised) == 2
    alarms.look([other], 1000)
    assert alarms.look([other], 12_000).cleared == [(NAME, 1000)]


def test_what_stood_before_a_restart_is_not_raised_again() -> None:
    alarms = Alarms([(NAME, 3, "silent")])
    assert not alarms.look([SILENT], 0)
    alarms.look([], 1000)
    assert alarms.look([], 20_000).cleared == [(NAME, 1000)]


@pytest.mark.parametrize("kind", AlarmKind)
def test_every_alarm_says_what_it_means_and_what_to_do(kind: AlarmKind) -> None:
    rule = RULES[kind]
    assert rule.meaning
    assert rule.advice
    assert rule.clear_after_seconds >= 10
