"""Message traffic: what flows against what was expected, and where it fails."""

from config.grafana.dashboard import Dashboard, Row, choice, how_many
from config.grafana.panels import ORANGE, RED, YELLOW, Query, bars, lines, number

OF = '{user=~"$user", direction=~"$direction", message_class=~"$message_class"}'
FAILED = '{user=~"$user", direction=~"$direction"}'
BAND_S = 300
"""Seconds over which the band is drawn: its width depends on the length, so that length is fixed."""


def rate(metric: str, of: str = OF) -> str:
    """Sum over what is chosen, a second."""
    return f"sum(rate({metric}{of}[$__rate_interval]))"


def band(sign: str) -> str:
    """Three standard deviations above or below what was expected, a second."""
    expected = f"sum(rate(highwater_messages_expected_total{OF}[5m]))"
    deviation = f"sqrt(sum(rate(highwater_messages_expected_variance_total{OF}[5m])) / {BAND_S})"
    return f"clamp_min({expected} {sign} 3 * {deviation}, 0)"


def edge(name: str, fill_below: str | None) -> dict[str, object]:
    """A line of the band: grey, filled down to another."""
    properties: list[dict[str, object]] = [
        {"id": "color", "value": {"mode": "fixed", "fixedColor": "text"}},
        {"id": "custom.lineWidth", "value": 0},
    ]
    if fill_below:
        properties += [{"id": "custom.fillBelowTo", "value": fill_below}, {"id": "custom.fillOpacity", "value": 15}]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


NOW = Row(
    "Now",
    [
        number(
            "Messages a second", "Reported in closed windows.", "short", Query(rate("highwater_messages_total"), "messages/s"), calm="blue"
        ),
        number(
            "Expected a second",
            "Expected in the same windows, before they were seen.",
            "short",
            Query(rate("highwater_messages_expected_total"), "messages/s"),
            calm="blue",
        ),
        number(
            "Against expectation",
            "Observed / expected. 100 % is as expected.",
            "percentunit",
            Query(f"{rate('highwater_messages_total')} / ({rate('highwater_messages_expected_total')} > 0)", "ratio"),
            limits=((1.5, YELLOW), (3, RED)),
        ),
        number(
            "Failing",
            "Share of messages that failed.",
            "percentunit",
            Query(f"{rate('highwater_failures_total', FAILED)} / ({rate('highwater_messages_total')} > 0)", "share"),
            limits=((0.05, YELLOW), (0.2, RED)),
        ),
        number(
            "Users reporting",
            "Users whose traffic is reported.",
            "short",
            Query(f"count(count by (user) (highwater_expected_messages{OF}))", "Users"),
            calm="blue",
        ),
        number(
            "Strongest evidence",
            "Highest anomaly score of any open finding, in nats. A dash: nothing is found.",
            "short",
            Query('max(highwater_anomaly_score{user=~"$user"})', "nats"),
            limits=((20, YELLOW), (100, ORANGE)),
            nothing="nothing found",
        ),
    ],
)

