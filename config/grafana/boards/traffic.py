"""Message traffic: observed against expected, and failures."""

from config.grafana.boards.common import against, rate
from config.grafana.colours import GREEN, GREY, ORANGE, RED, YELLOW
from config.grafana.dashboard import Dashboard, Row, choice, how_many
from config.grafana.overrides import FAMILIES, band, coloured, dashed
from config.grafana.panels import bars, lines, number
from config.grafana.queries import Query

OF = '{user=~"$user", direction=~"$direction", message_class=~"$message_class"}'
FAILED = '{user=~"$user", direction=~"$direction"}'
MESSAGES, EXPECTED, FAILURES = "highwater_messages_total", "highwater_messages_expected_total", "highwater_failures_total"
SENT, DUE = f"user_class:highwater_messages:rate5m{OF}", f"user_class:highwater_messages_expected:rate5m{OF}"
"""Rates per second over five minutes from config/prometheus/rules/recording.yml: computed once, not for each view."""
DEVIATION = f"sqrt(sum(user_class:highwater_messages_expected:variance5m{OF}))"
WIDE = 3
"""Distance in standard deviations from the expected rate to the edge of the band."""
RATIO = ((0.5, YELLOW), (0.75, GREEN), (1.5, YELLOW), (3, RED))
"""Observed / expected. Values below the first limit are red too."""


def outside(choose: str, ratio: str, deviations: str) -> str:
    """Observed / expected of the Users that are outside their band by a quarter or more; `choose` selects the most extreme."""
    of = '{user=~"$user"}'
    return f"{choose}($top, user:highwater_messages:ratio5m{of} {ratio} and user:highwater_messages:deviations5m{of} {deviations})"


NOW = Row(
    "Now",
    [
        number("Messages a second", "Messages reported in closed windows.", "short", Query(rate(MESSAGES, OF), "messages/s"), calm="blue"),
        number(
            "Expected a second",
            "Messages expected in the same windows, before they were seen.",
            "short",
            Query(rate(EXPECTED, OF), "messages/s"),
            calm="blue",
        ),
        number(
            "Against expectation",
            "Observed / expected. 100 % means as expected.",
            "percentunit",
            Query(against(rate(MESSAGES, OF), rate(EXPECTED, OF)), "ratio"),
            calm=RED,
            limits=RATIO,
            decimals=0,
        ),
        number(
            "Failing",
            "Share of messages that failed.",
            "percentunit",
            Query(against(rate(FAILURES, FAILED), rate(MESSAGES, OF)), "share"),
            limits=((0.05, YELLOW), (0.2, RED)),
            decimals=1,
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
            "Highest anomaly score of any open finding, in nats.",
            "short",
            Query('max(highwater_anomaly_score{user=~"$user"})', "nats"),
            limits=((20, YELLOW), (100, ORANGE)),
            nothing="nothing found",
        ),
    ],
)

BAND = Row(
    "Comparison with the expected traffic",
    [
        lines(
            "Rate against its expected band",
            "Messages per second over five minutes, in a band of three standard deviations around the learned expected rate.",
            "short",
            Query(f"sum({SENT})", "observed"),
            Query(f"sum({DUE}) > 0", "expected"),
            Query(f"(sum({DUE}) > 0) + {WIDE} * {DEVIATION}", "upper"),
            Query(f"clamp_min((sum({DUE}) > 0) - {WIDE} * {DEVIATION}, 0)", "lower"),
            axis="messages/s",
            width=24,
            height=10,
            overrides=(*band("upper", "lower"), *coloured({"observed": GREEN, "expected": GREY}), dashed("expected")),
        ),
        lines(
            "Users above their band",
            "Observed / expected of Users a quarter or more above the expected rate, and above their band; all directions and classes.",
            "percentunit",
            Query(outside("topk", "> 1.25", f"> {WIDE}"), "{{user}}"),
            limits=((3, RED),),
            calm="text",
        ),
        lines(
            "Users below their band",
            "Observed / expected of Users a quarter or more below the expected rate, and below their band; zero is silence.",
            "percentunit",
            Query(outside("bottomk", "< 0.75", f"< -{WIDE}"), "{{user}}"),
            limits=((0.5, "text"),),
            calm=RED,
        ),
        lines(
            "Anomaly score",
            "Evidence of open findings in nats, strongest first. The panel is empty when nothing is found.",
            "short",
            Query('topk($top, max by (user, kind) (highwater_anomaly_score{user=~"$user"}))', "{{user}} · {{kind}}"),
            axis="nats",
            logarithmic=True,
        ),
        lines(
            "By message class",
            "Messages per second of each class, both directions.",
            "short",
            Query(f"sum by (message_class, direction) ({SENT})", "{{message_class}} {{direction}}"),
            stacked=True,
            fill=30,
            axis="messages/s",
        ),
    ],
)

FAILING = Row(
    "Failures",
    [
        lines(
            "Failures by code family",
            "user_side: E1-E19, the User's own requests. device_side: E20, E21, E30, device or network did not answer.",
            "short",
            Query(f"sum by (family) (user_family:highwater_failures:rate5m{FAILED})", "{{family}}"),
            stacked=True,
            fill=30,
            axis="failures/s",
            overrides=coloured(FAMILIES),
        ),
        lines(
            "Users by failing share",
            "Failed / all messages of a User, where the share is more than 5 %; all directions and classes.",
            "percentunit",
            Query('topk($top, user:highwater_failures:ratio5m{user=~"$user"} > 0.05)', "{{user}}"),
            limits=((0.2, RED),),
        ),
    ],
)

BY_REGION = rate("highwater_region_messages_total", by="region")
DUE_BY_REGION = rate("highwater_region_messages_expected_total", by="region")
REGIONS = Row(
    "Regions",
    [
        lines(
            "Region against expectation",
            "Observed / expected, all Users of a region together. If a whole region moves, the cause is not a single User.",
            "percentunit",
            Query(against(BY_REGION, DUE_BY_REGION), "{{region}}"),
            limits=((1.5, YELLOW),),
            width=10,
        ),
        lines(
            "Failing share by region",
            "If one region fails alone, the cause is probably its communications service provider.",
            "percentunit",
            Query(against(rate("highwater_region_failures_total", by="region"), BY_REGION), "{{region}}"),
            limits=((0.2, RED),),
            width=8,
        ),
        bars(
            "Messages by region",
            "Messages per second now.",
            "short",
            Query(BY_REGION, "{{region}}", instant=True),
            width=6,
            calm="blue",
        ),
    ],
)

BOARD = Dashboard(
    uid="highwater-traffic",
    folder="operations",
    title="Message traffic",
    description="Traffic between Users and the DSP compared with the expected traffic, and failures.",
    variables=[
        choice("user", "User", MESSAGES),
        choice("direction", "Direction", MESSAGES),
        choice("message_class", "Class", MESSAGES),
        how_many(10, 20, 50),
    ],
    rows=[NOW, BAND, FAILING, REGIONS],
)
