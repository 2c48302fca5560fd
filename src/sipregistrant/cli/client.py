"""The client of /api/v1 that the commands use, and the options that say where the service is.

On the machine of the service `--data-dir` is enough: its local socket is asked, or, where no service runs, the files are opened.
From elsewhere it is `--url` and a token. All of them may stand in the environment.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from ..errors import ConfigurationError, RequestRefused, ServiceUnreachable, StoreInUse
from .options import directory

__all__ = ["Ca", "Client", "DataDir", "TokenFile", "Url", "connect", "connected", "creating"]

PREFIX = "/api/v1"
SOCKET_NAME = "local.sock"
DATABASE = "sipregistrant.db"

# An import of a million lines takes half a minute, beside everything else.
TIMEOUT_SECONDS = 600.0
START_SECONDS = 10.0
TOKEN_VARIABLE = "SIPREGISTRANT_TOKEN"

Json = Any

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", parser=directory, envvar="SIPREGISTRANT_DATA_DIR", show_envvar=False,
                 rich_help_panel="Where the service is", help="Its data directory, on the same machine."),
]  # fmt: skip
Url = Annotated[
    str,
    typer.Option("--url", metavar="URL", envvar="SIPREGISTRANT_URL", show_envvar=False, rich_help_panel="Where the service is",
                 help="Or its address, https://HOST:PORT, and a token."),
]  # fmt: skip
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", envvar="SIPREGISTRANT_TOKEN_FILE", show_envvar=False,
                 rich_help_panel="Where the service is", help=f"File with the token; else it is in {TOKEN_VARIABLE}."),
]  # fmt: skip
Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", envvar="SIPREGISTRANT_CA", show_envvar=False, rich_help_panel="Where the service is",
                 help="Whom to trust, PEM: its https.crt, where nobody has signed it."),
]  # fmt: skip
OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "data_dir": (DataDir, None),
    "url": (Url, ""),
    "token_file": (TokenFile, None),
    "ca": (Ca, None),
}


class Client:
    """Asks the service; it is looked for at the first request, so that a command that is at fault by itself changes nothing."""

    def __init__(self, connect: Callable[[], httpx2.Client]) -> None:
        self._connect = connect

    @functools.cached_property
    def _http(self) -> httpx2.Client:
        return self._connect()

    @property
    def is_running(self) -> bool:
        """Tell whether a service runs; else what is changed is carried out when one starts."""
        return bool(self.get("/service")["is_running"])

    def get(self, path: str, **params: Any) -> Json:
        """Return what is at a path; parameters that are None or empty are left out."""
        return self.ask("GET", path, params=params).json()

    def ask(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, **request: Any
    ) -> httpx2.Response:
        """Return the answer to a request that was carried out; raises `RequestRefused`, `ServiceUnreachable`."""
        given = {name: value for name, value in (params or {}).items() if value not in (None, "", (), [])}
        try:
            reply = self._http.request(method, PREFIX + path, params=given, **request)
        except httpx2.TransportError as error:
            raise ServiceUnreachable(str(self._http.base_url), str(error)) from None
        _check(reply)
        return reply

    @contextlib.contextmanager
    def stream(self, path: str, **params: Any) -> Iterator[Iterator[bytes]]:
        """Give the body of an answer in pieces."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        try:
            with self._http.stream("GET", PREFIX + path, params=given) as reply:
                if not reply.is_success:
                    reply.read()
                _check(reply)
                yield reply.iter_bytes()
        except httpx2.TransportError as error:
            raise ServiceUnreachable(str(self._http.base_url), str(error)) from None

    def pages(self, path: str, *, most: int | None = None, **params: Any) -> Iterator[dict[str, Any]]:
        """Give what is listed at a path, page after page, at most so many."""
        after: int | None = 0
        given = 0
        while after is not None:
            limit = 1000 if most is None else min(1000, most - given)
            if limit <= 0:
                return
            page = self.get(path, after=after or None, limit=limit, **params)
            yield from page["items"]
            given += len(page["items"])
            after = page["next"]


