"""The round trip with a real Alertmanager: posted, grouped, inhibited, silenced, posted again, resolved."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.clock import Clock
from models.times import MINUTE_US, format_time
from service.alertmanager.push import RESEND_S, Pusher
from tests.dashboards.servers import Program, alertmanager, asked, eventually, free_port

START_US = Clock().wall_us()


class Desk:
    """What stands open, as the data file would give it, and a clock that the test turns."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        self.incidents: dict[str, dict[str, Any]] = {}
        self.steady_s = 0.0
        self.clock = Clock(Clock().wall_us, lambda: self.steady_s)

    def read(self, _: object) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        return list(self.alerts.values()), self.incidents

    def opened(self, alert_id: str, user: str, *, severity: str = "critical", incident: str = "I1", **others: Any) -> None:
        self.incidents.setdefault(incident, {"incident_id": incident, "origin_user": user})
        self.alerts[alert_id] = {
            "alert_id": alert_id,
            "incident_id": incident,
            "kind": "storm",
            "user": user,
            "series": {"region": None, "queue": None},
            "severity": severity,
            "category": 2,
            "category_reason": "one User's Service Requests",
            "onset_at": format_time(START_US - MINUTE_US),
            "summary": f"{user} storms.",
            "next_step": "Ask.",
            "contact": None,
            "suspects": [{"change_id": "CHG-1", "owner": user, "verdict": "probable"}],
            "affected_users": [],
            "envelope": "none",
            "revision": 1,
        } | others


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Program]:
    with alertmanager(tmp_path) as program:
        yield program


@pytest.fixture
def desk() -> Desk:
    return Desk()


def pusher(desk: Desk, *addresses: str) -> Pusher:
    return Pusher(desk, addresses, None, desk.clock)  # type: ignore[arg-type]  # all that it asks of a database is `read`


def push(by: Pusher) -> dict[str, int]:
    asyncio.run(by.push())
    return dict(by.outcomes)


def held(server: Program) -> dict[str, dict[str, Any]]:
    return {alert["labels"]["alert_id"]: alert for alert in json.loads(asked(f"{server.address}/api/v2/alerts"))}


def test_alerts_of_one_incident_are_one_group_and_the_cause_inhibits_its_victims(server: Program, desk: Desk) -> None:
    desk.opened("A1", "STORMER")
    desk.opened("A2", "VICTIM", severity="warning")
    desk.opened("A3", "OTHER", incident="I2")
    assert push(pusher(desk, server.address))["sent"] == 1
    states = eventually(lambda: result if (result := held(server)) and result["A2"]["status"]["state"] == "suppressed" else None)
    assert {name: alert["status"]["state"] for name, alert in states.items()} == {"A1": "active", "A2": "suppressed", "A3": "active"}
    assert states["A2"]["status"]["inhibitedBy"] == [states["A1"]["fingerprint"]]
    assert (states["A1"]["labels"]["role"], states["A2"]["labels"]["role"]) == ("origin", "collateral")
    groups = json.loads(asked(f"{server.address}/api/v2/alerts/groups?receiver=triage-desk"))
    assert {group["labels"]["incident_id"]: sorted(alert["labels"]["alert_id"] for alert in group["alerts"]) for group in groups} == {
        "I1": ["A1", "A2"],
        "I2": ["A3"],
    }


def test_what_changes_is_an_annotation_and_what_it_is_stays_the_same_alert(server: Program, desk: Desk) -> None:
    by = pusher(desk, server.address)
    desk.opened("A1", "STORMER")
    push(by)
    before = eventually(lambda: held(server))["A1"]
    desk.alerts["A1"]["summary"] = "STORMER storms on."
    push(by)
    after = eventually(lambda: result if (result := held(server))["A1"]["annotations"]["summary"] == "STORMER storms on." else None)["A1"]
    assert after["fingerprint"] == before["fingerprint"]
    assert after["annotations"]["suspects"] == "CHG-1 (probable)"


def test_an_alert_that_gets_graver_ends_as_the_lesser_one(server: Program, desk: Desk) -> None:
    by = pusher(desk, server.address)
    desk.opened("A1", "STORMER", severity="warning")
    push(by)
    assert eventually(lambda: held(server))["A1"]["labels"]["severity"] == "warning"
    desk.alerts["A1"]["severity"] = "critical"
    push(by)
    answer = eventually(lambda: (now := json.loads(asked(f"{server.address}/api/v2/alerts"))) and len(now) == 1 and now)
    assert [alert["labels"]["severity"] for alert in answer] == ["critical"]


def test_a_silence_holds_and_the_end_of_an_alert_ends_it(server: Program, desk: Desk) -> None:
    by = pusher(desk, server.address)
    desk.opened("A1", "STORMER")
    push(by)
    silence = {
        "matchers": [{"name": "incident_id", "value": "I1", "isRegex": False, "isEqual": True}],
        "startsAt": format_time(START_US - MINUTE_US),
        "endsAt": format_time(Clock().wall_us() + 60 * MINUTE_US),
        "createdBy": "triage",
        "comment": "known",
    }
    asked(f"{server.address}/api/v2/silences", headers={"Content-Type": "application/json"}, body=json.dumps(silence).encode())
    assert eventually(lambda: (result := held(server)) and result["A1"]["status"]["silencedBy"])
    del desk.alerts["A1"]
    push(by)
    assert eventually(lambda: not held(server))


def test_it_is_reported_again_every_minute_and_not_in_between(server: Program, desk: Desk) -> None:
    by = pusher(desk, server.address)
    desk.opened("A1", "STORMER")
    push(by)
    first = eventually(lambda: held(server))["A1"]["endsAt"]
    assert push(by)["sent"] == 1
    desk.steady_s += RESEND_S
    assert push(by)["sent"] == 2
    assert eventually(lambda: held(server)["A1"]["endsAt"] > first)


def test_an_alert_outlives_the_pause_between_two_posts_and_not_much_more(server: Program, desk: Desk) -> None:
    desk.opened("A1", "STORMER")
    before_us = Clock().wall_us()
    push(pusher(desk, server.address))
    alert = eventually(lambda: held(server))["A1"]
    lives_us = 4 * MINUTE_US
    assert format_time(before_us + lives_us - MINUTE_US) < alert["endsAt"] < format_time(Clock().wall_us() + lives_us + MINUTE_US)


def test_an_alertmanager_that_was_away_hears_of_the_end_once_it_is_back(tmp_path: Path, desk: Desk) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    by = pusher(desk, nobody)
    desk.opened("A1", "STORMER")
    assert push(by)["unreachable"] == 1
    assert push(by)["unreachable"] == 2
    del desk.alerts["A1"]
    assert push(by)["unreachable"] == 2, "it never heard of the alert: there is no end to tell"
