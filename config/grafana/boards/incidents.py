"""Changes and incidents: the changes at work, the open incidents, and how far changes explain incidents."""

from config.grafana.boards.common import change_lanes, open_alerts, windows, windows_open
from config.grafana.colours import ORANGE, RED, YELLOW
from config.grafana.dashboard import Dashboard, Row, choice
from config.grafana.overrides import CATEGORIES, REPORTS, SEVERITIES, VERDICTS, coloured
from config.grafana.panels import bars, lines, number
from config.grafana.queries import Query

CHANGES = '{owner=~"$owner", category=~"$category"}'


def delay(quantile: float) -> str:
    """A quantile over the last 24 hours: there are too few alerts for a shorter time."""
    return f"histogram_quantile({quantile}, sum by (le) (increase(highwater_detection_delay_seconds_bucket[1d])))"


NOW = Row(
    "Now",
    [
        number(
            "Incidents open",
            "Not resolved yet.",
            "short",
            Query("sum(highwater_incidents_open)", "incidents"),
            limits=((1, YELLOW), (5, RED)),
        ),
        number(
            "Major incidents open",
            "Open incidents of SEC Incident Category 1 or 2.",
            "short",
            Query('sum(highwater_incidents_open{category=~"1|2"})', "incidents"),
            limits=((1, RED),),
        ),
        number(
            "Critical alerts",
            "Open alerts of severity critical.",
            "short",
            Query(open_alerts('{severity="critical"}'), "alerts"),
            limits=((1, RED),),
        ),
        number(
            "Without a suspect",
            "Open incidents for which no change is suspected.",
            "short",
            Query('sum(highwater_incidents_attributed{verdict="none"})', "incidents"),
            limits=((1, ORANGE),),
        ),
        windows_open(CHANGES),
        number(
            "Opening within a day",
            "Declared changes whose window opens within 24 hours.",
            "short",
            Query(f"sum({windows('highwater_change_window_upcoming', CHANGES)}) or vector(0)", "changes"),
            calm="blue",
        ),
    ],
)

CALENDAR = Row(
    "Calendar and incidents, one time axis",
    [
        change_lanes(CHANGES, height=8),
        lines(
            "Open incidents by category",
            "SEC Incident Category; 1 is the most severe.",
            "short",
            Query("sum by (category) (highwater_incidents_open)", "category {{category}}"),
            stacked=True,
            fill=40,
            counts=True,
            overrides=coloured(CATEGORIES),
        ),
        lines(
            "Open incidents by verdict",
            "Verdict on the first suspect: probable or possible names a change, none names no change.",
            "short",
            Query("sum by (verdict) (highwater_incidents_attributed)", "{{verdict}}"),
            stacked=True,
            fill=40,
            counts=True,
            overrides=coloured(VERDICTS),
        ),
        lines(
            "Open alerts by kind",
            "Storm, backlog, silence, drop, failures, drift, stale.",
            "short",
            Query("sum by (kind) (highwater_alerts_open)", "{{kind}}"),
            stacked=True,
            fill=40,
            counts=True,
        ),
        lines(
            "Open alerts by severity",
            "info notifies nobody: the effect is within a declared envelope.",
            "short",
            Query("sum by (severity) (highwater_alerts_open)", "{{severity}}"),
            stacked=True,
            fill=40,
            counts=True,
            overrides=coloured(SEVERITIES),
        ),
    ],
)

QUALITY = Row(
    "How well changes are declared, and how soon trouble is detected",
    [
        bars(
            "Change reports by verdict",
            "Over the time shown. absent: the change declared an effect that did not appear.",
            "short",
            Query("round(sum by (verdict) (increase(highwater_change_reports_total[$__range])))", "{{verdict}}", instant=True),
            width=6,
            overrides=coloured(REPORTS),
        ),
        bars(
            "Faults of declarations",
            "Over the time shown, for changes that have a report.",
            "short",
            Query("round(sum by (fault) (increase(highwater_change_faults_total[$__range])))", "{{fault}}", instant=True),
            width=6,
            limits=((1, YELLOW),),
        ),
        lines(
            "Detection delay",
            "From the estimated onset to the deciding window, over the last 24 hours; diamonds are single alerts with their id.",
            "s",
            Query(delay(0.5), "median", exemplars=True),
            Query(delay(0.95), "95th percentile"),
            width=12,
            limits=((300, YELLOW),),
        ),
        lines(
            "Alerts a day",
            "Alerts that reached a severity, over the last 24 hours.",
            "short",
            Query("sum by (severity) (increase(highwater_alerts_total[1d]))", "{{severity}}"),
            counts=True,
            overrides=coloured(SEVERITIES),
        ),
        lines(
            "Incidents a day",
            "Incidents opened over the last 24 hours, by category when they opened.",
            "short",
            Query("sum by (category) (increase(highwater_incidents_total[1d]))", "category {{category}}"),
            counts=True,
            overrides=coloured(CATEGORIES),
        ),
    ],
)

BOARD = Dashboard(
    uid="highwater-incidents",
    folder="operations",
    title="Changes and incidents",
    description="Which changes are at work, which incidents are open, and how far changes explain the incidents.",
    variables=[
        choice("owner", "Owner", "highwater_change_window_active"),
        choice("category", "Change category", "highwater_change_window_active"),
    ],
    rows=[NOW, CALENDAR, QUALITY],
    span="now-24h",
)
