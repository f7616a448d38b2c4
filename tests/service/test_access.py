"""Every route as every role: nobody gets past its role, and a User never finds a word of another's."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from service.http.routes.page import pages
from tests.service.builders import alert, change, declared, desk, incident, lines, own, queue, report, traffic
from tests.service.house import ROLES, House

FOREIGN = ("BOLT", "B-ALERT", "B-CHANGE", "B-SECRET", "I-BOLT", "BOLT-INCIDENT", "b-hook")
OPEN_TO_ALL = {"/healthz", "/readyz", "/docs", "/plain", "/page/{name}", "/favicon.ico", *pages.VIEWS}
READERS = {"observer", "triage", "admin", "user:ACME", "user:BOLT"}
DECLARERS = {"triage", "admin", "user:ACME", "user:BOLT"}
FOR = {
    "POST /v1/events": {"ingest", "admin"},
    "GET /v1/incidents": {"observer", "triage", "admin"},
    "GET /v1/incidents/{incident_id}": {"observer", "triage", "admin"},
    "GET /v1/incidents/{incident_id}/export": {"observer", "triage", "admin"},
    "GET /v1/evaluation": {"observer", "triage", "admin"},
    "GET /v1/handover": {"observer", "triage", "admin"},
    "GET /v1/triage/{subject}": {"observer", "triage", "admin"},
    "GET /v1/dead-letters": {"observer", "triage", "admin"},
    "GET /v1/habits": {"observer", "triage", "admin"},
    "POST /v1/change-replies/{owner}/{change_id}": DECLARERS,
    "GET /metrics": {"observer", "triage", "admin"},
    "GET /v1/audit": {"admin"},
    "GET /v1/quarantine": {"admin"},
    "POST /v1/quarantine/retry": {"admin"},
    "POST /v1/watermark/reset": {"admin"},
    "GET /v1/tokens": {"admin"},
    "POST /v1/tokens": {"admin"},
    "DELETE /v1/tokens/{token_id}": {"admin"},
}


@pytest.fixture(scope="module")
def furnished(shared_house: House) -> House:
    house = shared_house
    house.publish(
        [
            *desk(alert("A-ALERT"), alert("B-ALERT", user="BOLT", summary="BOLT: B-SECRET", incident_id="I-BOLT")),
            *desk(incident("I-1"), incident("I-BOLT", origin_user="BOLT", summary="BOLT-INCIDENT")),
            *desk(report("C-1"), report("B-CHANGE")),
            *own("ACME", alert("A-ALERT", incident_id=None), report("C-1")),
            *own("BOLT", alert("B-ALERT", user="BOLT", summary="BOLT: B-SECRET", incident_id=None), report("B-CHANGE")),
            *declared(change("C-1"), change("B-CHANGE", owner="BOLT", title="B-SECRET"), change("D-1", owner="DCC", title="Maintenance")),
        ]
    )
    events = lines(*(make(second, user) for second in range(10, 200, 10) for make in (queue, traffic) for user in ("ACME", "BOLT")))
    assert house.client("admin").post("/v1/events", content=events).status_code == 202
    bolt = house.client("user:BOLT")
    made = bolt.post("/v1/subscriptions", json={"name": "b-hook", "target": "https://b-hook.example.com/"}).json()
    house.secrets["subscription"] = made["id"]
    house.judged()
    return house


def routes(house: House) -> list[tuple[str, str]]:
    paths = house.client(None).get("/openapi.json").json()["paths"]
    listed = [(method.upper(), path) for path, operations in paths.items() for method in operations]
    return [*listed, *(("GET", path) for path in sorted(OPEN_TO_ALL) if path not in paths)]


def test_the_document_names_every_route(furnished: House) -> None:
    named = {(method, path.replace(":path", "")) for method, path in routes(furnished)}
    there = set(served(furnished.server.config.app.app.routes))  # within what believes trusted proxies
    confirmations = {(method, "/v1/subscriptions/confirm/{secret}") for method in ("GET", "POST")}
    assert there - named == {("GET", "/openapi.json"), ("POST", "/plain"), *confirmations}
    assert {("POST", "/v1/events"), ("GET", "/v1/stream"), ("DELETE", "/v1/tokens/{token_id}")} <= named & there


def served(result: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in result:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from served(inner.routes)
        else:
            path = route.path.replace(":path", "")
            yield from ((method, path) for method in route.methods if method != "HEAD" or not route.methods & {"GET"})


def filled(path: str, house: House, alert_id: str) -> str:
    known = {
        "alert_id": alert_id,
        "incident_id": "I-BOLT",
        "owner": "BOLT",
        "change_id": "B-CHANGE",
        "change_id:path": "B-CHANGE",
        "subject": "alerts",
        "subject_id": alert_id,
        "subscription_id": house.secrets["subscription"],
        "token_id": "none",
        "user": "BOLT",
        "day": "2026-01-05",
        "name": "app.js",
        "habit_id": "none",
    }
    return re.sub(r"\{(.+?)\}", lambda match: known[match[1]], path)


def allowed(method: str, path: str) -> set[str]:
    key = f"{method} {path}"
    if key in FOR:
        return FOR[key]
    if path in OPEN_TO_ALL or path == "/v1/session":
        return set(ROLES)
    if path.startswith("/v1/subscriptions") or (path.startswith(("/v1/changes", "/v1/change-reports")) and method != "GET"):
        return DECLARERS
    if path == "/v1/calendar.ics":
        return set(ROLES)
    if method == "GET" or path == "/v1/calendar/feed":
        return READERS
    return {"triage", "admin"}


def test_every_route_answers_each_role_as_it_should(furnished: House) -> None:
    wrong = []
    for method, path in routes(furnished):
        for role in ROLES:
            if (path == "/v1/session" and method != "GET") or (path == "/v1/watermark/reset" and role == "admin"):
                continue  # they would end what the others need
            url = filled(path, furnished, "none" if method == "DELETE" else "A-ALERT").replace(furnished.secrets["subscription"], "none")
            body = {} if method in ("POST", "PUT", "PATCH") else None
            with furnished.client(role).stream(method, url, json=body) as answer:
                if (answer.status_code != 403) != (role in allowed(method, path)):
                    wrong.append(f"{method} {path} as {role}: {answer.status_code}")
    assert "\n".join(wrong) == ""


def test_without_a_token_only_health_and_the_page_answer(furnished: House) -> None:
    for method, path in routes(furnished):
        answer = furnished.client(None).request(method, filled(path, furnished, "A-ALERT"), json={} if method != "GET" else None)
        if path in OPEN_TO_ALL:
            assert answer.status_code == 200, path
        elif (method, path) in {("POST", "/v1/session"), ("DELETE", "/v1/session")}:
            assert answer.status_code in (204, 422)
        elif path == "/v1/calendar.ics":
            assert answer.status_code == 401, "it asks for a key of its own"
        else:
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("secret", ["hw_none_wrong", "x", "a.b.c", "ü"])
def test_a_wrong_token_is_401(furnished: House, secret: str) -> None:
    answer = furnished.client(None).get("/v1/alerts", headers=[(b"authorization", b"Bearer " + secret.encode())])
    assert answer.status_code == 401


def queries() -> list[str]:
    asked = [
        "",
        "?limit=1000",
        "?since=2020-01-01T00:00:00Z",
        "?user=BOLT",
        "?owner=BOLT",
        "?queue=to_user",
        "?status=active",
        "?kind=backlog",
    ]
    return [*asked, "?user=BOLT&kind=queue", "?incident_id=I-BOLT", "?verdict=impact", "?category=other"]


def test_no_answer_to_a_user_holds_a_word_of_another(furnished: House) -> None:
    acme = furnished.client("user:ACME")
    for method, path in routes(furnished):
        if path in ("/v1/stream", "/v1/session") or path.startswith("/page"):
            continue
        for query in queries() if method == "GET" else [""]:
            url = filled(path, furnished, "B-ALERT") + query
            answer = acme.request(method, url, json={} if method in ("POST", "PUT", "PATCH") else None)
            text = answer.text + str(answer.headers)
            listed = [word for word in FOREIGN if word in text and word not in url.replace("%20", " ")]
            assert not listed, (method, url, listed, text[:300])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/alerts/B-ALERT", None),
        ("GET", "/v1/alerts/B-ALERT/revisions", None),
        ("GET", "/v1/change-reports/B-CHANGE", None),
        ("GET", "/v1/changes/B-CHANGE", None),
        (
            "PUT",
            "/v1/changes/B-CHANGE",
            {"owner": "ACME", "title": "x", "planned_start": "2026-01-05T00:00:00Z", "planned_end": "2026-01-05T02:00:00Z"},
        ),
        ("GET", "/v1/subscriptions/{subscription}", None),
        ("PATCH", "/v1/subscriptions/{subscription}", {"paused": True}),
        ("POST", "/v1/subscriptions/{subscription}/test", None),
        ("POST", "/v1/subscriptions/{subscription}/secret", None),
        ("GET", "/v1/subscriptions/{subscription}/deliveries", None),
        ("DELETE", "/v1/subscriptions/{subscription}", None),
    ],
)
def test_a_foreign_datum_is_answered_exactly_as_one_that_does_not_exist(furnished: House, method: str, path: str, body: Any) -> None:
    acme = furnished.client("user:ACME")
    real = path.replace("{subscription}", furnished.secrets["subscription"])
    missing = path.replace("{subscription}", "nothing").replace("B-ALERT", "nothing").replace("B-CHANGE", "nothing")
    one, other = acme.request(method, real, json=body), acme.request(method, missing, json=body)
    assert one.status_code == other.status_code == 404
    assert one.content == other.content


def test_a_user_sees_its_own(furnished: House) -> None:
    acme = furnished.client("user:ACME")
    assert [one["alert_id"] for one in acme.get("/v1/alerts").json()["items"]] == ["A-ALERT"]
    assert [one["change_id"] for one in acme.get("/v1/changes").json()["items"]] == ["D-1", "C-1"]
    assert [one["change_id"] for one in acme.get("/v1/change-reports").json()["items"]] == ["C-1"]
    charts = acme.get("/v1/series").json()["items"]
    assert {one["series"]["user"] for one in charts} == {"ACME"}
    assert len(charts) == 2


def test_the_desk_sees_everything_once(furnished: House) -> None:
    for role in ("observer", "triage", "admin"):
        client = furnished.client(role)
        assert sorted(one["alert_id"] for one in client.get("/v1/alerts").json()["items"]) == ["A-ALERT", "B-ALERT"]
        assert sorted(one["change_id"] for one in client.get("/v1/changes").json()["items"]) == ["B-CHANGE", "C-1", "D-1"]
        assert len(client.get("/v1/series").json()["items"]) == 4


def test_a_user_s_whole_stream_holds_no_word_of_another(furnished: House) -> None:
    furnished.publish(own("ACME", alert("A-LAST", incident_id=None)))
    result = []
    with furnished.client("user:ACME").stream("GET", "/v1/stream", headers={"last-event-id": "0"}) as answer:
        for line in answer.iter_lines():
            result.append(line)
            if "A-LAST" in line:
                break
    assert [word for word in FOREIGN if word in "\n".join(result)] == []
    assert sum(line.startswith("data:") for line in result) == 5
