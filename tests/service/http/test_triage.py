"""The triage desk's actions are kept beside the records and add up to a state."""

import time
from functools import partial

import pytest

from models.alert import Suspect
from service.operations.periodic_jobs import _escalate
from service.store import subscriptions, triage_actions
from service.store.messages.preferences import Preferences
from tests.service.builders import alert, change_json, desk, incident
from tests.service.house import House, until


@pytest.fixture
def troubled(house: House) -> House:
    house.publish(desk(alert("A-1"), alert("A-2", incident_id="I-2"), incident("I-1"), incident("I-2", alert_ids=("A-2",))))
    return house


def test_an_acknowledgement_has_a_name_and_a_note_and_leaves_the_record_alone(troubled: House) -> None:
    client = troubled.client("triage")
    before = client.get("/v1/alerts/A-1").content
    answer = client.post("/v1/alerts/A-1/acknowledge", json={"name": "Ann", "note": "calling them"})
    assert answer.status_code == 200
    state = answer.json()["state"]["acknowledged"]
    assert (state["by"], state["note"]) == ("Ann", "calling them")
    assert client.post("/v1/alerts/A-2/acknowledge").json()["state"]["acknowledged"]["by"] == "triage of the tests"
    assert client.get("/v1/alerts/A-1").content == before
    assert client.delete("/v1/alerts/A-1/acknowledge").json()["state"]["acknowledged"] is None
    assert client.post("/v1/alerts/none/acknowledge").status_code == 404


def test_a_snooze_needs_an_end_that_lies_ahead_and_is_over_then(troubled: House) -> None:
    client = troubled.client("triage")
    assert client.post("/v1/alerts/A-1/snooze", json={}).status_code == 422
    assert client.post("/v1/alerts/A-1/snooze", json={"until": "2020-01-01T00:00:00Z"}).status_code == 422
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    assert client.post("/v1/alerts/A-1/snooze", json={"until": ends}).json()["state"]["snoozed_until"] == ends
    until(lambda: client.get("/v1/triage/alerts?id=A-1").json()[0]["state"]["snoozed_until"] is None)
    # Without its argument gmtime asks a coarser clock, which may be some milliseconds behind.
    assert ends <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time()))


def test_assignment_ticket_notes_and_judgements_add_up(troubled: House) -> None:
    client = troubled.client("triage")
    client.post("/v1/incidents/I-1/assign", json={"to": "network team"})
    client.post("/v1/incidents/I-1/ticket", json={"reference": "INC-7"})
    client.post("/v1/incidents/I-1/notes", json={"note": "router replaced"})
    client.post("/v1/incidents/I-1/suspects", json={"change_id": "C-1", "verdict": "refuted"})
    client.post("/v1/incidents/I-1/suspects", json={"change_id": "C-1", "verdict": "confirmed", "note": "they said so"})
    assert client.post("/v1/incidents/I-1/suspects", json={"verdict": "confirmed"}).status_code == 422
    (one,) = client.get("/v1/triage/incidents").json()
    state = one["state"]
    assert (state["assigned_to"], state["ticket"]) == ("network team", "INC-7")
    assert [(answer["change_id"], answer["verdict"]) for answer in state["suspects"]] == [("C-1", "confirmed")]
    assert [note["text"] for note in state["notes"]] == ["router replaced", "they said so"]


def test_incidents_merge_and_split(troubled: House) -> None:
    client = troubled.client("triage")
    assert client.post("/v1/incidents/I-2/merge", json={"into": "I-1"}).json()["state"]["merged_into"] == "I-1"
    assert client.post("/v1/incidents/I-2/merge", json={"into": "I-2"}).status_code == 422
    assert client.post("/v1/incidents/I-2/merge", json={"into": "none"}).status_code == 404
    assert client.delete("/v1/incidents/I-2/merge").json()["state"]["merged_into"] is None
    client.post("/v1/incidents/I-1/split", json={"alert_ids": ["A-1"], "to": "I-2"})
    states = {one["id"]: one["state"] for one in client.get("/v1/triage/incidents").json()}
    assert states["I-1"]["alerts_split_off"] == ["A-1"]
    assert states["I-2"]["alerts_added"] == ["A-1"]
    exported = client.get("/v1/incidents/I-2/export").json()
    assert [one["alert_id"] for one in exported["alerts"]] == ["A-1", "A-2"]


