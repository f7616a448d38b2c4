"""Queue build-up: waiting messages, growth, age, and the time until a queue is full or messages expire."""

from config.grafana.boards.common import RATE, change_lanes, open_alerts, rate, windows_open
from config.grafana.colours import GREY, ORANGE, RED, YELLOW
from config.grafana.dashboard import Dashboard, Row, choice, how_many
from config.grafana.overrides import coloured, dashed
from config.grafana.panels import Json, bars, lines, number, table
from config.grafana.queries import Query

OF = '{user=~"$user", queue=~"$queue"}'
BY = "max by (user, queue)"
NAMED = "{{user}} · {{queue}}"
AGE_LIMITS = ((300, YELLOW), (172800, RED))
"""Seconds: after 300 s delivery is retried elsewhere; after 48 h a message is deleted."""
DEEP = ((10_000, YELLOW), (100_000, RED))
GROWTH = f"deriv(highwater_queue_depth{OF}{RATE})"


def drill_down(user: str) -> Json:
    """A link to the traffic of the User that `user` (a Grafana expression) names."""
    url = f"/d/highwater-traffic?var-user=${{{user}}}&${{datasource:queryparam}}&${{__url_time_range}}"
    return {"title": "This User's traffic", "url": url, "targetBlank": False}


def at_most(metric: str, expr: str) -> str:
    """The queues of `expr` whose `metric` was highest in the time shown: the same queues from beginning to end.

    They are selected before grouping: to group every queue at every point would cost Prometheus more than everything else.
    """
    return f"{BY} ({expr} and on (user, queue) topk($top, {BY} (max_over_time({metric}{OF}[$__range] @ end()))))"


def deepest(expr: str) -> Query:
    """The queues of `expr` that are deepest now."""
    return Query(f"{expr} and on (user, queue) topk($top, {BY} (highwater_queue_depth{OF}) > 0)", "now", instant=True)


OVERVIEW = Row(
    "Now",
    [
        number(
            "Queues that delay",
            "Queues whose oldest message has waited for more than 300 s.",
            "short",
            Query(f"count({BY} (highwater_queue_oldest_age_seconds{OF}) > 300) or vector(0)", "queues"),
            limits=((1, YELLOW), (5, RED)),
        ),
        number(
            "Deepest queue",
            "Messages waiting in the deepest queue.",
            "short",
            Query(f"max(highwater_queue_depth{OF})", "messages"),
            limits=DEEP,
        ),
        number(
            "Oldest message",
            "Age of the oldest message in any queue; yellow from 300 s, red from 48 h, when messages are deleted.",
            "s",
            Query(f"max(highwater_queue_oldest_age_seconds{OF})", "age"),
            limits=AGE_LIMITS,
        ),
        number(
            "Next queue full in",
            "Time until the first of the filling queues is full.",
            "s",
            Query(f"min(highwater_queue_capacity_eta_seconds{OF})", "time"),
            nothing="none fills",
            calm=RED,
            limits=((3600, ORANGE), (14400, YELLOW)),
        ),
        number(
            "Backlog alerts open",
            "Open alerts of kind backlog, including declared ones (info).",
            "short",
            Query(open_alerts('{kind="backlog"}'), "alerts"),
            limits=((1, YELLOW),),
        ),
        windows_open(),
    ],
)

BUILD_UP = Row(
    "Build-up",
    [
        lines(
            "Depth",
            "Messages waiting in the queues that were deepest in the time shown. Orange bands are change windows.",
            "short",
            Query(at_most("highwater_queue_depth", f"highwater_queue_depth{OF}"), NAMED),
            axis="messages",
            width=24,
            height=10,
            fill=10,
            links=(drill_down("__field.labels.user"),),
        ),
        change_lanes(height=6),
        lines(
            "Growth",
            "Messages per second by which the deepest queues grow (above zero) or drain (below zero).",
            "short",
            Query(at_most("highwater_queue_depth", GROWTH), NAMED),
            axis="messages/s",
        ),
        lines(
            "Age of the oldest message",
            "Dashed: 300 s, from which a message counts as delayed, and 48 h, after which it is deleted.",
            "s",
            Query(at_most("highwater_queue_oldest_age_seconds", f"highwater_queue_oldest_age_seconds{OF}"), NAMED),
            limits=AGE_LIMITS,
            logarithmic=True,
        ),
    ],
)

