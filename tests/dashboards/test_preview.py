"""Pictures of the dashboards: every panel is drawn from real answers, and values read as people read them."""

import html
import re
from typing import Any

import pytest

from config.grafana.preview import pages
from config.grafana.preview.answers import Line, Sources, Span
from config.grafana.preview.figures import figure
from config.grafana.preview.graphs import graph
from tests.dashboards.boards import BOARDS
from tests.dashboards.conftest import Watched
from tests.dashboards.servers import TOKEN


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_is_on_the_page(watched: Watched, name: str) -> None:
    span = Span(watched.began_s, watched.ended_s)
    drawn = pages.page(Sources(watched.prometheus, watched.monitor, TOKEN), BOARDS[name], span)
    shown = [panel for panel in BOARDS[name]["panels"] if panel["type"] != "row"]
    assert re.findall(r"<h3>(.*?)</h3>", drawn) == [html.escape(panel["title"]) for panel in shown]
    assert "nan" not in drawn
    assert drawn.count("<svg") >= sum(panel["type"] == "timeseries" for panel in shown) // 2
    assert pages.NOTE in drawn, "a picture says that Grafana draws it differently"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (5400.0, "s", "1.5 h"),
        (0.25, "s", "250 ms"),
        (172800.0, "s", "2 d"),
        (0.123, "percentunit", "12.3 %"),
        (1_470_000.0, "short", "1.47 M"),
        (3 * 1024.0**2, "bytes", "3 MiB"),
        (0.0, "short", "0"),
        (float("inf"), "s", "–"),
    ],
)
def test_a_value_reads_as_people_write_it(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def panel(name: str, title: str) -> dict[str, Any]:
    return next(each for each in BOARDS[name]["panels"] if each["title"] == title)


def test_a_line_ends_where_there_is_nothing_and_a_band_is_filled_between_its_edges() -> None:
    span = Span(0.0, 14400.0)
    points = [(60.0 * number, 10.0) for number in range(240) if not 100 <= number < 140]
    listed = [Line(name, {}, points, index) for index, name in enumerate(("observed", "expected", "upper", "lower"))]
    drawn = graph(panel("message-traffic", "Rate against its expected band"), listed, span)
    assert drawn.count("<polyline") == 2 * len(listed)
    assert drawn.count("<polygon") == 2
    assert drawn.count('stroke-dasharray="5 4"') == 2


def test_a_severity_has_the_same_colour_wherever_it_is_drawn() -> None:
    listed = [Line(name, {}, [(0.0, 1.0), (60.0, 1.0)], 0) for name in ("info", "warning", "critical")]
    for title in ("Open alerts by severity", "Alerts a day"):
        drawn = graph(panel("changes-and-incidents", title), listed, Span(0.0, 600.0))
        assert re.findall(r'color:(#\w+)">■</span> (\w+)', drawn) == [("#8ab8ff", "info"), ("#f2cc0c", "warning"), ("#f2495c", "critical")]
