"""`sipregistrant simulate`: what a registrar will see, before anything is sent."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..errors import ConfigurationError
from ..simulation import peers
from ..simulation.ours import play_ours
from ..simulation.picture import picture
from ..simulation.report import Report, Run, report
from ..simulation.scenario import USUAL_BUFFER, Outage, OutageKind, Overload, Restart, Scenario

__all__ = ["cli", "simulate"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

# As `serve` does: what is here to stay need not be looked through.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

# The registrar answers the first registration of all, each with its challenge, within so many seconds.
FIRST_SECONDS = 200.0


class PolicyName(StrEnum):
    """Whose load is reckoned."""

    ALL = "all"
    OURS = "ours"
    AT_ONCE = "all-at-once"
    INTERVAL = "fixed-interval"
    RANDOM = "random-delay"


@cli.command("simulate")
def simulate(
    aors: Annotated[int, typer.Option(min=1, max=10_000_000, metavar="N", help="AORs, all due at the start.")] = 5_000,
    minutes: Annotated[float, typer.Option(min=1, metavar="M", help="How long.")] = 120,
    ttl: Annotated[int, typer.Option(min=10, metavar="S", help="AorTtl of the entries.")] = 3600,
    retry_timer: Annotated[int, typer.Option(min=30, metavar="S", help="Their FailedRegistrationRetryTimer.")] = 120,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Our MaxRegistersPerSecond; 0 for none.")] = 0,
    capacity: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="REGISTERs the registrar answers a second; 0: a hundredth of the AORs."),
    ] = 0,
    buffer: Annotated[int, typer.Option(min=1, metavar="N", help="Requests that may wait there.")] = USUAL_BUFFER,
    overload: Annotated[Overload, typer.Option(help="What becomes of more.")] = Overload.DROP,
    nonce_seconds: Annotated[float, typer.Option(min=1, metavar="S", help="How long its nonces last.")] = 300,
    min_expires: Annotated[int, typer.Option(min=0, metavar="S", help="Less is answered with 423.")] = 0,
    max_expires: Annotated[int, typer.Option(min=10, metavar="S", help="More is granted as so much.")] = 7200,
    delay_ms: Annotated[float, typer.Option(min=0, metavar="MS", help="One way through the network.")] = 10,
    jitter_ms: Annotated[float, typer.Option(min=0, metavar="MS", help="Up to so much more.")] = 5,
    loss: Annotated[float, typer.Option(min=0, max=90, metavar="PERCENT", help="Of datagrams, each way.")] = 0,
    outage_at: Annotated[float, typer.Option(min=0, metavar="M", help="Minute of the outage.")] = 85,
    outage_minutes: Annotated[
        float, typer.Option(min=0, metavar="M", help="How long it lasts; 0: there is none.")
    ] = 10,
    outage: Annotated[OutageKind, typer.Option(help="What the registrar does meanwhile.")] = OutageKind.SILENCE,
    retry_after: Annotated[int, typer.Option(min=0, metavar="S", help="Of a 503 meanwhile; 0: without.")] = 0,
    restart_at: Annotated[
        float, typer.Option(min=0, metavar="M", help="Minute of a restart of ours; 0: there is none.")
    ] = 30,
    restart_seconds: Annotated[float, typer.Option(min=1, metavar="S", help="From stop to start.")] = 5,
    random_delay: Annotated[
        float, typer.Option(min=0, metavar="S", help="Bound of the policy of that name.")
    ] = peers.FIRST_WITHIN_SECONDS,
    policy: Annotated[PolicyName, typer.Option(help="Whose load is reckoned.")] = PolicyName.ALL,
    seed: Annotated[int, typer.Option(metavar="N", help="The same gives the same.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with the load of each second.")] = False,
    picture_file: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw load over time.", dir_okay=False)
    ] = None,
) -> None:
    """Tell what a registrar will see of so many AORs: at the start, after an outage, after a restart.

    The service's own engine, schedule and pacing are played in virtual time against a modelled registrar and network, and
    beside it what other policies would do. Nothing is sent. Ends with 2 where our own load was not without fault.
    """
    scenario = Scenario(
        aors=aors, seconds=minutes * 60, ttl=ttl, retry_timer=retry_timer,
        capacity=capacity or max(20.0, 2 * aors / FIRST_SECONDS),
        buffer=buffer, overload=overload, nonce_seconds=nonce_seconds, min_expires=min_expires, max_expires=max_expires,
        delay=delay_ms / 1000, jitter=jitter_ms / 1000, loss=loss / 100, limit=limit, seed=seed,
        outage=Outage(outage_at * 60, outage_minutes * 60, outage, retry_after) if outage_minutes else None,
        restart=Restart(restart_at * 60, restart_seconds) if restart_at else None,
    )  # fmt: skip
    if scenario.outage is not None and scenario.outage.end > scenario.seconds:
        raise ConfigurationError("--outage-at", f"the outage ends after the {minutes:g} minutes that are played")
    if scenario.restart is not None and scenario.restart.end >= scenario.seconds:
        raise ConfigurationError("--restart-at", f"the restart is after the {minutes:g} minutes that are played")
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    played = [(run, report(run)) for run in _play(scenario, policy, random_delay)]
    if picture_file is not None:
        _write(picture_file, picture(played))
    if as_json:
        print(json.dumps([{**found.as_json(), "registers_a_second": list(run.per_second)} for run, found in played]))
    else:
        _show(scenario, [found for _, found in played])
    if any(found.faults for _, found in played):
        raise typer.Exit(2)


def _play(scenario: Scenario, policy: PolicyName, random_delay: float) -> list[Run]:
    runs = []
    if policy in (PolicyName.ALL, PolicyName.OURS):
        runs.append(play_ours(scenario))
    for name, made in (
        (PolicyName.AT_ONCE, peers.all_at_once()),
        (PolicyName.INTERVAL, peers.fixed_interval()),
        (PolicyName.RANDOM, peers.random_delay(random_delay)),
    ):
        if policy in (PolicyName.ALL, name):
            runs.append(peers.play_policy(scenario, made))
    return runs


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError("--picture", f"{path}: {error.strerror or error}") from None


def _show(scenario: Scenario, found: Sequence[Report]) -> None:
    title = f"{scenario.aors:,} AORs at a registrar that answers {scenario.capacity:,.0f} REGISTERs a second"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for one in found:
        table.add_column(one.policy, justify="right", overflow="fold")
    for place, phase in enumerate(found[0].phases):
        loads = [one.phases[place] for one in found]
        table.add_row(f"{phase.name}: peak", *(f"{load.peak:,}" for load in loads))
        table.add_row("  mean", *(f"{load.mean:,.1f}" for load in loads))
    if scenario.restart is not None:
        table.add_row("restart: peak/mean, minute", *(_ratio(one, "per_minute") for one in found))
        table.add_row("  by ten seconds", *(_ratio(one, "per_ten_seconds") for one in found))
        table.add_row("  by second", *(_ratio(one, "per_second") for one in found))
    table.add_row("REGISTERs, all", *(f"{one.registers:,}" for one in found))
    table.add_row("  sent again", *(f"{one.sent_again:,}" for one in found))
    table.add_row("  dropped by the registrar", *(f"{one.dropped:,}" for one in found))
    table.add_row("5xx and time-outs", *(f"{one.failed_share:.1%}" for one in found))
    table.add_row("lapsed and bound again", *(f"{one.lapses:,}" for one in found))
    table.add_row("  longest, s", *(f"{one.longest_lapse:,.0f}" for one in found))
    table.add_row("all registered after, s", *(_seconds(one.all_registered_after) for one in found))
    if scenario.outage is not None:
        table.add_row("outage: all back after, s", *(_seconds(one.all_back_after) for one in found))
    table.add_row("not registered at the end", *(f"{one.not_registered:,}" for one in found))
    console = Console()
    console.print(table)
    for one in found:
        for fault in one.faults:
            console.print(f"{one.policy}: {fault}", soft_wrap=True)


def _ratio(one: Report, name: str) -> str:
    return "–" if one.level is None else f"{getattr(one.level, name):.2f}"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:,.0f}"
