"""Queries: PromQL for Prometheus, and lists of the JSON API for the Infinity datasource, which is optional."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.grafana.colours import BLUE, GREEN, ORANGE, RED, YELLOW

Json = dict[str, Any]
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
API: Json = {"type": "yesoreyeram-infinity-datasource", "uid": "${api}"}


@dataclass(frozen=True)
class Query:
    """One PromQL expression with the names of its series."""

    expr: str
    legend: str
    instant: bool = False
    exemplars: bool = False

    def target(self, index: int, shape: str) -> Json:
        """As Grafana stores it; `index` names it A, B and so on, `shape` is `table` or `time_series`."""
        # Counters change once per window: over less than four minutes, windows of a minute would give spikes instead of a rate.
        slow = {"interval": "1m"} if "$__rate_interval" in self.expr else {}
        return {
            **slow,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legend,
            "refId": chr(ord("A") + index),
            "instant": self.instant,
            "range": not self.instant,
            "exemplar": self.exemplars,
            "format": shape,
        }


@dataclass(frozen=True)
class Column:
    """A field of an item and its heading; `selector` is a path such as `suspects.0.change_id` (gjson, as Infinity reads it)."""

    selector: str
    heading: str
    kind: str = "string"
    """`string`, `number` or `timestamp`."""
    width: int | None = None
    colours: tuple[tuple[str, str], ...] = ()
    """(value, colour) of the cell's text."""

    @property
    def properties(self) -> Sequence[Json]:
        """As overrides of the table's column."""
        properties: list[Json] = []
        if self.width is not None:
            properties.append({"id": "custom.width", "value": self.width})
        if self.colours:
            mappings = {value: {"color": colour, "index": index} for index, (value, colour) in enumerate(self.colours)}
            properties += [
                {"id": "mappings", "value": [{"type": "value", "options": mappings}]},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        return properties


SEVERITY = (("critical", RED), ("warning", YELLOW), ("info", BLUE))
CATEGORY = (("1", RED), ("2", ORANGE), ("3", YELLOW), ("4", BLUE), ("5", GREEN))
VERDICT = (("probable", RED), ("possible", ORANGE), ("coincident", BLUE), ("excluded", GREEN))


@dataclass(frozen=True)
class ApiQuery:
    """One list of the JSON API; `path` is the part after the datasource's address."""

    path: str
    columns: Sequence[Column]
    root: str = "items"

    def target(self, index: int, shape: str) -> Json:
        """As Grafana stores it: the plugin's backend reads it, so that alerts and shared dashboards work too."""
        return {
            "datasource": API,
            "refId": chr(ord("A") + index),
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": shape,
            "url": self.path,
            "url_options": {"method": "GET", "data": ""},
            "root_selector": self.root,
            "columns": [{"selector": each.selector, "text": each.heading, "type": each.kind} for each in self.columns],
            "filters": [],
        }
