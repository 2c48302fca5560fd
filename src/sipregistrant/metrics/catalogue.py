"""Every metric, once: its name, what it is, its labels, what it means. docs/metrics.md is made from it.

Names follow Prometheus: a unit at the end, seconds and bytes, `_total` behind what only grows. Labels are bounded by what is
configured, and by closed lists; an AOR is never one.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BY_NAME", "METRICS", "MOST_SERVERS", "MOST_TARGETS", "OTHER", "PREFIX", "Metric"]

PREFIX = "sipregistrant_"

MOST_SERVERS = 1_000
"""So many servers have a label of their own, the first by table and id; the others are summed as `OTHER`."""

MOST_TARGETS = 1_000
"""So many targets are shown."""

OTHER = "other"

COUNTER, GAUGE, HISTOGRAM, INFO = "counter", "gauge", "histogram", "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` lacks the prefix, and the `_total` or `_info` that its kind adds."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Return the name as it is scraped."""
        return PREFIX + self.name + {COUNTER: "_total", INFO: "_info"}.get(self.kind, "")


SERVER = ("server",)
TARGET = ("target",)

METRICS = (
    Metric("build", INFO, "The version that runs, and what it runs on.", ("version", "python", "sqlite")),
    Metric("paused", GAUGE, "1 while the service is paused: it sends nothing."),
    Metric("alarm", GAUGE, "How many alarms of a kind stand.", ("alarm", "severity")),
    # Registrations
    Metric("registrations", GAUGE, "Registrations by the state that their last attempt left (docs/states.md); counts are kept "
           "with each attempt, so nothing is scanned.", ("server", "state")),
    Metric("soonest_lapse_seconds", GAUGE, "Time until the first binding lapses of those that are refreshed next; below zero it "
           "has lapsed and nobody has tried.", SERVER),
    Metric("most_overdue_seconds", GAUGE, "How long ago the refresh was due that is the most overdue; 0 where none is.", SERVER),
    Metric("overdue_registrations", GAUGE, "Bindings that are held and whose refresh was due more than 32 s ago; counted up to "
           "50,000 in all.", SERVER),
    # Servers
    Metric("server_up", GAUGE, "1 where a server answers, 0 where it does not; absent until it is known, and while somebody has "
           "taken the server out (AdminState).", SERVER),
    Metric("server_held_back", GAUGE, "1 for a server to which what is due does not go, by the reason: silent, paused (it asked "
           "for it), reconnects, refuses_all.", ("server", "reason")),
    Metric("answers", COUNTER, "Final answers to REGISTER by status code; what is no registered code is shown as its "
           "class, `4xx`.", ("server", "code")),
    Metric("answer_seconds", HISTOGRAM, "Time from the first send of a REGISTER to its final answer: the round trip, and the "
           "retransmissions where there were any.", SERVER),
    Metric("attempts", COUNTER, "Attempts by what they came to: accepted, removed, refused, timed_out, not_sent, crashed. An "
           "attempt is a REGISTER with all that follows from its answers.", ("server", "outcome")),
    # Pacing
    Metric("target_window", GAUGE, "How many attempts may be in flight towards a target (TRANSPORT:ADDRESS:PORT).", TARGET),
    Metric("target_in_flight", GAUGE, "How many attempts are in flight towards it.", TARGET),
    Metric("target_late", GAUGE, "Attempts that wait for an answer for so long that they count no more against the window.",
           TARGET),
    Metric("target_rate_limit", GAUGE, "REGISTERs a second that may be sent there; absent while nothing bounds it.", TARGET),
    Metric("target_breaker_open", GAUGE, "1 while a target is taken for silent: one AOR is tried now and then.", TARGET),
    Metric("target_paused_seconds", GAUGE, "For how long nothing will be sent there: it asked for that, or the next connection "
           "may not be opened yet; 0 where neither.", TARGET),
    # The schedule
    Metric("due_lag_seconds", HISTOGRAM, "How long after its due moment an attempt was sent, by the class it waited in: refresh, "
           "first, unregister, retry.", ("class",)),
    Metric("attempts_in_flight", GAUGE, "Attempts that wait for an answer."),
    Metric("claimed", GAUGE, "Registrations that are in memory: claimed, and not settled on disk yet."),
    Metric("claimed_ahead", GAUGE, "Those among them that wait for room at their target."),
    Metric("registrars_waiting", GAUGE, "Servers (by signaling group) that have something due and no room for it."),
    Metric("unsettled", GAUGE, "Outcomes of attempts that are not on disk yet; at 2,000 nothing more is claimed."),
    Metric("settled", COUNTER, "Outcomes that were written."),
    Metric("settle_seconds", HISTOGRAM, "Time from handing outcomes to the database until they are on disk."),
    Metric("internal_errors", COUNTER, "Mistakes of our own; the log has the trace of each."),
    Metric("healed", COUNTER, "Attempts that were in flight for longer than any may be, and were ended by the watchdog."),
    # The wire
    Metric("requests_sent", COUNTER, "Requests that were sent: register, options, and resent for what was sent again.",
           ("kind",)),
    Metric("messages_received", COUNTER, "What came in: answers, repeated_answers, foreign_answers (to nothing that is under "
           "way, or from elsewhere), requests, invites (among the requests), garbage.", ("kind",)),
    Metric("connections", GAUGE, "Connections to registrars that stand.", ("transport",)),
    Metric("connections_lost", COUNTER, "Connections that have ended, or could not be made, and were not closed by us."),
    Metric("udp_flows", GAUGE, "UDP flows that are kept open (RFC 5626)."),
    Metric("dns_questions", COUNTER, "Questions that name servers were asked."),
    Metric("dns_failures", COUNTER, "Questions that no name server answered."),
    # The store
    Metric("store_up", GAUGE, "1 while the database takes outcomes and can be read."),
    Metric("store_waiting", GAUGE, "Writes that wait for the one thread that writes."),
    Metric("store_transaction_seconds", HISTOGRAM, "How long transactions took, their commits included."),
    Metric("store_failures", COUNTER, "Transactions that the database did not take."),
    Metric("store_file_bytes", GAUGE, "How large the files of the database are: database, wal.", ("file",)),
    Metric("store_free_bytes", GAUGE, "How much is free where the data directory lies."),
    # The process
    Metric("loop_lag_seconds", HISTOGRAM, "How late the event loop came by at each of 20 moments a second."),
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in METRICS}
