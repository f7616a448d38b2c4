"""Silences with a real Alertmanager: out for windows and snoozes; back to the page, the API and the audit log."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from models.clock import Clock
from models.times import HOUR_US, MINUTE_US, format_time, parse_time
from service.alertmanager.silences import Silence, signature, to_post, wanted
from tests.dashboards.servers import Program, alertmanager, asked, eventually, free_port
from tests.service.builders import alert, change, change_json, desk, incident
from tests.service.house import House

NOW_US = Clock().wall_us()
EXPECTED = {"effect": "up", "factor": 3.0}
OURS = signature("0123abcd")


def minutes_from_now(minutes: float) -> int:
    """So long after this very moment: the whole run may have begun long ago."""
    return Clock().wall_us() + int(minutes * MINUTE_US)


class Both:
    """A monitor and its Alertmanager; duties run when a test says so, and by the clock besides."""

    def __init__(self, house: House, server: Program) -> None:
        self.house, self.server = house, server
        self.ours = house.parts.silencer.ours
        self.triage = house.client("triage")

    def push(self) -> None:
        asyncio.run(self.house.parts.pusher.push())

    def exchange(self) -> None:
        asyncio.run(self.house.parts.silencer.round())

    def held(self, alert_id: str, *, silenced: bool) -> dict[str, Any]:
        """The alert as Alertmanager holds it, once that is so."""

        def look() -> Any:
            answer = json.loads(asked(f"{self.server.address}/api/v2/alerts"))
            return [one for one in answer if one["labels"]["alert_id"] == alert_id and bool(one["status"]["silencedBy"]) == silenced]

        answer = eventually(look)
        assert answer, f"{alert_id} is not {'silenced' if silenced else 'without a silence'}"
        return dict(answer[0])

    def silences(self) -> dict[str, dict[str, Any]]:
        """Those that hold, by who made them."""
        document = json.loads(asked(f"{self.server.address}/api/v2/silences"))
        return {one["createdBy"]: one for one in document if one["status"]["state"] == "active"}

    def silence(self, label: str, value: str, *, minutes: int = 60, by: str = "Ann") -> str:
        """A person's silence; its id."""
        body = {
            "matchers": [{"name": label, "value": value, "isRegex": True, "isEqual": True}],
            "startsAt": format_time(minutes_from_now(-1)),
            "endsAt": format_time(minutes_from_now(minutes)),
            "createdBy": by,
            "comment": "known, they are on it",
        }
        posted = asked(
            f"{self.server.address}/api/v2/silences", headers={"Content-Type": "application/json"}, body=json.dumps(body).encode()
        )
        return str(json.loads(posted)["silenceID"])

    def state(self, subject: str, name: str) -> dict[str, Any]:
        """What the API says of what people did."""
        answer = {one["id"]: one["state"] for one in self.triage.get(f"/v1/triage/{subject}").json()}
        return dict(answer.get(name, {"silences": []}))

    def audited(self) -> list[tuple[str, str, str, str]]:
        items = self.house.client("admin").get("/v1/audit?limit=1000").json()["items"]
        return [(one["actor"], one["role"], one["action"], one["subject"]) for one in items if "silence" in one["action"]]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as stack:
        server = stack.enter_context(alertmanager(tmp_path))
        house = stack.enter_context(House(tmp_path / "data", alertmanager_urls=(server.address,)))
        house.publish(desk(alert("A-1"), alert("A-2", user="BOLT"), incident("I-1", alert_ids=("A-1", "A-2"))))
        yield Both(house, server)


