"""Declaring changes: a User its own, the desk anyone's; the highest revision counts."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from changes.planning.rates import Cell, UsualRates
from models.times import parse_time
from tests.service.builders import change_json, lines, queue
from tests.service.house import House


def ids(house: House, role: str) -> list[str]:
    return sorted(one["change_id"] for one in house.client(role).get("/v1/changes").json()["items"])


def test_a_declared_change_is_there_as_soon_as_it_is_answered(house: House) -> None:
    answer = house.client("user:ACME").post("/v1/changes", json=change_json("C/1 x", description="why"))
    assert answer.status_code == 201
    assert answer.json()["revision"] == 1
    assert house.client("user:ACME").get("/v1/changes/C/1%20x").json() == answer.json()
    assert ids(house, "triage") == ["C/1 x"]
    assert [entry.kind for entry in house.parts.engine._journal.entries(0)] == [2]


def test_the_same_again_is_harmless_and_other_content_needs_a_higher_revision(house: House) -> None:
    client = house.client("user:ACME")
    assert client.post("/v1/changes", json=change_json()).status_code == 201
    assert client.post("/v1/changes", json=change_json()).status_code == 200
    assert client.post("/v1/changes", json=change_json(title="other")).status_code == 409
    assert client.post("/v1/changes", json=change_json(title="other", revision=3)).status_code == 201
    outranked = client.post("/v1/changes", json=change_json(title="late", revision=2))
    assert (outranked.status_code, "revision 3" in outranked.text) == (409, True)
    assert client.post("/v1/changes", json=change_json()).status_code == 200, "an old revision that is known"
    assert client.get("/v1/changes/C-1").json()["title"] == "other"


def test_put_numbers_the_next_revision(house: House) -> None:
    client = house.client("user:ACME")
    client.post("/v1/changes", json=change_json())
    assert client.put("/v1/changes/C-1", json=change_json(title="two")).json()["revision"] == 2
    assert client.put("/v1/changes", json=change_json(title="three")).json()["revision"] == 3
    assert client.put("/v1/changes/C-1", json=change_json("C-2")).status_code == 422
    assert client.put("/v1/changes/none", json=change_json("none")).status_code == 404


def test_a_put_that_is_repeated_makes_one_revision(house: House) -> None:
    client = house.client("user:ACME")
    for title, status, revision in [("one", 201, 1), ("one", 200, 1), ("two", 200, 2), ("two", 200, 2), ("one", 200, 3)]:
        answer = client.put("/v1/changes/ACME/P-1", json=change_json("P-1", title=title))
        assert (answer.status_code, answer.json()["revision"]) == (status, revision)


def test_a_thousand_changes_with_long_texts_fit_in_one_request(house: House) -> None:
    changes = [change_json(f"C-{number}", description="d" * 1500) for number in range(1000)]
    answer = house.client("user:ACME").post("/v1/changes", json=changes)
    assert {item["status"] for item in answer.json()["items"]} == {201}


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        ("user:ACME", change_json("X", "BOLT"), 403),
        ("user:ACME", change_json("X", "DCC"), 403),
        ("user:ACME", change_json("X", "ACME", source="dcc"), 403),
        ("observer", change_json("X", "DCC"), 403),
        ("ingest", change_json("X", "DCC"), 403),
        ("triage", change_json("X", "DCC"), 201),
        ("admin", change_json("Y", "CSP-NORTH", source="service_provider"), 201),
        ("triage", change_json("Z", planned_end="2026-01-04T00:00:00Z"), 422),
        ("triage", change_json("Z", planned_end="2026-01-06T00:00:00"), 422),
        ("triage", {"change_id": "Z"}, 422),
        ("triage", change_json("Z", revision="2"), 422),
        ("triage", change_json("Z" * 300), 422),
        ("triage", [], 422),
        ("triage", 7, 422),
    ],
)
def test_who_may_declare_what(house: House, role: str, body: Any, status: int) -> None:
    answer = house.client(role).post("/v1/changes", json=body)
    assert answer.status_code == status, answer.text
    assert len(ids(house, "triage")) == (status == 201)


def test_several_at_once(house: House) -> None:
    answer = house.client("triage").post("/v1/changes", json=[change_json("A"), change_json("B", "BOLT")])
    assert answer.status_code == 201
    assert [one["change_id"] for one in answer.json()["items"]] == ["A", "B"]
    assert ids(house, "user:BOLT") == ["B"]


def test_a_change_of_another_can_neither_be_seen_nor_overwritten(house: House) -> None:
    house.client("user:BOLT").post("/v1/changes", json=change_json("B-1", "BOLT", title="secret"))
    acme = house.client("user:ACME")
    assert acme.put("/v1/changes/B-1", json=change_json("B-1")).status_code == 404
    assert acme.get("/v1/changes/BOLT/B-1").status_code == 404
    assert acme.put("/v1/changes/BOLT/B-1", json=change_json("B-1", "BOLT")).status_code == 404
    own = acme.post("/v1/changes", json=change_json("B-1", revision=2**53))
    assert own.status_code == 201, "ids live in their owner's space"
    assert "secret" not in acme.get("/v1/changes").text
    desk = house.client("triage")
    assert desk.get("/v1/changes/BOLT/B-1").json()["title"] == "secret"
    both = desk.get("/v1/changes/B-1")
    assert both.status_code == 409
    assert "ACME/B-1 and BOLT/B-1" in both.json()["detail"]
    assert acme.get("/v1/changes/B-1").json()["owner"] == "ACME"
    assert house.client("user:BOLT").get("/v1/changes/B-1").json()["title"] == "secret"


def test_others_see_the_public_summary_and_nothing_more(house: House) -> None:
    result = change_json(
        "B-1", "BOLT", title="Firewall", category="firewall", services=["4.8.1"], regions=["north"], visibility="public_summary",
        description="private-words", contact="private-words", systems=["private-words"], impact_assessment="private-words",
        expected={"effect": "silent", "services": ["private-words"]}, queues=["private-words"],
    )  # fmt: skip
    house.client("user:BOLT").post("/v1/changes", json=result)
    (seen,) = house.client("user:ACME").get("/v1/changes").json()["items"]
    assert (seen["owner"], seen["title"], seen["category"], seen["services"], seen["regions"]) == (
        "BOLT",
        "Firewall",
        "firewall",
        ["4.8.1"],
        ["north"],
    )
    assert "private-words" not in str(seen)
    assert seen["expected"] is None
    assert house.client("user:BOLT").get("/v1/changes/B-1").json()["description"] == "private-words"


@pytest.mark.parametrize(
    ("more", "visible"),
    [
        ({"owner": "DCC"}, True),
        ({"owner": "DCC", "status": "draft"}, False),
        ({"owner": "BOLT"}, False),
        ({"owner": "BOLT", "visibility": "public_summary", "status": "draft"}, False),
        ({"owner": "CSP-N", "source": "service_provider"}, False),
        ({"owner": "*"}, False),
        ({"owner": "*", "source": "service_provider"}, False),
    ],
)
def test_what_is_not_said_to_be_public_is_not(house: House, more: dict[str, str], visible: bool) -> None:
    assert house.client("triage").post("/v1/changes", json=change_json("X-1", **more)).status_code == 201
    assert (ids(house, "user:ACME") == ["X-1"]) is visible


def test_the_same_id_of_another_owner_is_another_change(house: House) -> None:
    desk = house.client("triage")
    desk.post("/v1/changes", json=change_json("C-1", "ACME"))
    desk.post("/v1/changes", json=change_json("C-1", "BOLT", revision=2))
    assert ids(house, "user:ACME") == ids(house, "user:BOLT") == ["C-1"]
    assert ids(house, "triage") == ["C-1", "C-1"]


def test_nobody_takes_a_name_of_the_dcc_s(house: House) -> None:
    desk, acme = house.client("triage"), house.client("user:ACME")
    assert acme.post("/v1/changes", json=change_json("DCC-2026-001", revision=2**53)).status_code == 201
    assert desk.post("/v1/changes", json=change_json("DCC-2026-001", "DCC")).status_code == 201
    assert desk.get("/v1/changes/DCC-2026-001").json()["owner"] == "DCC", "the caller's own"
    put = desk.put("/v1/changes/DCC/DCC-2026-001", json=change_json("DCC-2026-001", "DCC", title="two"))
    assert (put.status_code, put.json()["revision"]) == (200, 2)
    assert acme.get("/v1/changes/DCC/DCC-2026-001").json()["title"] == "two"


def test_owner_and_id_are_optional_with_a_user_s_token(house: House) -> None:
    acme = house.client("user:ACME")
    bare = {name: value for name, value in change_json().items() if name not in ("owner", "change_id")}
    made = acme.post("/v1/changes", json=bare)
    assert made.status_code == 201
    assert made.json()["owner"] == "ACME"
    assert acme.get(f"/v1/changes/ACME/{made.json()['change_id']}").json() == made.json()
    assert acme.put("/v1/changes/ACME/NEW", json=bare).status_code == 201
    assert acme.post("/v1/changes/ACME/NEWER", json=bare).json()["change_id"] == "NEWER"
    assert house.client("triage").post("/v1/changes", json=bare).status_code == 422


def test_an_array_is_answered_item_by_item(house: House) -> None:
    acme = house.client("user:ACME")
    acme.post("/v1/changes", json=change_json("KNOWN"))
    acme.post("/v1/changes", json=change_json("HIGH", revision=3))
    answer = acme.post(
        "/v1/changes",
        json=[
            change_json("NEW"),
            change_json("KNOWN"),
            change_json("HIGH", revision=2),
            change_json("KNOWN", title="other"),
            change_json("X", "BOLT"),
            {"change_id": "BAD"},
            7,
            change_json("NEW"),
        ],
    )
    assert answer.status_code == 201
    assert [one["status"] for one in answer.json()["items"]] == [201, 200, 409, 409, 403, 422, 422, 200]
    assert answer.json()["items"][0]["change"]["change_id"] == "NEW"
    assert ids(house, "user:ACME") == ["HIGH", "KNOWN", "NEW"]
    assert acme.post("/v1/changes", json=[change_json("KNOWN")]).status_code == 200
    assert acme.post("/v1/changes", json=[change_json("KNOWN", title="other")]).status_code == 409


def test_a_user_s_declared_at_is_the_arrival_of_the_first_revision(house: House) -> None:
    acme, now = house.client("user:ACME"), house.parts.clock.wall_us()
    week_ago = "2025-12-29T00:00:00Z"
    first = acme.post("/v1/changes", json=change_json(declared_at=week_ago, updated_at=week_ago)).json()
    assert abs(parse_time(first["declared_at"]) - now) < 60_000_000
    assert first["updated_at"] == week_ago, "it orders contents"
    second = acme.post("/v1/changes", json=change_json(declared_at=week_ago, revision=2)).json()
    assert second["declared_at"] == first["declared_at"]
    result = house.client("triage").post("/v1/changes", json=change_json("D", "DCC", declared_at=week_ago)).json()
    assert result["declared_at"] == week_ago


def test_of_one_revision_with_two_contents_the_later_updated_at_counts(house: House) -> None:
    acme = house.client("user:ACME")
    acme.post("/v1/changes", json=change_json(updated_at="2026-01-01T00:00:00Z"))
    later = acme.post("/v1/changes", json=change_json(title="later", updated_at="2026-01-02T00:00:00Z"))
    assert later.status_code == 201
    assert acme.get("/v1/changes/C-1").json()["title"] == "later"
    assert acme.post("/v1/changes", json=change_json(title="earlier", updated_at="2026-01-01T12:00:00Z")).status_code == 409
    assert [one.title for one in house.parts.engine.changes.values()] == ["later"]


def test_a_title_of_blanks_is_none(house: House) -> None:
    answer = house.client("user:ACME").post("/v1/changes", json=change_json(title=" \t "))
    assert (answer.status_code, answer.json()["detail"]) == (422, "title must not be empty")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"planned_end": "2099-01-01T00:00:00Z"}, "longer than 366 days"),
        ({"planned_start": "2098-12-31T00:00:00Z", "planned_end": "2099-01-01T00:00:00Z"}, "731 days from now"),
        ({"expected": {"effect": "silent", "until": "2099-01-01T00:00:00Z"}}, "longer than 366 days"),
    ],
)
@pytest.mark.parametrize("role", ["user:ACME", "triage"])
def test_an_absurd_window_is_refused_with_a_reason(house: House, role: str, more: dict[str, Any], words: str) -> None:
    answer = house.client(role).post("/v1/changes", json=change_json(owner="ACME", **more))
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_preview_tells_conflicts_and_what_is_missing_and_declares_nothing(house: House) -> None:
    desk = house.client("triage")
    desk.post("/v1/changes", json=change_json("D-1", "DCC", category="planned_maintenance", disruption="outage"))
    desk.post("/v1/changes", json=change_json("B-1", "BOLT", title="private-words"))
    answer = house.client("user:ACME").post("/v1/changes/preview", json=change_json("A-1")).json()
    assert any("D-1" in one["change_ids"] for one in answer["conflicts"])
    assert "B-1" not in str(answer)
    assert "private-words" not in str(answer)
    lacking = desk.post("/v1/changes/preview", json=change_json("D-2", "DCC", category="planned_maintenance")).json()
    assert any(one["item"].startswith("H8.4") for one in lacking["missing"])
    assert ids(house, "triage") == ["B-1", "D-1"]
    assert house.client("user:ACME").post("/v1/changes/preview", json=change_json("B-9", "BOLT")).status_code == 403


def test_bad_json_is_400_with_its_position(house: House) -> None:
    answer = house.client("triage").post("/v1/changes", content=b'{"change_id": }', headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "position 14" in answer.json()["detail"]
    for body in (b"\xff", b"[" * 100_000, b"9" * 10_000):
        assert house.client("triage").post("/v1/changes", content=body).status_code in (400, 422)


def test_a_declaration_is_in_the_audit_log(house: House) -> None:
    house.client("user:ACME").post("/v1/changes", json=change_json())
    entries = house.client("admin").get("/v1/audit").json()["items"]
    (entry,) = [each for each in entries if each["action"] == "declare change"]
    assert (entry["subject"], entry["role"]) == ("ACME/C-1", "user:ACME")


def test_a_change_counts_from_the_stream_s_time_of_its_arrival(house: House) -> None:
    house.client("ingest").post("/v1/events", content=lines(queue(10), queue(600)))
    house.judged()
    house.client("triage").post("/v1/changes", json=change_json("D-1", "DCC"))
    pipeline = house.parts.engine.pipeline
    at_us = pipeline.watermark_us
    assert at_us is not None
    assert [one.change_id for one in pipeline.calendar(at_us).changes] == []
    assert [one.change_id for one in pipeline.calendar(at_us + 10_000_000).changes] == ["D-1"]


def test_a_user_learns_that_a_night_is_busy_and_not_through_whom(house: House) -> None:
    hidden = change_json("SECRET-1", "DCC", source="service_provider", title="Swap the core", systems=["core"])
    assert house.client("triage").post("/v1/changes", json=hidden).status_code == 201
    answer = house.client("user:ACME").post("/v1/changes/preview", json=change_json("NEW", systems=["edge"]))
    (conflict,) = answer.json()["conflicts"]
    assert (conflict["kind"], conflict["change_ids"]) == ("busy", ["NEW"])
    assert len(answer.json()["free_slots"]) == 3
    assert not any(word in answer.text for word in ("SECRET", "the core", '["core"]', "DCC", "service_provider"))
    seen = house.client("triage").post("/v1/changes/preview", json=change_json("NEW", systems=["edge"]))
    assert [one["change_ids"] for one in seen.json()["conflicts"]] == [["NEW", "SECRET-1"]]


def test_conflicts_are_said_in_the_answer(house: House) -> None:
    assert house.client("triage").post("/v1/changes", json=change_json("D-1", "DCC", category="bcdr_test")).status_code == 201
    answer = house.client("user:ACME").post("/v1/changes", json=change_json("NEW", systems=["edge"]))
    assert [one["kind"] for one in answer.json()["conflicts"]] == ["bcdr_test"]
    assert len(answer.json()["free_slots"]) == 3


def test_a_user_needs_title_start_and_end_alone(house: House) -> None:
    answer = {"title": "Replace the perimeter firewall", "planned_start": "2026-01-05T22:00:00Z", "planned_end": "2026-01-06T00:00:00Z"}
    made = house.client("user:ACME").post("/v1/changes", json=answer).json()
    assert (made["owner"], made["category"], made["status"]) == ("ACME", "firewall", "declared")
    assert made["change_id"]
    assert house.client("triage").post("/v1/changes", json=change_json("D", "DCC", title="firewall")).json()["category"] == "other"


def test_what_a_summary_does_not_show_is_null(house: House) -> None:
    outage = change_json("P", "BOLT", visibility="public_summary", disruption="outage", systems=["head end"], description="how")
    assert house.client("user:BOLT").post("/v1/changes", json=outage).status_code == 201
    seen = house.client("user:ACME").get("/v1/changes/BOLT/P").json()
    shown = {name for name, value in seen.items() if value is not None and value != []}
    assert shown == {
        "change_id", "revision", "source", "status", "visibility", "owner", "title", "category", "planned_start", "planned_end",
    }  # fmt: skip
    assert (seen["disruption"], seen["systems"], seen["users"]) == (None, None, None)


def night(uid: str, day: int, export: int, **more: Any) -> dict[str, Any]:
    """One time of a series as the export of that day holds it."""
    at = f"2026-01-{day:02d}T01"
    named = {
        "title": "Nightly",
        "planned_start": f"{at}:00:00Z",
        "planned_end": f"{at}:30:00Z",
        "exported_at": f"2026-01-01T{export:02d}:00:00Z",
    }
    return change_json(f"{uid}/202601{day:02d}T010000Z", "ACME", series=uid, series_revision=1, **{**named, **more})


@pytest.mark.parametrize("role", ["user:ACME", "triage"])
def test_of_a_series_the_newest_export_counts_whole_in_whatever_order_they_come(house: House, role: str) -> None:
    client = house.client(role)
    held = {1: (5, 6, 7), 2: (5, 6, 7, 8), 3: (5, 7)}
    for number, order in enumerate(permutations(held)):
        uid = f"S{number}"
        for export in order:
            answer = client.post("/v1/changes", json=[night(uid, day, export) for day in held[export]])
            assert answer.status_code in (200, 201, 409), answer.text
        standing = {one["change_id"]: one["status"] for one in client.get("/v1/changes?limit=1000").json()["items"]}
        in_force = [day for day in range(5, 9) if standing.get(f"{uid}/202601{day:02d}T010000Z", "cancelled") != "cancelled"]
        assert in_force == [5, 7], order


def test_a_night_that_is_too_far_ahead_keeps_no_other_from_being_withdrawn(house: House) -> None:
    client = house.client("user:ACME")
    for export, held in ((1, (5, 6)), (2, (6,))):
        far = night("FAR", 7, export, planned_start="2190-01-07T01:00:00Z", planned_end="2190-01-07T01:30:00Z")
        answer = client.post("/v1/changes", json=[*(night("FAR", day, export) for day in held), far]).json()
        assert [one["status"] for one in answer["items"]][-1] == 422
    assert [one["change_id"] for one in answer["withdrawn"]] == ["FAR/20260105T010000Z"]


def test_the_later_export_of_one_revision_counts_and_text_order_never_does(house: House) -> None:
    desk = house.client("triage")
    stamped = {"updated_at": "2026-01-02T00:00:00Z"}
    assert desk.post("/v1/changes", json=change_json(title="b", exported_at="2026-01-02T10:00:00Z", **stamped)).status_code == 201
    assert desk.post("/v1/changes", json=change_json(title="z", exported_at="2026-01-02T09:00:00Z", **stamped)).status_code == 409
    assert desk.post("/v1/changes", json=change_json(title="a", exported_at="2026-01-02T11:00:00Z", **stamped)).status_code == 201
    assert desk.post("/v1/changes", json=change_json(title="c", exported_at="2026-01-02T11:00:00Z", **stamped)).status_code == 409
    assert desk.get("/v1/changes/ACME/C-1").json()["title"] == "a"
    assert desk.get("/v1/calendar?from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z").json()["items"][0]["title"] == "a"


def test_an_older_content_is_outranked_and_no_conflict(house: House) -> None:
    desk = house.client("triage")
    for day, status, words in ((2, 201, ""), (1, 409, "is outranked"), (2, 409, "different content")):
        answer = desk.post("/v1/changes", json=change_json(title=f"{day} {status}", updated_at=f"2026-01-0{day}T00:00:00Z"))
        assert (answer.status_code, words in answer.text) == (status, True)


def test_parts_of_one_export_withdraw_only_at_its_end(house: House) -> None:
    client = house.client("user:ACME")
    client.post("/v1/changes", json=[night("P", day, 1) for day in (5, 6, 7)])
    client.post("/v1/changes?part=true", json=[night("P", 5, 2)])
    assert {one["status"] for one in client.get("/v1/changes").json()["items"]} == {"declared"}
    answer = client.post("/v1/changes", json=[night("P", 6, 2)]).json()
    assert [one["change_id"] for one in answer["withdrawn"]] == ["P/20260107T010000Z"]
    assert client.post("/v1/changes", json=night("P", 8, 1)).status_code == 409


def record(owner: str, day: int, **fields: Any) -> dict[str, Any]:
    return change_json(fields.pop("change_id", "CHG1"), owner, record_id="9d38", updated_at=f"2026-01-0{day}T00:00:00Z", **fields)


def in_force(house: House) -> list[str]:
    listed = house.client("triage").get("/v1/changes").json()["items"]
    return sorted(f"{one['owner']}/{one['change_id']}" for one in listed if one["status"] != "cancelled")


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_record_whose_owner_is_corrected_leaves_its_earlier_owner(house: House, order: tuple[int, int]) -> None:
    desk = house.client("triage")
    answers = [desk.post("/v1/changes", json=[record({1: "ACME", 2: "OTHER"}[day], day)]).json() for day in order]
    assert in_force(house) == ["OTHER/CHG1"]
    if order == (1, 2):
        assert answers[1]["withdrawn"] == [{"owner": "ACME", "change_id": "CHG1", "now": "OTHER/CHG1"}]
    else:
        assert answers[1]["items"][0]["detail"] == "a newer export of this record stands as OTHER/CHG1"
    desk.post("/v1/changes", json=record("ACME", 3))
    assert in_force(house) == ["ACME/CHG1"], "back again, declared alone"


def test_a_user_withdraws_nobody_else_s_change_by_its_record(house: House) -> None:
    house.client("user:BOLT").post("/v1/changes", json=record("BOLT", 1))
    answer = house.client("user:ACME").post("/v1/changes", json=[record("ACME", 2)])
    assert (answer.status_code, set(answer.json())) == (201, {"items"})
    assert house.client("user:ACME").post("/v1/changes", json=record("ACME", 2, title="again", revision=2)).status_code == 201
    assert in_force(house) == ["ACME/CHG1", "BOLT/CHG1"]


def test_the_desk_reads_what_likely_stands_under_two_owners_and_a_user_does_not(house: House) -> None:
    desk = house.client("triage")
    desk.post("/v1/changes", json=[change_json("CHG1", "ACME")])
    (doubt,) = desk.post("/v1/changes", json=[change_json("CHG1", "OTHER")]).json()["doubts"]
    assert doubt.startswith("CHG1 is new for OTHER and stands for ACME too")
    desk.post("/v1/changes", json=[change_json("CHG2", "OTHER")])
    assert "doubts" not in house.client("user:ACME").post("/v1/changes", json=[change_json("CHG2", "ACME")]).json()


def test_nights_that_were_over_long_ago_take_no_room_of_those_to_come(house: House) -> None:
    client = house.client("user:ACME")
    quota = house.parts.declarations._quotas.changes_per_user
    old = {"planned_start": "2024-01-01T01:00:00Z", "planned_end": "2024-01-01T02:00:00Z"}
    for first in range(0, quota, 1000):
        nights = [change_json(f"n/{number}", "ACME", series="n", **old) for number in range(first, first + 1000)]
        assert {one["status"] for one in client.post("/v1/changes", json=nights).json()["items"]} == {201}
    assert client.post("/v1/changes", json=change_json("one")).status_code == 201
    assert client.post("/v1/changes", json=change_json("n/more", series="n", **old)).status_code == 422, "their number is bounded too"


def test_what_an_export_leaves_out_because_it_was_over_is_not_withdrawn(house: House) -> None:
    client = house.client("user:ACME")
    client.post("/v1/changes", json=[night("Q", day, 1) for day in (5, 6, 7)])
    answer = client.post("/v1/changes?since=2026-01-06T00:00:00Z", json=[night("Q", 7, 2)]).json()
    assert [one["change_id"] for one in answer["withdrawn"]] == ["Q/20260106T010000Z"]


def test_declared_load_is_held_against_what_was_learned_and_a_user_gets_no_figure(house: House) -> None:
    planning = house.parts.planning
    rates = UsualRates(tuple(Cell(user, "", "", (share,)) for user, share in (("ACME", 20.0), ("BOLT", 20.0), ("REST", 60.0))))
    planning._rules = replace(planning.rules, capacity=replace(planning.rules.capacity, rates=rates))
    at = {"planned_start": "2026-03-09T00:00:00Z", "planned_end": "2026-03-09T02:00:00Z"}
    rise = {"expected": {"effect": "up", "factor": 15}, "systems": ["billing"]}
    house.client("user:BOLT").post("/v1/changes", json=change_json("L-2", "BOLT", **at, **rise)).raise_for_status()
    mine = change_json("L-1", **at, **rise)
    (conflict,) = house.client("triage").post("/v1/changes/preview", json=mine).json()["conflicts"]
    assert conflict["kind"] == "load"
    assert "660 messages a second; the capacity is 300 (headroom -120 %)" in conflict["text"]
    seen = house.client("user:ACME").post("/v1/changes/preview", json=mine)
    assert [one["kind"] for one in seen.json()["conflicts"]] == ["busy"]
    assert "BOLT" not in seen.text
    assert "660" not in seen.text
    assert "spread it over more time" in seen.json()["conflicts"][0]["text"], "at no time is this rise alone little enough"
    house.client("user:ACME").post("/v1/changes", json=mine).raise_for_status()
    window = {"from": "2026-03-09T00:00:00Z", "to": "2026-03-10T00:00:00Z"}
    (day,) = house.client("triage").get("/v1/calendar", params=window).json()["load"]
    assert (day["day"], day["per_s"], day["capacity_per_s"]) == ("2026-03-09", 660, 300)
    own = house.client("user:ACME").get("/v1/calendar", params=window).json()
    assert own["load"] == []
    assert [one["kind"] for one in own["conflicts"]] == ["busy"]
    small = change_json(
        "S-1", planned_start="2026-04-09T00:00:00Z", planned_end="2026-04-09T02:00:00Z", expected={"effect": "up", "factor": 3}
    )
    assert house.client("triage").post("/v1/changes/preview", json=small).json()["conflicts"] == []


def test_the_risk_of_a_change_is_for_the_desk_and_its_owner_only(house: House) -> None:
    times = {"planned_start": "2027-05-09T00:00:00Z", "planned_end": "2027-05-09T02:00:00Z", "visibility": "public_summary"}
    mine = change_json("R-1", category="firewall", **times)
    result = house.client("user:ACME").post("/v1/changes/preview", json=mine).json()["risk"]
    assert 0 < result["score"] < 1
    assert result["reasons"]
    house.client("user:ACME").post("/v1/changes", json=mine).raise_for_status()
    window = {"from": "2027-05-09T00:00:00Z", "to": "2027-05-10T00:00:00Z"}
    for role, seen in (("triage", ["R-1"]), ("user:ACME", ["R-1"]), ("user:BOLT", [])):
        page = house.client(role).get("/v1/calendar", params=window).json()
        assert [one["change_id"] for one in page["items"]] == ["R-1"]
        assert [one["change_id"] for one in page["risks"]] == seen


def test_the_month_is_published_in_every_format_and_says_nothing_that_is_private(house: House) -> None:
    at = {"planned_start": "2027-06-09T00:00:00Z", "planned_end": "2027-06-09T02:00:00Z"}
    maintenance = {"category": "planned_maintenance", "services": ["8.1.1"], "return_to_normal_risk": "none"}
    house.client("triage").post("/v1/changes", json=change_json("P-1", "DCC", **maintenance, **at)).raise_for_status()
    house.client("user:BOLT").post("/v1/changes", json=change_json("P-2", "BOLT", title="private-words", **at)).raise_for_status()
    for name, begin in (("md", b"# Schedule"), ("html", b"<!doctype"), ("csv", b"start"), ("ics", b"BEGIN:VCALENDAR"), ("xlsx", b"PK")):
        answer = house.client("user:ACME").get("/v1/calendar/issue", params={"month": "2027-06", "format": name})
        assert answer.content.startswith(begin)
        assert b"private-words" not in answer.content
        assert f"changes-2027-06.{name}" in answer.headers["content-disposition"]
    assert house.client("triage").get("/v1/calendar/issue", params={"month": "2027-13"}).status_code == 422
    assert house.client(None).get("/v1/calendar/issue", params={"month": "2027-06"}).status_code == 401


def test_replies_are_kept_on_a_change_of_the_dcc_s_and_only_the_desk_reads_all(house: House) -> None:
    at = {"planned_start": "2027-07-09T00:00:00Z", "planned_end": "2027-07-09T02:00:00Z"}
    house.client("triage").post("/v1/changes", json=change_json("Q-1", "DCC", **at)).raise_for_status()
    house.client("user:ACME").post("/v1/changes", json=change_json("Q-2", **at)).raise_for_status()
    path, words = "/v1/change-replies/DCC/Q-1", {"kind": "consultation", "text": "private-words of BOLT"}
    made = house.client("user:BOLT").post(path, json={**words, "user": "ACME"})
    assert (made.status_code, made.json()["items"][0]["user"]) == (201, "BOLT"), "nobody replies in another's name"
    house.client("user:ACME").post(path, json={"kind": "testing", "text": "We test."}).raise_for_status()
    assert [one["text"] for one in house.client("user:ACME").get(path).json()["items"]] == ["We test."]
    every = house.client("observer").get(path).json()["items"]
    assert [(one["user"], one["kind"], one["at"] > "2026") for one in every] == [("BOLT", "consultation", True), ("ACME", "testing", True)]
    assert house.client("user:BOLT").post("/v1/change-replies/ACME/Q-2", json=words).status_code == 404
    assert house.client("triage").post("/v1/change-replies/ACME/Q-2", json=words).status_code == 422
    assert house.client("observer").post(path, json=words).status_code == 403
    assert house.client("user:ACME").get("/v1/changes/DCC/Q-1").json()["consultation"] is None


def test_a_user_can_t_take_the_record_of_another_party(house: House) -> None:
    desk, user = house.client("triage"), house.client("user:ACME")
    theirs = change_json("CHG1", "DCC", source="dcc", record_id="9d38", updated_at="2026-01-01T00:00:00Z")
    assert desk.post("/v1/changes", json=theirs).status_code == 201
    assert user.post("/v1/changes", json=record("ACME", 9, change_id="OWN")).status_code == 201
    assert desk.put("/v1/changes", json={**theirs, "revision": 2, "title": "Later"}).status_code == 200
    assert in_force(house) == ["ACME/OWN", "DCC/CHG1"]


def test_a_corrected_owner_without_a_time_of_update_is_listed_and_cancels_nothing(house: House) -> None:
    desk = house.client("triage")
    desk.post("/v1/changes", json=[record("ACME", 1)])
    undated = {name: value for name, value in record("OTHER", 2).items() if name != "updated_at"}
    answer = desk.post("/v1/changes", json=[undated]).json()
    assert in_force(house) == ["ACME/CHG1", "OTHER/CHG1"]
    assert "nothing says which name is newer" in " ".join(answer["doubts"])
