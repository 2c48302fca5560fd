"""Signaling group 1 and the port that the operator names on the command line."""

from __future__ import annotations

from ..model.groups import GROUP
from ..model.servers import UDP
from . import config
from .tx import Key, Tx

__all__ = ["FIRST_GROUP", "take_port"]

FIRST_GROUP = Key(1)


def take_port(tx: Tx, port: int) -> int:
    """At the first start, write into the group what it listens on; from then on the group says it. Return what it listens on,
    `port` itself where the group is gone.
    """
    if not config.exists(tx, GROUP, FIRST_GROUP):
        return port
    known = config.get(tx, GROUP, FIRST_GROUP)["ListenPort_1"]
    if known is not None:
        return int(known)
    config.change(tx, GROUP, FIRST_GROUP, {"ListenPort_1": str(port), "Protocol_1": str(UDP)})
    return port
