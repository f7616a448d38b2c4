"""Messages end to end: a mail server, a webhook and a paging service that are down at times; people merge, split and close incidents."""

import json
import random
import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from models.clock import Clock
from service.notify import channels
from service.notify.channels import Endpoints
from service.parameters import SubscriptionParameters
from tests.service.builders import MONDAY, alert, desk, incident
from tests.service.house import House, until
from tests.service.mail_server import RELAY, Mailbox, mail_server, text_of
from tests.service.receiver import Receiver

SPEED = 3600
"""The monitor's clock runs so many times as fast: pauses between two mails of one thread last a second at most."""
ALERTS, INCIDENTS = 6, 3
ADDRESS = "desk@example.org"
TOPICS = ("alert.open", "alert.updated", "alert.resolved")


ANSWERS_AFTER_S = 0.5


class SlowReceiver(Receiver):
    """Notes and answers what came only after some time, in which the monitor is asked to stop."""

    came = 0

    def __enter__(self) -> "SlowReceiver":
        super().__enter__()
        handler: Any = self.server.RequestHandlerClass
        answer = handler.do_POST

        def do_post(request: Any) -> None:
            self.came += 1
            time.sleep(ANSWERS_AFTER_S)
            answer(request)

        handler.do_POST = do_post
        return self


def fast_clock() -> Clock:
    began_s = time.monotonic()
    return Clock(lambda: MONDAY + 86_400_000_000 + int((time.monotonic() - began_s) * 1e6 * SPEED))


