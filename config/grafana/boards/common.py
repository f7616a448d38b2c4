"""What several dashboards show alike: change windows, rates, and one thing against another."""

from typing import Any

from config.grafana.panels import Panel, lanes, number
from config.grafana.queries import Query

RATE = "[$__rate_interval]"


def rate(metric: str, of: str = "", by: str = "") -> str:
    """Sum a second over what is chosen, for each value of `by`."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{of}{RATE}))"


def against(part: str, whole: str, least: str = "0") -> str:
    """`part` / `whole`; nothing where there is no whole (or less than `least`)."""
    return f"{part} / ({whole} > {least})"


def windows(metric: str = "highwater_change_window_active", of: str = "") -> str:
    """Declared changes by owner and category; each process that knows the calendar tells of the same ones."""
    return f"max by (owner, category) ({metric}{of})"


def windows_open(of: str = "") -> Panel:
    """How many changes are at work now."""
    return number(
        "Change windows open",
        "Declared changes at work now.",
        "short",
        Query(f"sum({windows(of=of)}) or vector(0)", "changes"),
        calm="blue",
    )


def change_lanes(of: str = "", **more: Any) -> Panel:
    """A lane for each owner and category, over the whole width: the same time axis as the graphs beside it."""
    return lanes(
        "Change windows",
        "Declared changes at work, a lane for each owner and category; how many they are is in the tooltip.",
        Query(windows(of=of), "{{owner}} · {{category}}"),
        texts={"1": "open"},
        width=24,
        calm="orange",
        **more,
    )


def open_alerts(selector: str) -> str:
    """Alerts that are not resolved."""
    return f"sum(highwater_alerts_open{selector})"