def _check(reply: httpx2.Response) -> None:
    if reply.is_success:
        return
    try:
        told = reply.json()
        faults = [f"{fault['field']}: {fault['problem']}" for fault in told.get("faults", ())]
        raise RequestRefused(reply.status_code, told.get("detail") or told["title"], faults, told)
    except (ValueError, KeyError, TypeError):
        raise RequestRefused(
            reply.status_code, f"the answer was HTTP {reply.status_code}, and no problem document"
        ) from None


@contextlib.contextmanager
def connect(data_dir: Path | None, url: str, token_file: Path | None, ca: Path | None, *,
            creates: bool = False) -> Iterator[Client]:  # fmt: skip
    """Give a client of the service that the options name; `creates` tells that a new data directory may be made."""
    with contextlib.ExitStack() as opened:

        def open_it() -> httpx2.Client:
            if url:
                return opened.enter_context(_over_https(url, token_file, ca))
            if data_dir is None:
                wanted = "where is the service? Its data directory is wanted, or --url and a token"
                raise ConfigurationError("--data-dir", wanted)
            if not creates and not (data_dir / DATABASE).exists():
                raise ConfigurationError("--data-dir", f"there is no database in {data_dir}")
            return _over_socket(data_dir, opened)

        yield Client(open_it)


def _over_https(url: str, token_file: Path | None, ca: Path | None) -> httpx2.Client:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token_file is not None:
        try:
            token = token_file.read_text("utf-8").strip()
        except OSError as error:
            raise ConfigurationError("--token-file", f"{token_file}: {error.strerror}") from None
    if not token:
        raise ConfigurationError("--token-file", f"a token is wanted, in a file or in {TOKEN_VARIABLE}")
    if not url.startswith("https://"):
        raise ConfigurationError("--url", f"{url!r} does not begin with https://")
    if ca is not None and not ca.is_file():
        raise ConfigurationError("--ca", f"{ca} is no file")
    headers = {"Authorization": f"Bearer {token}"}
    verify: Any = True
    if ca is not None:
        verify = ssl.create_default_context(cafile=ca)
    return httpx2.Client(base_url=url.rstrip("/"), headers=headers, verify=verify, timeout=TIMEOUT_SECONDS)


def _over_socket(data_dir: Path, opened: contextlib.ExitStack) -> httpx2.Client:
    path = data_dir / SOCKET_NAME
    if not _answers(path):
        from .offline import served_offline

        try:
            opened.enter_context(served_offline(data_dir))
        except StoreInUse as error:
            if not _waited_for(path):  # else it was just starting
                raise error from None
    http = httpx2.Client(
        transport=httpx2.HTTPTransport(uds=str(path)), base_url="http://local", timeout=TIMEOUT_SECONDS
    )
    return opened.enter_context(http)


def _now() -> float:
    return time.perf_counter()


def _answers(path: Path) -> bool:
    """Tell whether somebody serves on a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _waited_for(path: Path) -> bool:
    until = _now() + START_SECONDS
    while _now() < until:
        if _answers(path):
            return True
        time.sleep(0.1)
    return False


def connected(command: Callable[..., None], *, creates: bool = False) -> Callable[..., None]:
    """Give a command a `Client` for its first parameter, and the options that say which; `creates` as `connect` has it."""
    signature = inspect.signature(command, eval_str=True)
    first, *others = signature.parameters.values()

    @functools.wraps(command)
    def run(**given: Any) -> None:
        where = {name: given.pop(name) for name in OPTIONS}
        with connect(**where, creates=creates) as client:
            command(client, **given)

    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in OPTIONS.items()
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in others]
    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    # Else the help would end its lines where the source does.
    run.__doc__ = "\n\n".join(" ".join(part.split()) for part in (command.__doc__ or "").split("\n\n"))
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
    del run.__wrapped__
    return run


def creating(command: Callable[..., None]) -> Callable[..., None]:
    """Do as `connected` does, for a command that a new data directory may begin with."""
    return connected(command, creates=True)
