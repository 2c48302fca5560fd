"""A day of registrations, small enough for every day; `./do test-long` plays it with ten thousand."""

from __future__ import annotations

from tests.engine.day import OUTAGES, Day


def test_a_day_with_loss_outages_and_changes_leaves_nothing_unregistered_longer_than_its_rules_allow() -> None:
    report = Day(registrations=300).play()
    assert not report.faults, str(report)
    assert set(report.back_seconds) == {outage.name for outage in OUTAGES}, "each outage was felt"
    assert report.sends < 100 * report.registrations
