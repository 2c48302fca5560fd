"""What is kept of who is watched, and when a target is asked next."""

from __future__ import annotations

import tracemalloc

import pytest

from sipregistrant.engine.pacing import Pacing
from sipregistrant.engine.watches import FIRST_AFTER_SECONDS, Shared, Watch, Watched
from sipregistrant.sip.targets import Target
from sipregistrant.sip.transaction import NEVER
from tests.engine.listed import make_settings

NOW = 1000.0


def watch() -> Watch:
    return Watch(1, Target("192.0.2.7", 5060), Pacing(), NOW)


def usual() -> Watched:
    return Watched(make_settings(), Shared())


def test_the_settings_come_back_as_they_were() -> None:
    settings = make_settings(7, 3, Host="192.0.2.7", LocalUserName="us", KeepAliveFrequency=60, TLSProfileID=4)
    settings.tls = {"MutualAuth": 1}
    assert Watched(settings, Shared()).settings() == settings


@pytest.mark.parametrize(
    ("server", "group", "needs"),
    [
        ({}, {}, False),
        ({"Host": "[2001:db8::1]"}, {}, False),
        ({"Host": "registrar.example"}, {}, True),
        ({"Host": "registrar.example"}, {"OutboundProxy": "192.0.2.9"}, False),
        ({}, {"OutboundProxy": "proxy.example"}, True),
        ({"ServerLookup": 1, "DomainName": "example.com"}, {}, True),
        ({"RouteSet": "<sip:proxy.example;lr>"}, {}, True),
    ],
)
def test_only_names_are_looked_up(server: dict[str, int | str], group: dict[str, int | str], needs: bool) -> None:
    settings = make_settings()
    settings.server |= server
    settings.group |= group
    assert Watched(settings, Shared()).needs_look_up is needs


def test_what_registrars_have_in_common_is_kept_once() -> None:
    shared = Shared()
    group = shared.one(1, {"a": 1})
    assert shared.one(1, {"a": 1}) is group
    assert shared.one(1, {"a": 2}) == {"a": 2}
    assert shared.one(2, {"a": 1}) is not group


def test_a_registrar_takes_a_few_hundred_bytes() -> None:
    settings = [make_settings(id, Host=f"10.0.{id >> 8}.{id & 255}", DomainName="example.com") for id in range(1000)]
    shared = Shared()
    tracemalloc.start()
    kept = [Watched(one, shared) for one in settings]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(kept) == 1000
    assert held / 1000 < 700


def test_a_target_is_asked_first_after_a_moment_then_when_nothing_was_heard_for_a_while() -> None:
    one, target = usual(), watch()
    assert target.due_at(one) == NOW + FIRST_AFTER_SECONDS
    target.pacing.heard(NOW + 1)
    assert target.due_at(one) == NOW + 31
    target.asked_at = NOW + 31
    assert target.due_at(one) == NOW + 61


def test_what_was_answered_before_it_was_watched_does_not_count() -> None:
    target = watch()
    target.pacing.heard(NOW - 1)
    assert target.due_at(usual()) == NOW + FIRST_AFTER_SECONDS


def test_who_wants_to_be_left_alone_is() -> None:
    target = watch()
    target.pacing.hold(NOW + 100)
    assert target.due_at(usual()) == NOW + 100


def test_a_silent_one_is_asked_by_the_other_frequency() -> None:
    one, target = usual(), watch()
    target.asked_at = NOW + 10
    target.pacing.breaker.open(NOW + 20)
    assert target.due_at(one) == NOW + 15
    one.recover_seconds = 0.0
    assert target.due_at(one) == NEVER
