"""Quotas: what one User takes is bounded, and the answer says by what."""

import threading
from pathlib import Path

import pytest

from service.http.routes import changes
from service.parameters import QuotaParameters
from service.triage import change_declaration
from tests.service.builders import change_json
from tests.service.house import House


def test_a_user_s_changes_beyond_the_quota_are_refused_with_a_reason_and_its_revisions_are_not(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(changes_per_user=20)) as house:
        acme, bolt = house.client("user:ACME"), house.client("user:BOLT")
        for start in (0, 10):
            several = [change_json(f"C-{number}") for number in range(start, start + 10)]
            assert acme.post("/v1/changes", json=several).status_code == 201
        refused = acme.post("/v1/changes", json=change_json("C-20"))
        assert refused.status_code == 422
        assert "20 changes" in refused.json()["detail"]
        assert acme.put("/v1/changes/C-1", json=change_json("C-1", title="later")).status_code == 200
        assert bolt.post("/v1/changes", json=change_json("C-1", "BOLT")).status_code == 201


def test_previews_of_one_token_come_one_at_a_time_and_hold_up_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()
    real = change_declaration.preview

    def slow(*given: object) -> object:
        entered.set()
        leave.wait(20)
        return real(*given)  # type: ignore[arg-type]  # whatever the handler gives

    monkeypatch.setattr(changes.change_declaration, "preview", slow)
    answers: list[int] = []
    first = threading.Thread(
        target=lambda: answers.append(house.client("user:ACME").post("/v1/changes/preview", json=change_json()).status_code)
    )
    first.start()
    assert entered.wait(20)
    other = house.client("user:ACME", follow_redirects=False)
    assert other.post("/v1/changes/preview", json=change_json()).status_code == 429
    assert house.client("user:BOLT").get("/v1/changes").status_code == 200
    leave.set()
    first.join(20)
    assert answers == [200]
