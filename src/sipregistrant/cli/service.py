"""`sipregistrant pause`, `sipregistrant resume`: the service as a whole."""

from __future__ import annotations

import typer

from .client import Client, connected

__all__ = ["pause", "resume"]

pause = typer.Typer(add_completion=False)
resume = typer.Typer(add_completion=False)


@pause.command("pause")
@connected
def pause_service(client: Client) -> None:
    """Send nothing, over restarts too, until `resume`: no REGISTER, no un-REGISTER, no OPTIONS. Bindings stay, and lapse."""
    client.ask("POST", "/service/pause")


@resume.command("resume")
@connected
def resume_service(client: Client) -> None:
    """Send again what is due, small at first. Be sure that no copy of this service registers the same AORs."""
    client.ask("POST", "/service/resume")
