from correlation.change_reports.verdict import Verdict
from tests.correlation.past import change
from tests.service.house import House


def test_a_user_sees_its_own_record_and_the_desk_all(shared_house: House) -> None:
    counted = shared_house.parts.engine.pipeline.declarations
    for owner, late_s in (("ACME", 0.0), ("ACME", 60.0), ("BOLT", 0.0)):
        said = change(f"{owner}-{late_s:g}", owner=owner)
        counted.report(said, Verdict("no_impact", 0.0, 0.0, 0.0, late_s, "Nothing happened."), ())
    counted.report(change("D-1", owner="DCC"), Verdict("no_impact", 0.0, 0.0, 0.0, 0.0, "Nothing happened."), ())

    (acme,) = shared_house.client("user:ACME").get("/v1/declarations").json()["items"]
    assert acme == {
        "user": "ACME",
        "declared": 2,
        "on_time": 1,
        "kept_to_time": 2,
        "scope_right": 2,
        "undeclared": 0,
        "declared_share": 1.0,
    }
    assert [one["user"] for one in shared_house.client("observer").get("/v1/declarations").json()["items"]] == ["ACME", "BOLT"]
    assert shared_house.client("ingest").get("/v1/declarations").status_code == 403
