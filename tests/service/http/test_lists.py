"""Lists: the last revision of each, page by page, without gaps or repeats."""

import pytest

from tests.service.builders import alert, desk, incident
from tests.service.house import House


def pages(client, path: str) -> list[list[str]]:
    listed, cursor = [], None
    while True:
        page = client.get(path + (f"&cursor={cursor}" if cursor else "")).json()
        listed.append([one["alert_id"] for one in page["items"]])
        cursor = page["next"]
        if cursor is None:
            return listed


def test_pages_hold_each_alert_once_even_when_revisions_arrive_in_between(house: House) -> None:
    house.publish(desk(*(alert(f"A-{number:02d}") for number in range(25))))
    client = house.client("observer")
    first = client.get("/v1/alerts?limit=10").json()
    house.publish(desk(alert("A-03", revision=2), alert("A-20", revision=2), alert("A-new")))
    seen = [one["alert_id"] for one in first["items"]]
    page = first
    while page["next"]:
        page = client.get(f"/v1/alerts?limit=10&cursor={page['next']}").json()
        seen += [one["alert_id"] for one in page["items"]]
    assert seen == [f"A-{number:02d}" for number in reversed(range(25))]


def test_the_last_page_says_that_it_is_the_last_even_when_it_is_full(house: House) -> None:
    house.publish(desk(*(alert(f"A-{number}") for number in range(4))))
    assert pages(house.client("observer"), "/v1/alerts?limit=2") == [["A-3", "A-2"], ["A-1", "A-0"]]


def test_a_list_shows_the_last_revision_as_it_was_written(house: House) -> None:
    rows = desk(alert("A-1"), alert("A-1", revision=2, severity="critical"))
    house.publish(rows)
    client = house.client("observer")
    assert client.get("/v1/alerts").content == b'{"items":[' + rows[1].body + b'],"next":null}'
    assert client.get("/v1/alerts/A-1").content == rows[1].body
    assert [one["revision"] for one in client.get("/v1/alerts/A-1/revisions").json()["items"]] == [1, 2]


def test_since_leaves_out_what_did_not_change(house: House) -> None:
    house.publish(desk(alert("old", minute=5), alert("new", minute=50)))
    client = house.client("observer")
    for text in ("2026-01-05T00:50:00Z", "2026-01-05T01:50:00+01:00", "2026-01-05T01:50:00%2B01:00"):
        assert [one["alert_id"] for one in client.get(f"/v1/alerts?since={text}").json()["items"]] == ["new"], text


def test_filters_narrow_a_list(house: House) -> None:
    house.publish(desk(alert("a"), alert("b", kind="storm"), alert("c", revision=2, status="resolved", user="BOLT", severity="critical")))
    client = house.client("observer")

    def ids(query: str) -> list[str]:
        return [one["alert_id"] for one in client.get(f"/v1/alerts?{query}").json()["items"]]

    assert ids("kind=storm") == ["b"]
    assert ids("status=active") == ["b", "a"]
    assert ids("status=resolved") == ["c"]
    assert ids("user=BOLT&severity=critical") == ["c"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=1001", 422),
        ("limit=x", 422),
        ("cursor=nonsense", 400),
        ("cursor=W10", 400),
        ("cursor=WzEsMl0", 400),
        ("cursor=%00%ff", 400),
        ("since=yesterday", 422),
        ("since=2026-01-05T00:00:00", 422),
        ("status=on%20fire", 422),
    ],
)
def test_a_parameter_that_makes_no_sense_gets_a_problem(shared_house: House, query: str, status: int) -> None:
    answer = shared_house.client("observer").get(f"/v1/alerts?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_thousand_items_fit_a_page(house: House) -> None:
    house.publish(desk(*(alert(f"A-{number:04d}") for number in range(1001))))
    page = house.client("observer").get("/v1/alerts?limit=1000").json()
    assert len(page["items"]) == 1000
    assert page["next"]


def test_unknown_paths_and_methods_are_problems_too(shared_house: House) -> None:
    client = shared_house.client("observer")
    for method, path, status in (("GET", "/v1/nothing", 404), ("PATCH", "/v1/alerts", 405), ("GET", "/page/..%2fapp.py", 404)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_incidents_are_listed_for_the_desk(house: House) -> None:
    house.publish(desk(incident("I-1"), incident("I-1", revision=2, status="resolved")))
    (one,) = house.client("triage").get("/v1/incidents").json()["items"]
    assert one["revision"] == 2
    assert house.client("triage").get("/v1/incidents?status=active").json()["items"] == []


def test_large_answers_are_compressed_and_the_stream_is_not(house: House) -> None:
    house.publish(desk(*(alert(f"A-{number}") for number in range(50))))
    client = house.client("observer")
    answer = client.get("/v1/alerts", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert len(answer.json()["items"]) == 50
    assert "content-encoding" not in client.get("/v1/alerts", headers={"accept-encoding": "identity"}).headers
    assert "content-encoding" not in client.get("/v1/alerts?limit=1", headers={"accept-encoding": "gzip"}).headers
    with client.stream("GET", "/v1/stream", headers={"accept-encoding": "gzip"}) as stream:
        assert "content-encoding" not in stream.headers
