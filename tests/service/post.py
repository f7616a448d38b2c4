"""A post office for tests: one subscription with its outbox, and an endpoint that is down when a test says so."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from models.alert import Alert
from models.times import DAY_US, MINUTE_US, us
from service.store import records, subscriptions
from service.store.messages import deliveries, outbox, subscribers
from service.store.messages.deliveries import Attempt, Message
from service.store.messages.preferences import Preferences
from service.store.migration import migrate
from service.store.records import Row
from tests.service.builders import MONDAY, desk

WEBHOOK, PAGER, CHAT = ("webhook", "https://x.example/"), ("chat", "pagerduty://key"), ("chat", "slack://A/B/C")


def memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


class Post:
    """One subscription with its outbox, and an endpoint that is down when a test says so."""

    def __init__(self, channel: tuple[str, str], **wishes: Any) -> None:
        self.connection = memory()
        kind, target = channel
        made = subscriptions.add(
            self.connection, holder="", name="x", channel=kind, target=target, wishes=Preferences(**wishes), now_us=MONDAY
        )
        self.id, self.to_people, self.gathers = made.id, subscribers.is_to_people(kind, target), bool(made.wishes.digest_s)
        self.now_us, self.got, self.sent = MONDAY, list[Message](), list[Sequence[Message]]()

    @property
    def parcels(self) -> int:
        """How many messages were sent, or tried."""
        return len(self.sent)

    def publish(self, *rows: Row) -> None:
        added = records.add(self.connection, rows, self.now_us)
        outbox.enqueue(self.connection, added, self.now_us)

    def serve(self, *, up: bool = True, attempts: int = 3) -> None:
        """What the dispatcher does now: parcel after parcel until nothing is due or one fails."""
        while parcel := deliveries.next_parcel(self.connection, self.id, self.now_us, to_people=self.to_people, gathers=self.gathers):
            self.sent.append(parcel)
            pause_us = 30_000_000
            outcomes = [
                "delivered" if up else "dead" if one.attempts + 1 >= attempts and not one.topic.endswith(".resolved") else "retry"
                for one in parcel
            ]
            tried = [Attempt(one, how, self.now_us, 1, next_us=self.now_us + pause_us) for one, how in zip(parcel, outcomes, strict=True)]
            deliveries.record_attempts(self.connection, tried)
            if not up:
                return
            self.got += parcel

    def drain(self) -> None:
        """The endpoint is well again, and all waits are over."""
        for _ in range(4):
            self.now_us += DAY_US
            self.serve()

    def result(self, alert_id: str) -> list[tuple[str, int, int]]:
        """(topic, sequence, revision) of what arrived about one alert, in order."""
        mine = [one for one in self.got if one.subject == f"alert:{alert_id}"]
        return [(one.topic, one.sequence, json.loads(one.body)["data"]["revision"]) for one in mine]

    def live_through(self, alerts: Sequence[Alert]) -> None:
        """Publish revisions at their own times, and serve every minute in between and for two hours afterwards."""
        self.now_us = us(alerts[0].as_of)
        for one in alerts:
            while self.now_us + MINUTE_US < us(one.as_of):
                self.now_us += MINUTE_US
                self.serve()
            self.now_us = max(self.now_us, us(one.as_of))
            self.publish(*desk(one))
            self.serve()
        for _ in range(120):
            self.now_us += MINUTE_US
            self.serve()
        self.drain()