class Story:
    """Random revisions of some alerts, each in one incident, and what people do with the incidents meanwhile."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.revisions: dict[str, list[tuple[str, bool]]] = {}
        """Alert → (severity, whether it is over) of each revision."""

    def publish_one(self, house: House) -> None:
        number = self._chance.randrange(ALERTS)
        name, sent = f"A-{number}", self.revisions.setdefault(f"A-{number}", [])
        if sent and sent[-1][1]:
            return
        severity, over = self._chance.choice(("info", "warning", "critical")), bool(sent) and self._chance.random() < 0.4
        sent.append((severity, over))
        status = "resolved" if over else "open" if len(sent) == 1 else "updated"
        home = f"I-{number % INCIDENTS}"
        house.publish(desk(incident(home, revision=len(sent)), *self._records(name, home, len(sent), severity, status)))

    def _records(self, name: str, home: str, revision: int, severity: str, status: str) -> list[Any]:
        return [alert(name, revision=revision, severity=severity, status=status, incident_id=home, summary=f"<{name}> waits")]

    def end_all(self, house: House) -> None:
        for name, sent in self.revisions.items():
            if not sent[-1][1]:
                sent.append((sent[-1][0], True))
                home = f"I-{int(name[2:]) % INCIDENTS}"
                house.publish(desk(*self._records(name, home, len(sent), sent[-1][0], "resolved")))

    def act_once(self, client: httpx2.Client) -> None:
        """Merge, split, close or reopen; refused where it makes no sense, which is fine."""
        one, other = (f"I-{number}" for number in self._chance.sample(range(INCIDENTS), 2))
        path, alerts = f"/v1/incidents/{one}", [f"A-{self._chance.randrange(ALERTS)}"]
        deeds: list[tuple[str, str, Any]] = [
            ("POST", f"{path}/merge", {"into": other}),
            ("DELETE", f"{path}/merge", None),
            ("POST", f"{path}/split", {"alert_ids": alerts, "to": other}),
            ("POST", f"{path}/close", {}),
            ("DELETE", f"{path}/close", None),
        ]
        method, where, body = self._chance.choice(deeds)
        answer = client.request(method, where, json=body)
        assert answer.status_code in (200, 404, 409), answer.text


def subscribe(house: House, box: Mailbox, webhook: str) -> None:
    desk_of = house.client("triage")
    for wish in (
        {"name": "hook", "target": webhook, "wishes": {"severity": "warning"}},
        {"name": "pager", "channel": "chat", "target": "pagerduty://key", "wishes": {"severity": "warning"}},
        {"name": "mail", "channel": "mail", "target": ADDRESS, "wishes": {"severity": "warning"}},
    ):
        assert desk_of.post("/v1/subscriptions", json=wish).status_code == 201, wish
    until(lambda: box.got)
    link = re.search(r"/v1/subscriptions/confirm/\S+", text_of(box.got.pop()[2]))
    assert link is not None
    assert house.client(None).post(link[0]).status_code == 200


def is_sent(house: House) -> bool:
    waiting = house.parts.database.read(
        lambda connection: connection.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()[0]
    )
    return not waiting


def play(
    folder: Path, seed: int, steps: int, monkeypatch: pytest.MonkeyPatch, *, restarts: bool = False
) -> tuple[Story, list[Any], list[Any], list[str]]:
    """The story, and what the webhook, the paging service and the mailbox took while they were up."""
    chance, clock = random.Random(seed), fast_clock()
    story = Story(chance)
    with mail_server() as (box, port), Receiver() as hook, Receiver() as pager, ExitStack() as stack:
        monkeypatch.setattr(channels, "Endpoints", lambda: Endpoints(pager.url, pager.url))
        parameters = SubscriptionParameters(allow_private_targets=True, mail_url=RELAY.format(port), first_retry_s=30, attempts=50)
        opened = {"subscriptions": parameters, "clock": clock}
        house = stack.enter_context(House(folder, **opened))
        subscribe(house, box, hook.url)
        for _ in range(steps):
            match chance.randrange(8):
                case 0:
                    box.refuses = not box.refuses
                case 1 | 2:
                    chance.choice((hook, pager)).answers.extend([chance.choice((500, 503, 429, 302))] * chance.randrange(1, 4))
                case 3:
                    story.act_once(house.client("triage"))
                case 4 if restarts and chance.random() < 0.2:
                    stack.close()
                    house = stack.enter_context(House(folder, **opened))
                case _:
                    story.publish_one(house)
            time.sleep(chance.choice((0, 0, 0.02)))
        story.end_all(house)
        box.refuses = False
        hook.answers.clear()
        pager.answers.clear()
        until(lambda: is_sent(house), 60)
    return (
        story,
        [json.loads(body) for _, body in hook.got],
        [json.loads(body) for _, body in pager.got],
        [text_of(message) for _, _, message in box.got],
    )


def check(story: Story, hook: list[Any], pager: list[Any], mails: list[str]) -> None:
    for name, sent in story.revisions.items():
        wanted = any(severity != "info" and not over for severity, over in sent)
        calls = [one for one in hook if one["data"].get("alert_id") == name and one["type"] in TOPICS]
        # What was answered with an error comes again under the same number: a receiver keeps the first of each.
        story_of = list({one["sequence"]: one["type"] for one in calls}.items())
        assert story_of == sorted(story_of), name
        kinds = [kind for _, kind in story_of]
        assert Counter(kinds)["alert.open"] == Counter(kinds)["alert.resolved"] == int(wanted), (name, sent, kinds)
        assert not kinds or (kinds[0], kinds[-1]) == ("alert.open", "alert.resolved"), (name, kinds)
        assert {one["dedup_key"] for one in calls} <= {name}
        pages = [one["event_action"] for one in pager if one["dedup_key"] == name]
        assert bool(pages) is wanted, (name, sent, pages)
        assert not pages or "trigger" not in pages[pages.index("resolve") :], (name, pages)
        lines = [line for mail in mails for line in mail.splitlines() if f"<{name}>" in line]
        begun, ended = (sum(line.startswith(word) for line in lines) for word in ("Began", "Over"))
        assert begun == ended == int(wanted), (name, sent, lines)


def test_all_receive_each_beginning_and_each_end_through_outages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(*play(tmp_path / "data", 1, 40, monkeypatch))


def test_what_is_being_sent_at_a_stop_is_not_sent_again_at_the_next_start(tmp_path: Path) -> None:
    with SlowReceiver() as slow:
        parameters = SubscriptionParameters(allow_private_targets=True)
        with House(tmp_path / "data", subscriptions=parameters) as house:
            assert house.client("triage").post("/v1/subscriptions", json={"name": "slow", "target": slow.url}).status_code == 201
            house.publish(desk(alert("A-1")))
            until(lambda: slow.came)
        with House(tmp_path / "data", subscriptions=parameters) as house:
            house.publish(desk(alert("A-2")))
            until(lambda: len(slow.got) >= 2)
        assert [json.loads(body)["data"]["alert_id"] for _, body in slow.got] == ["A-1", "A-2"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 32))
def test_thirty_stories_of_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    story, hook, pager, mails = play(tmp_path / "data", seed, 120, monkeypatch, restarts=True)
    # A mail whose server takes longer than a stop waits comes again, word for word.
    check(story, hook, pager, list(dict.fromkeys(mails)))
