"""Incident records: the records themselves, with details that no metric may carry: summaries, suspects, reasons, actions of people."""

from config.grafana.boards.common import change_lanes
from config.grafana.colours import BLUE, GREEN, RED, YELLOW
from config.grafana.dashboard import API_SOURCE, Dashboard, Row
from config.grafana.overrides import SEVERITIES, coloured
from config.grafana.panels import api_table, lines
from config.grafana.queries import CATEGORY, SEVERITY, VERDICT, ApiQuery, Column, Query

SUSPECT = (
    Column("suspects.0.change_id", "Suspected change", width=150),
    Column("suspects.0.owner", "Its owner", width=130),
    Column("suspects.0.verdict", "Verdict", width=95, colours=VERDICT),
    Column("suspects.0.reasons.0.text", "Why"),
)
OUTCOME = (("impact", RED), ("absent", YELLOW), ("as_expected", BLUE), ("no_impact", GREEN))

OPEN = Row(
    "Open now",
    [
        api_table(
            "Open incidents",
            "One row per incident, newest first: its origin, the affected Users, the suspected change and the reason.",
            ApiQuery(
                "/v1/incidents?status=active&limit=100",
                (
                    Column("opened_at", "Since", "timestamp", width=165),
                    Column("category", "Category", width=85, colours=CATEGORY),
                    Column("origin_user", "Origin", width=130),
                    Column("summary", "What"),
                    *SUSPECT,
                    Column("affected_users.#", "Others affected", "number", width=120),
                    Column("incident_id", "Incident", width=150),
                ),
            ),
            width=24,
            height=9,
        ),
        api_table(
            "Open alerts",
            "One row per alert, newest first, with the first action and the contact.",
            ApiQuery(
                "/v1/alerts?status=active&limit=200",
                (
                    Column("onset_at", "Since", "timestamp", width=165),
                    Column("severity", "Severity", width=85, colours=SEVERITY),
                    Column("kind", "Kind", width=85),
                    Column("user", "User", width=130),
                    Column("summary", "What"),
                    Column("next_step", "Do first"),
                    Column("contact", "Contact", width=150),
                    Column("suspects.0.change_id", "Suspected change", width=150),
                    Column("suspects.0.verdict", "Verdict", width=95, colours=VERDICT),
                    Column("envelope", "Declared effect", width=120),
                    Column("incident_id", "Incident", width=150),
                ),
            ),
            width=24,
            height=11,
        ),
        change_lanes(height=6),
        lines(
            "Open alerts by severity",
            "From Prometheus, to give the time axis that the records do not have.",
            "short",
            Query("sum by (severity) (highwater_alerts_open)", "{{severity}}"),
            stacked=True,
            fill=40,
            counts=True,
            overrides=coloured(SEVERITIES),
            width=24,
            height=6,
        ),
    ],
)

DESK = Row(
    "What people did",
    [
        api_table(
            "Incidents in hand",
            "Actions of the triage desk: acknowledged, assigned, ticket, snoozed, silenced in Alertmanager.",
            ApiQuery(
                "/v1/triage/incidents",
                (
                    Column("id", "Incident", width=150),
                    Column("state.acknowledged.by", "Taken up by"),
                    Column("state.assigned_to", "Assigned to"),
                    Column("state.ticket", "Ticket"),
                    Column("state.snoozed_until", "Snoozed until"),
                    Column("state.silences.0.by", "Silenced by"),
                    Column("state.silences.0.until", "Silenced until"),
                ),
                root="",
            ),
        ),
        api_table(
            "Alerts in hand",
            "The same for single alerts; escalated alerts are those that nobody acknowledged in time.",
            ApiQuery(
                "/v1/triage/alerts",
                (
                    Column("id", "Alert", width=150),
                    Column("state.acknowledged.by", "Taken up by"),
                    Column("state.escalated_at", "Escalated at"),
                    Column("state.snoozed_until", "Snoozed until"),
                    Column("state.silences.0.by", "Silenced by"),
                    Column("state.silences.0.until", "Silenced until"),
                ),
                root="",
            ),
        ),
    ],
)

CHANGES = Row(
    "Changes",
    [
        api_table(
            "Calendar",
            "Every declared change in its last revision, newest declaration first.",
            ApiQuery(
                "/v1/changes?limit=200",
                (
                    Column("planned_start", "From", "timestamp", width=165),
                    Column("planned_end", "To", "timestamp", width=165),
                    Column("owner", "Owner", width=130),
                    Column("change_id", "Change", width=120),
                    Column("title", "Title"),
                    Column("category", "Category", width=170),
                    Column("status", "Status", width=95),
                    Column("disruption", "Disruption", width=95),
                    Column("expected.effect", "Expected effect", width=115),
                ),
            ),
            width=24,
        ),
        api_table(
            "Change reports",
            "The effect of each change, after its window and settling time.",
            ApiQuery(
                "/v1/change-reports?limit=200",
                (
                    Column("as_of", "Judged", "timestamp", width=165),
                    Column("change_id", "Change", width=120),
                    Column("verdict", "Verdict", width=105, colours=OUTCOME),
                    Column("score", "Score", "number", width=70),
                    Column("summary", "What it did"),
                    Column("declared_late_s", "Declared late, s", "number", width=120),
                    Column("overran_s", "Overran, s", "number", width=90),
                ),
            ),
            width=24,
        ),
    ],
)

BOARD = Dashboard(
    uid="highwater-incident-records",
    folder="operations",
    title="Incident records",
    description="The records behind the figures, from Highwater's JSON API. It needs the Infinity datasource; the other dashboards do not.",
    variables=[API_SOURCE],
    rows=[OPEN, DESK, CHANGES],
    span="now-24h",
)
