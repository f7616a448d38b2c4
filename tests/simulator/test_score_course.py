"""The figures that say how true an incident stays."""

from models.times import parse_time
from simulator.score import ScoredAlert
from simulator.score_course import score_course
from simulator.truth import Anomaly, Truth

ONSET, ENDS = parse_time("2026-01-07T10:00:00Z"), parse_time("2026-01-07T12:00:00Z")
STORM = Anomaly("storm", ("storm",), "SUP-01", ONSET, ENDS, caused_by="CHG-1", origin_user="SUP-01")
VICTIM = Anomaly("victim", ("drop",), "SUP-02", ONSET, ENDS, origin_user="SUP-01", collateral=True)
TRUTH = Truth(
    "",
    1,
    ONSET,
    (STORM, VICTIM),
    ("CHG-2",),
    (),
    {"CHG-1": parse_time("2026-01-07T11:00:00Z"), "CHG-2": parse_time("2026-01-07T11:00:00Z")},
)
ALERT = ScoredAlert("A-1", "storm", "SUP-01", None, ONSET, ONSET, ENDS, ONSET, (), frozenset())
OPEN = {"incident_id": "I-1", "as_of": "2026-01-07T10:05:00Z", "origin_user": "SUP-01", "affected_users": [], "alert_ids": ["A-1"]}
OVER = OPEN | {
    "as_of": "2026-01-07T12:10:00Z",
    "affected_users": ["SUP-02"],
    "ended_at": "2026-01-07T12:02:00Z",
    "resolved_at": "2026-01-07T12:08:00Z",
}


def report(change_id: str, overran_s: float) -> dict[str, object]:
    return {"change_id": change_id, "owner": "SUP-01", "overran_s": overran_s, "started_early_s": 0}


def test_an_incident_that_stays_true() -> None:
    figures = score_course([ALERT], [OPEN, OVER], [report("CHG-1", 3600), report("CHG-2", 0)], TRUTH).as_json()
    assert figures == {
        "collateral_recall": 1,
        "collateral_delay_s": 7800,
        "ended_error_s": 120,
        "resolved_late_s": 480,
        "overran_error_s": 0,
        "false_overrun": 0,
        "missing_error": None,
        "incident_revisions": 2,
    }


def test_a_false_overrun_is_seen() -> None:
    assert score_course([ALERT], [OPEN], [report("CHG-2", 1200)], TRUTH).false_overrun == 1
