"""Writes docs/metrics.md from the catalogue of metrics.

    .venv/bin/python tools/metrics.py

`./do docs` calls it; tests/test_docs.py sees whether it is up to date.
"""

from __future__ import annotations

from pathlib import Path

from sipregistrant.metrics.catalogue import METRICS, MOST_SERVERS, MOST_TARGETS, OTHER

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"

HEAD = f"""# Metrics

Made by `./do docs` from the catalogue in the code (`src/sipregistrant/metrics/catalogue.py`); do not edit.

`GET /metrics` shows them to Prometheus, as OpenMetrics where it asks for that. It is served

- over HTTPS beside `/api/v1`, for the role `readonly`: `sipregistrant token add prometheus --role readonly` makes a token;
- over plain HTTP without login where `--metrics HOST:PORT` (`metrics.listen`) says so; `/healthz` and `/readyz` are there, too;
- on `local.sock` in the data directory.

A scrape configuration, with the token in a file:

    scrape_configs:
      - job_name: sipregistrant
        scheme: https
        authorization: {{credentials_file: /etc/prometheus/sipregistrant.token}}
        tls_config: {{ca_file: /etc/prometheus/sipregistrant.crt}}
        static_configs: [{{targets: ["registrant.example:8443"]}}]

Labels are bounded by what is configured: `server` is `TABLE:ID`, and beyond {MOST_SERVERS:,} servers (and for those
that are gone) the others are summed as `{OTHER}`; of targets the first {MOST_TARGETS:,} are shown. An AOR is never a
label. A scrape reads kept counts and the heads of indexes, so a million registrations cost no more than ten. What
counts starts at 0 with the process.

`deploy/prometheus/rules.yml` has alert rules, `deploy/grafana/sipregistrant.json` a dashboard; docs/operating.md
tells how to put them in. Besides what follows there is what prometheus-client knows of the process
(`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds`, …).

| metric | type | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    rows = [
        f"| `{metric.shown}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.meaning} |\n"
        for metric in METRICS
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
