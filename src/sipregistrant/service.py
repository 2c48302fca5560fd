"""The composition root: builds the parts, starts them in order, stops them in the reverse order.

store → engine → reconciler → web. What is committed in the store knocks at the engine and the reconciler; nobody
calls the engine to have something registered.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from .access.login import Login
from .access.proxies import Caller, caller_of
from .access.sessions import Sessions
from .access.throttle import Throttle
from .api.app import PREFIX, create_api
from .api.certificate import certificate_for
from .api.events import event_json
from .api.gate import Gate, Guarded
from .api.observing import Observing
from .api.request_ids import RequestIds
from .api.tls import CertificateFiles, ServerTls, check
from .api.unix_socket import SOCKET_NAME, listen_locally
from .api.web_server import WebServer, listen_on_all
from .engine.clock import Clock, read_boot_id
from .engine.departure import EngineSettings
from .engine.engine import Engine
from .engine.lag import LoopLag
from .engine.naming.names import NameServers
from .engine.tasks import cancel_all, spawn
from .engine.transport.flows import GroupAddress
from .engine.transport.tls import TlsFiles
from .errors import StoreUnavailable
from .housekeeping import Housekeeping
from .metrics.gather import Sources
from .model.groups import SOURCE_PORTS
from .model.servers import UDP
from .rest.app import create_app
from .rest.settings import RestSettings
from .store import actions, bulk_steps, instance
from .store.first_group import take_port
from .store.flows import lose_step
from .store.registrars import groups
from .store.schedule import StoreSchedule
from .store.store import Store
from .store.tx import Tx
from .trace.collector import CollectorSettings
from .watch.telling import Telling

__all__ = ["Service", "ServiceSettings"]

log = structlog.get_logger()

SLEW_EVERY_SECONDS = 10.0
SAVE_CLOCK_AFTER_MS = 1000
LEAVE_WITHIN_SECONDS = 30.0
LOOK_AT_CERTIFICATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the operator said on the command line. Ports may be 0 for a free one."""

    data_dir: Path
    https: tuple[str, int] = ("127.0.0.1", 8443)
    metrics: tuple[str, int] | None = None
    """Where /metrics is served without login, over plain HTTP; None for nowhere."""
    sip: tuple[str, int] = ("0.0.0.0", 5060)
    advertise: str = ""
    redirect_hosts: set[str] = field(default_factory=set)
    tls: TlsFiles = TlsFiles()
    name_servers: tuple[tuple[str, int], ...] = ()
    unregister_on_stop: bool = False
    paused: bool = False
    """Send nothing from the start on, until somebody resumes; a service that was paused is so without this."""
    rest: RestSettings = field(default_factory=RestSettings)
    certificate: CertificateFiles | None = None
    """The operator's own; None for one of our making."""
    collector: CollectorSettings = CollectorSettings()


