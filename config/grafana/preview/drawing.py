"""Drawing: one panel as a piece of HTML."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from config.grafana.preview.answers import Line, Points, Span

PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#96d98d", "#fade2a", "#c0d8ff")
COLOURS = {"green": "#73bf69", "yellow": "#f2cc0c", "orange": "#ff780a", "red": "#f2495c", "blue": "#8ab8ff", "text": "#d8d9da"}
HEIGHT, LEFT, BOTTOM = 190, 56, 16
NAMED = 8
"""Series that a legend names: more do not fit."""


def figure(value: float, unit: str) -> str:
    """A value as people read it: `3.2 h`, `12 %`, `1.5 k`."""
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.4g} %"
    if unit == "s":
        for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} s"
    for thousands, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= thousands:
            return f"{value / thousands:.3g} {name}"
    return f"{value:.3g}"


def colour(panel: Mapping[str, Any], value: float) -> str:
    """By the panel's thresholds."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return COLOURS[[step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]]


def drawn(panel: Mapping[str, Any], found: Sequence[Line], span: Span) -> str:
    """The inside of a panel."""
    if not found:
        return f'<p class="none">{html.escape(panel["fieldConfig"]["defaults"].get("noValue", "No data"))}</p>'
    return _KINDS[panel["type"]](panel, found, span)


def _number(panel: Mapping[str, Any], found: Sequence[Line], _: Span) -> str:
    value = found[0].points[-1][1]
    text = figure(value, panel["fieldConfig"]["defaults"]["unit"])
    return f'<p class="number" style="color:{colour(panel, value)}">{text}</p>'


def _width(panel: Mapping[str, Any]) -> int:
    """Of the drawing, so that it fills its panel: 24 columns are 1380 pixels, and the drawing is some 44 pixels lower than the panel."""
    place = panel["gridPos"]
    return int(HEIGHT * (place["w"] * 57 - 16) / (place["h"] * 30 - 60))


def _graph(panel: Mapping[str, Any], found: Sequence[Line], span: Span) -> str:
    width = _width(panel)
    custom, unit = panel["fieldConfig"]["defaults"]["custom"], panel["fieldConfig"]["defaults"]["unit"]
    stacked = custom["stacking"]["mode"] == "normal"
    if len(found) > NAMED:
        found = sorted(found, key=lambda line: -max(value for _, value in line.points))
    curves = _stacked(found) if stacked else [line.points for line in found]
    values = [value for points in curves for _, value in points if math.isfinite(value)] or [0.0]
    logarithmic = custom["scaleDistribution"]["type"] == "log"
    scale: Callable[[float], float] = (lambda value: math.log10(max(value, 1.0))) if logarithmic else float
    low, high = min(0.0, scale(min(values))), max(scale(max(values)), 1e-9)

    def at(point: tuple[float, float]) -> str:
        x = LEFT + (point[0] - span.from_s) / (span.to_s - span.from_s) * (width - LEFT)
        y = (HEIGHT - BOTTOM) * (1 - (scale(point[1]) - low) / (high - low) * 0.95)
        return f"{x:.1f},{y:.1f}"

    parts = [_axis(span, width)]
    for share in (0.0, 0.5, 1.0):
        place = low + share * (high - low)
        y = (HEIGHT - BOTTOM) * (1 - share * 0.95)
        text = figure(10**place if logarithmic else place, unit)
        parts.append(f'<line x1="{LEFT}" x2="{width}" y1="{y:.0f}" y2="{y:.0f}" class="grid"/><text x="0" y="{y + 4:.0f}">{text}</text>')
    for number, points in enumerate(curves):
        stroke = PALETTE[number % len(PALETTE)]
        parts += [
            f'<polyline points="{" ".join(map(at, piece))}" fill="none" stroke="{stroke}" stroke-width="1.2"/>'
            for piece in _pieces(points, span.step_s)
        ]
    return f'<svg viewBox="0 0 {width} {HEIGHT}">{"".join(parts)}</svg>{_legend(found, unit)}'


