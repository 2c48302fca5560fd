"""Work on a data directory: on the file itself, or, while a service holds its lock, through the service's local socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from ..api.unix_socket import SOCKET_NAME
from ..engine.clock import Clock, read_boot_id
from ..errors import ConfigurationError, StoreInUse
from ..store.store import DATABASE, Store
from ..store.tx import Tx

__all__ = ["refused", "send", "work_on"]

TIMEOUT_SECONDS = 30


def work_on(
    data_dir: Path, here: Callable[[Tx], Any], method: str, path: str, body: Mapping[str, str] | None = None
) -> Any:
    """Do it on the data directory, or ask the service that holds its lock for `/local/{path}`. Only what is added (POST) makes
    a directory.
    """
    if method != "POST" and not (data_dir / DATABASE).exists():
        raise ConfigurationError("--data-dir", f"there is no database in {data_dir}")
    boot_id = read_boot_id()
    try:
        return Store.once(data_dir, lambda *saved: Clock(boot_id, *saved).now_ms, here)
    except StoreInUse:
        return _ask_service(data_dir, method, path, body)


def _ask_service(data_dir: Path, method: str, path: str, body: Mapping[str, str] | None) -> Any:
    reply = send(data_dir, method, path, json=body)
    if reply.is_success:
        return reply.json() if reply.content else None
    raise refused(path.partition("/")[0].removesuffix("s"), reply)


def send(
    data_dir: Path, method: str, path: str, *, seconds: float = TIMEOUT_SECONDS, **request: Any
) -> httpx2.Response:
    """Return the answer of the service that holds a data directory's lock, to a request for `/local/{path}`."""
    transport = httpx2.HTTPTransport(uds=str(data_dir / SOCKET_NAME))
    try:
        with httpx2.Client(transport=transport, timeout=seconds) as client:
            return client.request(method, f"http://local/local/{path}", **request)
    except httpx2.TransportError as error:
        raise ConfigurationError("--data-dir", f"its lock is held, but no service answers there: {error}") from None


def refused(what: str, reply: httpx2.Response) -> ConfigurationError:
    """Return what the problem in an answer is for somebody at the command line."""
    problem = reply.json()
    return ConfigurationError(what, str(problem.get("detail") or problem.get("title") or reply.status_code))
