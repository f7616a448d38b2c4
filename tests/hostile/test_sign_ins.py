"""Signing in: guesses are slowed and recorded, whoever signed in before goes on, and streams end with what they began with."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from service.parameters import QuotaParameters
from service.store import tokens
from tests.service.house import House, until


def failing(house: House, count: int) -> list[int]:
    client = house.client(None)
    return [client.get("/v1/alerts", headers={"authorization": f"Bearer guess-{n}"}).status_code for n in range(count)]


def test_guesses_are_refused_after_some_and_stand_in_the_audit_log(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters(failed_sign_ins_per_minute=5)) as house:
        assert house.client("triage").get("/v1/alerts").status_code == 200, "before the attack"
        assert failing(house, 8) == [401] * 5 + [429] * 3
        refused = house.client(None).post("/v1/session", json={"token": "another-guess"})
        assert (refused.status_code, "failed_sign_ins_per_minute" in refused.json()["detail"]) == (429, True)
        assert int(refused.headers["retry-after"]) >= 1
        assert house.client("triage").get("/v1/alerts").status_code == 200, "who signed in before goes on"
        assert house.client("user:BOLT").get("/v1/alerts").status_code == 200, "and whoever holds a token of ours"
        ours = "hw_0123456789ab_" + "x" * 43
        assert house.client(None).get("/v1/alerts", headers={"authorization": f"Bearer {ours}"}).status_code == 429
        noted = until(lambda: house.parts.database.read(_failed))
        assert noted == [("127.0.0.1", "token")]


def test_guesses_at_calendar_keys_are_sign_ins_too(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters(failed_sign_ins_per_minute=5)) as house:
        key = house.client("user:ACME").post("/v1/calendar/feed").json()["key"]
        anyone = house.client(None)
        assert anyone.get(f"/v1/calendar.ics?key={key}").status_code == 200
        assert [anyone.get(f"/v1/calendar.ics?key=guess-{n}").status_code for n in range(7)] == [401] * 5 + [429] * 2
        assert anyone.get(f"/v1/calendar.ics?key={key}").status_code == 200


def _failed(connection):  # type: ignore[no-untyped-def]
    return connection.execute("SELECT actor, subject FROM audit WHERE action = 'failed sign-in'").fetchall()


def listening(client: httpx2.Client) -> tuple[threading.Thread, list[float], threading.Event]:
    ended: list[float] = []
    begun = threading.Event()

    def listen() -> None:
        try:
            with client.stream("GET", "/v1/stream") as answer:
                for line in answer.iter_lines():
                    if line == ": connected":
                        begun.set()
        except httpx2.HTTPError:
            return  # the house is closed
        ended.append(time.monotonic())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert begun.wait(10)
    return thread, ended, begun


def _revoke(house: House, session: httpx2.Client) -> None:
    (token,) = [one for one in house.parts.database.read(tokens.listed) if one.role == "user:ACME"]
    assert house.client("admin").delete(f"/v1/tokens/{token.id}").status_code == 204


def _sign_out(house: House, session: httpx2.Client) -> None:
    assert session.delete("/v1/session", headers={"x-highwater": "1"}).status_code == 204


def _revoke_in_the_data_file(house: House, session: httpx2.Client) -> None:
    (token,) = [one for one in house.parts.database.read(tokens.listed) if one.role == "user:ACME"]
    house.parts.database.write(lambda connection: tokens.revoke(connection, token.id, 1)).result()


@pytest.mark.parametrize(("how", "most_s"), [(_revoke, 1.0), (_sign_out, 1.0), (_revoke_in_the_data_file, 4.0)])
def test_a_stream_ends_with_its_session_or_token_and_others_go_on(
    house: House, how: Callable[[House, httpx2.Client], None], most_s: float
) -> None:
    browser, other = (house.client(None, follow_redirects=False) for _ in range(2))
    for client, role in ((browser, "user:ACME"), (other, "user:BOLT")):
        answer = client.post("/v1/session", json={"token": house.secrets[role]})
        assert answer.status_code == 204
    stream, ended, _ = listening(browser)
    _, others_ended, _ = listening(other)
    began = time.monotonic()
    how(house, browser)
    stream.join(10)
    assert ended
    assert ended[0] - began < most_s
    assert not others_ended


def test_no_key_opens_no_feed_and_says_so(house: House) -> None:
    assert house.client(None).get("/v1/calendar.ics").status_code == 401