def _stacked(found: Sequence[Line]) -> list[Points]:
    running: dict[float, float] = {}
    curves = []
    for line in found:
        for at_s, value in line.points:
            running[at_s] = running.get(at_s, 0.0) + value
        curves.append([(at_s, running[at_s]) for at_s, _ in line.points])
    return curves


def _pieces(points: Points, step_s: int) -> list[Points]:
    """Without a line over what is missing."""
    pieces: list[Points] = [[]]
    for point in points:
        if pieces[-1] and point[0] - pieces[-1][-1][0] > 1.5 * step_s:
            pieces.append([])
        if math.isfinite(point[1]):
            pieces[-1].append(point)
    return [piece for piece in pieces if piece]


def _axis(span: Span, width: int) -> str:
    parts = []
    for quarter in range(5):
        at_s = span.from_s + quarter / 4 * (span.to_s - span.from_s)
        x = LEFT + quarter / 4 * (width - LEFT)
        anchor = "end" if quarter == 4 else "start" if quarter == 0 else "middle"
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 2}" text-anchor="{anchor}">{datetime.fromtimestamp(at_s, UTC):%H:%M}</text>')
    return "".join(parts)


def _legend(found: Sequence[Line], unit: str) -> str:
    names = [
        f'<span style="color:{PALETTE[number % len(PALETTE)]}">■</span> {html.escape(line.name)} {figure(line.points[-1][1], unit)}'
        for number, line in enumerate(found[:NAMED])
    ]
    more = f" … and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f'<p class="legend">{" &nbsp; ".join(names)}{more}</p>'


def _lanes(panel: Mapping[str, Any], found: Sequence[Line], span: Span) -> str:
    width = _width(panel)
    parts, height = [_axis(span, width)], min(22.0, (HEIGHT - BOTTOM) / len(found))
    for number, line in enumerate(found):
        y = number * height
        for piece in _pieces(line.points, span.step_s):
            x = LEFT + (piece[0][0] - span.from_s) / (span.to_s - span.from_s) * (width - LEFT)
            length = (piece[-1][0] - piece[0][0] + span.step_s) / (span.to_s - span.from_s) * (width - LEFT)
            parts.append(f'<rect x="{x:.1f}" y="{y + 2:.1f}" width="{length:.1f}" height="{height - 4:.1f}" fill="{COLOURS["orange"]}"/>')
        parts.append(f'<text x="{LEFT + 4}" y="{y + height / 2 + 4:.1f}">{html.escape(line.name)}</text>')
    return f'<svg viewBox="0 0 {width} {HEIGHT}">{"".join(parts)}</svg>'


def _bars(panel: Mapping[str, Any], found: Sequence[Line], _: Span) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    most = max((line.points[-1][1] for line in found), default=0.0) or 1.0
    rows = [
        f'<div class="bar"><b>{html.escape(line.name)}</b><i style="width:{max(1.0, 100 * line.points[-1][1] / most):.0f}%;'
        f'background:{colour(panel, line.points[-1][1])}"></i><em>{figure(line.points[-1][1], unit)}</em></div>'
        for line in sorted(found, key=lambda line: -line.points[-1][1])[:10]
    ]
    return "".join(rows)


def _table(panel: Mapping[str, Any], found: Sequence[Line], _: Span) -> str:
    heads = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
    units = [override["properties"][0]["value"] for override in panel["fieldConfig"]["overrides"]]
    rows: dict[tuple[str, ...], dict[int, float]] = {}
    for line in found:
        rows.setdefault(tuple(line.labels.values()), {})[line.place] = line.points[-1][1]
    labels = list(found[0].labels)
    ordered = sorted(rows.items(), key=lambda row: -row[1].get(0, 0.0))[:9]
    cells = [[figure(values[place], unit) if place in values else "–" for place, unit in enumerate(units)] for _, values in ordered]
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in (*place, *row))}</tr>"
        for (place, _), row in zip(ordered, cells, strict=True)
    )
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in (*labels, *heads))}</tr>{body}</table>"


_KINDS = {"stat": _number, "timeseries": _graph, "state-timeline": _lanes, "bargauge": _bars, "table": _table}
