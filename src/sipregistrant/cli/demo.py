"""`sipregistrant demo`, which is what `./do run` starts: the service, a sandbox registrar, a sample, and a live table
of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import re
import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich import box
from rich.console import Console, JustifyMethod
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..errors import ConfigurationError
from ..logs.form import log_to_stderr
from ..model.groups import GROUP
from ..model.registrants import ENTRY, TABLE
from ..model.resource import Values
from ..model.servers import ENTRY as SERVER
from ..rest.settings import RestSettings
from ..sandbox.registrar import SandboxRegistrar
from ..sandbox.server import SandboxServer
from ..service import Service, ServiceSettings
from ..settings.texts import address
from ..store import config, state, users
from ..store.first_group import FIRST_GROUP
from ..store.passwords import hash_password
from ..store.tx import Key, Tx
from .sample import PASSWORD, REALM, Client, feed
from .serve import until_stopped

__all__ = ["cli"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

PICTURE_COLUMNS = 80
LOOK_EVERY_SECONDS = 0.2
GIVE_UP_AFTER_SECONDS = 60
SAMPLE_TABLE = 1
FIRST_SERVER = Key(1, 1)

COLOURS = {
    "registered": "green",
    "registering": "cyan",
    "degraded": "yellow",
    "disabled": "dim",
    "unregistering": "cyan",
}

# One contact as `rt_Contacts` writes it.
CONTACT = re.compile("<(?:sip:)?([^>]*)>;q=([0-9.]+);expires=([0-9]+)")

Shown = list[Values]

# More fit no screen.
MOST_SHOWN = 200


@cli.command("demo")
def demo(
    data_dir: Annotated[Path, typer.Option("--data-dir", metavar="DIR", help="Where the database is kept.")] = Path(
        "var"
    ),
    https: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where /rest is served.")] = "127.0.0.1:8443",
    sip: Annotated[str, typer.Option(metavar="HOST:PORT", help="What REGISTERs are sent from.")] = "127.0.0.1:5060",
    sandbox: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the sandbox registrar listens.")
    ] = "127.0.0.1:5070",
    exit_when_registered: Annotated[
        bool, typer.Option("--exit-when-registered", help="Stop, with status 0, when all entries are registered.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table as SVG when all entries are registered.")
    ] = None,
) -> None:
    """Run the service with a registrar of its own and a sample, and show what is registered. Ctrl-C un-registers and
    stops.
    """
    log_to_stderr(logging.ERROR)
    settings = ServiceSettings(
        data_dir, https=address(https, "--https"), sip=address(sip, "--sip"), unregister_on_stop=True,
        rest=RestSettings(node_name=socket.gethostname()),
    )  # fmt: skip
    is_registered = uvloop.run(_demo(settings, address(sandbox, "--sandbox"), exit_when_registered, picture))
    if exit_when_registered and not is_registered:
        raise typer.Exit(1)


async def _demo(settings: ServiceSettings, sandbox: tuple[str, int], exit_when_registered: bool,
                picture: Path | None) -> bool:  # fmt: skip
    stopped = until_stopped()
    console = Console()
    registrar = SandboxRegistrar(REALM, PASSWORD, secret=secrets.token_bytes(32))
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(SandboxServer(*sandbox, registrar))
        except OSError as error:
            where = f"udp:{sandbox[0]}:{sandbox[1]}"
            raise ConfigurationError(
                "--sandbox",
                f"{where}: {error.strerror or error}; name another with --sandbox HOST:PORT",
            ) from None
        service = await stack.enter_async_context(Service.running(settings))
        await service.store.write(_use_ports, settings.sip[1], sandbox[1])
        await _check_sip(service)
        base = service.base
        await _first_time(service, base, sandbox[1], console)
        is_registered = await _watch(service, base, console, stopped, exit_when_registered, picture)
        if not exit_when_registered or not is_registered:
            console.print("un-registering …")
    return is_registered


def _use_ports(tx: Tx, sip_port: int, sandbox_port: int) -> None:
    """Let the options say the ports at every start, not only at the first."""
    config.change(tx, GROUP, FIRST_GROUP, {"ListenPort_1": str(sip_port)})
    if config.exists(tx, SERVER, FIRST_SERVER):
        config.change(tx, SERVER, FIRST_SERVER, {"Port": str(sandbox_port)})


async def _check_sip(service: Service) -> None:
    await service.update_flows()
    for reason in service.engine.flows.faults.values():
        raise ConfigurationError("--sip", f"{reason}; name another with --sip HOST:PORT")


async def _first_time(service: Service, base: str, sandbox_port: int, console: Console) -> None:
    """Make the first users, show their passwords once, feed the sample."""
    if await service.store.read(users.list_users):
        console.print(f"[bold]{base}/rest[/]  resuming with what is in {service.settings.data_dir}/")
        return
    passwords = {"rest": secrets.token_urlsafe(12), "admin": secrets.token_urlsafe(12)}
    for level, password in passwords.items():
        await service.store.write(users.add, level, level, await hash_password(password))
    console.print(f"[bold]{base}/rest[/]  users, shown this once:")
    for level, password in passwords.items():
        console.print(f"  {level:5}  {password}", highlight=False)
    certificate = str(service.settings.data_dir / "https.crt")
    async with Client(base, certificate) as client:
        await feed(client, "rest", passwords["rest"], sandbox_port)


async def _watch(service: Service, base: str, console: Console, stopped: asyncio.Event, exit_when_registered: bool,
                 picture: Path | None) -> bool:  # fmt: skip
    """Show the table until all is registered and, unless that was all that was wanted, until the stop."""
    until = service.clock.now() + GIVE_UP_AFTER_SECONDS
    is_told = False
    with Live(console=console, auto_refresh=False) as live:
        while not stopped.is_set():
            shown = await service.store.read(_read_shown)
            live.update(_table(shown), refresh=True)
            is_registered = bool(shown) and all(one["rt_RegistrationState"] == "registered" for one in shown)
            if is_registered and not is_told:
                is_told = True
                _tell(live, shown, base, picture)
                if exit_when_registered:
                    return True
            if exit_when_registered and service.clock.now() > until:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), LOOK_EVERY_SECONDS)
    return is_told


def _tell(live: Live, shown: Shown, base: str, picture: Path | None) -> None:
    if picture is not None:
        picture.write_text(_picture(_table(shown)), encoding="utf-8")
    live.console.print(
        f"All registered. Ctrl-C un-registers and stops. To look: curl -k {base}/healthz", soft_wrap=True
    )


def _read_shown(tx: Tx) -> Shown:
    if not config.exists(tx, TABLE, Key(SAMPLE_TABLE)):
        return []
    return [values for _, values in state.page(tx, ENTRY, SAMPLE_TABLE, 0, MOST_SHOWN)]


def _table(shown: Shown) -> Table:
    """Draw the registrations: one row each, a line for each contact that the registrar has confirmed. Fits 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("AOR", "state", "contact", "q", "expires"):
        justify: JustifyMethod = "right" if name in ("q", "expires") else "left"
        table.add_column(name, no_wrap=True, justify=justify)
    for values in shown:
        word = str(values["rt_RegistrationState"])
        contacts = CONTACT.findall(str(values["rt_Contacts"]))
        uris, qs, expiries = ("\n".join(column) for column in zip(*contacts, strict=True)) if contacts else ("", "", "")
        reason = "" if contacts else str(values["rt_LastReason"])
        aor = str(values["AOR"]).removeprefix("sip:")
        table.add_row(aor, Text(word, COLOURS.get(word, "red")), uris or reason, qs, expiries)
    return table


def _picture(table: Table) -> str:
    """Return the table as SVG that needs nothing from elsewhere: without the web fonts that rich would name."""
    console = Console(record=True, width=PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(table)
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="./do run"), flags=re.DOTALL)
