"""Figures: values and colours as people read them, and the panels that are made of text."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from config.grafana.preview.answers import Line, Span, cells

COLOURS = {"green": "#73bf69", "yellow": "#f2cc0c", "orange": "#ff780a", "red": "#f2495c", "blue": "#8ab8ff", "text": "#9fa7b3"}
ROWS = 12


def figure(value: float, unit: str, decimals: int | None = None) -> str:
    """A value as people read it: `3.2 h`, `12 %`, `1.5 k`."""
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.{decimals}f} %" if decimals is not None else f"{value * 100:.4g} %"
    if unit == "s":
        for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value * 1000:.3g} ms" if 0 < abs(value) < 1 else f"{value:.3g} s"
    step, names = (1024.0, ("GiB", "MiB", "KiB", "B")) if unit in ("bytes", "Bps") else (1000.0, ("G", "M", "k", ""))
    for power, name in zip((3, 2, 1), names, strict=False):
        if abs(value) >= step**power:
            return f"{value / step**power:.3g} {name}"
    return f"{value:.3g} {names[3]}".strip()


def colour(panel: Mapping[str, Any], value: float) -> str:
    """The colour for the value by the panel's thresholds."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return COLOURS[[step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]]


def number(panel: Mapping[str, Any], lines: Sequence[Line], _: Span) -> str:
    """One figure, large."""
    value, defaults = lines[0].points[-1][1], panel["fieldConfig"]["defaults"]
    text = figure(value, defaults["unit"], defaults.get("decimals"))
    return f'<p class="number" style="color:{colour(panel, value)}">{text}</p>'


def bars(panel: Mapping[str, Any], lines: Sequence[Line], _: Span) -> str:
    """One bar per series, longest first."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    most = max((line.points[-1][1] for line in lines), default=0.0) or 1.0
    own = {
        override["matcher"]["options"]: COLOURS[prop["value"]["fixedColor"]]
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "color"
    }
    rows = [
        f'<div class="bar"><b>{html.escape(line.name)}</b><i style="width:{max(1.0, 100 * line.points[-1][1] / most):.0f}%;'
        f'background:{own.get(line.name) or colour(panel, line.points[-1][1])}"></i><em>{figure(line.points[-1][1], unit)}</em></div>'
        for line in sorted(lines, key=lambda line: -line.points[-1][1])[:ROWS]
    ]
    return "".join(rows)


def table(panel: Mapping[str, Any], lines: Sequence[Line], _: Span) -> str:
    """One row for each set of labels in the result of the first query."""
    heads = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
    units = [override["properties"][0]["value"] for override in panel["fieldConfig"]["overrides"]]
    named = next(each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")
    labels = [name for name in named if not name.startswith("Value #")]
    rows: dict[tuple[str, ...], dict[int, float]] = {}
    for line in lines:
        rows.setdefault(tuple(line.labels.get(name, "") for name in labels), {})[line.index] = line.points[-1][1]
    ordered = sorted(rows.items(), key=lambda row: -row[1].get(0, -math.inf))[:ROWS]
    body = [[*row, *(figure(values[at], unit) if at in values else "" for at, unit in enumerate(units))] for row, values in ordered]
    return _rows([*(named[name] for name in labels), *heads], [[html.escape(text) for text in row] for row in body])


def listed(panel: Mapping[str, Any], answer: Sequence[Any]) -> str:
    """One row per item of the JSON API."""
    (target,) = panel["targets"]
    figures = {
        override["matcher"]["options"]: prop["value"][0]["options"]
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "mappings"
    }
    heads = [column["text"] for column in target["columns"]]
    rows = []
    for row in cells(target, answer)[:ROWS]:
        texts = ["" if value is None else str(value) for value in row]
        texts = [_moment(text) if column["type"] == "timestamp" else text for text, column in zip(texts, target["columns"], strict=True)]
        colours = [figures.get(head, {}).get(text, {}).get("color", "") for head, text in zip(heads, texts, strict=True)]
        rows.append(
            [
                f'<span style="color:{COLOURS.get(name, "inherit")}">{html.escape(text)}</span>'
                for name, text in zip(colours, texts, strict=True)
            ]
        )
    return _rows(heads, rows)


def _moment(text: str) -> str:
    return text.replace("T", " ")[:19].removesuffix(":00")


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