class Service:
    """The running program. Use `Service.running(settings)`."""

    is_running = True

    def __init__(self, settings: ServiceSettings, clock: Clock, store: Store) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self._names = NameServers(settings.name_servers)
        self.engine = Engine(
            StoreSchedule(store), clock, store.identity_key,
            EngineSettings(settings.advertise, socket.gethostname(), redirect_hosts=settings.redirect_hosts, tls=settings.tls),
            names=self._names,
        )  # fmt: skip
        store.group_faults = self.engine.flows.faults
        store.standings = self.engine.standings
        self.engine.tracing.collector.use(settings.collector)
        self._telling = Telling(store, settings.data_dir, self.engine.unsettled, event_json)
        self.lag = LoopLag(clock.now)
        self.https_port = self.metrics_port = 0
        self._sessions = Sessions(clock=clock.now)
        self._tls: ServerTls | None = None
        self._servers: list[WebServer] = []
        self._housekeeping = Housekeeping(store)
        # What of each signaling group was said once.
        self._warned_of: set[tuple[object, ...]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: ServiceSettings) -> AsyncIterator[Service]:
        """Start everything; stop it at the end of the block.

        Raises `ConfigurationError` (an address in use, a certificate that cannot be used),
        `StoreInUse`, `KeyUnusable`, `StoreUnavailable`.
        """
        if settings.certificate is not None:
            check(settings.certificate)
        settings.tls.check()
        listening = listen_on_all({"--https": settings.https, "--metrics": settings.metrics})
        try:
            clocks: list[Clock] = []
            boot_id = read_boot_id()

            def make_clock(saved_boot_id: str, saved_offset_ms: int) -> Clock:
                clocks.append(Clock(boot_id, saved_boot_id, saved_offset_ms))
                return clocks[-1]

            store = await Store.open(
                settings.data_dir, lambda *saved: make_clock(*saved).now_ms, own_address=settings.advertise
            )
        except BaseException:
            for one in listening:
                one.close()
            raise
        service = cls(settings, clocks[-1], store)
        try:
            await service._start(*listening)
            yield service
        finally:
            await service._stop()
            for one in listening:
                one.close()  # who failed to start has given it to no server yet

    async def _start(self, https: socket.socket, *plain: socket.socket) -> None:
        self.lag.start()
        self.store.on_commit = self._committed
        await self._save_clock()
        port = await self.store.write(take_port, self.settings.sip[1])
        if port != self.settings.sip[1]:
            log.warning("group.keeps_its_port", sipsg=1, port=port,
                        hint="--sip says it at the first start only; change ListenPort_1 of the group")  # fmt: skip
        await self.store.write(instance.take_address, self.settings.advertise)
        if self.settings.paused:
            await self.store.write(instance.pause)
        await self._arrive()
        # Connections have ended with the process that had them.
        while await self.store.write(lose_step, None):
            pass
        await self.store.write(actions.clear_at_start)
        await self.store.write(bulk_steps.forget_unfinished)
        await self.engine.start(await self._addresses())
        self._housekeeping.start()
        self._tasks = [spawn(self._keep_clock(), "clock")]
        await self._telling.start()
        if await self.is_paused():
            log.warning("service.is_paused", hint="nothing is sent until `sipregistrant resume`")
        await self._serve(https, *plain)

    async def _serve(self, https: socket.socket, *plain: socket.socket) -> None:
        self._tls = ServerTls(self._certificate_files(), now=self._now)
        sources = Sources(self.engine, self.store, self.lag, self.clock.now, self._telling.alarms)
        observing = Observing(sources, write=self._try_to_write, is_paused=self.is_paused)
        login = Login(self.store, self._sessions, Throttle(clock=self.clock.now, sleep=asyncio.sleep))
        api = create_api(self.store, on_user_changed=self._sessions.end_all_of, operations=self,
                         bell=self._telling.bell, prober=self.engine.prober, kept_traces=self.engine.tracing.kept)  # fmt: skip
        gate = Gate(self.store, self._sessions, login, caller_of=self._caller_of)
        local_gate = Gate(self.store, self._sessions, login, is_local=True)
        app = create_app(self.store, clock=self.clock.now, sessions=self._sessions, login=login, settings=self.settings.rest,
                         extra_routes=[*observing.routes(gate), Mount(PREFIX, Guarded(api, gate))])  # fmt: skip
        local = Starlette(routes=[*observing.routes(None), Mount(PREFIX, Guarded(api, local_gate))])
        self.https_port = https.getsockname()[1]
        self._servers = [
            WebServer(RequestIds(app), https, self._tls.context),
            WebServer(RequestIds(local), listen_locally(self.settings.data_dir)),
        ]
        for listening in plain:
            self.metrics_port = listening.getsockname()[1]
            self._servers.append(WebServer(Starlette(routes=observing.routes(None)), listening))
        for server in self._servers:
            await server.start()
        self._tasks.append(spawn(self._keep_certificate(self._tls), "certificate"))

    def _certificate_files(self) -> CertificateFiles:
        """Return the operator's own files, else those of the data directory."""
        if self.settings.certificate is not None:
            return self.settings.certificate
        made = certificate_for(self.settings.data_dir, self.settings.https[0], self._now())
        return CertificateFiles(*made, certificate_setting="data directory", key_setting="data directory")

    def _caller_of(self, request: Request) -> Caller:
        settings = self.settings.rest
        return caller_of(request, settings.trusted_proxies, uses_forwarded=settings.uses_forwarded)

    def _now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.clock.now(), datetime.UTC)

    @property
    def base(self) -> str:
        """Return where HTTPS is served, as `https://HOST:PORT`."""
        host = self.settings.https[0]
        return f"https://{f'[{host}]' if ':' in host else host}:{self.https_port}"

    def reload(self, settings: ServiceSettings) -> None:
        """Take up what can be changed while the service runs: the wire API's settings, the hosts of redirections, the name
        servers, what a stop does; and show the certificate that is in the files now, for new connections.
        """
        for one in fields(RestSettings):
            setattr(self.settings.rest, one.name, getattr(settings.rest, one.name))
        # The engine has this very set.
        self.settings.redirect_hosts.clear()
        self.settings.redirect_hosts.update(settings.redirect_hosts)
        self.settings = replace(
            self.settings, name_servers=settings.name_servers, certificate=settings.certificate,
            unregister_on_stop=settings.unregister_on_stop, collector=settings.collector,
        )  # fmt: skip
        self.engine.tracing.collector.use(settings.collector)
        self._names.use(settings.name_servers)
        if self._tls is not None:
            self._tls.reload(self._certificate_files())

    async def _keep_certificate(self, tls: ServerTls) -> None:
        """Notice that the files have become others."""
        while True:
            await asyncio.sleep(LOOK_AT_CERTIFICATE_SECONDS)
            tls.look()

    async def _stop(self) -> None:
        await self._telling.stop()
        for server in self._servers:
            await server.stop()
        if self._servers:  # else the start has failed: a socket is none of ours, and nobody wants to leave
            (self.settings.data_dir / SOCKET_NAME).unlink(missing_ok=True)
            if self.settings.unregister_on_stop and not await self.is_paused():
                await self._leave()
        await self._housekeeping.stop()
        await cancel_all(*self._tasks)
        await self.engine.stop()
        self.engine.tracing.collector.close()
        self.lag.stop()
        with contextlib.suppress(StoreUnavailable):
            await self._save_clock()
        await self.store.close()

    def _committed(self, tx: Tx) -> None:
        """Pass on what a transaction noted; called on the event loop after the commit."""
        if tx.knocks:
            self.engine.knock(tx.knocks)
        if tx.fan_out:
            self._housekeeping.fan_out()
        if tx.has_events:
            self._telling.bell.ring()
        if tx.registrars_changed:
            self.engine.monitor.look_again()
        if tx.groups_changed:
            spawn(self.update_flows(), "update-flows")

    async def update_flows(self) -> None:
        """Open, close and move sockets as the signaling groups say now."""
        self.engine.flows.update(await self._addresses())

    async def _addresses(self) -> list[GroupAddress]:
        """Return what each signaling group listens on: the address of --sip, and a port of its own."""
        host = self.settings.sip[0]
        addresses = []
        for uid, id, values in await self.store.read(groups):
            asked = (uid, values["Protocol_1"], values["NetInterfaceSignaling"])
            is_news = asked not in self._warned_of
            self._warned_of.add(asked)
            if is_news and values["Protocol_1"] not in (None, UDP):
                log.warning("group.transport_unsupported", sipsg=id, hint="this version listens on UDP only")
            if is_news and values["NetInterfaceSignaling"]:
                log.warning("group.interface_unmapped", sipsg=id, interface=values["NetInterfaceSignaling"], used=host)
            port, dscp = int(values["ListenPort_1"] or 0), int(values["DSCP"] or 0)
            for number in range(int(values[SOURCE_PORTS] or 1)):
                addresses.append(GroupAddress(uid, id, host, port + number if port else 0, dscp, number))
        return addresses

    async def _keep_clock(self) -> None:
        """Draw the schedule's clock after the wall, and keep it for the next start."""
        saved_ms = self.clock.offset_ms
        while True:
            await asyncio.sleep(SLEW_EVERY_SECONDS)
            jump = self.clock.slew()
            if jump is not None:
                log.warning("clock.jumped", seconds=round(jump, 3), hint="nothing is sent because of it")
            if abs(self.clock.offset_ms - saved_ms) >= SAVE_CLOCK_AFTER_MS:
                saved_ms = self.clock.offset_ms
                await self.store.write(instance.save_clock, self.clock.boot_id, saved_ms)

    async def _try_to_write(self) -> None:
        await self.store.write(instance.try_to_write)

    async def _save_clock(self) -> None:
        await self.store.write(instance.save_clock, self.clock.boot_id, self.clock.offset_ms)

    async def is_paused(self) -> bool:
        """Tell whether nothing is sent."""
        return await self.store.read(instance.is_paused)

    async def pause(self, who: str) -> None:
        """Send nothing from now on, over restarts too: so that two copies never fight over the same AORs."""
        await self.store.write_as(who, instance.pause)
        log.warning("service.paused", by=who, hint="nothing is sent until `sipregistrant resume`")

    async def resume(self, who: str) -> None:
        """Send again what is due, small at first, as at a start."""
        if await self.is_paused():
            self.engine.begin_again()
            await self.store.write_as(who, instance.resume)
            log.info("service.resumed", by=who)

    async def _arrive(self) -> None:
        """Register again what the last stop un-registered."""
        if not await self.store.read(instance.has_left):
            return
        after: int | None = 0
        while after is not None:
            after = await self.store.write(instance.arrive_step, after)
        await self.store.write(instance.mark_left, False)

    async def _leave(self) -> None:
        """Un-register everything, as far as it goes within its time. The next start registers it again."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_SECONDS):
                await self.store.write(instance.mark_left, True)
                after: int | None = 0
                while after is not None:
                    after = await self.store.write(instance.leave_step, after)
                while await self.store.read(instance.is_leaving):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.warning("stop.left_to_lapse", hint=f"not all was un-registered within {LEAVE_WITHIN_SECONDS:g} s")