def test_no_merge_into_what_is_merged_away_or_closed(troubled: House) -> None:
    troubled.publish(desk(incident("I-3"), incident("I-4")))
    client = troubled.client("triage")

    def merged(name: str, into: str) -> tuple[int, str]:
        answer = client.post(f"/v1/incidents/{name}/merge", json={"into": into})
        return answer.status_code, answer.json().get("detail", "")

    assert merged("I-1", "I-2")[0] == 200
    status, state = merged("I-2", "I-1")
    assert status == 409
    assert "I-1 is merged into I-2 itself" in state
    assert merged("I-2", "I-3")[0] == 200
    status, state = merged("I-3", "I-1")
    assert status == 409
    assert "I-1 is merged into I-3 itself" in state, "a circle of three"
    status, state = merged("I-4", "I-1")
    assert status == 409
    assert "I-1 is merged into I-3; name I-3" in state
    client.post("/v1/incidents/I-3/close", json={"name": "Ann"})
    status, state = merged("I-4", "I-3")
    assert status == 409
    assert "I-3 is closed (by Ann)" in state
    client.delete("/v1/incidents/I-3/close")
    assert merged("I-4", "I-3")[0] == 200
    states = {one["id"]: one["state"]["merged_into"] for one in client.get("/v1/triage/incidents").json()}
    assert states == {"I-1": "I-2", "I-2": "I-3", "I-3": None, "I-4": "I-3"}


def test_what_goes_on_is_not_merged_into_what_is_over(troubled: House) -> None:
    troubled.publish(desk(incident("I-7", status="resolved", ended_at="2026-01-05T00:20:00Z", resolved_at="2026-01-05T00:25:00Z")))
    client = troubled.client("triage")
    refused = client.post("/v1/incidents/I-1/merge", json={"into": "I-7"})
    assert refused.status_code == 409
    assert "merge I-7 into I-1 instead" in refused.json()["detail"]
    assert client.post("/v1/incidents/I-7/merge", json={"into": "I-1"}).status_code == 200


def test_a_split_that_leads_nowhere_changes_nothing(troubled: House) -> None:
    client = troubled.client("triage")

    def split(to: str) -> int:
        return client.post("/v1/incidents/I-1/split", json={"alert_ids": ["A-1"], "to": to}).status_code

    assert split("none") == 404
    assert split("I-1") == 422
    client.post("/v1/incidents/I-2/close", json={})
    assert split("I-2") == 409
    states = {one["id"]: one["state"] for one in client.get("/v1/triage/incidents").json()}
    assert "I-1" not in states or states["I-1"]["alerts_split_off"] == []
    assert states["I-2"]["alerts_added"] == []


def test_the_next_shift_reads_what_is_open_what_was_done_and_what_comes(troubled: House) -> None:
    client = troubled.client("triage")
    client.post("/v1/incidents/I-1/acknowledge", json={"note": "on it"})
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    client.post("/v1/changes", json=change_json("D-9", "DCC", title="Patching", planned_start=later, planned_end=end))
    reported = client.get("/v1/handover").json()
    assert [one["incident"]["incident_id"] for one in reported["open_incidents"]] == ["I-2", "I-1"] or len(reported["open_incidents"]) == 2
    assert [one["alert_id"] for one in reported["unacknowledged_alerts"]] == ["A-2"]
    assert [one["action"] for one in reported["actions"]] == ["acknowledge"]
    assert [one["change_id"] for one in reported["changes_ahead"]] == ["D-9"]
    assert "Patching" in reported["text"]
    assert reported["incidents_over"] == []


def test_who_takes_an_incident_up_takes_up_what_is_merged_into_it(troubled: House) -> None:
    client, database, now_us = troubled.client("triage"), troubled.parts.database, troubled.parts.clock.wall_us()

    def facts() -> tuple[dict[str, str], int, int]:
        """Each incident's standing, and how many alerts nobody took up, by the hand-over and by what is escalated."""
        reported = client.get("/v1/handover").json()
        left = database.read(partial(triage_actions.unattended, before_us=now_us + 60_000_000, now_us=now_us))
        standing = {one["incident"]["incident_id"]: one["standing"] for one in reported["open_incidents"]}
        return standing, len(reported["unacknowledged_alerts"]), len(left)

    client.post("/v1/incidents/I-1/merge", json={"into": "I-2"})
    assert facts() == ({"I-1": "merged", "I-2": "open"}, 2, 2)
    client.post("/v1/incidents/I-2/acknowledge")
    assert facts() == ({"I-1": "merged", "I-2": "open"}, 0, 0)
    client.delete("/v1/incidents/I-2/acknowledge")
    assert facts() == ({"I-1": "merged", "I-2": "open"}, 2, 2)
    client.post("/v1/incidents/I-2/close", json={})
    assert facts() == ({"I-1": "closed", "I-2": "closed"}, 0, 0)
    assert "## Closed by the desk, and not over yet: 2" in client.get("/v1/handover").json()["text"]
    client.delete("/v1/incidents/I-2/close")
    troubled.publish(desk(incident("I-2", alert_ids=("A-2",), revision=2, status="resolved", resolved_at="2026-01-05T00:40:00Z")))
    assert facts() == ({"I-1": "open"}, 2, 2)


