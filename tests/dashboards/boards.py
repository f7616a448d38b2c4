"""The committed dashboards, taken apart for tests."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.dashboards.servers import ROOT

GRAFANA = ROOT / "config" / "grafana"
FOLDER = GRAFANA / "dashboards"
OPTIONAL = GRAFANA / "optional" / "dashboards"
FILES = sorted([*FOLDER.rglob("*.json"), *OPTIONAL.rglob("*.json")])
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FILES}


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, also of folded rows."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def targets() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(dashboard, panel, target) of every query of Prometheus."""
    yield from (entry for entry in _all_targets() if "expr" in entry[2])


def listings() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The same of every query of the JSON API."""
    yield from (entry for entry in _all_targets() if "url" in entry[2])


def _all_targets() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, board in BOARDS.items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield name, panel["title"], target


def filled_in(expr: str, board: Mapping[str, Any], interval: str, span: str) -> str:
    """An expression as Grafana sends it: every variable at its first choice (all, where there is one)."""
    values = {"__rate_interval": interval, "__interval": interval, "__range": span}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"]
        elif variable["type"] == "custom":
            values[variable["name"]] = variable["options"][0]["value"]
    return re.sub(r"\$\{?(\w+)\}?", lambda result: values[result[1]], expr)
