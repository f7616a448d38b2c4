"""Highwater itself: intake, judgement and notification in time. Operators must see a problem before the users do."""

from config.grafana.boards.common import RATE, against, rate
from config.grafana.colours import GREY, ORANGE, RED, YELLOW
from config.grafana.dashboard import Dashboard, Row
from config.grafana.overrides import OUTCOMES, coloured, dashed, on_the_right
from config.grafana.panels import lines, number
from config.grafana.queries import Query

IN_TIME_S = 60
"""The objective: a window is judged within a minute after the report that follows it is due (including 30 s of allowed lateness)."""
SIZE = {"width": 3}


def share(part: str, whole: str, span: str) -> str:
    """Increase of `part` / increase of `whole` over `span`; no value where nothing came."""
    return f"sum(increase({part}[{span}])) / (sum(increase({whole}[{span}])) > 0)"


IN_TIME = share(f'highwater_window_delay_seconds_bucket{{le="{IN_TIME_S}.0"}}', "highwater_window_delay_seconds_count", "$__range")
TAKEN = share('highwater_events_total{outcome=~"accepted|repeated"}', "highwater_events_total", "$__range")

NOW = Row(
    "Objectives, over the time shown",
    [
        number(
            "Judged in time",
            "Share of windows judged within 60 s after the next report was due. The objective is 99.5 %.",
            "percentunit",
            Query(IN_TIME, "share"),
            calm=RED,
            limits=((0.99, YELLOW), (0.995, "green")),
            decimals=2,
            **SIZE,
        ),
        number(
            "Events taken",
            "Share of events that were neither malformed nor late. The objective is 99 %.",
            "percentunit",
            Query(TAKEN, "share"),
            calm=RED,
            limits=((0.98, YELLOW), (0.99, "green")),
            decimals=2,
            **SIZE,
        ),
        number(
            "Ingest lag",
            "The time by which the watermark is behind the clock, for the process that is furthest behind.",
            "s",
            Query("max(highwater_ingest_lag_seconds)", "lag"),
            limits=((120, YELLOW), (300, RED)),
            **SIZE,
        ),
        number(
            "Processes",
            "Processes whose watchdog is visible. If there are fewer than you started, one is down.",
            "short",
            Query("sum(highwater_watchdog) or vector(0)", "processes"),
            calm=RED,
            limits=((1, "green"),),
            **SIZE,
        ),
        number(
            "Alerts in a day",
            "Alerts that reached warning in the last 24 hours. Alerts without real trouble should stay near the budget.",
            "short",
            Query('round(sum(increase(highwater_alerts_total{severity=~"warning|critical"}[1d])))', "alerts"),
            calm="blue",
            **SIZE,
        ),
        number(
            "False alarms budgeted",
            "False alarms of warning or above per day that the settings allow for the whole fleet (detection.false_alarms_per_day).",
            "short",
            Query("max(highwater_false_alarm_budget_per_day)", "a day"),
            calm="blue",
            **SIZE,
        ),
        number(
            "Disk refuses",
            "Processes whose disk refuses to store what must be kept: they accept no more input.",
            "short",
            Query("sum(highwater_storage_faulty) or vector(0)", "processes"),
            limits=((1, RED),),
            **SIZE,
        ),
        number(
            "Messages overdue",
            "Messages to subscribers that are due and have not been sent.",
            "short",
            Query("sum(highwater_notifications_waiting) or vector(0)", "messages"),
            limits=((1, YELLOW), (20, RED)),
            **SIZE,
        ),
    ],
)

INTAKE = Row(
    "Intake",
    [
        lines(
            "Events by outcome",
            "Accepted, repeated, late and malformed events a second.",
            "short",
            Query(rate("highwater_events_total", by="outcome"), "{{outcome}}"),
            axis="events/s",
            overrides=coloured(OUTCOMES),
        ),
        lines(
            "Ingest lag",
            "The time by which the watermark is behind the clock, including the allowed lateness (30 s).",
            "s",
            Query("max by (instance) (highwater_ingest_lag_seconds)", "{{instance}}"),
            limits=((120, YELLOW), (300, RED)),
        ),
        lines(
            "Late and malformed share",
            "Late events indicate a wrong clock or a slow path; malformed events indicate a fault in the sender's release.",
            "percentunit",
            Query(against(rate("highwater_events_total", '{outcome="late"}'), rate("highwater_events_total")), "late"),
            Query(against(rate("highwater_events_total", '{outcome="malformed"}'), rate("highwater_events_total")), "malformed"),
            overrides=coloured(OUTCOMES),
            limits=((0.01, RED),),
        ),
        lines(
            "Waiting for judgement, and held",
            "Bytes accepted and not judged yet; events held because their User's clock is ahead of all others.",
            "short",
            Query("sum(highwater_backlog_bytes)", "bytes waiting"),
            Query("sum(highwater_events_held)", "events held"),
            overrides=(on_the_right("bytes", "bytes"),),
        ),
    ],
)

