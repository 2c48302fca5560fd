"""`sipregistrant serve`: the service, in the foreground."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop

from ..engine.tasks import spawn
from ..errors import ConfigurationError, SettingsFaulty
from ..logs.form import log_to_stderr
from ..service import Service, ServiceSettings
from ..settings.load import Loaded, Sources, changes, load, service_settings
from .options import ConfigFile, MaybeDataDir, SecretsDir

__all__ = ["cli", "until_stopped"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

log = structlog.get_logger(__name__)

OBJECTS_BETWEEN_COLLECTIONS = 50_000


class ProxyHeader(StrEnum):
    """In which header the trusted proxies say who asks."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


class Level(StrEnum):
    """What is logged at least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line of the log is written."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class HepMessages(StrEnum):
    """What the collector gets."""

    KEPT = "kept"
    ALL = "all"


class StatusLine(StrEnum):
    """What the HTTP status line of the wire API says."""

    ALWAYS_200 = "200"
    MIRROR = "mirror"


@cli.command("serve")
def serve(
    data_dir: MaybeDataDir = None,
    config: ConfigFile = None,
    secrets_dir: SecretsDir = None,
    https: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where /rest, /api/v1 and /healthz are served. [127.0.0.1:8443]"),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where /metrics is served over plain HTTP, without login. [nowhere]"),
    ] = None,
    sip: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="What signaling group 1 listens on and sends from at first start. [0.0.0.0:5060]"
        ),
    ] = None,
    advertise: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Our address in Contact and Via, when it is not the socket's own."),
    ] = None,
    follow_redirects_to: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Host that a 3xx answer may send us to; may be repeated. Else none is."),
    ] = None,
    dns: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="Name server to ask; may be repeated. Else those of the machine are."),
    ] = None,
    sip_trust: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Whom TLS to registrars trusts, PEM; else whom the machine trusts."),
    ] = None,
    sip_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Our certificate for registrars that ask for one, PEM.")
    ] = None,
    sip_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM, not encrypted.")] = None,
    unregister_on_stop: Annotated[
        bool | None,
        typer.Option(
            "--unregister-on-stop/--no-unregister-on-stop",
            help="Un-register at the stop, and register again at the next start.",
        ),
    ] = None,
    paused: Annotated[
        bool | None,
        typer.Option(
            "--paused/--no-paused",
            help="Send nothing until `sipregistrant resume`: for a copy, beside which another runs.",
        ),
    ] = None,
    https_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificate for HTTPS, PEM; else one is made. Read again when it changes."),
    ] = None,
    https_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM, not encrypted.")] = None,
    rest_status_line: Annotated[
        StatusLine | None, typer.Option(help="HTTP status of /rest: always 200, or a mirror of http_code. [200]")
    ] = None,
    csrf: Annotated[
        bool | None, typer.Option("--csrf/--no-csrf", help="Demand X-CSRF-Token of requests that write.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR", help="Address or network of a reverse proxy to believe; may be repeated."),
    ] = None,
    proxy_header: Annotated[
        ProxyHeader | None,
        typer.Option(help="What the proxies write: X-Forwarded-For and -Host [x-forwarded], or Forwarded."),
    ] = None,
    system_version: Annotated[str | None, typer.Option(metavar="TEXT", help="Version that /rest/system shows.")] = None,
    system_build: Annotated[str | None, typer.Option(metavar="TEXT", help="Build that /rest/system shows.")] = None,
    node_name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Name that /rest/system shows; else the host's.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="json, or console for people; auto: console at a terminal. [auto]")
    ] = None,
    hep: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Collector (HOMER) that messages are sent to, HEP3 over UDP."),
    ] = None,
    hep_messages: Annotated[
        HepMessages | None, typer.Option(help="What it gets: what failed or is traced [kept], or all messages.")
    ] = None,
    hep_agent: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="What it knows this program by. [2001]")
    ] = None,
    log_level: Annotated[Level | None, typer.Option(help="The least that is logged. [info]")] = None,
) -> None:
    """Run the service until SIGTERM or SIGINT. Bindings are kept over the stop.

    What is not said here is looked for in the environment, the secrets directory and the file of --config; `config show` tells
    what is in force.
    """
    given = {
        "data_dir": data_dir, "unregister_on_stop": unregister_on_stop, "paused": paused,
        "https.listen": https, "metrics.listen": metrics, "https.certificate": https_certificate, "https.key": https_key,
        "sip.listen": sip, "sip.advertise": advertise, "sip.follow_redirects_to": follow_redirects_to,
        "sip.trust": sip_trust, "sip.certificate": sip_certificate, "sip.key": sip_key, "dns.servers": dns,
        "rest.status_line": rest_status_line, "rest.csrf": csrf, "rest.trusted_proxies": trusted_proxy,
        "rest.proxy_header": proxy_header, "rest.system_version": system_version, "rest.system_build": system_build,
        "rest.node_name": node_name, "trace.hep": hep, "trace.hep_messages": hep_messages, "trace.hep_agent": hep_agent,
        "log.level": log_level, "log.format": log_format,
    }  # fmt: skip
    sources = Sources(config, secrets_dir, {name: value for name, value in given.items() if value is not None})
    loaded = load(sources)
    _log_at(loaded)
    uvloop.run(_serve(loaded, sources))


def _log_at(loaded: Loaded) -> None:
    log_to_stderr(getattr(logging, loaded.settings.log.level.upper()), loaded.settings.log.format)


async def _serve(loaded: Loaded, sources: Sources) -> None:
    stopped = until_stopped()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # one that comes too early must not end the process
    async with Service.running(service_settings(loaded.settings)) as service:
        look_for_cycles_seldom()
        reloads = _Reloads(service, loaded, sources)
        loop.add_signal_handler(signal.SIGHUP, lambda: spawn(reloads.reload(), "reload"))
        print(f"ready {service.base}" + (" paused" if await service.is_paused() else ""), flush=True)
        await stopped.wait()


def _read(sources: Sources) -> tuple[Loaded, ServiceSettings]:
    loaded = load(sources)
    return loaded, service_settings(loaded.settings)


class _Reloads:
    """What SIGHUP does: all is read again, and nothing is changed where anything is at fault."""

    def __init__(self, service: Service, loaded: Loaded, sources: Sources) -> None:
        self._service = service
        self._started_with = loaded
        self._loaded = loaded
        self._sources = sources
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> None:
        """Read everything again."""
        async with self._one_at_a_time:
            try:
                # Files, and a model that is made for them: too long for the loop.
                self._take(*await asyncio.to_thread(_read, self._sources))
            except SettingsFaulty as error:
                for where, problem in error.faults:
                    log.error("settings.faulty", where=where, problem=problem, hint="nothing was changed")
            except ConfigurationError as error:
                log.error("settings.faulty", where=error.setting, problem=error.problem, hint="nothing was changed")

    def _take(self, loaded: Loaded, settings: ServiceSettings) -> None:
        changed, _ = changes(self._loaded, loaded)
        _, waiting = changes(self._started_with, loaded)
        self._loaded = loaded
        self._service.reload(settings)
        _log_at(loaded)
        log.info("settings.reloaded", changed=changed)
        if waiting:
            log.warning(
                "settings.need_restart",
                settings=waiting,
                hint="they are as they were until the service is started again",
            )


def look_for_cycles_seldom() -> None:
    """Have the garbage collector look when it is worth it: what an attempt leaves is freed by its reference counts, and
    looking through thousands of them again and again took an eighth of the CPU (measured).
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 20)


def until_stopped() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets. A second signal ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        stopped.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    return stopped
