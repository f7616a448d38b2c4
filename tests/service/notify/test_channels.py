"""Mail and chat leave through Apprise: to a real mail server, and to a real web service."""

import asyncio
import email
import email.policy
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apprise
import pytest
from aiosmtpd.controller import Controller

from service.notify.channels import Channels, Reply
from service.parameters import ServeParameters, SubscriptionParameters
from service.store.preferences import Preferences
from service.store.subscriptions import Subscription
from tests.service.builders import alert, desk
from tests.service.house import House, until
from tests.service.receiver import Receiver


class Mailbox:
    """What a mail server took: (from, to, message)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], email.message.EmailMessage]] = []
        self.refuses = False

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        if self.refuses:
            return "451 come back later"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def test_mail_arrives_with_the_alert_s_words_and_is_tried_again(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    parameters = SubscriptionParameters(mail_url=f"mailto://127.0.0.1:{port}?from=highwater@example.com", first_retry_s=0.05)
    with House(tmp_path / "data", subscriptions=parameters) as house:
        client = house.client("triage")
        wish = {"name": "desk", "channel": "mail", "target": "desk@example.org"}
        made = client.post("/v1/subscriptions", json=wish).json()
        assert client.post(f"/v1/subscriptions/{made['id']}/test").json() == {"delivered": True, "status": None, "error": None}
        sender, to, message = box.got[0]
        assert (sender, to, message["subject"]) == ("highwater@example.com", ["desk@example.org"], "Highwater: test")
        box.refuses = True
        house.publish(desk(alert("A-1")))
        path = f"/v1/subscriptions/{made['id']}/deliveries"
        until(lambda: any(line["outcome"] == "retry" for line in client.get(path).json()["items"]))
        box.refuses = False
        until(lambda: len(box.got) == 2)
        text = box.got[1][2].get_body(("plain", "html"))
        assert text is not None
        assert "ACME: 420 messages wait" in text.get_content()
        assert "u:p" not in client.get(path).text + client.get("/v1/subscriptions").text


def test_chat_arrives_where_the_operator_allows_it_and_follows_no_redirect(tmp_path: Path) -> None:
    with Receiver() as receiver:
        host = receiver.url.partition("://")[2].partition("/")[0]
        with House(tmp_path / "data", subscriptions=SubscriptionParameters(chat_schemes=("json",), attempts=1)) as house:
            client = house.client("user:ACME")
            wish = {"name": "room", "channel": "chat", "target": f"json://{host}/room?redirect=yes&verify=no"}
            made = client.post("/v1/subscriptions", json=wish).json()
            assert client.post(f"/v1/subscriptions/{made['id']}/test").json()["delivered"] is True
            ((_, body),) = receiver.got
            assert json.loads(body)["title"] == "Highwater: test"
            assert json.loads(body)["message"] == "test: This is a test message from Highwater."
            receiver.answers[:] = [302, 200]
            failed = client.post(f"/v1/subscriptions/{made['id']}/test").json()
            assert (failed["delivered"], failed["error"]) == (False, "the service did not take the message")
            assert len(receiver.got) == 2


def sent(target: str) -> Reply:
    async def send() -> Reply:
        channels = Channels(SubscriptionParameters(chat_schemes=("json", "slack")))
        try:
            subscription = Subscription("s", "", "n", "chat", target, (), Preferences(), 0, None)
            return await channels.send(subscription, "msg_1", b'{"type":"test","data":{"text":"x"}}', 0)
        finally:
            await channels.close()

    return asyncio.run(send())


def test_an_address_that_hides_a_second_one_reaches_neither() -> None:
    with Receiver() as receiver:
        host = receiver.url.partition("://")[2].partition("/")[0]
        assert sent(f"json://{host}/").delivered
        before = len(receiver.got)
        assert not sent(f"slack://a/b/c,json://{host}/").delivered
        assert not sent(f"nonsense://a json://{host}/").delivered
        assert len(receiver.got) == before


def test_apprise_knows_every_service_that_is_allowed_by_default() -> None:
    known = {
        name
        for service in apprise.Apprise().details()["schemas"]
        for name in (*(service["protocols"] or ()), *(service["secure_protocols"] or ()))
    }
    assert set(ServeParameters().subscriptions.chat_schemes) <= known
