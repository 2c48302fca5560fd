"""From what flights exchanged to what is kept of it, and to the collector.

A flight notes its messages as they are (`Flight.exchanged`). What was registered as it should be, and is not traced, costs no
more than that: the notes go with the flight. Everything else here is done once an attempt has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..model.schedule import Claimed
from ..sip.outcome import Kind, Outcome
from ..trace.collector import Collector
from ..trace.kept import KeptTraces
from ..trace.masking import mask
from ..trace.messages import Attempt, Message
from .flight import Flight, Registrar
from .transport.flows import Exchanged, Flow
from .transport.streams import StreamFlow

__all__ = ["Tracing"]

# Without anything that could be looked for.
SUCCESSES = frozenset({Kind.ACCEPTED, Kind.REMOVED})


class Tracing:
    """Keeps what is to be kept: `kept` has it; `collector` gets the same, or the messages of all attempts."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.kept = KeptTraces()
        self.collector = Collector()
        self._now = now

    def ended(self, registrar: Registrar, row: Claimed, outcome: Outcome, flight: Flight | None) -> None:
        """Take the end of an attempt; without a flight nothing of it was sent."""
        exchanged: list[Exchanged] = []
        if flight is not None:
            # The flight itself waits in the deadlines for a while, where nobody needs what it holds.
            exchanged, flight.exchanged = flight.exchanged, exchanged
        kept, gets_all = self.kept, self.collector.gets_all
        if outcome.kind in SUCCESSES and not gets_all and row.id not in kept.watched:
            return
        now = self._now()
        kind = outcome.kind.name.lower()
        is_kept = kept.wants(row.id, registrar.name, kind, outcome.code, now, has_failed=outcome.kind not in SUCCESSES)
        if not is_kept and not gets_all:
            return
        messages = _messages(exchanged)
        aor = _aor(row, flight)
        if is_kept:
            kept.put(
                Attempt(
                    row.id, aor, registrar.name, now, kind, outcome.code, outcome.reason or "", messages,
                ), now,
            )  # fmt: skip
        self.collector.send(messages, aor)


def _aor(row: Claimed, flight: Flight | None) -> str:
    sent = row.sent if flight is None else flight.tried
    return sent.aor if sent is not None else str(row.entry["AOR"]) if row.entry else ""


def _messages(exchanged: Iterable[Exchanged]) -> list[Message]:
    """Return the messages without their secrets; what was sent again is there once, and told of each time."""
    found: list[Message] = []
    masked: dict[int, bytes] = {}
    for at, flow, peer, data, is_sent in exchanged:
        if is_sent and _never_stood(flow):
            # What waited for a connection that there never was has reached nobody.
            continue
        is_repeated = id(data) in masked
        if not is_repeated:
            masked[id(data)] = mask(data)
        found.append(
            Message(at, is_sent, _own(flow, peer[0]), peer, flow.transport, masked[id(data)], is_repeated)
        )  # fmt: skip
    return found


def _never_stood(flow: Flow) -> bool:
    return isinstance(flow, StreamFlow) and flow.opened_at == 0


def _own(flow: Flow, peer: str) -> tuple[str, int]:
    try:
        host = flow.local_host_towards(peer)
    except OSError:
        host = flow.host
    port = flow.seen_port or flow.port if isinstance(flow, StreamFlow) else flow.port
    return host, port
