"""What Prometheus answers to a panel's queries, with the variables filled in as Grafana would."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Points = list[tuple[float, float]]
POINTS = 240
"""Of a line, at most: about what a panel of that width has pixels for."""


@dataclass(frozen=True)
class Span:
    """What is shown, in Unix seconds."""

    from_s: float
    to_s: float

    @property
    def step_s(self) -> int:
        """Between two points: whole minutes."""
        return max(60, round((self.to_s - self.from_s) / POINTS / 60) * 60)


@dataclass(frozen=True)
class Line:
    """One series with its name and labels."""

    name: str
    labels: Mapping[str, str]
    points: Points
    place: int
    """Number of the query that gave it."""


def filled_in(expr: str, board: Mapping[str, Any], span: Span) -> str:
    """`expr` with every variable at its first choice: all, where there is one."""
    values = {"__rate_interval": f"{max(240, span.step_s)}s", "__range": f"{round(span.to_s - span.from_s)}s"}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"]
        elif variable["type"] == "custom":
            values[variable["name"]] = variable["options"][0]["value"]
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], expr)


def ask(address: str, path: str, **parameters: object) -> list[dict[str, Any]]:
    """The result of one call. Raises OSError where Prometheus refuses or is not there."""
    query = urllib.parse.urlencode({name: str(value) for name, value in parameters.items()})
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{query}", timeout=60) as answer:  # noqa: S310 - an address that the caller typed
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def lines(address: str, board: Mapping[str, Any], panel: Mapping[str, Any], span: Span) -> list[Line]:
    """Every series of every query of a panel."""
    found = []
    for place, target in enumerate(panel["targets"]):
        expr = filled_in(target["expr"], board, span)
        if target["instant"]:
            answer = ask(address, "query", query=expr, time=span.to_s)
        else:
            answer = ask(address, "query_range", query=expr, start=span.from_s, end=span.to_s, step=span.step_s)
        for series in answer:
            labels = series["metric"]
            name = re.sub(r"\{\{(\w+)\}\}", lambda label, labels=labels: labels.get(label[1], ""), target["legendFormat"])  # type: ignore[misc]  # mypy can't type a default of a lambda
            values = series.get("values") or [series["value"]]
            found.append(Line(name, labels, [(float(at_s), float(value)) for at_s, value in values], place))
    return found