def test_a_silence_of_alertmanager_s_is_shown_noted_and_over_and_mutes_nothing_here(both: Both) -> None:
    begun_us = minutes_from_now(0)
    before = [both.triage.get(path).content for path in ("/v1/alerts", "/v1/incidents", "/v1/alerts/A-1/revisions")]
    both.push()
    both.held("A-1", silenced=False)
    silence_id = both.silence("alert_id", "A-1")
    assert both.held("A-1", silenced=True)["status"]["silencedBy"] == [silence_id]
    both.exchange()
    (result,) = both.state("alerts", "A-1")["silences"]
    assert (result["by"], result["note"], result["silence_id"]) == ("Ann", "known, they are on it", silence_id)
    assert begun_us < parse_time(result["until"]) - 60 * MINUTE_US < minutes_from_now(0)
    assert both.state("alerts", "A-2")["silences"] == []
    assert both.state("incidents", "I-1")["silences"] == [], "one of its two alerts is still told"
    both.exchange()
    assert both.audited() == [("Ann", "alertmanager", "silence alert", "A-1")], "what is known already is not noted again"

    httpx2.delete(f"{both.server.address}/api/v2/silence/{silence_id}", timeout=60).raise_for_status()
    both.push()
    both.held("A-1", silenced=False)
    both.exchange()
    assert both.state("alerts", "A-1")["silences"] == []
    assert both.audited()[0] == ("Alertmanager", "alertmanager", "unsilence alert", "A-1")
    after = [both.triage.get(path).content for path in ("/v1/alerts", "/v1/incidents", "/v1/alerts/A-1/revisions")]
    assert after == before


def test_an_incident_is_silenced_once_all_its_open_alerts_are(both: Both) -> None:
    both.push()
    both.held("A-2", silenced=False)
    both.silence("incident_id", "I-.*")
    both.held("A-1", silenced=True)
    both.held("A-2", silenced=True)
    both.exchange()
    (result,) = both.state("incidents", "I-1")["silences"]
    assert result["by"] == "Ann"
    text = both.triage.get("/v1/handover").json()["text"]
    assert f"Silenced in Alertmanager by Ann until {result['until']}" in text
    both.house.publish(desk(alert("A-3", user="CORE", severity="critical")))
    both.silence("alert_id", "A-3", by="Ben")
    both.push()
    both.held("A-3", silenced=True)
    both.exchange()
    assert {one["by"] for one in both.state("alerts", "A-3")["silences"]} == {"Ann", "Ben"}


def test_a_silence_that_is_extended_is_noted_anew_and_one_that_is_over_by_itself_is_gone(both: Both) -> None:
    both.push()
    both.held("A-1", silenced=False)
    first = both.silence("alert_id", "A-1", minutes=10)
    both.held("A-1", silenced=True)
    both.exchange()
    body = json.loads(asked(f"{both.server.address}/api/v2/silence/{first}"))
    longer = {name: body[name] for name in ("id", "matchers", "startsAt", "createdBy", "comment")}
    longer["endsAt"] = format_time(minutes_from_now(90))
    asked(f"{both.server.address}/api/v2/silences", headers={"Content-Type": "application/json"}, body=json.dumps(longer).encode())
    both.held("A-1", silenced=True)
    both.exchange()
    (result,) = both.state("alerts", "A-1")["silences"]
    assert parse_time(result["until"]) > minutes_from_now(80)
    assert len(both.audited()) == 2


def test_a_snooze_silences_in_alertmanager_until_it_ends_and_does_not_come_back_as_a_silence(both: Both) -> None:
    both.push()
    both.held("A-1", silenced=False)
    until = format_time(minutes_from_now(30))
    assert both.triage.post("/v1/alerts/A-1/snooze", json={"until": until}).status_code == 200
    both.exchange()
    ours = both.silences()[f"{both.ours}snoozed alert A-1"]
    assert parse_time(ours["endsAt"]) // 1_000_000 == parse_time(until) // 1_000_000
    assert both.held("A-1", silenced=True)["status"]["silencedBy"] == [ours["id"]]
    both.exchange()
    assert len(both.silences()) == 1
    assert both.state("alerts", "A-1")["silences"] == []
    assert both.audited() == []


