"""Load over time as an SVG: a panel for each policy, all with the same axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from .report import Report, Run
from .scenario import Scenario

__all__ = ["picture"]

LEFT, RIGHT, TOP, BOTTOM = 58, 16, 46, 40
PLOT_WIDTH, PLOT_HEIGHT, GAP = 840, 116, 42
WIDTH = LEFT + PLOT_WIDTH + RIGHT

# The lowest line of the logarithmic axis: a second without a REGISTER lies on it.
LOWEST = 0.1

# Distances between the marks of the time axis, in minutes.
MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 240)
MOST_MARKS = 13

# Both read on white and on near black; only words and lines change with the reader's choice.
STYLE = """
svg { font: 12px system-ui, sans-serif }
text { fill: #333 } .small { font-size: 11px; fill: #666 }
.line { stroke: #bbb; stroke-width: 1; fill: none } .grid { stroke: #8884; stroke-width: 1 }
.peak { fill: #4a90d966 } .mean { stroke: #1f6fc4; stroke-width: 1.5; fill: none }
.outage { fill: #d9534f33 } .restart { stroke: #b8860b; stroke-width: 1.5 } .capacity { stroke: #c0392b; stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .small { fill: #aaa } .line { stroke: #666 } .mean { stroke: #6db3f2 }
.restart { stroke: #e0b040 } .capacity { stroke: #ff7a6b }
}
""".strip()


def picture(played: Sequence[tuple[Run, Report]]) -> str:
    """Return the SVG of runs of one scenario: of each column the largest second (area) and the mean (line)."""
    scenario = played[0][0].scenario
    highest = max(scenario.capacity, *(max(run.per_second, default=0) for run, _ in played))
    decades = math.ceil(math.log10(highest / LOWEST))
    height = TOP + len(played) * (PLOT_HEIGHT + GAP) - GAP + BOTTOM
    title = f"REGISTERs a second: {scenario.aors:,} AORs, {scenario.ttl} s, {scenario.seconds / 60:g} minutes"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (run, found) in enumerate(played):
        parts.append(f'<g transform="translate({LEFT},{TOP + place * (PLOT_HEIGHT + GAP)})">')
        parts += _panel(run, found, decades)
        parts.append("</g>")
    parts.append(
        f'<text class="small" x="{LEFT}" y="{height - 6}">minutes; logarithmic; area: largest second, line: mean, of '
        f"{scenario.seconds / PLOT_WIDTH:.1f} s; dashed: what the registrar answers; shaded: outage; upright: restart</text>"
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _panel(run: Run, found: Report, decades: int) -> list[str]:
    scenario = run.scenario
    words = f"{found.registers:,} REGISTERs, {found.dropped:,} dropped, {found.lapses:,} lapses"
    parts = [
        f'<text x="0" y="-6">{escape(run.policy)}</text>',
        f'<text class="small" x="{PLOT_WIDTH}" y="-6" text-anchor="end">{escape(words)}</text>',
    ]
    if scenario.outage is not None:
        x, end = _x(scenario, scenario.outage.begin), _x(scenario, scenario.outage.end)
        parts.append(f'<rect class="outage" x="{x:.1f}" y="0" width="{end - x:.1f}" height="{PLOT_HEIGHT}"/>')
    for decade in range(1, decades + 1):
        y = _y(LOWEST * 10**decade, decades)
        parts.append(f'<path class="grid" d="M0 {y:.1f}H{PLOT_WIDTH}"/>')
        if decade % 2:
            parts.append(f'<text class="small" x="-6" y="{y + 4:.1f}" text-anchor="end">{10 ** (decade - 1):,}</text>')
    parts += _curves(run.per_second, decades)
    y = _y(scenario.capacity, decades)
    parts.append(f'<path class="capacity" d="M0 {y:.1f}H{PLOT_WIDTH}"/>')
    if scenario.restart is not None:
        parts.append(f'<path class="restart" d="M{_x(scenario, scenario.restart.begin):.1f} 0V{PLOT_HEIGHT}"/>')
    return [*parts, f'<path class="line" d="M0 0V{PLOT_HEIGHT}H{PLOT_WIDTH}"/>', *_minutes(scenario)]


def _curves(load: Sequence[int], decades: int) -> list[str]:
    columns = min(PLOT_WIDTH, len(load))
    area, line = [f"M0 {PLOT_HEIGHT}"], []
    for column in range(columns):
        part = load[column * len(load) // columns : (column + 1) * len(load) // columns]
        x = column * PLOT_WIDTH / columns
        area.append(f"L{x:.1f} {_y(max(part), decades):.1f}H{x + PLOT_WIDTH / columns:.1f}")
        line.append(f"{x:.1f} {_y(sum(part) / len(part), decades):.1f}")
    return [
        f'<path class="peak" d="{"".join(area)}V{PLOT_HEIGHT}Z"/>',
        f'<path class="mean" d="M{"L".join(line)}"/>',
    ]


def _minutes(scenario: Scenario) -> list[str]:
    minutes = scenario.seconds / 60
    step = next((step for step in MINUTES if minutes / step < MOST_MARKS), MINUTES[-1])
    return [
        f'<text class="small" x="{_x(scenario, at * 60):.1f}" y="{PLOT_HEIGHT + 14}" text-anchor="middle">{at}</text>'
        for at in range(0, int(minutes) + 1, step)
    ]


def _x(scenario: Scenario, seconds: float) -> float:
    return PLOT_WIDTH * min(seconds, scenario.seconds) / scenario.seconds


def _y(rate: float, decades: int) -> float:
    return PLOT_HEIGHT * (1 - math.log10(max(rate, LOWEST) / LOWEST) / decades)