EXPECTED = Row(
    "Against what was expected",
    [
        lines(
            "Rate against its expected band",
            "Messages a second over five minutes; the band is three standard deviations to either side of what was expected.",
            "short",
            Query(f"sum(rate(highwater_messages_total{OF}[5m]))", "observed"),
            Query(f"sum(rate(highwater_messages_expected_total{OF}[5m]))", "expected"),
            Query(band("+"), "upper"),
            Query(band("-"), "lower"),
            axis="messages/s",
            width=24,
            height=10,
            overrides=(edge("upper", "lower"), edge("lower", None)),
        ),
        lines(
            "Users furthest above expectation",
            "Observed / expected by User; above one is more than expected.",
            "percentunit",
            Query(
                f"topk($top, sum by (user) (rate(highwater_messages_total{OF}[$__rate_interval]))"
                f" / (sum by (user) (rate(highwater_messages_expected_total{OF}[$__rate_interval])) > 0.01))",
                "{{user}}",
            ),
            limits=((3, YELLOW),),
            calm="text",
        ),
        lines(
            "Users furthest below expectation",
            "Observed / expected by User; zero is silence.",
            "percentunit",
            Query(
                f"bottomk($top, sum by (user) (rate(highwater_messages_total{OF}[$__rate_interval]))"
                f" / (sum by (user) (rate(highwater_messages_expected_total{OF}[$__rate_interval])) > 0.01))",
                "{{user}}",
            ),
            limits=((0.5, "text"),),
            calm=YELLOW,
        ),
        lines(
            "Anomaly score",
            "Evidence of open findings in nats, strongest first. Nothing is drawn where nothing is found.",
            "short",
            Query('topk($top, max by (user, kind) (highwater_anomaly_score{user=~"$user"}))', "{{user}} · {{kind}}"),
            axis="nats",
            logarithmic=True,
        ),
        lines(
            "By message class",
            "Messages a second of each class, both directions.",
            "short",
            Query(
                f"sum by (message_class, direction) (rate(highwater_messages_total{OF}[$__rate_interval]))",
                "{{message_class}} {{direction}}",
            ),
            stacked=True,
            fill=30,
            axis="messages/s",
        ),
    ],
)

FAILURES = Row(
    "Failures",
    [
        lines(
            "Failures by code family",
            "user_side: E1-E19, the User's own requests. device_side: E20, E21, E30, device or network did not answer.",
            "short",
            Query(f"sum by (family) (rate(highwater_failures_total{FAILED}[$__rate_interval]))", "{{family}}"),
            stacked=True,
            fill=30,
            axis="failures/s",
        ),
        lines(
            "Users by failing share",
            "Failed / all messages of a User.",
            "percentunit",
            Query(
                f"topk($top, sum by (user) (rate(highwater_failures_total{FAILED}[$__rate_interval]))"
                f" / (sum by (user) (rate(highwater_messages_total{FAILED}[$__rate_interval])) > 0))",
                "{{user}}",
            ),
            limits=((0.2, RED),),
        ),
    ],
)

REGIONS = Row(
    "Regions",
    [
        lines(
            "Rate by region",
            "Messages a second, all Users together.",
            "short",
            Query("sum by (region) (rate(highwater_region_messages_total[$__rate_interval]))", "{{region}}"),
            Query("sum by (region) (rate(highwater_region_messages_expected_total[$__rate_interval]))", "{{region}} expected"),
            axis="messages/s",
            width=10,
        ),
        lines(
            "Failing share by region",
            "A region that fails alone points to its communications service provider.",
            "percentunit",
            Query(
                "sum by (region) (rate(highwater_region_failures_total[$__rate_interval]))"
                " / (sum by (region) (rate(highwater_region_messages_total[$__rate_interval])) > 0)",
                "{{region}}",
            ),
            limits=((0.2, RED),),
            width=8,
        ),
        bars(
            "Region against expectation",
            "Observed / expected now.",
            "percentunit",
            Query(
                "sum by (region) (rate(highwater_region_messages_total[$__rate_interval]))"
                " / (sum by (region) (rate(highwater_region_messages_expected_total[$__rate_interval])) > 0)",
                "{{region}}",
                instant=True,
            ),
            width=6,
            limits=((1.5, YELLOW), (3, RED)),
        ),
    ],
)

BOARD = Dashboard(
    uid="highwater-traffic",
    folder="operations",
    title="Message traffic",
    description="What flows between Users and the DSP against what was expected of it, and where it fails.",
    variables=[
        choice("user", "User", "highwater_messages_total"),
        choice("direction", "Direction", "highwater_messages_total"),
        choice("message_class", "Class", "highwater_messages_total"),
        how_many(10, 20, 50),
    ],
    rows=[NOW, EXPECTED, FAILURES, REGIONS],
)
