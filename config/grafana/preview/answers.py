"""Answers of Prometheus and the JSON API to a panel's queries, with the variables filled in as Grafana does."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Points = list[tuple[float, float]]
RATE_S = 240
"""Shortest window of a rate: four times the minute that the queries use."""


@dataclass(frozen=True)
class Span:
    """The time range, in Unix seconds."""

    from_s: float
    to_s: float
    points: int = 240
    """Maximum number of points of a line."""

    @property
    def step_s(self) -> int:
        """Distance of two points: whole minutes, where the span is long enough."""
        step_s = (self.to_s - self.from_s) / self.points
        return max(60, round(step_s / 60) * 60) if step_s > 30 else max(1, round(step_s))


@dataclass(frozen=True)
class Sources:
    """The sources of the answers; without `token` there is no API."""

    prometheus: str
    api: str = ""
    token: str = ""


@dataclass(frozen=True)
class Line:
    """One series with its name and labels."""

    name: str
    labels: Mapping[str, str]
    points: Points
    index: int
    """Number of the query that gave it."""


def filled_in(expr: str, board: Mapping[str, Any], span: Span) -> str:
    """`expr` with every variable at its first choice; "all" where there is one."""
    values = {"__rate_interval": f"{max(RATE_S, span.step_s)}s", "__range": f"{round(span.to_s - span.from_s)}s"}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"]
        elif variable["type"] == "custom":
            values[variable["name"]] = variable["options"][0]["value"]
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], expr)


def ask(address: str, path: str, **parameters: object) -> list[dict[str, Any]]:
    """The result of one call to Prometheus. Raises OSError if Prometheus refuses or can't be reached."""
    query = urllib.parse.urlencode({name: str(value) for name, value in parameters.items()})
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{query}", timeout=60) as answer:  # noqa: S310 - an address that the caller typed
        series: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return series


def lines(address: str, board: Mapping[str, Any], panel: Mapping[str, Any], span: Span) -> list[Line]:
    """Every series of every query of a panel."""
    drawn = []
    for index, target in enumerate(panel["targets"]):
        expr = filled_in(target["expr"], board, span)
        if target["instant"]:
            answer = ask(address, "query", query=expr, time=span.to_s)
        else:
            answer = ask(address, "query_range", query=expr, start=span.from_s, end=span.to_s, step=span.step_s)
        for series in answer:
            labels = series["metric"]
            name = re.sub(r"\{\{(\w+)\}\}", lambda label, labels=labels: labels.get(label[1], ""), target["legendFormat"])  # type: ignore[misc]  # mypy can't type a default of a lambda
            values = series.get("values") or [series["value"]]
            drawn.append(Line(name, labels, [(float(at_s), float(value)) for at_s, value in values], index))
    return drawn


def items(sources: Sources, target: Mapping[str, Any]) -> list[Any]:
    """The items that the API returns for a query of the Infinity datasource."""
    request = urllib.request.Request(sources.api + target["url"], headers={"Authorization": f"Bearer {sources.token}"})  # noqa: S310 - as above
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        rows = selected(json.load(answer), target["root_selector"])
        return rows if isinstance(rows, list) else [rows]


def cells(target: Mapping[str, Any], listed: Sequence[Any]) -> list[list[Any]]:
    """One row per item, one cell per column; None where an item has no value."""
    return [[selected(item, column["selector"]) for column in target["columns"]] for item in listed]


def selected(value: Any, selector: str) -> Any:
    """The subset of gjson's paths that our columns use: names, indexes, and `#` for the length."""
    for part in selector.split(".") if selector else ():
        if isinstance(value, list):
            value = len(value) if part == "#" else value[int(part)] if part.isdigit() and int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value
