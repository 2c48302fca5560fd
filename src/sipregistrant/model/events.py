"""What the service tells by itself, as it happens: the kinds of event, declared once.

An event is a line in a table: nobody who was away misses one, and all get them in the same order. A kind is a word of two parts,
what it is about and what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["MEANINGS", "EventKind"]


class EventKind(StrEnum):
    """The kinds."""

    REGISTRATIONS_CHANGED = "registrations.changed"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"
    SERVICE_STARTED = "service.started"
    SERVICE_STOPPED = "service.stopped"


MEANINGS: Mapping[EventKind, str] = {
    EventKind.REGISTRATIONS_CHANGED: "registrations of one server have come to another state, with one answer: so many, "
    "the first ten by name; while an alarm about the server stands, the alarm tells of them",
    EventKind.ALARM_RAISED: "something is not as it should be",
    EventKind.ALARM_CLEARED: "it is as it should be again; of a server: with what has become of its registrations",
    EventKind.SERVICE_STARTED: "the service has started",
    EventKind.SERVICE_STOPPED: "the service was told to stop; one that crashed says nothing",
}
"""For docs/events.md and the help."""
