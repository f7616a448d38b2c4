"""Subscribers: the part of each subscription on which messages depend."""

import sqlite3
from dataclasses import dataclass

from service.store.messages.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The part of a subscription on which the outbox depends."""

    id: str
    holder: str
    to_people: bool
    is_paused: bool
    preferences: Preferences
    is_pager: bool = False
    """PagerDuty and Opsgenie keep an alert open until it is over; a notice never is."""

    @property
    def gets_notices(self) -> bool:
        """Whether notices on changes are sent there at all."""
        return not self.is_paused and not self.is_pager and "notice" in self.preferences.records


def subscribers(connection: sqlite3.Connection) -> list[Subscriber]:
    """Every subscription to which anything may be sent once it is not paused."""
    rows = connection.execute(
        "SELECT id, subscriptions.holder, channel, target, paused_reason IS NOT NULL, wishes FROM subscriptions"
        " LEFT JOIN mail_addresses ON mail_addresses.holder = subscriptions.holder AND address = target"
        " WHERE channel <> 'mail' OR confirmed_us IS NOT NULL ORDER BY id"
    )
    return [
        Subscriber(
            name,
            holder,
            is_to_people(channel, target),
            bool(paused),
            Preferences.model_validate_json(wishes),
            channel == "chat" and not is_to_people(channel, target),
        )
        for name, holder, channel, target, paused, wishes in rows
    ]


def is_to_people(channel: str, target: str) -> bool:
    """Whether people read the messages of a subscription; PagerDuty and Opsgenie are machines that keep an alert open."""
    return channel == "mail" or (channel == "chat" and not target.lower().startswith(("pagerduty://", "opsgenie://")))
