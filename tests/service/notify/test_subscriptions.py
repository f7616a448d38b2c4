"""Subscriptions: signed, never to an address inside, tried again, once each, quiet when asked."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from models.errors import Malformed
from models.times import parse_time
from service.notify import wording
from service.notify.addresses import check_chat, check_mail
from service.notify.target_policy import RefusedTargetError, guarded_socket, refused
from service.notify.wording import Item
from service.parameters import SubscriptionParameters
from service.store.messages import deliveries
from service.store.messages.preferences import Preferences, QuietHours
from service.store.subscriptions import by_id
from tests.service.builders import alert, change_json, desk, incident, own
from tests.service.house import House, until
from tests.service.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


@pytest.fixture
def lenient(tmp_path: Path) -> Iterator[House]:
    """Lets webhooks go to this machine, as closed networks may."""
    parameters = SubscriptionParameters(allow_private_targets=True, first_retry_s=0.05, attempts=3, timeout_s=2)
    with House(tmp_path / "data", subscriptions=parameters) as opened:
        yield opened


def subscribe(house: House, role: str, target: str, **wishes: Any) -> dict[str, Any]:
    answer = house.client(role).post("/v1/subscriptions", json={"name": "mine", "target": target, "wishes": wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def log_of(house: House, role: str, subscription: str) -> list[dict[str, Any]]:
    return house.client(role).get(f"/v1/subscriptions/{subscription}/deliveries").json()["items"]


def test_a_user_s_alert_arrives_signed_and_is_in_the_log(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "user:ACME", receiver.url)
    mine = alert("A-1", incident_id=None)
    lenient.publish([*desk(alert("A-1"), alert("B-1", user="BOLT")), *own("ACME", mine), *own("BOLT", alert("B-1", user="BOLT"))])
    until(lambda: log_of(lenient, "user:ACME", made["id"]))
    ((headers, body),) = receiver.got
    reported = Webhook(made["secret"]).verify(body, headers)
    assert reported["type"] == "alert.open"
    assert reported["data"] == json.loads(own("ACME", mine)[0].body)
    (line,) = log_of(lenient, "user:ACME", made["id"])
    assert (line["outcome"], line["status"]) == ("delivered", 200)
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(body + b" ", headers)


def test_wishes_choose_what_is_sent(lenient: House, receiver: Receiver) -> None:
    made = subscribe(
        lenient,
        "triage",
        receiver.url,
        kinds=["storm"],
        severity="critical",
        resolved=False,
        records=["alert", "incident"],
        processes=["billing"],
    )
    storm = {"kind": "storm", "severity": "critical", "processes": ("billing",)}
    lenient.publish(
        desk(
            alert("no-kind", severity="critical", processes=("billing",)),
            alert("no-severity", kind="storm", processes=("billing",)),
            alert("no-process", kind="storm", severity="critical"),
            alert("yes", **storm),
            alert("over", status="resolved", **storm),
            incident("I-9"),
        )
    )
    until(lambda: len(log_of(lenient, "triage", made["id"])) == 2)
    data = [json.loads(body)["data"] for _, body in receiver.got]
    assert [one.get("alert_id") or one["incident_id"] for one in data] == ["yes", "I-9"]


def test_a_failing_target_is_tried_again_with_the_same_id_and_then_given_up(lenient: House, receiver: Receiver) -> None:
    receiver.answers[:] = [500, 302, 503]
    made = subscribe(lenient, "triage", receiver.url)
    lenient.publish(desk(alert("A-1")))
    log = until(lambda: (lines := log_of(lenient, "triage", made["id"])) and len(lines) == 3 and lines)
    assert [line["outcome"] for line in log] == ["dead", "retry", "retry"]
    assert "redirects are not followed" in log[1]["error"]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    lenient.publish(desk(alert("A-2")))
    until(lambda: len(receiver.got) == 4)


def test_a_target_that_is_gone_is_paused_and_can_be_resumed(lenient: House, receiver: Receiver) -> None:
    receiver.answers[:] = [410]
    made = subscribe(lenient, "triage", receiver.url)
    lenient.publish(desk(alert("A-1")))
    client = lenient.client("triage")
    shown = until(lambda: (one := client.get(f"/v1/subscriptions/{made['id']}").json())["paused_reason"] and one)
    assert "410" in shown["paused_reason"]
    lenient.publish(desk(alert("A-2")))
    assert client.patch(f"/v1/subscriptions/{made['id']}", json={"paused": False}).json()["paused_reason"] is None
    lenient.publish(desk(alert("A-3")))
    until(lambda: len(receiver.got) == 2)
    assert json.loads(receiver.got[-1][1])["data"]["alert_id"] == "A-3"


def test_a_test_message_goes_at_once_and_says_how_it_fared(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "user:ACME", receiver.url, quiet_hours={"starts": "00:00", "ends": "23:59:59"})
    client = lenient.client("user:ACME")
    assert client.post(f"/v1/subscriptions/{made['id']}/test").json() == {"delivered": True, "status": 200, "error": None}
    receiver.answers[:] = [404]
    failed = client.post(f"/v1/subscriptions/{made['id']}/test").json()
    assert (failed["delivered"], failed["status"]) == (False, 404)
    assert [line["type"] for line in log_of(lenient, "user:ACME", made["id"])] == ["test", "test"]


def test_a_rotated_secret_signs_beside_the_one_before(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "triage", receiver.url)
    client = lenient.client("triage")
    rotated = client.post(f"/v1/subscriptions/{made['id']}/secret").json()
    client.post(f"/v1/subscriptions/{made['id']}/test")
    ((headers, body),) = receiver.got
    for secret in (made["secret"], rotated["secret"]):
        Webhook(secret).verify(body, headers)
    assert "secret" not in client.get(f"/v1/subscriptions/{made['id']}").json()


def test_a_digest_gathers_what_is_not_critical(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "triage", receiver.url, digest_s=1)
    lenient.publish(desk(alert("A-1"), alert("A-2"), alert("A-3", severity="critical")))
    until(lambda: len(log_of(lenient, "triage", made["id"])) == 3)
    reported = [json.loads(body) for _, body in receiver.got]
    assert [one["type"] for one in reported] == ["alert.open", "digest"]
    assert [item["data"]["alert_id"] for item in reported[1]["data"]["items"]] == ["A-1", "A-2"]


def reached(house: House, subscription: str) -> bool:
    return bool(house.client("triage").post(f"/v1/subscriptions/{subscription}/test").json()["delivered"])


def test_a_record_written_again_is_not_sent_again(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "triage", receiver.url)
    for _ in range(3):
        lenient.publish(desk(alert("A-1")))
    until(lambda: log_of(lenient, "triage", made["id"]))
    assert reached(lenient, made["id"]), "whatever was due before has left by now"
    assert len(receiver.got) == 2


INSIDE_URLS = (
    "http://hooks.example.com/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://user:pass@hooks.example.com/",
    "https://hooks.example.com/#x",
    "ftp://hooks.example.com/",
    "https://",
    "nonsense",
    "https://printer.local/",
    "https://x.example:0/",
    "https://[bad/",
)


@pytest.mark.parametrize("target", INSIDE_URLS)
def test_a_target_inside_is_refused_when_subscribing(shared_house: House, target: str) -> None:
    answer = shared_house.client("user:ACME").post("/v1/subscriptions", json={"name": "x", "target": target})
    assert answer.status_code == 422


def test_a_name_that_leads_inside_is_refused_when_connecting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.client("user:ACME").post("/v1/subscriptions", json={"name": "x", "target": "https://rebound.example.com/"}).json()

    async def resolve(*_: Any, **__: Any) -> list[dict[str, Any]]:
        return [{"hostname": "rebound.example.com", "host": "127.0.0.1", "port": 443, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.connector.TCPConnector._resolve_host", resolve)
    reported = house.client("user:ACME").post(f"/v1/subscriptions/{made['id']}/test").json()
    assert reported["delivered"] is False
    assert "private, local or reserved" in reported["error"]
    assert "127.0.0.1" not in reported["error"]


INSIDE_4 = ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0")  # noqa: S104 - refused, not bound to
INSIDE = (*INSIDE_4, "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "none", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1")
HIDDEN = ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")


@pytest.mark.parametrize("address", INSIDE + HIDDEN)
def test_addresses_inside_are_refused(address: str) -> None:
    assert refused(address)
    with pytest.raises(RefusedTargetError):
        guarded_socket((2, 1, 6, "", (address, 443)))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_not(address: str) -> None:
    assert refused(address) is None


BAD_CHATS = (
    "json://10.0.0.1/",
    "slack://a/b/c?template=http://127.0.0.1/x",
    "slack://a/b/c?template=/etc/passwd",
    "discord://1/a?rto=100000",
    "tgram://1:a/2/?content=before",
    "slack",
    "syslog://localhost",
    "slack://a/b/c,json://10.0.0.1/",
    "slack://a/b/c json://10.0.0.1/",
    "slack://a/b/c\njson://10.0.0.1/",
    "slack://a/b/c;json://10.0.0.1/",
    "workflows://10.0.0.1/flow/signature",
    "workflows://x.logic.azure.com@10.0.0.1/flow/signature",
    "workflows://evil.example/x.logic.azure.com/signature",
    "workflows://[bad/flow/signature",
)


def test_chat_and_mail_go_where_the_operator_allows(shared_house: House) -> None:
    parameters = SubscriptionParameters(mail_url="mailtos://u:p@smtp.example.com")
    check_chat("slack://a/b/c", parameters)
    check_mail("desk@example.com", parameters)
    for bad in BAD_CHATS:
        with pytest.raises(Malformed):
            check_chat(bad, parameters)
    check_chat("workflows://prod-01.uksouth.logic.azure.com:443/flow/signature", parameters)
    for bad in (
        "a@b",
        "a@b.example,c@d.example",
        "x",
        "a@b.example?bcc=x",
        "a\n@b.example",
        "a%0d%0aBcc:x@b.example",
        "a@b.example%0d%0aBcc:x",
    ):
        with pytest.raises(Malformed):
            check_mail(bad, parameters)
    client = shared_house.client("triage")
    assert client.post("/v1/subscriptions", json={"name": "x", "channel": "mail", "target": "a@b.example"}).status_code == 422
    made = client.post("/v1/subscriptions", json={"name": "x", "channel": "chat", "target": "slack://secret/part/here"}).json()
    assert made["target"] == "slack://…"
    assert made["secret"] is None
    assert "secret/part" not in client.get("/v1/subscriptions").text


def test_a_message_reads_well_in_words() -> None:
    record = json.loads(desk(alert("A-1", kind="silence"))[0].body)
    items = [Item("alert.open", record)]
    assert wording.subject(items) == "[Warning] ACME silent since 00:10 UTC – C-1 suspected"
    assert wording.body(items, "https://monitor.example/incident/I-1") == (
        "Began 00:10 UTC, warning: ACME: 420 messages wait\nNext step: Ask the owner.\n\nhttps://monitor.example/incident/I-1"
    )
    over = Item("alert.resolved", {**record, "ended_at": "2026-01-05T01:00:00Z"})
    assert wording.subject([over]) == "[Over] ACME: silence from 00:10 UTC to 01:00 UTC"
    assert wording.subject([over, items[0]]) == wording.subject(items)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z"),
        ("2026-01-05T22:30:00Z", "2026-01-06T06:00:00Z"),
        ("2026-01-06T05:59:59Z", "2026-01-06T06:00:00Z"),
        ("2026-07-05T21:30:00Z", "2026-07-06T05:00:00Z"),
        ("2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"),
        ("2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"),
    ],
)
def test_quiet_hours_pass_midnight_and_both_clock_changes(now: str, due: str) -> None:
    quiet = QuietHours.model_validate({"starts": "22:00", "ends": "06:00", "zone": "Europe/London"})
    assert quiet.over_us(parse_time(now)) == parse_time(due)
    wishes = Preferences(quiet_hours=quiet)
    assert wishes.due_us(parse_time(now), urgent=True) == parse_time(now)


@given(minute=st.integers(0, 1_000_000), starts=st.times(), ends=st.times())
@settings(max_examples=150, deadline=None)
def test_after_quiet_hours_it_is_not_quiet_and_at_most_a_day_later(minute: int, starts: Any, ends: Any) -> None:
    quiet = QuietHours(starts=starts.replace(tzinfo=None), ends=ends.replace(tzinfo=None), zone="UTC")
    now_us = minute * 60_000_000
    over_us = quiet.over_us(now_us)
    assert now_us <= over_us <= now_us + 86_400_000_000
    assert quiet.over_us(over_us) == over_us


def test_an_unknown_zone_is_refused(shared_house: House) -> None:
    wish = {
        "name": "x",
        "target": "https://x.example/",
        "wishes": {"quiet_hours": {"starts": "22:00", "ends": "06:00", "zone": "Mars/Base"}},
    }
    assert shared_house.client("triage").post("/v1/subscriptions", json=wish).status_code == 422


def test_old_messages_are_swept_and_waiting_ones_are_not(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "triage", receiver.url)
    lenient.publish(desk(alert("A-1")))
    until(lambda: log_of(lenient, "triage", made["id"]))
    database = lenient.parts.database
    subscription = database.read(partial(by_id, subscription_id=made["id"]))
    assert subscription is not None
    database.write(partial(deliveries.sweep, now_us=lenient.parts.clock.wall_us() + 8 * 86_400_000_000)).result()
    assert database.read(lambda connection: connection.execute("SELECT count(*) FROM outbox").fetchone()[0]) == 0


def test_what_an_owner_withdraws_is_not_sent_any_more(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "user:ACME", receiver.url, records=["change"], digest_s=3600)
    bolt = lenient.client("user:BOLT")
    reported = change_json("B-1", "BOLT", visibility="public_summary", title="told once")
    assert bolt.post("/v1/changes", json=reported).status_code == 201
    waiting = "SELECT count(*) FROM outbox WHERE state = 'waiting'"
    assert lenient.parts.database.read(lambda connection: connection.execute(waiting).fetchone()[0]) == 1
    assert bolt.put("/v1/changes/B-1", json={**reported, "visibility": "dcc_only"}).status_code == 200
    assert lenient.parts.database.read(lambda connection: connection.execute(waiting).fetchone()[0]) == 0
    assert log_of(lenient, "user:ACME", made["id"]) == []


def test_an_administrator_sees_and_ends_a_webhook_that_a_leaked_token_left(lenient: House, receiver: Receiver) -> None:
    made = subscribe(lenient, "user:ACME", receiver.url)
    admin = lenient.client("admin")
    assert admin.get("/v1/subscriptions").json()["items"] == []
    assert [(one["id"], one["holder"]) for one in admin.get("/v1/subscriptions?everyone=true").json()["items"]] == [(made["id"], "ACME")]
    for role in ("user:ACME", "triage"):
        assert lenient.client(role).get("/v1/subscriptions?everyone=true").status_code == 403
    assert lenient.client("triage").delete(f"/v1/subscriptions/{made['id']}").status_code == 404
    assert admin.delete(f"/v1/subscriptions/{made['id']}").status_code == 204
    assert lenient.client("user:ACME").get("/v1/subscriptions").json()["items"] == []


def test_signs_of_life_are_given_while_all_is_well_and_only_then(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with House(tmp_path / "data", heartbeat_url=receiver.url) as house:
        until(lambda: receiver.got)
        assert json.loads(receiver.got[0][1]) == {"status": "alive"}
        monkeypatch.setattr(house.parts.intake, "fault", "the journal can't be written")
        before = len(receiver.got)
        house.now(house.parts.jobs.send_heartbeat())
        assert len(receiver.got) == before
        monkeypatch.undo()
        house.now(house.parts.jobs.send_heartbeat())
        assert len(receiver.got) == before + 1
