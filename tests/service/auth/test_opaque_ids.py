"""Ids of events, cursors and message ids tell a User nothing of how much others have, and outlive a restart."""

import itertools
import re
import threading
import time
from pathlib import Path

import pytest

from service.access import Principal, Role
from service.auth.opaque_ids import OpaqueIds
from service.event_stream import EventStream
from service.problems import Problem
from service.store import records
from tests.service.builders import alert, change, change_json, declared, desk, own
from tests.service.house import House

ACME = Principal("1", "Ann", Role.USER, "ACME")
BOLT = Principal("2", "Bob", Role.USER, "BOLT")
DESK = Principal("3", "Cat", Role.TRIAGE)
IDS = OpaqueIds(b"k" * 32)


@pytest.mark.parametrize("position", [(0,), (1,), (2**61,), (7, 9)])
def test_a_cursor_leads_back_to_its_place_for_its_holder_alone(position: tuple[int, ...]) -> None:
    for principal in (ACME, DESK):
        cursor = IDS.cursor(principal, "alert", position)
        assert IDS.position(principal, "alert", cursor, len(position)) == position
    for holder, of in ((BOLT, "alert"), (ACME, "change")):
        with pytest.raises(Problem, match="invalid"):
            IDS.position(holder, of, IDS.cursor(ACME, "alert", position), len(position))


def test_the_cursor_of_one_list_measures_no_other(house: House) -> None:
    client = house.client("user:ACME")
    for number in range(2):
        assert client.post("/v1/changes", json=change_json(f"C-{number}")).status_code == 201
    cursor = client.get("/v1/changes?limit=1").json()["next"]
    assert client.get(f"/v1/changes?limit=1&cursor={cursor}").status_code == 200
    for other in ("/v1/alerts", "/v1/series/names", "/v1/change-reports"):
        assert client.get(f"{other}?cursor={cursor}").status_code == 400, other


def test_neighbouring_places_have_nothing_in_common_and_one_size() -> None:
    written = [IDS.event_id(ACME, seq) for seq in (1, 2, 3, 10**6)]
    assert len({len(text) for text in written}) == 1
    assert len({text[:4] for text in written}) == len(written)
    assert IDS.event_id(BOLT, 1) != IDS.event_id(ACME, 1) == IDS.event_id(ACME, 1)


def test_no_changed_text_is_a_place() -> None:
    good = IDS.event_id(ACME, 42)
    assert IDS.event_seq(ACME, good) == 42
    for spot in range(len(good) - 1):
        other = good[:spot] + ("A" if good[spot] != "A" else "B") + good[spot + 1 :]
        with pytest.raises(Problem):
            IDS.event_seq(ACME, other)
    for text in ("42", "", "é", "x" * 500):
        with pytest.raises(Problem):
            IDS.event_seq(ACME, text)


def test_what_others_do_moves_nothing_that_a_user_receives(house: House) -> None:
    acme = house.client("user:ACME")
    house.publish([*own("ACME", alert("A-1"), alert("A-2")), *declared(change("B-1", owner="BOLT", visibility="public_summary"))])
    paths = ("/v1/alerts?limit=1", "/v1/changes?limit=1", "/v1/series?limit=1", "/v1/subscriptions")
    before = [(acme.get(path).content, acme.get(path).headers.get("last-event-id")) for path in paths]
    house.publish([*desk(*(alert(f"B-{number}", user="BOLT") for number in range(9))), *own("BOLT", alert("B-1", user="BOLT"))])
    house.publish(declared(change("B-2", owner="BOLT"), change("ACME-9", owner="ACME")))
    after = [(acme.get(path).content, acme.get(path).headers.get("last-event-id")) for path in paths]
    assert [one for one in range(4) if before[one] != after[one]] == [0, 1], "its own new change, and the place after it"
    assert before[0][0] == after[0][0]
    assert re.search(rb'"next":"[\w-]{22}"}$', before[0][0]), "a sealed cursor, always of one size"


def test_others_records_neither_put_off_nor_bring_forward_a_sign_of_life(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.routes.stream._PING_S", 0.5)
    stop = threading.Event()

    def busy() -> None:
        number = 0
        while not stop.wait(0.05):
            house.publish(desk(alert(f"B-{number}", user="BOLT")))
            number += 1

    noise = threading.Thread(target=busy)
    noise.start()
    try:
        with house.client("user:ACME").stream("GET", "/v1/stream") as answer:
            signs = []
            for line in answer.iter_lines():
                if line == ": still here":
                    signs.append(time.monotonic())
                if len(signs) == 4:
                    break
    finally:
        stop.set()
        noise.join()
    assert len(signs) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(signs)) > 0.4, "none is brought forward"


def test_a_user_that_reconnects_after_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    with House(tmp_path / "data") as house:
        house.publish([*own("ACME", alert("A-1")), *own("BOLT", alert("B-1", user="BOLT")), *own("ACME", alert("A-2"))])
        first = house.parts.ids.event_id(ACME, 1)
        secret = house.secrets["user:ACME"]
    with House(tmp_path / "data") as house:
        headers = {"authorization": f"Bearer {secret}", "last-event-id": first}
        with house.client(None).stream("GET", "/v1/stream", headers=headers) as answer:
            result = next(line for line in answer.iter_lines() if line.startswith("data: "))
        assert '"alert_id":"A-2"' in result


def test_the_log_is_read_for_one_reader_without_the_rows_of_others(house: House) -> None:
    house.publish([*desk(*(alert(f"B-{number}", user="BOLT") for number in range(30))), *own("ACME", alert("A-1"))])
    answer, until = house.parts.database.read(lambda connection: records.log_after(connection, ACME, 0, 5))
    assert [logged.id for logged in answer] == ["A-1"]
    assert until == house.parts.events.last_seq == EventStream(house.parts.database).last_seq
    answer, until = house.parts.database.read(lambda connection: records.log_after(connection, DESK, 0, 5))
    assert (len(answer), until) == (5, 5)
