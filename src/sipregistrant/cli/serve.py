"""`sipregistrant serve`: the service, in the foreground."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from .. import __version__
from ..engine.transport.tls import TlsFiles
from ..rest.settings import RestSettings
from ..service import Service, ServiceSettings
from .options import (
    DataDir,
    address,
    check_advertised,
    hosts,
    line,
    log_to_stderr,
    name_server,
    networks,
    pair_of_files,
)

__all__ = ["cli", "until_stopped"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

OBJECTS_BETWEEN_COLLECTIONS = 50_000


class ProxyHeader(StrEnum):
    """In which header the trusted proxies say who asks."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


class StatusLine(StrEnum):
    """What the HTTP status line of the wire API says."""

    ALWAYS_200 = "200"
    MIRROR = "mirror"


@cli.command("serve")
def serve(
    data_dir: DataDir,
    https: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where /rest and /healthz are served.")
    ] = "127.0.0.1:8443",
    sip: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="What signaling group 1 listens on and sends from at first start.")
    ] = "0.0.0.0:5060",
    advertise: Annotated[
        str, typer.Option(metavar="ADDR", help="Our address in Contact and Via, when it is not the socket's own.")
    ] = "",
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
        bool,
        typer.Option("--unregister-on-stop", help="Un-register at the stop, and register again at the next start."),
    ] = False,
    paused: Annotated[
        bool,
        typer.Option(
            "--paused", help="Send nothing until `sipregistrant resume`: for a copy, beside which another runs."
        ),
    ] = False,
    https_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificate for HTTPS, PEM; else one is made. Read again when it changes."),
    ] = None,
    https_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM, not encrypted.")] = None,
    rest_status_line: Annotated[
        StatusLine, typer.Option(help="HTTP status of /rest: always 200, or a mirror of http_code.")
    ] = StatusLine.ALWAYS_200,
    csrf: Annotated[bool, typer.Option("--csrf", help="Demand X-CSRF-Token of requests that write.")] = False,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR", help="Address or network of a reverse proxy to believe; may be repeated."),
    ] = None,
    proxy_header: Annotated[
        ProxyHeader,
        typer.Option(help="What the proxies write: X-Forwarded-For and -Host, or Forwarded. The other means nothing."),
    ] = ProxyHeader.X_FORWARDED,
    system_version: Annotated[str, typer.Option(metavar="TEXT", help="Version that /rest/system shows.")] = __version__,
    system_build: Annotated[str, typer.Option(metavar="TEXT", help="Build that /rest/system shows.")] = "",
    node_name: Annotated[str, typer.Option(metavar="TEXT", help="Name that /rest/system shows; else the host's.")] = "",
) -> None:
    """Run the service until SIGTERM or SIGINT. Bindings are kept over the stop."""
    log_to_stderr()
    check_advertised(advertise, "--advertise")
    rest = RestSettings(
        mirrors_status=rest_status_line is StatusLine.MIRROR, demands_csrf_token=csrf,
        trusted_proxies=networks(trusted_proxy or (), "--trusted-proxy"),
        uses_forwarded=proxy_header is ProxyHeader.FORWARDED,
        system_version=line(system_version, "--system-version"), system_build=line(system_build, "--system-build"),
        node_name=line(node_name or socket.gethostname(), "--node-name"),
    )  # fmt: skip
    settings = ServiceSettings(
        data_dir, https=address(https, "--https"), sip=address(sip, "--sip"), advertise=advertise,
        redirect_hosts=hosts(follow_redirects_to or (), "--follow-redirects-to"),
        name_servers=tuple(name_server(one) for one in dns or ()),
        tls=TlsFiles(sip_trust, sip_certificate, sip_key), unregister_on_stop=unregister_on_stop, paused=paused,
        rest=rest, certificate=pair_of_files(https_certificate, https_key),
    )  # fmt: skip
    uvloop.run(_serve(settings))


async def _serve(settings: ServiceSettings) -> None:
    stopped = until_stopped()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # one that comes too early must not end the process
    async with Service.running(settings) as service:
        look_for_cycles_seldom()
        loop.add_signal_handler(signal.SIGHUP, service.reload_certificate)
        print(f"ready {service.base}" + (" paused" if await service.is_paused() else ""), flush=True)
        await stopped.wait()


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
