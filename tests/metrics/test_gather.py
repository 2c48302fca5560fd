"""What is told of parts that count, one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from sipregistrant.engine.engine import Engine
from sipregistrant.engine.tally import Tally
from sipregistrant.metrics.catalogue import BY_NAME
from sipregistrant.metrics.gather import Sample, Sources, gather
from sipregistrant.model.histogram import Histogram
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.service import Service
from sipregistrant.sip.outcome import Kind
from sipregistrant.store.measured import Measured


def told(service: Service, seen: Measured | None, name: str, **instead: Any) -> list[Sample]:
    """Return the samples of one metric, with parts of the engine replaced."""
    engine = service.engine
    stand_in = SimpleNamespace(
        figures=SimpleNamespace(
            tallies=instead.get("tallies", dict), targets=engine.figures.targets, lags=engine.figures.lags,
            queues=engine.figures.queues, settle_seconds=engine.figures.settle_seconds, is_store_failing=False, names_asked=0,
            names_failed=0,
        ),
        standings=instead.get("standings", {}), counters=engine.counters, in_flight=0, streams=engine.streams,
    )  # fmt: skip
    sources = Sources(cast(Engine, stand_in), service.store, service.lag, lambda: 0.0, instead.get("alarms", tuple))
    return [sample for sample in gather(sources, seen) if sample[0] == name]


def seen_with(**servers: int) -> Measured:
    """Return a look at servers of these uids."""
    keys = {uid: name.replace("_", ":").strip("s") for name, uid in servers.items()}
    return Measured(0, keys, frozenset(keys), {}, False, {}, 0)


def tally_of(*codes: int) -> Tally:
    tally = Tally()
    for code in codes:
        tally.answered(code, 0.02)
        tally.outcomes[Kind.REFUSED] += 1
    return tally


async def test_what_is_no_registered_code_is_told_as_its_class(service: Service) -> None:
    tallies = {1: tally_of(200, 403, 404, 498, 497, 699)}
    answers = told(service, seen_with(s1_1=1), "answers", tallies=lambda: tallies)
    assert {labels[1]: number for _, labels, number in answers} == {
        "200": 1, "403": 1, "404": 1, "4xx": 2, "6xx": 1,
    }  # fmt: skip


async def test_servers_without_a_label_of_their_own_are_summed(service: Service) -> None:
    tallies = {1: tally_of(200), 7: tally_of(200, 403), 8: tally_of(200)}
    seen = seen_with(s1_1=1)
    answers = told(service, seen, "answers", tallies=lambda: tallies)
    assert {labels: number for _, labels, number in answers} == {
        ("1:1", "200"): 1, ("other", "200"): 2, ("other", "403"): 1,
    }  # fmt: skip
    times = {labels[0]: figure for _, labels, figure in told(service, seen, "answer_seconds", tallies=lambda: tallies)}
    other = times["other"]
    assert isinstance(other, Histogram)
    assert sum(other.counts) == 3
    attempts = told(service, seen, "attempts", tallies=lambda: tallies)
    assert {labels: number for _, labels, number in attempts} == {("1:1", "refused"): 1, ("other", "refused"): 3}


async def test_a_server_that_was_not_heard_of_is_neither_up_nor_down(service: Service) -> None:
    down = Standing(is_up=False, held_back=(HeldBack.SILENT, 0.0))
    standings = {1: Standing(is_up=True), 2: down, 3: Standing()}
    seen = seen_with(s1_1=1, s1_2=2, s1_3=3)
    assert [(labels, number) for _, labels, number in told(service, seen, "server_up", standings=standings)] == [
        (("1:1",), 1), (("1:2",), 0),
    ]  # fmt: skip
    held_back = told(service, seen, "server_held_back", standings=standings)
    assert held_back == [("server_held_back", ("1:2", "silent"), 1)]


async def test_a_server_that_was_taken_out_is_neither_up_nor_down(service: Service) -> None:
    seen = seen_with(s1_1=1)
    seen.enabled = frozenset()
    standings = {1: Standing(is_up=False, held_back=(HeldBack.SILENT, 0.0))}
    assert told(service, seen, "server_up", standings=standings) == []
    assert told(service, seen, "server_held_back", standings=standings) == []


async def test_alarms_of_one_kind_are_counted(service: Service) -> None:
    alarms = [("silent", "critical"), ("silent", "critical"), ("disk", "warning")]
    assert told(service, None, "alarm", alarms=lambda: alarms) == [
        ("alarm", ("silent", "critical"), 2), ("alarm", ("disk", "warning"), 1),
    ]  # fmt: skip


async def test_each_sample_has_the_labels_of_its_metric(service: Service) -> None:
    sources = Sources(service.engine, service.store, service.lag, service.clock.now)
    samples = list(gather(sources, seen_with(s1_1=1)))
    assert len(samples) > 30
    for name, labels, _ in samples:
        assert len(labels) == len(BY_NAME[name].labels), name
