"""The alarms: what is not as it should be, declared once; and the conditions that raise them.

An alarm is raised when its condition has held for a while, and cleared when it has not for a while: once each, over restarts
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

__all__ = ["RULES", "AlarmKind", "Condition", "Rule", "Severity"]


class Severity(IntEnum):
    """As syslog numbers them (RFC 5424 §6.2.1)."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    INFO = 6


class AlarmKind(Enum):
    """The kinds, by their words on the wire."""

    SILENT = "server.silent"
    REFUSES = "server.refuses"
    LAPSED = "registrations.lapsed"
    OVERDUE = "refreshes.overdue"
    GROUP = "group.down"
    DATABASE = "database.failing"
    DISK = "disk.low"
    PAUSED = "service.paused"
    WEBHOOK = "webhook.failing"


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alarm is raised (in words), after how many seconds of that, how grave it is, and what to do."""

    severity: Severity
    meaning: str
    advice: str
    raise_after_seconds: float = 0.0
    clear_after_seconds: float = 10.0


RULES: Mapping[AlarmKind, Rule] = {
    AlarmKind.SILENT: Rule(
        Severity.CRITICAL,
        "a registrar answers nobody; cleared when it answers and what waited for it has been tried",
        "see whether the machine and the way to it are up (`sipregistrant server show`, `sipregistrant explain` "
        "for one of its AORs); one AOR is tried now and then, and all go out, paced, when it answers",
    ),
    AlarmKind.REFUSES: Rule(
        Severity.CRITICAL,
        "of a server's registrations more than ten, and more than a twentieth, are refused",
        "see what it says (`sipregistrant registration list --server … --state rejected`); if the passwords are right, "
        "ask its operator: registrars that have lost their users' database do this",
        raise_after_seconds=5.0,
    ),
    AlarmKind.LAPSED: Rule(
        Severity.CRITICAL,
        "bindings that were held have lapsed, or will within two minutes, because they could not be refreshed: at least "
        "one, and more than a thousandth of the server's",
        "these AORs cannot be called: `sipregistrant registration list --server … --state failing` names them, "
        "`sipregistrant explain` says why",
        raise_after_seconds=5.0,
    ),
    AlarmKind.OVERDUE: Rule(
        Severity.ERROR,
        "bindings that are held were not refreshed within a minute of their time although the server answers",
        "see whether its limits are too low (`sipregistrant forecast`), and whether the machine is too busy",
        raise_after_seconds=20.0,
    ),
    AlarmKind.GROUP: Rule(
        Severity.CRITICAL,
        "a signaling group has no socket: nothing is sent from it",
        "free the address and port that it names, or give it others (`sipregistrant group set`)",
        raise_after_seconds=5.0,
    ),
    AlarmKind.DATABASE: Rule(
        Severity.CRITICAL,
        "the database cannot be written: no change is taken, and soon nothing more is sent",
        "see whether the disk is full or read-only; it goes on by itself when it can be written",
    ),
    AlarmKind.DISK: Rule(
        Severity.WARNING,
        "less than 512 MB are free where the data directory is",
        "make room before the database cannot be written",
        clear_after_seconds=60.0,
    ),
    AlarmKind.PAUSED: Rule(
        Severity.WARNING,
        "the service is paused: nothing is sent, and bindings lapse",
        "`sipregistrant resume`, unless another service registers the same AORs",
    ),
    AlarmKind.WEBHOOK: Rule(
        Severity.WARNING,
        "a webhook has taken no event for five minutes",
        "see `sipregistrant webhook show`: what it answers, and when it is tried again; no event is left out meanwhile",
    ),
}


@dataclass(slots=True)
class Condition:
    """Something that is not as it should be, at one look: `subject` is the server as `TABLE:ID`, a group, a webhook, or "" for
    the service; `number` how many registrations it is about.
    """

    kind: AlarmKind
    subject: str
    number: int
    text: str
