"""Writes deploy/grafana/sipregistrant.json, the dashboard, from the list of its panels.

    .venv/bin/python tools/dashboard.py

`./do docs` calls it; tests/test_deploy.py sees whether it is up to date, and whether each metric in it exists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "deploy" / "grafana" / "sipregistrant.json"

WIDTH, HEIGHT = 24, 8
SOURCE = {"type": "prometheus", "uid": "${source}"}

# What is chosen at the top of the dashboard.
OF_INSTANCE = 'instance=~"$instance"'
OF_SERVER = f'{OF_INSTANCE}, server=~"$server"'


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph, or one figure: queries with the legend of each, all of one unit."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    width: int = 8
    kind: str = "timeseries"
    about: str = ""
    stacks: bool = False


def rate(name: str, of: str = OF_INSTANCE, by: str = "instance") -> str:
    """Return how much a counter grows a second."""
    return f"sum by ({by}) (rate({name}{{{of}}}[$__rate_interval]))"


def quantile(part: float, name: str, of: str = OF_INSTANCE, by: str = "instance") -> str:
    """Return a quantile of a histogram."""
    return f"histogram_quantile({part}, sum by ({by}, le) (rate({name}_bucket{{{of}}}[$__rate_interval])))"


def quantiles(name: str, of: str = OF_INSTANCE, by: str = "instance") -> tuple[tuple[str, str], ...]:
    """Return median, 95 and 99 of a hundred."""
    legend = f"{{{{{by}}}}}"
    return tuple((quantile(part, name, of, by), f"p{round(100 * part)} {legend}") for part in (0.5, 0.95, 0.99))


def figure(title: str, query: str, unit: str = "short", about: str = "") -> Panel:
    """Return a panel with one figure."""
    return Panel(title, ((query, ""),), unit, 4, "stat", about)


REGISTRATIONS = "sipregistrant_registrations"
ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("Overview", (
        figure("Registered", f'sum({REGISTRATIONS}{{{OF_SERVER}, state="registered"}})'),
        figure("Failing or refused", f'sum({REGISTRATIONS}{{{OF_SERVER}, state=~"retry_wait|rejected"}}) or vector(0)'),
        figure("Servers silent", f"count(sipregistrant_server_up{{{OF_SERVER}}} == 0) or vector(0)"),
        figure("Soonest lapse", f"min(sipregistrant_soonest_lapse_seconds{{{OF_SERVER}}})", "s",
               "Below zero, bindings have lapsed that nobody has tried to refresh."),
        figure("Overdue", f"sum(sipregistrant_overdue_registrations{{{OF_SERVER}}})"),
        figure("Alarms", f"sum(sipregistrant_alarm{{{OF_INSTANCE}}}) or vector(0)"),
        Panel("Registrations by state", ((f"sum by (state) ({REGISTRATIONS}{{{OF_SERVER}}})", "{{state}}"),), stacks=True),
        Panel("Requests sent", (
            (rate("sipregistrant_requests_sent_total", by="kind"), "{{kind}}"),
        ), "reqps"),
        Panel("Answers by code", ((rate("sipregistrant_answers_total", OF_SERVER, "code"), "{{code}}"),), "reqps"),
    )),
    ("Servers", (
        Panel("Registered by server", (
            (f'sum by (server) ({REGISTRATIONS}{{{OF_SERVER}, state="registered"}})', "{{server}}"),
        )),
        Panel("Failing or refused by server", (
            (f'sum by (server) ({REGISTRATIONS}{{{OF_SERVER}, state=~"retry_wait|rejected"}})', "{{server}}"),
        )),
        Panel("Up", ((f"min by (server) (sipregistrant_server_up{{{OF_SERVER}}})", "{{server}}"),)),
        Panel("Held back", (
            (f"sum by (server, reason) (sipregistrant_server_held_back{{{OF_SERVER}}})", "{{server}} {{reason}}"),
        )),
        Panel("Attempts by what they came to", (
            (rate("sipregistrant_attempts_total", OF_SERVER, "outcome"), "{{outcome}}"),
        ), "ops"),
        Panel("Soonest lapse and the most overdue", (
            (f"min by (server) (sipregistrant_soonest_lapse_seconds{{{OF_SERVER}}})", "lapses {{server}}"),
            (f"max by (server) (sipregistrant_most_overdue_seconds{{{OF_SERVER}}})", "overdue {{server}}"),
        ), "s"),
    )),
    ("Latency", (
        Panel("Answers", quantiles("sipregistrant_answer_seconds", OF_SERVER, "server"), "s", 12,
              about="From the first send of a REGISTER to its final answer."),
        Panel("Name servers", (
            (rate("sipregistrant_dns_questions_total"), "questions"), (rate("sipregistrant_dns_failures_total"), "unanswered"),
        ), "reqps", 12),
    )),
    ("Lag and queues", (
        Panel("Due against sent", quantiles("sipregistrant_due_lag_seconds", by="class"), "s"),
        Panel("Queues", (
            (f"sum(sipregistrant_attempts_in_flight{{{OF_INSTANCE}}})", "in flight"),
            (f"sum(sipregistrant_claimed{{{OF_INSTANCE}}})", "claimed"),
            (f"sum(sipregistrant_claimed_ahead{{{OF_INSTANCE}}})", "claimed ahead"),
            (f"sum(sipregistrant_unsettled{{{OF_INSTANCE}}})", "unsettled"),
            (f"sum(sipregistrant_registrars_waiting{{{OF_INSTANCE}}})", "registrars that wait"),
            (f"sum(sipregistrant_store_waiting{{{OF_INSTANCE}}})", "writes that wait"),
        )),
        Panel("Event loop", quantiles("sipregistrant_loop_lag_seconds"), "s"),
    )),
    ("Pacing", (
        Panel("Window and what is in flight", (
            (f"sum by (target) (sipregistrant_target_window{{{OF_INSTANCE}}})", "window {{target}}"),
            (f"sum by (target) (sipregistrant_target_in_flight{{{OF_INSTANCE}}})", "in flight {{target}}"),
            (f"sum by (target) (sipregistrant_target_late{{{OF_INSTANCE}}})", "late {{target}}"),
        )),
        Panel("Rate limit", ((f"sum by (target) (sipregistrant_target_rate_limit{{{OF_INSTANCE}}})", "{{target}}"),), "reqps"),
        Panel("Breakers and pauses", (
            (f"sum by (target) (sipregistrant_target_breaker_open{{{OF_INSTANCE}}})", "silent {{target}}"),
            (f"sum by (target) (sipregistrant_target_paused_seconds{{{OF_INSTANCE}}})", "paused for {{target}}"),
        )),
        Panel("Connections", (
            (f"sum by (transport) (sipregistrant_connections{{{OF_INSTANCE}}})", "{{transport}}"),
            (f"sum(sipregistrant_udp_flows{{{OF_INSTANCE}}})", "UDP flows"),
            (rate("sipregistrant_connections_lost_total"), "lost a second"),
        ), width=12),
        Panel("What came in", ((rate("sipregistrant_messages_received_total", by="kind"), "{{kind}}"),), "reqps", 12),
    )),
    ("Store and process", (
        Panel("Outcomes until they are on disk", quantiles("sipregistrant_settle_seconds"), "s"),
        Panel("Transactions", quantiles("sipregistrant_store_transaction_seconds"), "s"),
        Panel("Outcomes written, and failures", (
            (rate("sipregistrant_settled_total"), "written"), (rate("sipregistrant_store_failures_total"), "refused"),
            (rate("sipregistrant_internal_errors_total"), "internal errors"), (rate("sipregistrant_healed_total"), "healed"),
        ), "ops"),
        Panel("Files", (
            (f"sum by (file) (sipregistrant_store_file_bytes{{{OF_INSTANCE}}})", "{{file}}"),
            (f"min by (instance) (sipregistrant_store_free_bytes{{{OF_INSTANCE}}})", "free {{instance}}"),
        ), "bytes"),
        Panel("Processor", (
            ('sum by (instance) (rate(process_cpu_seconds_total{job="sipregistrant", instance=~"$instance"}[$__rate_interval]))',
             "{{instance}}"),
        ), "percentunit"),
        Panel("Memory", (
            ('sum by (instance) (process_resident_memory_bytes{job="sipregistrant", instance=~"$instance"})', "{{instance}}"),
        ), "bytes"),
    )),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "sipregistrant", "title": "sipregistrant", "tags": ["sip"], "schemaVersion": 38, "version": 1, "editable": True,
        "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "browser", "graphTooltip": 1,
        "templating": {"list": [
            {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            _variable("instance", "label_values(sipregistrant_build_info, instance)"),
            _variable("server", "label_values(sipregistrant_registrations, server)"),
        ]},
        "panels": list(_panels()),
    }  # fmt: skip


def _variable(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "label": name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "multi": True,
            "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "sort": 3}  # fmt: skip


def _panels() -> Iterable[dict[str, Any]]:
    """Lay the panels out, row by row."""
    number, y = 0, 0
    for title, panels in ROWS:
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}}  # fmt: skip
        x, y = 0, y + 1
        height = HEIGHT
        for panel in panels:
            if x + panel.width > WIDTH:
                x, y = 0, y + height
            number += 1
            height = HEIGHT // 2 if panel.kind == "stat" else HEIGHT
            yield _panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": height})
            x += panel.width
        y += height


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    letters = "ABCDEFGH"
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30} if panel.stacks else {}
    return {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.about, "gridPos": place,
        "datasource": SOURCE, "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "targets": [
            {"refId": letters[n], "expr": query, "legendFormat": legend, "datasource": SOURCE}
            for n, (query, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip


def page() -> str:
    """Return the file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
