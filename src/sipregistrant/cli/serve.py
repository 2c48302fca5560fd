"""`sipregistrant serve`: the service, in the foreground."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
import uvloop

from ..service import Service, ServiceSettings
from .options import DataDir, address, log_to_stderr

__all__ = ["serve", "until_stopped"]


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
    unregister_on_stop: Annotated[
        bool,
        typer.Option("--unregister-on-stop", help="Un-register at the stop, and register again at the next start."),
    ] = False,
) -> None:
    """Run the service until SIGTERM or SIGINT. Bindings are kept over the stop."""
    log_to_stderr()
    settings = ServiceSettings(
        data_dir, https=address(https, "--https"), sip=address(sip, "--sip"), advertise=advertise,
        unregister_on_stop=unregister_on_stop,
    )  # fmt: skip
    uvloop.run(_serve(settings))


async def _serve(settings: ServiceSettings) -> None:
    stopped = until_stopped()
    async with Service.running(settings) as service:
        host = settings.https[0]
        print(f"ready https://{f'[{host}]' if ':' in host else host}:{service.https_port}", flush=True)
        await stopped.wait()


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