JUDGEMENT = Row(
    "Judgement",
    [
        lines(
            "Window delay",
            "Time from the end of a window to its judgement, minus the window's own length. More than 60 s misses the objective.",
            "s",
            Query(f"histogram_quantile(0.5, sum by (le) (rate(highwater_window_delay_seconds_bucket{RATE})))", "median"),
            Query(f"histogram_quantile(0.99, sum by (le) (rate(highwater_window_delay_seconds_bucket{RATE})))", "99th percentile"),
            limits=((IN_TIME_S, RED),),
        ),
        lines(
            "Time of a processing step",
            "The time to judge one batch of input.",
            "s",
            Query(f"histogram_quantile(0.5, sum by (le) (rate(highwater_step_seconds_bucket{RATE})))", "median"),
            Query(f"histogram_quantile(0.99, sum by (le) (rate(highwater_step_seconds_bucket{RATE})))", "99th percentile"),
        ),
        lines(
            "Series watched",
            "Above the dashed fleet size, thresholds are too low for the false-alarm budget: raise detection.fleet_series.",
            "short",
            Query("sum by (kind) (highwater_series)", "{{kind}}"),
            Query("max(highwater_fleet_series)", "fleet size in force"),
            overrides=(*coloured({"fleet size in force": GREY}), dashed("fleet")),
        ),
        lines(
            "Label values folded",
            "Label values that share `other`, because there are more than the settings allow to distinguish.",
            "short",
            Query("max by (label) (highwater_label_values_folded)", "{{label}}"),
            limits=((1, YELLOW),),
        ),
    ],
)

TELLING = Row(
    "Storing and notifying",
    [
        lines(
            "Checkpoint age",
            "Time since the last checkpoint; a restart takes about as long as that span took.",
            "s",
            Query("max by (instance) (highwater_checkpoint_age_seconds)", "{{instance}}"),
            limits=((300, ORANGE),),
        ),
        lines(
            "Messages to subscribers overdue",
            "Messages by webhook, mail or chat that are due and have not been sent.",
            "short",
            Query("sum(highwater_notifications_waiting)", "overdue"),
            limits=((20, YELLOW),),
        ),
        lines(
            "Posts to Alertmanager",
            "By outcome; empty if no Alertmanager is configured.",
            "short",
            Query(rate("highwater_alertmanager_pushes_total", by="outcome"), "{{outcome}}"),
            overrides=coloured({"sent": "green", "refused": RED, "unreachable": RED}),
            axis="posts/s",
        ),
        lines(
            "Processor and memory",
            "CPU seconds per second, and resident memory, of each process.",
            "short",
            Query(f'rate(process_cpu_seconds_total{{job=~"highwater.*"}}{RATE})', "{{instance}} processor"),
            Query('process_resident_memory_bytes{job=~"highwater.*"}', "{{instance}} memory"),
            overrides=(on_the_right("memory", "bytes"), dashed("memory")),
        ),
        lines(
            "Cost of a scrape",
            "The time that /metrics takes to answer, and the number of samples.",
            "s",
            Query('max by (instance) (scrape_duration_seconds{job=~"highwater.*"})', "{{instance}}"),
            Query('max by (instance) (scrape_samples_scraped{job=~"highwater.*"})', "{{instance}} samples"),
            overrides=(on_the_right("samples", "short"), dashed("samples")),
            limits=((0.3, YELLOW),),
        ),
    ],
)

KAFKA = Row(
    "Kafka workers",
    [
        lines(
            "Records behind",
            "Records of each topic that workers have not read yet.",
            "short",
            Query("sum by (topic) (highwater_kafka_lag_records)", "{{topic}}"),
        ),
        lines(
            "Partitions held",
            "By worker. The sum must be the number of partitions; otherwise a partition has no worker.",
            "short",
            Query("sum by (instance) (highwater_kafka_partitions_held)", "{{instance}}"),
        ),
        lines(
            "Rebalances, restarts and failed commits",
            "A single one is harmless; many of them mean that workers come and go, or that brokers refuse requests.",
            "short",
            Query(f"sum(increase(highwater_kafka_rebalances_total{RATE}))", "rebalances"),
            Query(f"sum(increase(highwater_kafka_unit_restarts_total{RATE}))", "restarts from a checkpoint"),
            Query(f"sum(increase(highwater_kafka_commit_failures_total{RATE}))", "failed commits"),
        ),
        lines(
            "Checkpoints",
            "Bytes per second written to the checkpoint topic.",
            "Bps",
            Query(rate("highwater_kafka_checkpoint_bytes_total", by="instance"), "{{instance}}"),
        ),
    ],
    folded=True,
)

BOARD = Dashboard(
    uid="highwater-itself",
    folder="highwater",
    title="Highwater itself",
    description="Whether Highwater accepts input, judges and notifies in time, and what to do when it does not.",
    variables=[],
    rows=[NOW, INTAKE, JUDGEMENT, TELLING, KAFKA],
)
