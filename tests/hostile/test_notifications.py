"""Messages about one alert are a sequence, whatever comes in between; nobody's endpoint delays anybody else's."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alert import Alert
from models.canonical_json import decode
from models.times import MINUTE_US
from service.parameters import SubscriptionParameters
from service.store import subscriptions
from service.store.records import Row
from tests.service.builders import alert, desk
from tests.service.house import House, until
from tests.service.post import CHAT, PAGER, WEBHOOK, Post
from tests.service.receiver import Receiver

GOLDEN = Path(__file__).parent.parent / "golden"
STEPS = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["info", "warning", "critical"]), st.booleans(), st.integers(0, 40)), max_size=14
)
WISHES = st.fixed_dictionaries(
    {"severity": st.sampled_from(["info", "warning", "critical"])},
    optional={"updates": st.booleans(), "digest_s": st.sampled_from([0, 600])},
)
OUTAGES = st.lists(st.booleans(), min_size=14, max_size=14)


def play(post: Post, steps: list[tuple[str, str, bool, int]], outages: list[bool]) -> dict[str, list[tuple[str, bool]]]:
    """Revisions of two alerts, each ending for good with its first resolved one; what was published of each."""
    published: dict[str, list[tuple[str, bool]]] = {"A": [], "B": []}
    for (name, severity, resolved, minutes), up in zip(steps, outages, strict=False):
        sent = published[name]
        if not (sent and sent[-1][1]):
            sent.append((severity, resolved))
            status = "resolved" if resolved else "open" if len(sent) == 1 else "updated"
            post.publish(*desk(alert(name, revision=len(sent), severity=severity, status=status)))
        post.serve(up=up)
        post.now_us += minutes * MINUTE_US
    post.drain()
    return published


@pytest.mark.parametrize("channel", [WEBHOOK, PAGER])
@given(steps=STEPS, wishes=WISHES, outages=OUTAGES)
@settings(max_examples=120, deadline=None)
def test_a_machine_receives_a_story_that_begins_never_turns_back_and_ends(
    channel: tuple[str, str], steps: list[tuple[str, str, bool, int]], wishes: dict[str, Any], outages: list[bool]
) -> None:
    post = Post(channel, **wishes)
    published = play(post, steps, outages)
    for name, sent in published.items():
        result = post.result(name)
        topics = [topic for topic, _, _ in result]
        assert topics[:1] in ([], ["alert.open"])
        assert all(topic == "alert.updated" for topic in topics[1:-1])
        assert [number for _, number, _ in result] == sorted({number for _, number, _ in result})
        assert [revision for _, _, revision in result] == sorted({revision for _, _, revision in result})
        if topics and sent[-1][1]:
            assert topics[-1] == "alert.resolved", "what was opened is ended, whatever severity it fell to"
        reached = [index for index, (severity, resolved) in enumerate(sent, 1) if not resolved and severity_at_least(severity, wishes)]
        if not reached:
            assert not result
        elif all(outages):
            assert result[0][2] == reached[0], "the first revision at or above the threshold opens it"


def severity_at_least(severity: str, wishes: dict[str, Any]) -> bool:
    order = ("info", "warning", "critical")
    return order.index(severity) >= order.index(wishes["severity"])


@given(steps=STEPS, wishes=WISHES, outages=OUTAGES)
@settings(max_examples=120, deadline=None)
def test_people_receive_each_beginning_and_each_end_once(
    steps: list[tuple[str, str, bool, int]], wishes: dict[str, Any], outages: list[bool]
) -> None:
    post = Post(CHAT, **wishes)
    published = play(post, steps, outages)
    for name, sent in published.items():
        topics = [topic for topic, _, _ in post.result(name)]
        assert topics.count("alert.open") <= 1
        assert topics.count("alert.resolved") <= topics.count("alert.open")
        if "alert.open" in topics and sent[-1][1]:
            assert topics.count("alert.resolved") == 1


def test_an_alert_that_falls_to_info_and_ends_is_ended_for_who_was_notified() -> None:
    post = Post(PAGER)
    for revision, severity, status in ((1, "info", "open"), (2, "warning", "updated"), (3, "info", "updated"), (4, "info", "resolved")):
        post.publish(*desk(alert("A", revision=revision, severity=severity, status=status)))
        post.serve()
    assert post.result("A") == [("alert.open", 1, 2), ("alert.resolved", 2, 4)]


def test_a_paused_subscription_receives_the_end_of_what_it_was_sent() -> None:
    post = Post(WEBHOOK)
    post.publish(*desk(alert("A")))
    post.serve()
    subscriptions.pause(post.connection, post.id, "holiday")
    post.publish(*desk(alert("A", revision=2, status="resolved"), alert("B")))
    post.serve()
    post.connection.execute("UPDATE subscriptions SET paused_reason = NULL")
    post.serve()
    assert [one.topic for one in post.got] == ["alert.open", "alert.resolved"]


def test_what_is_urgent_leaves_first_then_what_belongs_to_the_oldest_alert() -> None:
    post = Post(WEBHOOK)
    post.publish(*desk(alert("A"), alert("B"), alert("C", severity="critical"), alert("A", revision=2)))
    post.serve()
    assert [json.loads(one.body)["data"]["alert_id"] for one in post.got] == ["C", "A", "A", "B"]


def golden_alerts() -> list[Alert]:
    """Every revision of both incidents' alerts, in order of time: one day each."""
    lines = [
        line for name in ("firewall", "message-storm") for line in (GOLDEN / name / "expected" / "alerts.ndjson").read_bytes().splitlines()
    ]
    return sorted((decode(Alert, line) for line in lines), key=lambda one: one.as_of)


def test_the_day_of_both_incidents_makes_at_most_twenty_messages_for_people() -> None:
    post, seen = Post(CHAT), golden_alerts()
    post.live_through(seen)
    assert 2 <= post.parcels <= 20
    wanted = {one.alert_id for one in seen if one.status != "resolved" and one.severity != "info"}
    assert {one.subject for one in post.got} == {f"alert:{name}" for name in wanted}


class Hanging:
    """An endpoint that takes connections and answers nobody."""

    def __enter__(self) -> "Hanging":
        gone = self.gone = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gone.wait(30)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    parameters = SubscriptionParameters(allow_private_targets=True, timeout_s=8)
    with House(tmp_path / "data", subscriptions=parameters) as opened:
        yield opened


def test_endpoints_that_hang_delay_no_other(house: House) -> None:
    with Hanging() as hanging, Receiver() as receiver:
        for number in range(20):
            wish = {"name": f"h{number}", "target": hanging.url, "wishes": {"severity": "info"}}
            assert house.client("user:BOLT").post("/v1/subscriptions", json=wish).status_code == 201
        house.client("triage").post("/v1/subscriptions", json={"name": "desk", "target": receiver.url})
        rows = [row for number in range(30) for row in desk(alert(f"B-{number}", user="BOLT"))]
        mine = [Row(row.kind, "BOLT", *_rest(row)) for row in rows]
        began_s = time.monotonic()
        house.publish([*mine, *rows])
        until(lambda: len(receiver.got) == 30, seconds=7)
        assert time.monotonic() - began_s < 7, "less than one endpoint's time to answer"


def _rest(row: Row) -> tuple[Any, ...]:
    return row.id, row.revision, row.as_of_us, row.body, row.owner, row.status, row.topic, row.user, row.severity, row.incident_id
