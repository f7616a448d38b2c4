"""Panels and expressions that several dashboards share: change windows, rates, and ratios."""

from typing import Any

from config.grafana.panels import Panel, lanes, number
from config.grafana.queries import Query

RATE = "[$__rate_interval]"


def rate(metric: str, of: str = "", by: str = "") -> str:
    """The rate per second of the selected series, summed for each value of `by`."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{of}{RATE}))"


def against(part: str, whole: str, least: str = "0") -> str:
    """`part` / `whole`; no value where the whole is zero (or less than `least`)."""
    return f"{part} / ({whole} > {least})"


def windows(metric: str = "highwater_change_window_active", of: str = "") -> str:
    """Declared changes by owner and category; every process that knows the calendar exports the same ones."""
    return f"max by (owner, category) ({metric}{of})"


def windows_open(of: str = "") -> Panel:
    """The number of changes at work now."""
    return number(
        "Change windows open",
        "Declared changes at work now.",
        "short",
        Query(f"sum({windows(of=of)}) or vector(0)", "changes"),
        calm="blue",
    )


def change_lanes(of: str = "", **more: Any) -> Panel:
    """A lane for each owner and category, over the whole width, so that its time axis equals that of the graphs."""
    return lanes(
        "Change windows",
        "Declared changes at work, one lane for each owner and category; the tooltip shows their number.",
        Query(windows(of=of), "{{owner}} · {{category}}"),
        texts={"1": "open"},
        width=24,
        calm="orange",
        **more,
    )


def open_alerts(selector: str) -> str:
    """Alerts that are not resolved."""
    return f"sum(highwater_alerts_open{selector})"
