"""Queue build-up: what waits, how fast it grows, how old it is, and when it is full, too old or gone."""

from config.grafana.dashboard import Dashboard, Row, choice, how_many
from config.grafana.panels import ORANGE, RED, YELLOW, Query, bars, lanes, lines, number, table

OF = '{user=~"$user", queue=~"$queue"}'
BY = "max by (user, queue)"
NAMED = "{{user}} · {{queue}}"
AGE_LIMITS = ((300, YELLOW), (172800, RED))
"""Seconds: the 300 s after which delivery is retried elsewhere, and the 48 h after which a message is deleted."""
DRILL_DOWN = {
    "title": "This User's traffic",
    "url": "/d/highwater-traffic?var-user=${__field.labels.user}&${datasource:queryparam}&${__url_time_range}",
    "targetBlank": False,
}

OVERVIEW = Row(
    "Now",
    [
        number(
            "Queues holding messages",
            "Queues with at least one message waiting.",
            "short",
            Query(f"count({BY} (highwater_queue_depth{OF}) > 0) or vector(0)", "queues"),
        ),
        number(
            "Deepest queue",
            "Messages waiting in the deepest queue.",
            "short",
            Query(f"max(highwater_queue_depth{OF})", "messages"),
            limits=((10_000, YELLOW), (100_000, RED)),
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
            "Time until the first of the queues that fill is full. A dash: none fills.",
            "s",
            Query(f"min(highwater_queue_capacity_eta_seconds{OF})", "time"),
            nothing="none fills",
            calm=RED,
            limits=((3600, ORANGE), (14400, YELLOW)),
        ),
        number(
            "Backlog alerts open",
            "Open alerts of kind backlog, declared ones (info) included.",
            "short",
            Query('sum(highwater_alerts_open{kind="backlog"})', "alerts"),
            limits=((1, YELLOW),),
        ),
        number(
            "Change windows open",
            "Declared changes at work now.",
            "short",
            Query("sum(max by (owner, category) (highwater_change_window_active)) or vector(0)", "changes"),
            calm="blue",
        ),
    ],
)

BUILD_UP = Row(
    "Build-up",
    [
        lines(
            "Depth",
            "Messages waiting, deepest queues first. Orange bands are change windows.",
            "short",
            Query(f"topk($top, {BY} (highwater_queue_depth{OF}))", NAMED),
            width=24,
            height=10,
            fill=10,
            links=(DRILL_DOWN,),
        ),
        lanes(
            "Change windows",
            "Declared changes at work, by owner and category.",
            Query("max by (owner, category) (highwater_change_window_active)", "{{owner}} · {{category}}"),
            texts={"1": "open"},
            width=24,
            height=5,
            calm="orange",
        ),
        lines(
            "Growth",
            "Messages a second by which a queue grows (above zero) or drains (below).",
            "short",
            Query(f"topk($top, {BY} (deriv(highwater_queue_depth{OF}[$__rate_interval])))", NAMED),
            axis="messages/s",
        ),
        lines(
            "Age of the oldest message",
            "Dashed: 300 s, from which a message counts as delayed, and 48 h, after which it is deleted.",
            "s",
            Query(f"topk($top, {BY} (highwater_queue_oldest_age_seconds{OF}))", NAMED),
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
            "Only while a queue fills: the estimate with the early and late end of its interval.",
            "s",
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_seconds{OF})", f"{NAMED} estimate"),
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_low_seconds{OF})", f"{NAMED} at the earliest"),
            Query(f"min by (user, queue) (highwater_queue_capacity_eta_high_seconds{OF})", f"{NAMED} at the latest"),
            limits=((3600, YELLOW),),
            calm=RED,
        ),
        lines(
            "Time until empty, and until messages are deleted",
            "Drain: only while a queue drains. Age limit: only while its oldest message heads for 48 h.",
            "s",
            Query(f"{BY} (highwater_queue_drain_eta_seconds{OF})", f"{NAMED} drained"),
            Query(f"min by (user, queue) (highwater_queue_age_limit_eta_seconds{OF})", f"{NAMED} age limit"),
        ),
        table(
            "Queues now",
            "Every queue with a message in it; click a User for its traffic.",
            [
                (Query(f"{BY} (highwater_queue_depth{OF}) > 0", "depth", instant=True), "Depth", "short"),
                (Query(f"{BY} (deriv(highwater_queue_depth{OF}[$__rate_interval]))", "growth", instant=True), "Growth a second", "short"),
                (Query(f"{BY} (highwater_queue_oldest_age_seconds{OF})", "age", instant=True), "Oldest", "s"),
                (Query(f"min by (user, queue) (highwater_queue_capacity_eta_seconds{OF})", "full", instant=True), "Full in", "s"),
                (Query(f"{BY} (highwater_queue_drain_eta_seconds{OF})", "empty", instant=True), "Empty in", "s"),
            ],
            width=16,
            height=10,
        ),
        bars(
            "Users by messages waiting",
            "All queues of a User together.",
            "short",
            Query(f"topk($top, sum by (user) ({BY} (highwater_queue_depth{OF})))", "{{user}}", instant=True),
            width=8,
            height=10,
            limits=((10_000, YELLOW), (100_000, RED)),
        ),
    ],
)

ONE_USER = Row(
    "User $user",
    [
        lines(
            "Queues of $user",
            "Messages waiting.",
            "short",
            Query(f"{BY} (highwater_queue_depth{OF})", "{{queue}}"),
            width=8,
        ),
        lines(
            "Messages to $user",
            "Delivered to the User, against what was expected.",
            "short",
            Query('sum(rate(highwater_messages_total{user=~"$user", direction="to_user"}[$__rate_interval]))', "messages/s"),
            Query('sum(rate(highwater_messages_expected_total{user=~"$user", direction="to_user"}[$__rate_interval]))', "expected/s"),
            width=8,
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
