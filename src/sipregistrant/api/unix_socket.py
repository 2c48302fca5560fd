"""The socket that the local API is served on: only the user that runs the service can open it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from ..errors import ConfigurationError

__all__ = ["SOCKET_NAME", "listen_locally"]

SOCKET_NAME = "local.sock"

LONGEST_PATH_BYTES = 107  # unix(7): sun_path has 108, the last of them zero

OWNER_ONLY = 0o600


def listen_locally(directory: Path) -> socket.socket:
    """Return a listening socket in the data directory, whose lock the caller holds.

    What a process that was killed left there is replaced. Raises `ConfigurationError`.
    """
    path = directory / SOCKET_NAME
    if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
        raise ConfigurationError("data directory", f"{path} is longer than a socket's path may be; use a shorter one")
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise ConfigurationError("data directory", f"{path} is in the way: it is not a socket")
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the socket, so there is no moment at which others could open it.
        os.fchmod(listening.fileno(), OWNER_ONLY)
        listening.bind(str(path))
        path.chmod(OWNER_ONLY)
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening
