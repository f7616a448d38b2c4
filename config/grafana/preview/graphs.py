"""Graphs: lines over time with their axes, bands, limits and change windows; and lanes."""

import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from config.grafana.preview.answers import Line, Points, Span
from config.grafana.preview.figures import COLOURS, figure

PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#96d98d", "#fade2a", "#c0d8ff")
COLUMN_PX, ROW_PX, HEAD_PX, LEGEND_PX = 57, 30, 30, 34
"""Pixels of a grid column, a grid row, a panel's title, and two lines of legend."""
LEFT, RIGHT, TOP, BOTTOM = 58, 52, 10, 16
NAME_PX = 115
"""Of a legend, for one name."""
LOG_SECONDS = (1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 172800.0, 864000.0)
"""Ticks of a logarithmic axis of time."""
Scale = Callable[[float], float]


@dataclass
class Look:
    """How one series is drawn, with the panel's overrides applied."""

    colour: str
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether it has the axis on the right."""
        return bool(self.properties.get("custom.axisPlacement") == "right")


def looks(panel: Mapping[str, Any], lines: Sequence[Line]) -> list[Look]:
    """The colours of a palette, and the overrides of single names."""
    given = []
    for number, line in enumerate(lines):
        look = Look(PALETTE[number % len(PALETTE)])
        for override in panel["fieldConfig"]["overrides"]:
            how, what = override["matcher"]["id"], override["matcher"]["options"]
            if what == line.name if how == "byName" else re.search(what.strip("/"), line.name):
                look.properties |= {each["id"]: each["value"] for each in override["properties"]}
        if "color" in look.properties:
            look.colour = COLOURS[look.properties["color"]["fixedColor"]]
        given.append(look)
    return given


def graph(panel: Mapping[str, Any], lines: Sequence[Line], span: Span, windows: Sequence[Line] = ()) -> str:
    """A panel of kind `timeseries`; `windows` are drawn behind it as orange bands."""
    defaults = panel["fieldConfig"]["defaults"]
    custom, unit, decimals = defaults["custom"], defaults["unit"], defaults.get("decimals")
    width, height = size(panel)
    looked = looks(panel, lines)
    curves = _stacked(lines) if custom["stacking"]["mode"] == "normal" else [line.points for line in lines]
    logarithmic = custom["scaleDistribution"]["type"] == "log"
    right = any(look.is_right for look in looked)
    plot = Plot(span, width - (RIGHT if right else 4), height - BOTTOM)
    parts = [plot.bands(windows), plot.times(height)]
    limits = [step["value"] for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    axes: dict[bool, Scale] = {}
    for side in (False, True) if right else (False,):
        values = [value for look, points in zip(looked, curves, strict=True) if look.is_right == side for _, value in points]
        own_unit = next((look.properties["unit"] for look in looked if look.is_right == side and "unit" in look.properties), unit)
        axes[side], ticks = _axis(values, plot.bottom, own_unit, logarithmic=logarithmic and not side, whole=decimals == 0)
        parts += [plot.tick(axes[side](value), figure(value, own_unit), side=side) for value in ticks]
    parts += [plot.limit(axes[False](value)) for value in limits if 0 <= axes[False](value) <= plot.bottom]
    by_name = {line.name: points for line, points in zip(lines, curves, strict=True)}
    for number in reversed(range(len(curves))):
        look, y = looked[number], axes[looked[number].is_right]
        floor = by_name.get(look.properties.get("custom.fillBelowTo", ""))
        if floor is None and custom["stacking"]["mode"] == "normal" and number:
            floor = curves[number - 1]
        opacity = look.properties.get("custom.fillOpacity", custom["fillOpacity"]) / 100
        line_width = look.properties.get("custom.lineWidth", 1.2)
        dash = ' stroke-dasharray="5 4"' if "custom.lineStyle" in look.properties else ""
        for piece in _pieces(curves[number], span.step_s):
            parts.append(plot.area(piece, floor, y, look.colour, opacity) if opacity else "")
            parts.append(plot.line(piece, y, f'stroke="{look.colour}" stroke-width="{line_width}"{dash}'))
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>{_legend(panel, lines, looked, unit)}'


def lanes(panel: Mapping[str, Any], lines: Sequence[Line], span: Span) -> str:
    """A panel of kind `state-timeline`."""
    width, height = size(panel, legend=False)
    plot = Plot(span, width - 4, height - BOTTOM, left=LEFT + 140)
    parts, lane = [plot.times(height)], min(22.0, plot.bottom / len(lines))
    for number, line in enumerate(lines):
        y = number * lane
        for piece in _pieces(line.points, span.step_s):
            x, end = plot.x(piece[0][0]), plot.x(min(piece[-1][0] + span.step_s, span.to_s))
            parts.append(f'<rect x="{x:.1f}" y="{y + 2:.1f}" width="{end - x:.1f}" height="{lane - 4:.1f}" fill="{COLOURS["orange"]}"/>')
        parts.append(f'<text x="4" y="{y + lane / 2 + 4:.1f}">{html.escape(line.name)}</text>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def size(panel: Mapping[str, Any], *, legend: bool = True) -> tuple[int, int]:
    """Pixels of the drawing inside a panel."""
    grid = panel["gridPos"]
    return int(grid["w"] * COLUMN_PX - 24), int(grid["h"] * ROW_PX - HEAD_PX - (LEGEND_PX if legend else 0))


@dataclass
class Plot:
    """The size and scale of a drawing, and the parts of it."""

    span: Span
    right: float
    bottom: float
    left: float = LEFT

    def x(self, at_s: float) -> float:
        """Pixels from the left."""
        return self.left + (at_s - self.span.from_s) / (self.span.to_s - self.span.from_s) * (self.right - self.left)

    def line(self, points: Points, y: Scale, style: str) -> str:
        """Through these points."""
        return f'<polyline points="{self._path(points, y)}" fill="none" {style}/>'

    def area(self, points: Points, floor: Points | None, y: Scale, colour: str, opacity: float) -> str:
        """From these points down to others, or to the bottom."""
        inside = {at_s for at_s, _ in points}
        back = [point for point in floor if point[0] in inside] if floor is not None else [(points[0][0], 0.0), (points[-1][0], 0.0)]
        return f'<polygon points="{self._path([*points, *reversed(back)], y)}" fill="{colour}" fill-opacity="{opacity}"/>'

    def bands(self, windows: Sequence[Line]) -> str:
        """Change windows as Grafana draws annotations."""
        parts = []
        for line in windows:
            for piece in _pieces(line.points, self.span.step_s):
                x, end = self.x(piece[0][0]), self.x(piece[-1][0])
                parts.append(f'<rect x="{x:.1f}" y="0" width="{end - x:.1f}" height="{self.bottom}" fill="#ff780a" fill-opacity="0.05"/>')
                parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{self.bottom}" stroke="#ff780a" stroke-dasharray="2 3"/>')
        return "".join(parts)

    def times(self, height: float) -> str:
        """Hours and minutes below."""
        parts = []
        last = 8 if self.right > 700 else 4
        for part in range(last + 1):
            at_s = self.span.from_s + part / last * (self.span.to_s - self.span.from_s)
            anchor = "end" if part == last else "start" if part == 0 else "middle"
            label = f"{datetime.fromtimestamp(at_s, UTC):{'%H:%M' if self.span.to_s - self.span.from_s > 3600 else '%H:%M:%S'}}"
            parts.append(f'<text x="{self.x(at_s):.0f}" y="{height - 3:.0f}" text-anchor="{anchor}">{label}</text>')
        return "".join(parts)

    def tick(self, y: float, text: str, *, side: bool) -> str:
        """A value at its height, on the left or (side) on the right."""
        anchor = f'x="{self.right + 6:.0f}"' if side else f'x="{self.left - 6:.0f}" text-anchor="end"'
        line = "" if side else f'<line x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        return f'{line}<text {anchor} y="{y + 3:.1f}">{text}</text>'

    def limit(self, y: float) -> str:
        """A threshold, dashed."""
        return f'<line x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#f2495c" stroke-dasharray="6 5" opacity="0.6"/>'

    def _path(self, points: Points, y: Scale) -> str:
        return " ".join(f"{self.x(at_s):.1f},{y(value):.1f}" for at_s, value in points)


def _axis(values: Sequence[float], bottom: float, unit: str, *, logarithmic: bool, whole: bool) -> tuple[Scale, list[float]]:
    """Value → pixels from above, and round values for the ticks."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    if logarithmic:
        powers = LOG_SECONDS if unit == "s" else [10.0**power for power in range(13)]
        first = max(index for index, tick in enumerate(powers) if tick <= max(min(known), 1.0))
        last = min((index for index, tick in enumerate(powers) if tick >= max(known)), default=len(powers) - 1)
        ticks = [float(tick) for tick in powers[first : max(last, first + 1) + 1]]
        least = ticks[0]
        return _scale(math.log10(least), math.log10(ticks[-1]), bottom, lambda value: math.log10(max(value, least))), ticks
    low = min([0.0, *known])
    nothing = 0.05 if unit == "percentunit" else 1.0
    high = max([*known, 1e-3, nothing if whole or max(known) == 0 else 0.0])
    step = max(_round_step((high - low) / 4, unit), 1.0 if whole else 0.0)
    ticks = [step * number for number in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return _scale(ticks[0], ticks[-1], bottom, float), ticks


def _scale(low: float, high: float, bottom: float, of: Scale) -> Scale:
    return lambda value: (bottom - TOP) * (1 - (of(value) - low) / (high - low)) + TOP


def _round_step(least: float, unit: str) -> float:
    if unit == "s" and least > 0.5:
        for step in (1.0, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400):
            if step >= least:
                return step
    if unit in ("bytes", "Bps"):
        return float(2 ** math.ceil(math.log2(least)))
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


def _stacked(lines: Sequence[Line]) -> list[Points]:
    running: dict[float, float] = {}
    curves = []
    for line in lines:
        for at_s, value in line.points:
            running[at_s] = running.get(at_s, 0.0) + value
        curves.append([(at_s, running[at_s]) for at_s, _ in line.points])
    return curves


def _pieces(points: Points, step_s: int) -> list[Points]:
    """The points, with a gap where values are missing."""
    pieces: list[Points] = [[]]
    for point in points:
        if pieces[-1] and point[0] - pieces[-1][-1][0] > 1.5 * step_s:
            pieces.append([])
        if math.isfinite(point[1]):
            pieces[-1].append(point)
    return [piece for piece in pieces if piece]


def _legend(panel: Mapping[str, Any], lines: Sequence[Line], looked: Sequence[Look], unit: str) -> str:
    """As many names as fit in two lines; the highest first if some are left out."""
    room = 2 * size(panel)[0] // NAME_PX if panel["gridPos"]["w"] > 12 else size(panel)[0] // NAME_PX
    order = list(range(len(lines)))
    if len(lines) > room:
        order.sort(key=lambda number: -max(value for _, value in lines[number].points))
    names = [
        f'<span style="color:{looked[number].colour}">■</span> {html.escape(lines[number].name)}'
        f" {figure(lines[number].points[-1][1], looked[number].properties.get('unit', unit))}"
        for number in order[:room]
    ]
    more = f" … and {len(lines) - room} more" if len(lines) > room else ""
    return f'<p class="legend">{" &nbsp; ".join(names)}{more}</p>'
