"""Our own policy: the engine, the store and the pacing as they are, with their defaults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from sqlalchemy import text

from ..engine.clock import Clock
from ..engine.departure import EngineSettings
from ..engine.engine import Engine
from ..engine.transport.flows import GroupAddress
from ..model.registry import RESOURCES
from ..model.schedule import Settled
from ..store import config
from ..store.registrars import groups
from ..store.schema import OBJECTS
from ..store.tx import Key, Tx
from .database import MemorySchedule
from .loop import VirtualTimeLoop
from .network import REGISTRAR, ModelNetwork
from .registrar import ModelRegistrar
from .report import Run
from .scenario import Scenario
from .wire import REALM, USER

__all__ = ["play_ours"]

EPOCH = 1_767_225_600.0
"""Where the schedule's time begins: 2026-01-01."""

OUR_ADDRESS = ("192.0.2.1", 5060)

# What a commit takes on a disk.
COMMIT_SECONDS = 0.005

IDENTITY_KEY = b"simulation"

ENTRY = "sipregistrantentry"
NAMES = [column.name for column in OBJECTS[ENTRY].columns if column.name != "uid"]
OWN = {"id": "n", "position": "n", "aor": f"'sip:{USER}' || n", "from_user": f"'{USER}' || n"}
COPIES = (
    "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < :number) "
    f"INSERT INTO {ENTRY} ({', '.join(NAMES)}) SELECT {', '.join(OWN.get(name, f'{ENTRY}.{name}') for name in NAMES)} "
    f"FROM numbers, {ENTRY} WHERE {ENTRY}.id = 1"
)


def play_ours(scenario: Scenario) -> Run:
    """Play a scenario with the engine itself."""
    loop = VirtualTimeLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        run = runner.run(_play(scenario))
    run.faults += [str(fault.get("exception") or fault["message"]) for fault in loop.faults]
    return run


async def _play(scenario: Scenario) -> Run:
    loop = asyncio.get_running_loop()
    clock = Clock(boot=loop.time, wall=lambda: EPOCH + loop.time())
    registrar = ModelRegistrar(scenario)
    network = ModelNetwork(scenario, registrar)
    schedule = _Schedule(clock.now)
    schedule.fill(scenario)
    schedule.commit_seconds = COMMIT_SECONDS
    run = Run("sipregistrant", scenario, registrar)
    engine = await _start(scenario, schedule, clock, network, 0)
    restart = scenario.restart
    if restart is not None:
        await asyncio.sleep(restart.begin - loop.time())
        await engine.stop()
        _note(run, engine)
        await asyncio.sleep(restart.end - loop.time())
        engine = await _start(scenario, schedule, clock, network, 1)
    await asyncio.sleep(scenario.seconds - loop.time())
    await engine.stop()
    _note(run, engine)
    run.timed_out = schedule.timed_out
    schedule.close()
    return run


async def _start(
    scenario: Scenario, schedule: MemorySchedule, clock: Clock, network: ModelNetwork, start: int
) -> Engine:
    """Start a process on what the schedule holds."""
    draw = random.Random(f"engine {scenario.seed} {start}")
    engine = Engine(
        schedule, clock, IDENTITY_KEY, EngineSettings(), tokens=_Tokens(draw), draw=draw, make_flow=network.make_flow
    )
    addresses = [GroupAddress(uid, id, *OUR_ADDRESS, 0) for uid, id, _ in schedule.write(groups)]
    await engine.start(addresses)
    return engine


def _note(run: Run, engine: Engine) -> None:
    counters = engine.counters
    run.sent_again += counters["resent"]
    if counters["crashed"]:
        run.faults.append(f"{counters['crashed']} mistakes of our own, which the log of a service would name")


class _Schedule(MemorySchedule):
    """A table of entries at one server; counts attempts that ended without an answer."""

    timed_out = 0

    def fill(self, scenario: Scenario) -> None:
        """Make all that is to be registered; it is due at once."""
        self.write(_create, scenario)
        self.write(lambda tx: tx.conn.execute(text(COPIES), {"number": scenario.aors}) if scenario.aors > 1 else None)
        self.write(config.change, RESOURCES["sipserver"], Key(1, 1), {"ContactRegistrantTableID": "1"})
        self.reconcile()

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        self.timed_out += sum(1 for settled in outcomes if settled.failures and not settled.last_code)
        return await super().settle(outcomes)


def _create(tx: Tx, scenario: Scenario) -> None:
    def put(resource: str, id: int, parent: int | None = None, **form: str | int) -> None:
        config.create(tx, RESOURCES[resource], Key(id, parent), {name: str(value) for name, value in form.items()})

    put("sipremoteauthtable", 1)
    put("sipremoteauthentry", 1, 1, User="trunk", EncryptedPassword="secret", FromURIUserMatch=1, MatchRegex=".*")
    put("sipcontactregistrant", 1)
    put(ENTRY, 1, 1, AorType=2, AOR=f"sip:{USER}1", AorTtl=scenario.ttl,
        FailedRegistrationRetryTimer=scenario.retry_timer)  # fmt: skip
    put("sipserver", 1, 1, Host=REGISTRAR[0], DomainName=REALM.decode(), Port=REGISTRAR[1], Protocol=1, Monitor=0,
        RemoteAuthorizationTableID=1, MaxRegistersPerSecond=scenario.limit)  # fmt: skip


class _Tokens:
    """Tokens that are the same in each run."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    def branch(self) -> str:
        return f"{self._draw.getrandbits(64):016x}"

    cnonce = branch
