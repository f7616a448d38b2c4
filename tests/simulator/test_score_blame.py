from typing import Any

from models.times import MINUTE_US, format_time, parse_time
from simulator.score_blame import Blame, score_blame
from simulator.score_files import scored_alerts
from simulator.truth import Anomaly, Truth

NOON_US = parse_time("2026-01-07T12:00:00Z")
STORM = Anomaly("storm", ("storm",), "SUP-01", NOON_US, NOON_US + 60 * MINUTE_US, caused_by="CHG-1", origin_user="SUP-01")
VICTIM = Anomaly("storm-SUP-02", ("drop",), "SUP-02", NOON_US, NOON_US + 60 * MINUTE_US, caused_by="CHG-1", collateral=True)
MAINTENANCE = Anomaly(
    "work-SUP-02", ("drop",), "SUP-02", NOON_US + 30 * MINUTE_US, NOON_US + 60 * MINUTE_US, "CHG-2", collateral=True, services=("2.2",)
)


def alert(kind: str, user: str, minute: int, change_id: str | None, *, service: str = "8.2", **more: Any) -> dict[str, Any]:
    at = format_time(NOON_US + minute * MINUTE_US)
    basis = "declared" if change_id else "undeclared"
    suspect = {"change_id": change_id, "owner": "SUP-01", "basis": basis, "verdict": "probable", "score": 0.9}
    fields = {
        "alert_id": f"A-{kind}-{user}-{service}",
        "revision": 1,
        "kind": kind,
        "user": user,
        "series": {"service": service},
        "onset_at": at,
        "detected_at": at,
        "severity": "warning",
        "suspects": [suspect],
    }
    return fields | more


def blame(*records: dict[str, Any]) -> Blame:
    truth = Truth("made", 1, NOON_US, (STORM, VICTIM, MAINTENANCE), (), ("CHG-2",))
    alerts, _ = scored_alerts(records, ())
    return score_blame(alerts, records, truth)


def test_the_right_change_on_top_counts_at_victims_too() -> None:
    figures = blame(alert("storm", "SUP-01", 1, "CHG-1"), alert("drop", "SUP-02", 5, "CHG-9"))
    assert figures.victims_top1 == 0.5
    assert figures.misled == ("A-drop-SUP-02-8.2",)
    assert figures.wrong_blame == ("A-drop-SUP-02-8.2",)
    assert figures.false_warnings == ()


def test_an_alert_on_the_very_services_of_an_anomaly_is_that_ones_alone() -> None:
    figures = blame(alert("drop", "SUP-02", 31, "CHG-1", service="2.2"), alert("storm", "SUP-01", 1, None))
    assert figures.wrong_blame == ("A-drop-SUP-02-2.2", "A-storm-SUP-01-8.2")
    assert figures.false_warnings == ("A-drop-SUP-02-2.2",)


def test_an_alert_that_nothing_accounts_for_is_a_false_warning_unless_it_woke_nobody() -> None:
    assert blame(alert("drop", "SUP-03", 5, "CHG-1")).false_warnings == ("A-drop-SUP-03-8.2",)
    assert blame(alert("drop", "SUP-03", 5, "CHG-1", severity="info")).false_warnings == ()


def test_a_user_that_suffers_once_its_own_trouble_is_over_may_name_the_cause_of_either() -> None:
    own = Anomaly("own", ("drop",), "SUP-02", NOON_US, NOON_US + 20 * MINUTE_US, caused_by="CHG-3", origin_user="SUP-02")
    truth = Truth("made", 1, NOON_US, (STORM, VICTIM, own), (), ())

    def wrong(raised: int) -> tuple[str, ...]:
        records = [alert("drop", "SUP-02", raised, "CHG-1", onset_at=format_time(NOON_US + 18 * MINUTE_US))]
        return score_blame(scored_alerts(records, ())[0], records, truth).wrong_blame

    assert wrong(19) == ("A-drop-SUP-02-8.2",)
    assert wrong(26) == ()


def test_a_change_that_did_at_first_as_it_declared_is_no_wrong_cause_of_that() -> None:
    truth = Truth("made", 1, NOON_US - 60 * MINUTE_US, (STORM, VICTIM), (), ())
    gone = {"severity": "info", "status": "resolved", "resolved_at": format_time(NOON_US - 10 * MINUTE_US)}
    records = [alert("storm", user, -20, change_id, **gone) for user, change_id in (("SUP-01", "CHG-1"), ("SUP-02", "CHG-1"))]
    records.append(alert("storm", "SUP-01", -20, None, service="9", **gone))
    assert score_blame(scored_alerts(records, ())[0], records, truth).wrong_blame == ("A-storm-SUP-02-8.2", "A-storm-SUP-01-9")