def test_a_change_window_silences_what_stays_within_its_declared_effect_and_not_what_goes_beyond(both: Both) -> None:
    start, end = (format_time(minutes_from_now(minutes)) for minutes in (-30, 30))
    declared = change_json("C-7", "ACME", planned_start=start, planned_end=end, declared_at=start, expected=EXPECTED)
    assert both.house.client("admin").post("/v1/changes", json=declared).status_code in (200, 201)
    assert eventually(lambda: "ACME/C-7" in both.house.parts.engine.changes)
    both.house.publish(
        desk(
            alert("A-7", severity="info", envelope="within"),
            alert("A-8", severity="warning", envelope="within"),
            alert("A-9", severity="critical", envelope="beyond"),
            alert("B-7", user="BOLT", severity="info", envelope="within"),
        )
    )
    both.push()
    both.exchange()
    assert set(both.silences()) == {f"{both.ours}change ACME/C-7"}
    both.held("A-7", silenced=True)
    for name in ("A-8", "A-9", "B-7"):
        both.held(name, silenced=False)
    # The same alert goes beyond what was declared: it gets through although the window is still open.
    both.house.publish(desk(alert("A-7", revision=2, severity="critical", envelope="beyond")))
    both.push()
    assert both.held("A-7", silenced=False)["labels"]["severity"] == "critical"
    later = {**declared, "revision": 2, "status": "cancelled"}
    assert both.house.client("admin").put("/v1/changes/C-7", json=later).status_code == 200
    assert eventually(lambda: both.house.parts.engine.changes["ACME/C-7"].status == "cancelled")
    both.exchange()
    assert both.silences() == {}


def test_an_alertmanager_that_does_not_answer_has_not_lifted_its_silences(tmp_path: Path) -> None:
    port = free_port()
    with House(tmp_path / "data", alertmanager_urls=(f"http://127.0.0.1:{port}",)) as house:
        house.publish(desk(alert("A-1"), incident("I-1")))
        asyncio.run(house.parts.silencer.round())
        assert house.client("triage").get("/v1/triage/alerts").json() == []


def test_a_user_never_sees_who_silenced_what(both: Both) -> None:
    assert both.house.client("user:ACME").get("/v1/triage/alerts").status_code == 403


def test_only_changes_that_declare_an_effect_silence_anything_and_only_while_it_is_due() -> None:
    def of(**more: Any) -> dict[str, Silence]:
        given = {"planned_start": format_time(NOW_US - HOUR_US), "planned_end": format_time(NOW_US + HOUR_US), "expected": EXPECTED}
        return wanted([change("C-1", "ACME", **{**given, **more})], {}, NOW_US, OURS)

    assert set(of()) == {f"{OURS}change ACME/C-1"}
    assert of(expected=None) == {}
    assert of(status="draft") == {}
    assert of(planned_end=format_time(NOW_US - MINUTE_US)) == {}
    assert ("user", "ACME", True) in of()[f"{OURS}change ACME/C-1"].matchers
    wide = of(source="dcc", users=["B.1", "A-2"], regions=["north"])[f"{OURS}change ACME/C-1"].matchers
    assert {("user", r"A\-2|B\.1", True), ("region", "north", True)} <= set(wide)


def test_of_two_silences_for_the_same_change_one_is_ended() -> None:
    by = f"{OURS}change ACME/C-1"
    wish = Silence("", by, "", NOW_US + HOUR_US, (("team", "triage", False),))
    copies = [Silence(name, by, "", wish.until_us, wish.matchers) for name in ("b", "a")]
    posted, ended = to_post({by: wish}, [*copies, Silence("c", "Ann", "", wish.until_us)], OURS)
    assert (posted, [one.silence_id for one in ended]) == ([], ["b"])


def test_a_monitor_leaves_the_silences_of_another_alone() -> None:
    wishes = wanted([change("C-1", "ACME", planned_end=format_time(NOW_US + HOUR_US), expected=EXPECTED)], {}, NOW_US, OURS)
    other = Silence("a", f"{signature('4567cdef')}change C-2", "", NOW_US + HOUR_US)
    earlier = Silence("b", "Highwater: change C-3", "", NOW_US + HOUR_US)
    posted, ended = to_post(wishes, [other, earlier], OURS)
    assert [one.by for one in posted] == list(wishes)
    assert ended == []
    assert other.is_of_highwater
    assert earlier.is_of_highwater
    assert not Silence("c", "Ann", "", NOW_US).is_of_highwater


def test_a_monitor_has_its_own_id_and_keeps_it(tmp_path: Path) -> None:
    signatures = []
    for name in ("one", "two", "one"):
        with House(tmp_path / name) as house:
            signatures.append(house.parts.silencer.ours)
    assert signatures[0] == signatures[2] != signatures[1]
