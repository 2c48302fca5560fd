"""What is in deploy/ for Prometheus and Grafana: every metric in it exists, and promtool is content."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tools import dashboard, metrics

from sipregistrant.engine.lag import LATE_SECONDS
from sipregistrant.engine.settler import SETTLE_SECONDS
from sipregistrant.engine.tally import ANSWER_SECONDS, LAG_SECONDS
from sipregistrant.metrics.catalogue import HISTOGRAM, METRICS
from sipregistrant.store.writer import TRANSACTION_SECONDS

DEPLOY = Path(__file__).parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS_OF_RULES = DEPLOY / "prometheus" / "rules_test.yml"

PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(
    not PROMTOOL, reason="needs promtool: sudo apt-get install --no-install-recommends prometheus"
)

LABELS = {metric.shown: {*metric.labels} for metric in METRICS}
BUCKETS = {
    "answer_seconds": ANSWER_SECONDS, "due_lag_seconds": LAG_SECONDS, "settle_seconds": SETTLE_SECONDS,
    "store_transaction_seconds": TRANSACTION_SECONDS, "loop_lag_seconds": LATE_SECONDS,
}  # fmt: skip


def told() -> set[str]:
    """Return the names that samples have."""
    histograms = {metric.shown for metric in METRICS if metric.kind == HISTOGRAM}
    suffixed = {name + suffix for name in histograms for suffix in ("_bucket", "_sum", "_count")}
    return LABELS.keys() - histograms | suffixed


def promtool(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [PROMTOOL, *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=RULES.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("file", [RULES, TESTS_OF_RULES, dashboard.PAGE], ids=lambda file: file.name)
def test_every_metric_that_is_named_exists(file: Path) -> None:
    named = set(re.findall(r"sipregistrant_[a-z_]+", file.read_text(encoding="utf-8")))
    assert len(named) > 10
    assert named - told() == set()


def test_every_label_that_a_rule_or_a_panel_asks_for_is_one_of_the_metric() -> None:
    text = RULES.read_text(encoding="utf-8") + "\n".join(
        query for _, panels in dashboard.ROWS for panel in panels for query, _ in panel.queries
    )
    asked = re.findall(r"(sipregistrant_[a-z_]+)\{([^}]*)\}", text)
    assert len(asked) > 40
    for name, matchers in asked:
        known = LABELS.get(re.sub("_(bucket|sum|count)$", "", name)) or LABELS.get(name, set())
        labels = set(re.findall(r"(\w+)=", matchers)) - {"instance"}
        assert labels <= known, f"{name}{{{matchers}}}"


def test_the_dashboard_shows_every_metric_but_those_that_are_for_rules_and_variables() -> None:
    shown = set(re.findall(r"sipregistrant_[a-z_]+", dashboard.page()))
    missing = {metric.shown for metric in METRICS} - {re.sub("_bucket$", "", name) for name in shown}
    assert missing == {"sipregistrant_paused", "sipregistrant_store_up"}


def test_the_dashboard_is_what_its_list_of_panels_makes_and_nothing_overlaps() -> None:
    assert dashboard.PAGE.read_text(encoding="utf-8") == dashboard.page(), "run ./do docs"
    panels = json.loads(dashboard.page())["panels"]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < dashboard.WIDTH
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_each_alert_has_a_test_that_raises_it_and_one_that_does_not() -> None:
    alerts = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    tests = TESTS_OF_RULES.read_text(encoding="utf-8")
    for alert in alerts:
        assert re.search(rf"alertname: {alert}}}", tests), f"{alert} is never absent"
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n", tests), f"{alert} is never raised"


def test_the_bounds_of_a_rule_are_those_of_a_bucket() -> None:
    for name, bound in re.findall(
        r"sipregistrant_(\w+)_bucket\S*\[\w+\]\)\)\) > ([0-9.]+)", RULES.read_text(encoding="utf-8")
    ):
        assert float(bound) in BUCKETS[name], name


@needs_promtool
def test_promtool_takes_the_rules_and_their_tests_hold() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", RULES.name)
    assert "SUCCESS" in promtool("test", "rules", TESTS_OF_RULES.name)


@needs_promtool
def test_promtool_can_read_each_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [query for _, panels in dashboard.ROWS for panel in panels for query, _ in panel.queries]
    rules = [
        {"record": f"panel:{n}", "expr": query.replace("$__rate_interval", "5m")} for n, query in enumerate(queries)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    assert f"{len(queries)} rules found" in promtool("check", "rules", str(file))


@pytest.mark.parametrize("name", ["prometheus/rules.yml", "grafana/sipregistrant.json"])
def test_the_docs_tell_of_it(name: str) -> None:
    assert f"`deploy/{name}`" in metrics.page()
    assert f"`deploy/{name}`" in (DEPLOY.parent / "docs" / "operating.md").read_text(encoding="utf-8")
