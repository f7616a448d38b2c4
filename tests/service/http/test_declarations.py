from models.alert import Suspect
from tests.service.builders import change, declared, desk, incident, report
from tests.service.house import House


def record(house: House, role: str = "user:ACME") -> dict[str, object]:
    (answer,) = (one for one in house.client(role).get("/v1/declarations").json()["items"] if one["user"] == "ACME")
    return answer


def undeclared(owner: str = "ACME") -> Suspect:
    return Suspect(change_id=None, owner=owner, basis="undeclared", verdict="probable", score=0.9, reasons=())


def test_a_user_sees_its_own_record_and_the_desk_all(house: House) -> None:
    changes = (
        change("C-1"),
        change("C-2"),
        change("C-3"),
        change("C-4", status="cancelled"),
        change("B-1", "BOLT"),
        change("D-1", "DCC", source="dcc"),
    )
    house.publish(declared(*changes))
    house.publish(
        desk(report("C-1", owner="ACME"), report("C-2", owner="ACME", declared_late_s=60.0, overran_s=900.0, incident_ids=("I-1",)))
    )
    assert record(house) == {
        "user": "ACME",
        "declared": 3,
        "reported": 2,
        "on_time": 1,
        "kept_to_time": 1,
        "scope_right": 2,
        "undeclared": 0,
        "declared_share": 1.0,
    }
    assert [one["user"] for one in house.client("observer").get("/v1/declarations").json()["items"]] == ["ACME", "BOLT"]
    assert house.client("ingest").get("/v1/declarations").status_code == 403


def test_what_the_desk_refutes_is_out_of_the_record_and_what_it_confirms_is_in(house: House) -> None:
    house.publish(declared(change("C-1")))
    likely = Suspect(change_id="C-1", owner="ACME", basis="declared", verdict="probable", score=0.9, reasons=())
    possible = Suspect(change_id=None, owner="ACME", basis="undeclared", verdict="possible", score=0.3, reasons=())
    house.publish(
        desk(
            incident("I-1", suspects=(likely,)),
            incident("I-2", suspects=(undeclared(),)),
            incident("I-3", suspects=(possible,)),
            report("C-1", owner="ACME", overran_s=900.0, incident_ids=("I-1",)),
        )
    )
    before = record(house)
    assert (before["kept_to_time"], before["undeclared"], before["declared_share"]) == (0, 1, 0.5)
    for incident_id, answer in (
        ("I-1", {"change_id": "C-1", "verdict": "refuted"}),
        ("I-2", {"owner": "ACME", "verdict": "refuted"}),
    ):
        house.client("triage").post(f"/v1/incidents/{incident_id}/suspects", json=answer).raise_for_status()
    after = record(house)
    assert (after["kept_to_time"], after["undeclared"], after["declared_share"]) == (1, 0, 1.0)
    house.client("triage").post("/v1/incidents/I-3/suspects", json={"owner": "ACME", "verdict": "confirmed"}).raise_for_status()
    assert record(house)["undeclared"] == 1
