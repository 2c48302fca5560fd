"""The simulation: the same each time, its counts add up, and each policy does what it says."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from sipregistrant.simulation.ours import play_ours
from sipregistrant.simulation.peers import POLICIES, all_at_once, fixed_interval, play_policy, random_delay
from sipregistrant.simulation.picture import picture
from sipregistrant.simulation.report import report
from sipregistrant.simulation.scenario import Outage, Restart, Scenario

# Bindings of five minutes: a cycle is 150 s.
SMALL = Scenario(aors=200, seconds=600, ttl=300, capacity=100, restart=Restart(300, 5))
EASY = replace(SMALL, aors=50, capacity=1000, buffer=1000)


def test_it_is_the_same_each_time_and_another_seed_is_another() -> None:
    scenario = replace(SMALL, loss=0.05)
    first, again, other = (play_ours(one) for one in (scenario, scenario, replace(scenario, seed=2)))
    assert report(first) == report(again)
    assert list(first.per_second) == list(again.per_second) != list(other.per_second)


def test_after_a_restart_nothing_is_sent_early_and_the_load_is_level() -> None:
    # Nonces that last: else the first refresh is challenged, or not, as it comes early or late.
    run = play_ours(replace(SMALL, aors=1000, seconds=1800, ttl=900, nonce_seconds=1e6, restart=Restart(900, 5)))
    found = report(run)
    assert not found.faults
    assert (found.not_registered, found.lapses, found.dropped) == (0, 0, 0)
    assert sum(run.per_second[905:910]) <= 20
    assert found.level is not None
    assert found.level.per_minute <= 1.2


def test_the_counts_add_up() -> None:
    for run in (play_ours(SMALL), *(play_policy(SMALL, make()) for make in POLICIES)):
        registrar = run.registrar
        assert sum(registrar.arrived) == sum(registrar.codes.values()) + registrar.dropped + registrar.unheard


def test_the_peers_send_when_they_say() -> None:
    once = play_policy(EASY, all_at_once()).per_second
    assert sum(once[0:2]) == sum(once[305:307]) == 100
    # The first look at the timers is at the start, then every five seconds: 300 - 8, at or after it.
    interval = play_policy(replace(EASY, restart=None), fixed_interval()).per_second
    assert sum(interval[0:2]) == sum(interval[295:297]) == 100
    assert sum(interval[2:295]) == 0
    spread = play_policy(EASY, random_delay(100)).per_second
    assert sum(spread[0:101]) == 100
    assert max(spread) < 20


def test_an_outage_lapses_what_is_not_refreshed_in_time_and_all_come_back() -> None:
    scenario = replace(EASY, restart=None, outage=Outage(280, 40))
    found = report(play_policy(scenario, all_at_once()))
    assert found.lapses == 50
    assert found.not_registered == 0
    ours = report(play_ours(scenario))
    assert ours.not_registered == 0
    assert ours.lapses == 0


def test_the_picture_is_xml_with_a_panel_for_each_policy() -> None:
    played = [(run, report(run)) for run in (play_policy(EASY, make()) for make in POLICIES)]
    root = ElementTree.fromstring(picture(played))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == len(POLICIES)
