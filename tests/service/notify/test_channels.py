"""Mail and chat leave through Apprise: to a real mail server, and to a real web service."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apprise
import pytest

from service.notify.apprise_services import Letter, send
from service.notify.channels import Channels, Endpoints
from service.parameters import ServeParameters, SubscriptionParameters
from service.store.messages.deliveries import Message
from service.store.messages.preferences import Preferences
from service.store.subscriptions import Subscription
from tests.service.builders import alert, desk, own
from tests.service.house import House, until
from tests.service.mail_server import RELAY, Mailbox, mail_server, text_of
from tests.service.receiver import Receiver


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as served:
        yield served


WISH = {"name": "desk", "channel": "mail", "target": "desk@example.org"}


def confirmed(house: House, box: Mailbox, role: str = "triage") -> dict[str, Any]:
    """A mail subscription whose address said yes."""
    made: dict[str, Any] = house.client(role).post("/v1/subscriptions", json=WISH).json()
    assert made["confirmed"] is False
    until(lambda: box.got)
    link = re.search(r"/v1/subscriptions/confirm/\S+", text_of(box.got.pop()[2]))
    assert link is not None
    visitor = house.client(None)
    assert "<form" in visitor.get(link[0]).text
    assert house.client(role).get(f"/v1/subscriptions/{made['id']}").json()["confirmed"] is False, "opening it is not enough"
    assert visitor.post(link[0]).status_code == 200
    assert visitor.post(link[0]).status_code == 404, "once"
    assert house.client(role).get(f"/v1/subscriptions/{made['id']}").json()["confirmed"] is True
    return made


def test_mail_arrives_with_the_alert_s_words_and_is_tried_again(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    parameters = SubscriptionParameters(mail_url=RELAY.format(port), first_retry_s=0.05)
    with House(tmp_path / "data", subscriptions=parameters, public_url="https://monitor.example") as house:
        client, made = house.client("triage"), confirmed(house, box)
        assert client.post(f"/v1/subscriptions/{made['id']}/test").json() == {"delivered": True, "status": None, "error": None}
        sender, to, message = box.got[0]
        assert (sender, to, message["subject"]) == ("highwater@example.com", ["desk@example.org"], "[Test] Highwater")
        box.refuses = True
        house.publish(desk(alert("A-1", summary="<b>420</b> messages wait\r\nBcc: x@y.example")))
        path = f"/v1/subscriptions/{made['id']}/deliveries"
        until(lambda: any(line["outcome"] == "retry" for line in client.get(path).json()["items"]))
        box.refuses = False
        until(lambda: len(box.got) == 2)
        mail = box.got[1][2]
        assert mail["subject"] == "[Warning] ACME messages pile up since 00:10 UTC – C-1 suspected"
        assert mail.get_content_type() == "text/plain"
        assert "<b>420</b> messages wait Bcc: x@y.example" in text_of(mail)
        assert "https://monitor.example/incident/I-1" in text_of(mail)
        assert (mail["bcc"], mail["references"] is not None) == (None, True)
        assert "u:p" not in client.get(path).text + client.get("/v1/subscriptions").text


def test_an_address_gets_nothing_but_one_request_before_it_is_confirmed(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    with House(tmp_path / "data", subscriptions=SubscriptionParameters(mail_url=RELAY.format(port), first_retry_s=0.05)) as house:
        client = house.client("user:ACME")
        made = client.post("/v1/subscriptions", json={**WISH, "name": "<b>Click http://evil.example</b>"}).json()
        until(lambda: box.got)
        assert "evil" not in text_of(box.got[0][2])
        house.publish(own("ACME", alert("A-1", incident_id=None)))
        assert "not confirmed" in client.post(f"/v1/subscriptions/{made['id']}/test").json()["error"]
        client.delete(f"/v1/subscriptions/{made['id']}")
        assert client.post("/v1/subscriptions", json=WISH).status_code == 429, "no second request within the hour"
        assert len(box.got) == 1


def test_chat_is_sent_by_the_parts_of_its_address_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[tuple[str, Any]] = []

    class Taken:
        status_code, content, text, headers = 200, b"ok", "ok", dict[str, str]()

    def post(url: str, data: Any = None, **more: Any) -> Taken:
        posted.append((url, data))
        assert more["allow_redirects"] is False
        assert more["timeout"] == (7, 7)
        return Taken()

    monkeypatch.setattr("requests.post", post)
    monkeypatch.setattr("requests.request", lambda _, url, **more: post(url, **more))
    letter = Letter("Title <!channel> @everyone", "Body <!channel> <@U1> **bold** [link](http://evil.example)")
    parameters = SubscriptionParameters(timeout_s=7)
    for target in ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "discord://1234567/abc_def"):
        assert send(parameters, "chat", target, letter) is None
    (slack, result), (discord, content) = posted
    assert slack == "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "<!channel>" not in result
    assert discord == "https://discord.com/api/webhooks/1234567/abc_def"
    shown = json.loads(content)["content"]
    assert "@everyone" not in shown
    assert "[link](" not in shown
    assert send(parameters, "chat", "slack://A/B/C?template=http://127.0.0.1/", letter) is not None
    assert len(posted) == 2


def test_pagerduty_and_opsgenie_open_and_close_by_one_key() -> None:
    with Receiver() as receiver:
        endpoints = Endpoints(receiver.url, receiver.url)
        record = json.loads(desk(alert("A-1"))[0].body)

        async def result() -> None:
            channels = Channels(SubscriptionParameters(allow_private_targets=True), "https://monitor.example", endpoints)
            try:
                for target in ("pagerduty://key123", "opsgenie://key456"):
                    subscription = Subscription("s", "", "n", "chat", target, (), Preferences(), 0, None)
                    for number, topic in enumerate(("alert.open", "alert.resolved"), 1):
                        body = json.dumps({"type": topic, "data": record}).encode()
                        message = Message(number, "s", topic, body, False, 0, 0, 0, "alert:A-1", "", number)
                        assert (await channels.send(subscription, f"msg_{number}", [message], 0)).delivered
            finally:
                await channels.close()

        asyncio.run(result())
        bodies = [json.loads(body) for _, body in receiver.got]
        assert [(one["event_action"], one["dedup_key"]) for one in bodies[:2]] == [("trigger", "A-1"), ("resolve", "A-1")]
        assert bodies[0]["links"][0]["href"] == "https://monitor.example/incident/I-1"
        assert bodies[2]["alias"] == "A-1"
        assert bodies[2]["details"]["sequence"] == "1"


def test_apprise_knows_every_service_that_is_allowed_by_default() -> None:
    known = {
        name
        for service in apprise.Apprise().details()["schemas"]
        for name in (*(service["protocols"] or ()), *(service["secure_protocols"] or ()))
    }
    assert set(ServeParameters().subscriptions.chat_schemes) <= known
