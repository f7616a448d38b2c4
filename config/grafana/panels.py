"""Panels: the few kinds that our dashboards use, each with its unit, description, legend and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from config.grafana.colours import GREEN
from config.grafana.queries import API, DATASOURCE, ApiQuery, Query

Json = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A panel before it has its position."""

    kind: str
    title: str
    description: str
    queries: Sequence[Query | ApiQuery]
    unit: str
    width: int = 12
    height: int = 8
    limits: Sequence[tuple[float, str]] = ()
    """(from this value on, colour): thresholds above the first colour."""
    calm: str = GREEN
    """Colour below the first limit."""
    source: Json = field(default_factory=lambda: DATASOURCE)
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()
    links: Sequence[Json] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """As Grafana stores it, at this position of the 24 columns."""
        steps: list[Json] = [{"color": self.calm, "value": None}]
        steps += [{"color": colour, "value": value} for value, colour in self.limits]
        panel: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": self.source,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "color": {"mode": "thresholds" if self.kind in ("stat", "state-timeline", "bargauge") else "palette-classic"},
                    "thresholds": {"mode": "absolute", "steps": steps},
                    "custom": self.custom,
                    "links": list(self.links),
                    **self.defaults,
                },
                "overrides": list(self.overrides),
            },
            "options": self.options,
            "targets": [
                query.target(index, "table" if self.kind == "table" else "time_series") for index, query in enumerate(self.queries)
            ],
        }
        if self.transformations:
            panel["transformations"] = list(self.transformations)
        return panel


def lines(title: str, description: str, unit: str, *queries: Query, **more: Any) -> Panel:
    """Values over time."""
    limits = more.get("limits", ())
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": more.pop("fill", 0),
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "axisLabel": more.pop("axis", ""),
        "scaleDistribution": {"type": "log", "log": 10} if more.pop("logarithmic", False) else {"type": "linear"},
        "stacking": {"mode": "normal" if more.pop("stacked", False) else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    options: Json = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults: Json = {}
    if more.pop("counts", False):
        # Counts of single things: an axis must not show half an incident.
        defaults = {"decimals": 0, "min": 0}
    return Panel("timeseries", title, description, queries, unit, custom=custom, options=options, defaults=defaults, **more)


def number(title: str, description: str, unit: str, query: Query, **more: Any) -> Panel:
    """One current figure, coloured by its limits. A value of an hour ago must not appear as current."""
    query = replace(query, instant=True)
    options: Json = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    placed = {"width": 4, "height": 4, **more}
    defaults = {"noValue": placed.pop("nothing", "–"), "decimals": placed.pop("decimals", None), "min": 0}
    defaults = {name: value for name, value in defaults.items() if value is not None}
    return Panel("stat", title, description, [query], unit, options=options, defaults=defaults, **placed)


def lanes(title: str, description: str, *queries: Query, texts: Mapping[str, str], **more: Any) -> Panel:
    """States over time; `texts`: value → the text that is shown."""
    custom: Json = {"lineWidth": 0, "fillOpacity": 80}
    options: Json = {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "left",
        "rowHeight": 0.8,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    mapping = {value: {"text": text, "index": index} for index, (value, text) in enumerate(texts.items())}
    defaults: Json = {"mappings": [{"type": "value", "options": mapping}]}
    return Panel("state-timeline", title, description, queries, "short", custom=custom, options=options, defaults=defaults, **more)


def bars(title: str, description: str, unit: str, query: Query, **more: Any) -> Panel:
    """One bar a series, now."""
    options: Json = {
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel("bargauge", title, description, [query], unit, options=options, defaults={"min": 0}, **more)


_ROWS: Json = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}}
_CELLS: Json = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True}


def table(title: str, description: str, labels: Mapping[str, str], columns: Sequence[tuple[Query, str, str]], **more: Any) -> Panel:
    """One row for each set of labels, named by `labels` (label → heading); columns as (query, heading, unit)."""
    names = {f"Value #{chr(ord('A') + index)}": heading for index, (_, heading, _) in enumerate(columns)}
    overrides = [
        {"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": unit}]} for _, heading, unit in columns
    ]
    order = {name: index for index, name in enumerate((*labels, *names))}
    transformations: list[Json] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {**labels, **names}, "indexByName": order}},
        {"id": "sortBy", "options": {"sort": [{"field": columns[0][1], "desc": True}]}},
    ]
    return Panel(
        "table",
        title,
        description,
        [query for query, _, _ in columns],
        "short",
        custom=_CELLS,
        options=_ROWS,
        overrides=overrides,
        transformations=transformations,
        **more,
    )


def api_table(title: str, description: str, query: ApiQuery, **more: Any) -> Panel:
    """A table of the JSON API's items, one row per item, in the API's order."""
    overrides = [
        {"matcher": {"id": "byName", "options": column.heading}, "properties": list(column.properties)}
        for column in query.columns
        if column.properties
    ]
    return Panel(
        "table",
        title,
        description,
        [query],
        "string",
        source=API,
        custom=_CELLS,
        options=_ROWS,
        overrides=overrides,
        **more,
    )
