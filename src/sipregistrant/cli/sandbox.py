"""`sipregistrant sandbox`: the sandbox registrar alone, for trying things out."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
import uvloop

from ..errors import ConfigurationError
from ..sandbox.registrar import SandboxRegistrar
from ..sandbox.server import SandboxServer
from ..settings.texts import address
from .serve import until_stopped

__all__ = ["cli"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command("sandbox")
def sandbox(
    listen: Annotated[
        str, typer.Option(metavar="udp:HOST:PORT", help="Transport and address to listen on.")
    ] = "udp:127.0.0.1:5070",
    realm: Annotated[str, typer.Option(help="Realm of the challenge.")] = "sandbox.invalid",
    password: Annotated[str, typer.Option(help="The one password that every user has.")] = "sandbox",
    algorithm: Annotated[str, typer.Option(help="MD5, SHA-256 or SHA-512-256.")] = "MD5",
) -> None:
    """Run a registrar that takes any user of any domain with the one password. It is no registrar for others."""
    transport, _, where = listen.partition(":")
    if transport != "udp":
        raise ConfigurationError("--listen", f"{listen!r} is not udp:HOST:PORT")
    uvloop.run(_run(address(where, "--listen"), realm, password, algorithm))


async def _run(where: tuple[str, int], realm: str, password: str, algorithm: str) -> None:
    registrar = SandboxRegistrar(realm, password, algorithm=algorithm, secret=secrets.token_bytes(32))
    stopped = until_stopped()
    try:
        async with SandboxServer(*where, registrar) as server:
            print(f"ready udp:{server.host}:{server.port}", flush=True)
            await stopped.wait()
    except OSError as error:
        raise ConfigurationError("--listen", f"udp:{where[0]}:{where[1]}: {error.strerror or error}") from None