AHEAD = Row(
    "What is ahead",
    [
        lines(
            "Time until full",
            "Only while a queue fills: the estimate, and dashed the early and late end of its interval.",
            "s",
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_seconds{OF})", f"{NAMED} estimate"),
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_low_seconds{OF})", f"{NAMED} at the earliest"),
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_high_seconds{OF})", f"{NAMED} at the latest"),
            limits=((3600, GREY),),
            calm=RED,
            overrides=(dashed("at the "),),
            logarithmic=True,
        ),
        lines(
            "Time until empty, and until messages are deleted",
            "Drain: only while a queue drains. Age limit: only while its oldest message approaches 48 h.",
            "s",
            Query(f"{BY} (highwater_queue_drain_eta_seconds{OF})", f"{NAMED} drained"),
            Query(f"min by (user, queue) (highwater_queue_age_limit_eta_seconds{OF})", f"{NAMED} age limit"),
            logarithmic=True,
        ),
        table(
            "Queues now",
            "The deepest queues; click a User for its traffic.",
            {"user": "User", "queue": "Queue"},
            [
                (deepest(f"{BY} (highwater_queue_depth{OF})"), "Depth", "short"),
                (deepest(f"{BY} ({GROWTH})"), "Growth a second", "short"),
                (deepest(f"{BY} (highwater_queue_oldest_age_seconds{OF})"), "Oldest", "s"),
                (Query(f"min by (user, queue) (highwater_queue_capacity_eta_seconds{OF})", "full", instant=True), "Full in", "s"),
                (Query(f"{BY} (highwater_queue_drain_eta_seconds{OF})", "empty", instant=True), "Empty in", "s"),
            ],
            width=16,
            height=10,
            links=(drill_down("__data.fields.User"),),
        ),
        bars(
            "Users by messages waiting",
            "All queues of a User together.",
            "short",
            Query(f"topk($top, sum by (user) ({BY} (highwater_queue_depth{OF})))", "{{user}}", instant=True),
            width=8,
            height=10,
            limits=DEEP,
        ),
    ],
)

TO_USER = '{user=~"$user", direction="to_user"}'
ONE_USER = Row(
    "User $user",
    [
        lines(
            "Queues of $user",
            "Messages waiting.",
            "short",
            Query(f"{BY} (highwater_queue_depth{OF})", "{{queue}}"),
            axis="messages",
            width=8,
        ),
        lines(
            "Messages to $user",
            "Messages delivered to the User; dashed: the expected number.",
            "short",
            Query(rate("highwater_messages_total", TO_USER), "delivered"),
            Query(rate("highwater_messages_expected_total", TO_USER), "expected"),
            axis="messages/s",
            width=8,
            overrides=(*coloured({"expected": GREY}), dashed("expected")),
        ),
        lines(
            "Evidence at $user",
            "Anomaly score of the User's open findings.",
            "short",
            Query('max by (kind) (highwater_anomaly_score{user=~"$user"})', "{{kind}}"),
            axis="nats",
            width=8,
        ),
    ],
    repeat="user",
    folded=True,
)

BOARD = Dashboard(
    uid="highwater-queues",
    folder="operations",
    title="Queue build-up",
    description="What waits in the DSP's queues, how fast it grows, how old it is, and when it is full, deleted or gone.",
    variables=[choice("user", "User", "highwater_queue_depth"), choice("queue", "Queue", "highwater_queue_depth"), how_many(10, 20, 50)],
    rows=[OVERVIEW, BUILD_UP, AHEAD, ONE_USER],
)
