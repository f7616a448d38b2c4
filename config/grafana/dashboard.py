"""A dashboard: rows of panels laid out from left to right, with its variables, annotations and links."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.grafana.panels import Json, Panel
from config.grafana.queries import API, DATASOURCE

COLUMNS = 24
SCHEMA_VERSION = 39
"""Schema version of Grafana 10.4; later releases migrate it when they load it."""


@dataclass(frozen=True)
class Row:
    """A heading with its panels; `repeat` shows the row once for each value of that variable."""

    title: str
    panels: Sequence[Panel]
    repeat: str | None = None
    folded: bool = False


@dataclass(frozen=True)
class Dashboard:
    """One dashboard."""

    uid: str
    folder: str
    title: str
    description: str
    variables: Sequence[Json]
    rows: Sequence[Row]
    span: str = "now-6h"

    @property
    def file(self) -> str:
        """The path of its JSON, beside this file. Dashboards that need a plugin have their own folder, so that the others are complete."""
        return f"{'optional/' if API_SOURCE in self.variables else ''}dashboards/{self.folder}/{self.title.lower().replace(' ', '-')}.json"

    def json(self) -> Json:
        """As Grafana stores it. It contains nothing that changes from day to day."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["highwater"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "timezone": "utc",
            "time": {"from": self.span, "to": "now"},
            "timepicker": {"refresh_intervals": ["10s", "30s", "1m", "5m"]},
            "fiscalYearStartMonth": 0,
            "weekStart": "monday",
            "links": [OTHERS],
            "annotations": {"list": [CHANGES]},
            "templating": {"list": [SOURCE, *self.variables]},
            "panels": laid_out(self.rows),
        }


def laid_out(rows: Sequence[Row]) -> list[Json]:
    """Panels with their positions; the panels of a folded row are inside it."""
    panels: list[Json] = []
    y = number = 0
    for row in rows:
        number += 1
        head: Json = {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": row.folded,
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
            "panels": [],
        }
        if row.repeat:
            head["repeat"] = row.repeat
        placed, y = _placed(row.panels, number, y + 1)
        number += len(placed)
        panels.append(head)
        (head["panels"] if row.folded else panels).extend(placed)
        y = head["gridPos"]["y"] + 1 if row.folded else y
    return panels


def _placed(panels: Sequence[Panel], number: int, y: int) -> tuple[list[Json], int]:
    """The panels from line `y` on, and the line below them."""
    placed: list[Json] = []
    x = height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        number += 1
        placed.append(panel.json(number, x, y))
        x, height = x + panel.width, max(height, panel.height)
    return placed, y + height


SOURCE: Json = {
    "name": "datasource",
    "label": "Prometheus",
    "type": "datasource",
    "query": "prometheus",
    "regex": "",
    "hide": 0,
    "includeAll": False,
    "multi": False,
    "refresh": 1,
    "current": {},
    "options": [],
}
API_SOURCE: Json = {**SOURCE, "name": "api", "label": "Highwater API", "query": API["type"]}
"""The datasource besides Prometheus, for a dashboard that lists records from the JSON API."""
OTHERS: Json = {
    "title": "Highwater",
    "type": "dashboards",
    "tags": ["highwater"],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "The other dashboards, same time",
    "url": "",
}
CHANGES: Json = {
    "name": "Change windows",
    "datasource": DATASOURCE,
    "enable": True,
    "hide": False,
    "iconColor": "orange",
    "expr": "max by (owner, category) (highwater_change_window_active) > 0",
    "step": "60s",
    "titleFormat": "Change window: {{owner}}",
    "textFormat": "{{category}}",
    "tagKeys": "owner,category",
    "useValueForTime": False,
}


def choice(name: str, label: str, metric: str) -> Json:
    """A variable with the values of a label, one, several or all."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": f"label_values({metric}, {name})",
        "query": {"query": f"label_values({metric}, {name})", "refId": "variable"},
        "regex": "",
        "sort": 1,
        "refresh": 2,
        "hide": 0,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [],
    }


def how_many(*numbers: int) -> Json:
    """A variable `top`: how many series a crowded panel shows."""
    options = [{"text": str(each), "value": str(each), "selected": index == 0} for index, each in enumerate(numbers)]
    return {
        "name": "top",
        "label": "Show the top",
        "type": "custom",
        "query": ",".join(map(str, numbers)),
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "current": options[0],
        "options": options,
    }
