"""The JSON API on a data directory that no service holds: in a thread, for as long as one command takes.

So a command does the same whether the service runs or not, through the same socket; what it changes is registered when the
service starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from ..access.login import Login
from ..access.sessions import Sessions
from ..access.throttle import Throttle
from ..api.app import PREFIX, create_api
from ..api.gate import Gate, Guarded
from ..api.unix_socket import SOCKET_NAME, listen_locally
from ..api.web_server import WebServer
from ..engine.clock import Clock, read_boot_id
from ..engine.tasks import cancel_all, spawn
from ..store import reconcile
from ..store.store import Store

__all__ = ["served_offline"]


@contextlib.contextmanager
def served_offline(data_dir: Path) -> Iterator[None]:
    """Serve the API on the local socket of a data directory; raises `StoreInUse` where a service does."""
    thread = _Thread(data_dir)
    thread.start()
    thread.ready.wait()
    try:
        if thread.error is not None:
            raise thread.error
        yield
    finally:
        thread.stop()


class _Thread(threading.Thread):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(name="offline", daemon=True)
        self._data_dir = data_dir
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    def run(self) -> None:
        """Serve until `stop`."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.error = error
        finally:
            self.ready.set()

    def stop(self) -> None:
        """End it, and wait for the end."""
        if self._loop is not None and self._stopped is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self.join()

    async def _serve(self) -> None:
        boot_id = read_boot_id()
        store = await Store.open(self._data_dir, lambda *saved: Clock(boot_id, *saved).now_ms)
        try:
            clock = asyncio.get_running_loop().time
            sessions = Sessions(clock=clock)
            gate = Gate(
                store, sessions, Login(store, sessions, Throttle(clock=clock, sleep=asyncio.sleep)), is_local=True
            )
            api = create_api(store, on_user_changed=sessions.end_all_of)
            server = WebServer(Starlette(routes=[Mount(PREFIX, Guarded(api, gate))]), listen_locally(self._data_dir))
            await server.start()
            carrying = spawn(self._carry_out(store), "reconciler")
            self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
            self.ready.set()
            await self._stopped.wait()
            await server.stop()
            await cancel_all(carrying)
            (self._data_dir / SOCKET_NAME).unlink(missing_ok=True)
        finally:
            await store.close()

    async def _carry_out(self, store: Store) -> None:
        """Carry out what concerns many, imports among them, as the service does; nothing is sent by that."""
        noted = asyncio.Event()
        noted.set()
        store.on_commit = lambda tx: noted.set() if tx.fan_out else None
        while True:
            await noted.wait()
            noted.clear()
            while await store.write(reconcile.step):
                pass
