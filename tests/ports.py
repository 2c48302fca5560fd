"""Ports of loopback that nobody has, and that nobody gets by chance: below those that the system gives away."""

from __future__ import annotations

import itertools
import os
import socket

__all__ = ["free_port"]

LOWEST, HIGHEST = 20_000, 32_000  # Linux gives from 32768 on
MOST_TRIES = 2000

# Processes that test at the same time begin at different places.
_numbers = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """Return a port that is free, for UDP and for TCP; each call another one."""
    for _ in range(MOST_TRIES):
        port = LOWEST + next(_numbers) % (HIGHEST - LOWEST)
        if all(_is_free(kind, port) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            return port
    raise AssertionError("no port is free")


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
