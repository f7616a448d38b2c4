import json
import re
from pathlib import Path

import pytest

from simulator.score import score
from simulator.score_files import read_alerts, read_truth
from tests.golden.cases import HERE, OUTPUTS, STORY, Case, cases
from tests.golden.story import Record, last, records, threats

FIREWALL, STORM = Case(HERE / "firewall"), Case(HERE / "message-storm")


def expected(case: Case, name: str) -> list[Record]:
    return records((case.expected / name).read_bytes())


def main_incident(case: Case) -> Record:
    """The incident of the anomaly that nothing else brought about."""
    origin = next(anomaly["origin_user"] for anomaly in truth(case)["anomalies"] if not anomaly.get("collateral"))
    (listed,) = [
        one for one in last(expected(case, "incidents.ndjson"), "incident_id") if one["origin_user"] == origin and one["category"] <= 3
    ]
    return listed


def truth(case: Case) -> Record:
    document: Record = json.loads((case.folder / "truth.json").read_bytes())
    return document


def test_both_incidents_of_the_problem_statement_are_golden() -> None:
    assert {case.name for case in cases()} >= {"firewall", "message-storm"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_replay_gives_the_expected_bytes(case: Case, tmp_path: Path) -> None:
    replayed = case.replay(tmp_path / "out")
    for name in (*OUTPUTS, STORY):
        assert replayed[name].decode() == (case.expected / name).read_text(), f"{case.name}/{name}: if this is meant, run make golden"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_what_is_expected_is_right(case: Case) -> None:
    alerts, probable = read_alerts(case.expected)
    figures = score(alerts, read_truth(case.folder / "truth.json"), probable=probable)
    assert (figures.recall, figures.precision, figures.attribution_top1, figures.wrong_probable) == (1, 1, 1, 0)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_is_small_and_explained(case: Case) -> None:
    assert sum(path.stat().st_size for path in case.folder.rglob("*")) < 1_500_000
    readme = (case.folder / "README.md").read_text()
    named = set(re.findall(r"CHG-\d+", readme))
    assert named
    assert named <= {change["change_id"] for change in json.loads((case.folder / "changes.json").read_bytes())}


def test_the_firewall_incident_says_what_happened() -> None:
    incident = main_incident(FIREWALL)
    cause = next(anomaly for anomaly in truth(FIREWALL)["anomalies"] if not anomaly.get("collateral"))
    others = {anomaly["user"] for anomaly in truth(FIREWALL)["anomalies"] if anomaly.get("collateral")}
    assert {"backlog", "silence"} <= set(incident["kinds"])
    assert incident["suspects"][0]["change_id"] == cause["caused_by"]
    assert incident["suspects"][0]["verdict"] == "probable"
    assert set(incident["affected_users"]) == others
    assert set(cause["threatens"]) <= set(threats(expected(FIREWALL, "incidents.ndjson"), incident["incident_id"]))
    deepest = max(alert["evidence"].get("depth", 0) for alert in expected(FIREWALL, "alerts.ndjson"))
    assert deepest >= 1_000_000


def test_the_storm_incident_says_what_happened() -> None:
    incident = main_incident(STORM)
    cause = next(anomaly for anomaly in truth(STORM)["anomalies"] if not anomaly.get("collateral"))
    assert {"storm", "failures"} <= set(incident["kinds"])
    assert incident["suspects"][0]["change_id"] == cause["caused_by"]
    assert incident["suspects"][0]["verdict"] in ("probable", "possible")
    assert set(incident["affected_users"]) == {anomaly["user"] for anomaly in truth(STORM)["anomalies"] if anomaly.get("collateral")}
    assert "install_and_commission" in incident["processes"]
