"""Overrides: the appearance of single series, so that a colour has the same meaning on every panel."""

from collections.abc import Mapping
from typing import Any

from config.grafana.colours import BLUE, GREEN, GREY, ORANGE, RED, YELLOW

Json = dict[str, Any]
SEVERITIES = {"critical": RED, "warning": YELLOW, "info": BLUE}
CATEGORIES = {"category 1": RED, "category 2": ORANGE, "category 3": YELLOW, "category 4": BLUE, "category 5": GREEN}
VERDICTS = {"probable": RED, "possible": ORANGE, "coincident": BLUE, "excluded": GREEN, "none": GREY}
OUTCOMES = {"accepted": GREEN, "repeated": BLUE, "late": ORANGE, "malformed": RED}
REPORTS = {"impact": RED, "absent": ORANGE, "inconclusive": YELLOW, "as_expected": BLUE, "no_impact": GREEN}
FAMILIES = {"user_side": ORANGE, "device_side": BLUE, "other": GREY}


def coloured(names: Mapping[str, str]) -> tuple[Json, ...]:
    """Series by name → colour, for names with a meaning, where a palette would assign colours by chance."""
    return tuple(_override("byName", name, {"color": {"mode": "fixed", "fixedColor": colour}}) for name, colour in names.items())


def dashed(expression: str) -> Json:
    """Series whose name matches are dashed: expected beside observed."""
    return _override("byRegexp", f"/{expression}/", {"custom.lineStyle": {"fill": "dash", "dash": [6, 4]}})


def on_the_right(expression: str, unit: str) -> Json:
    """Series whose name matches have an axis of their own."""
    return _override("byRegexp", f"/{expression}/", {"unit": unit, "custom.axisPlacement": "right"})


def band(upper: str, lower: str) -> tuple[Json, Json]:
    """Two series become the edges of a grey band."""
    bare: Json = {"color": {"mode": "fixed", "fixedColor": GREY}, "custom.lineWidth": 0}
    return (
        _override("byName", upper, bare | {"custom.fillBelowTo": lower, "custom.fillOpacity": 20}),
        _override("byName", lower, bare | {"custom.fillOpacity": 0}),
    )


def _override(how: str, what: str, properties: Mapping[str, Any]) -> Json:
    return {
        "matcher": {"id": how, "options": what},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }
