"""Declarations: one User's revisions and connections cost the others nothing that grows with their number."""

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from service.access import Principal
from service.triage import change_declaration, examination
from tests.service.builders import change_json
from tests.service.house import House, until

_PATIENCE_S = 120
"""After which a test fails; nothing that it judges depends on it."""


def test_a_change_of_the_greatest_revision_can_still_be_ended(house: House) -> None:
    acme = house.client("user:ACME")
    greatest = change_json("G-1", revision=2**53)
    assert acme.post("/v1/changes", json=greatest).status_code == 201
    refused = acme.put("/v1/changes/G-1", json=change_json("G-1", title="later"))
    assert refused.status_code == 409
    assert "later `updated_at`" in refused.json()["detail"]
    ended = greatest | {"status": "cancelled", "updated_at": "2099-01-01T00:00:00Z"}
    assert acme.post("/v1/changes", json=ended).status_code == 201
    assert acme.get("/v1/changes/G-1").json()["status"] == "cancelled"


def test_a_change_with_many_revisions_costs_no_more_than_one_with_few(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = house.client("user:ACME")
    for number in range(1, 12):
        assert acme.post("/v1/changes", json=change_json("R-1", revision=number, title=f"Work {number}")).status_code == 201
    declared_at = acme.get("/v1/changes/R-1").json()["declared_at"]
    read: list[bytes] = []
    real = examination.decode
    monkeypatch.setattr(examination, "decode", lambda model, body: read.append(body) or real(model, body))
    assert acme.post("/v1/changes", json=change_json("R-1", revision=5, title="Work 5")).status_code == 200
    assert acme.post("/v1/changes", json=change_json("R-1", revision=5, title="Another")).status_code == 409
    assert acme.put("/v1/changes/R-1", json=change_json("R-1", title="Work 12")).json()["revision"] == 12
    assert len(read) <= 12, "three for each time that a revision is compared; a PUT is compared with the last one first"
    assert acme.get("/v1/changes/R-1").json()["declared_at"] == declared_at


@pytest.fixture
def acquired(monkeypatch: pytest.MonkeyPatch) -> Counter[asyncio.Lock]:
    """How often each lock was asked for so far, whether it was had at once or not."""
    asked: Counter[asyncio.Lock] = Counter()
    real = asyncio.Lock.acquire

    async def counted(lock: asyncio.Lock) -> Any:
        asked[lock] += 1
        return await real(lock)

    monkeypatch.setattr(asyncio.Lock, "acquire", counted)
    return asked


def test_declarations_of_one_user_wait_for_each_other_and_not_all_before_those_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch, acquired: Counter[asyncio.Lock]
) -> None:
    entered, leave, order = threading.Event(), threading.Event(), []
    real = change_declaration.examine

    def noted(database: object, principal: Principal, *given: object, **more: object) -> object:
        order.append(principal.user)
        entered.set()
        leave.wait()
        return real(database, principal, *given, **more)  # type: ignore[arg-type]  # whatever the caller gives

    monkeypatch.setattr(change_declaration, "examine", noted)

    def declare(user: str, number: int) -> threading.Thread:
        client = house.client(f"user:{user}", verify=False)
        client.timeout = None  # An answer waits until all have asked, however long that takes.
        sent = threading.Thread(target=lambda: client.post("/v1/changes", json=change_json(f"{user}-{number}", user)))
        sent.start()
        return sent

    try:
        sent = [declare("ACME", 0)]
        assert entered.wait(_PATIENCE_S)
        sent += [declare("ACME", number) for number in range(1, 5)]
        # Of a User's requests few are worked on at a time (`serve.quotas.requests_at_once`); those wait for the first.
        until(lambda: acquired[house.parts.turns.of("changes/ACME")] >= 2, _PATIENCE_S)
        sent.append(declare("BOLT", 0))
        until(lambda: acquired[house.parts.declarations.lock] == 2, _PATIENCE_S)
    finally:
        leave.set()
    for one in sent:
        one.join(_PATIENCE_S)
    assert order[:2] == ["ACME", "BOLT"]
    assert len(order) == 6


def test_a_repeat_under_the_same_key_makes_no_second_change(house: House) -> None:
    acme, bolt = house.client("user:ACME"), house.client("user:BOLT")
    given, under = (
        {name: value for name, value in change_json("x").items() if name not in ("change_id", "owner")},
        {"idempotency-key": "k" * 256},
    )
    first, again = (acme.post("/v1/changes", json=given, headers=under) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["change_id"] == again.json()["change_id"]
    assert acme.post("/v1/changes", json={**given, "title": "another"}, headers=under).status_code == 409
    assert bolt.post("/v1/changes", json=given, headers=under).status_code == 201, "nobody else's key"
    assert [acme.post("/v1/changes", json=[given, given], headers=under).status_code for _ in range(2)] == [201, 200]
    assert len(acme.get("/v1/changes").json()["items"]) == 3
    assert acme.post("/v1/changes", json=given, headers={"idempotency-key": "k" * 257}).status_code == 422