def test_a_hand_over_names_the_incidents_that_ended(troubled: House) -> None:
    over = {"revision": 2, "status": "resolved", "resolved_at": "2026-01-05T00:40:00Z", "phase": "tail"}
    troubled.publish(desk(incident("I-1", summary="ACME: it is over", **over)))
    reported = troubled.client("triage").get("/v1/handover?since=2026-01-01T00:00:00Z").json()
    assert [one["incident_id"] for one in reported["incidents_over"]] == ["I-1"]
    assert "I-1: ACME: it is over" in reported["text"]


def test_an_incident_s_story_is_exported_in_words(troubled: House) -> None:
    client = troubled.client("triage")
    client.post("/v1/incidents/I-1/notes", json={"note": "router replaced"})
    story = client.get("/v1/incidents/I-1/export").json()["markdown"]
    assert "The queue began to grow." in story
    assert "router replaced" in story


def test_nobody_taking_it_up_in_time_is_escalated_once(troubled: House) -> None:
    database = troubled.parts.database
    wishes = Preferences(escalations=True)
    add = partial(subscriptions.add, holder="", name="boss", channel="webhook", target="https://x.example/", wishes=wishes, now_us=0)
    database.write(add).result()
    troubled.client("triage").post("/v1/incidents/I-2/acknowledge")
    now_us = troubled.parts.clock.wall_us()
    for _ in range(2):
        database.write(partial(_escalate, before_us=now_us + 1, now_us=now_us)).result()
    sent = database.read(lambda connection: connection.execute("SELECT reference, topic FROM outbox").fetchall())
    assert sent == [("escalation:A-1", "alert.unattended")]


def test_what_was_done_is_audited(troubled: House) -> None:
    troubled.client("triage").post("/v1/alerts/A-1/acknowledge", json={"name": "Ann"})
    entry = troubled.client("admin").get("/v1/audit").json()["items"][0]
    assert (entry["actor"], entry["action"], entry["subject"]) == ("triage of the tests", "acknowledge alert", "A-1")


def test_what_people_found_out_is_held_against_the_verdicts(house: House) -> None:
    def suspect(change_id: str | None, owner: str, verdict: str) -> Suspect:
        basis = "declared" if change_id else "undeclared"
        return Suspect(change_id=change_id, owner=owner, basis=basis, verdict=verdict, score=0.5, reasons=())

    first = (suspect("C-1", "ACME", "probable"), suspect("C-2", "BOLT", "possible"))
    house.publish(
        desk(
            incident("I-1", suspects=first),
            incident("I-2", suspects=(suspect("C-3", "DCC", "probable"), suspect(None, "BOLT", "possible"))),
        )
    )
    client = house.client("triage")
    assert client.get("/v1/evaluation").json() == {"verdicts": {}, "attribution_top1": None, "judged": []}
    for incident_id, state in (
        ("I-1", {"change_id": "C-1", "verdict": "refuted"}),
        ("I-1", {"change_id": "C-1", "verdict": "confirmed"}),
        ("I-1", {"change_id": "C-2", "verdict": "refuted"}),
        ("I-2", {"change_id": "C-3", "verdict": "refuted"}),
        ("I-2", {"owner": "BOLT", "verdict": "confirmed"}),
        ("I-2", {"change_id": "C-9", "verdict": "confirmed"}),
    ):
        assert client.post(f"/v1/incidents/{incident_id}/suspects", json=state).status_code == 200
    answer = client.get("/v1/evaluation").json()
    assert answer["verdicts"] == {
        "probable": {"confirmed": 1, "refuted": 1},
        "possible": {"confirmed": 1, "refuted": 1},
        "not_suspected": {"confirmed": 1, "refuted": 0},
    }
    assert answer["attribution_top1"] == 0.5
    assert [(one["incident_id"], one["rank"]) for one in answer["judged"]] == [
        ("I-1", 1),
        ("I-1", 2),
        ("I-2", 1),
        ("I-2", 2),
        ("I-2", None),
    ]
