"""Notices on changes: each kind, once, to whoever may know of it, and in no other words than those."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from models.clock import Clock
from models.times import DAY_US, HOUR_US, MINUTE_US, instant
from service.notify import wording
from service.notify.channels import item_of
from service.planning.plans import preview
from service.store import subscriptions
from service.store.messages import deliveries, outbox
from service.store.messages.deliveries import Message
from service.store.messages.preferences import Preferences
from service.triage import change_notices
from service.triage.change_notices import ChangeNotices
from tests.service.builders import change_json
from tests.service.house import House


class Hands:
    """A wall clock that a test moves on."""

    def __init__(self) -> None:
        self.ahead_us = 0
        self.clock = Clock(wall_us=lambda: time.time_ns() // 1000 + self.ahead_us)


class Notified:
    """A house whose notices a test asks for, and what each subscription got."""

    def __init__(self, house: House, hands: Hands) -> None:
        self.house, self.hands, self.test = house, hands, hands.ahead_us // DAY_US
        self.seen: set[int] = set()
        self.restart()

    def restart(self) -> None:
        """The monitor is started again."""
        parts = self.house.parts
        self.duty = ChangeNotices(parts.database, parts.engine, parts.planning, self.hands.clock, lambda: None)

    @property
    def now_us(self) -> int:
        return self.hands.clock.wall_us()

    def subscribe(self, holder: str, channel: str = "webhook", target: str = "https://x.example/", **wishes: Any) -> str:
        wanted = Preferences(records=("notice",), **wishes)
        add = partial(subscriptions.add, holder=holder, name=holder, channel=channel, target=target, wishes=wanted, now_us=0)
        return self.house.parts.database.write(add).result(10).id

    def declare(self, role: str, change_id: str, owner: str, start_h: float, hours: float = 1, **more: Any) -> None:
        start = instant(self.now_us // MINUTE_US * MINUTE_US + int(start_h * HOUR_US))
        times = {"planned_start": start.isoformat(), "planned_end": (start + timedelta(hours=hours)).isoformat()}
        answer = self.house.client(role).post(
            "/v1/changes", json=change_json(f"{change_id}-{self.test}", owner, **{"title": "Work", **times, **more})
        )
        assert answer.status_code == 201, answer.text

    def outcome(self) -> list[tuple[str, str, str]]:
        """(holder, kind, text) of what came up since the last call."""
        self.duty.look()
        rows = self.house.parts.database.read(
            lambda c: c.execute(
                "SELECT outbox.id, holder, topic, json_extract(body, '$.data.summary') FROM outbox"
                " JOIN subscriptions ON subscriptions.id = subscription ORDER BY outbox.id"
            ).fetchall()
        )
        new = [row[1:] for row in rows if row[0] not in self.seen]
        self.seen |= {row[0] for row in rows}
        return new


HANDS = Hands()


@pytest.fixture(scope="module")
def one_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("notices") / "data", clock=HANDS.clock) as house:
        # Not `round`: the job holds that already, and would send what the tests ask for.
        house.parts.jobs._notices.look = _never  # type: ignore[method-assign]
        yield house


@pytest.fixture
def notified(one_house: House) -> Notified:
    """A week of its own for each test, so that one house does for all."""
    HANDS.ahead_us = (HANDS.ahead_us // (7 * DAY_US) + 1) * 7 * DAY_US
    for table in ("outbox", "subscriptions"):
        one_house.parts.database.write(lambda connection, table=table: connection.execute(f"DELETE FROM {table}")).result(10)  # noqa: S608
    return Notified(one_house, HANDS)


def _never() -> None:
    return


def kinds(outcome: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(holder, topic) for holder, topic, _ in outcome]


def test_a_change_is_reported_from_declaration_to_end_and_nothing_twice(notified: Notified) -> None:
    notified.subscribe("ACME")
    assert notified.outcome() == []
    notified.declare("user:ACME", "A-1", "ACME", start_h=2)
    assert kinds(notified.outcome()) == [("ACME", "notice.declared")]
    notified.declare("user:ACME", "A-1", "ACME", start_h=3, revision=2)
    assert kinds(notified.outcome()) == [("ACME", "notice.moved")]
    for ahead_h, topic in ((2.5, "about_to_start"), (0.6, "started"), (1, "ended")):
        notified.hands.ahead_us += int(ahead_h * HOUR_US)
        outcome = notified.outcome()
        assert kinds(outcome) == [("ACME", f"notice.{topic}")]
        assert notified.outcome() == []
    assert "its owner has reported nothing since" in outcome[0][2]


def test_an_overrun_and_a_cancellation_are_reported(notified: Notified) -> None:
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=-1, hours=2, status="in_progress")
    notified.declare("user:ACME", "A-2", "ACME", start_h=50)
    notified.outcome()
    notified.declare("user:ACME", "A-2", "ACME", start_h=50, revision=2, status="cancelled")
    assert kinds(notified.outcome()) == [("ACME", "notice.cancelled")]
    notified.hands.ahead_us += int(1.2 * HOUR_US)
    assert kinds(notified.outcome()) == [("ACME", "notice.overrun")]


def test_nobody_is_notified_of_what_it_may_not_see(notified: Notified) -> None:
    for holder in ("", "ACME", "BOLT"):
        notified.subscribe(holder)
    notified.outcome()
    notified.declare("user:BOLT", "B-1", "BOLT", start_h=5, title="private-words")
    assert kinds(notified.outcome()) == [("", "notice.declared"), ("BOLT", "notice.declared")]
    public = {"title": "Firewall", "visibility": "public_summary", "description": "private-words", "contact": "private-words"}
    notified.declare("user:BOLT", "B-2", "BOLT", start_h=30, **public)
    outcome = notified.outcome()
    assert ("ACME", "notice.declared") in kinds(outcome)
    assert "private-words" not in str(outcome)
    notified.declare("triage", "D-1", "DCC", start_h=5, category="planned_maintenance", disruption="outage")
    result = notified.outcome()
    assert kinds(result).count(("", "notice.conflict")) == 1
    assert [text for holder, topic, text in result if (holder, topic) == ("BOLT", "notice.conflict")], "the DCC's change meets its own"
    assert [topic for holder, topic in kinds(result) if holder == "ACME"] == ["notice.declared"]


def test_an_owner_learns_that_the_night_is_busy_and_not_why(notified: Notified) -> None:
    notified.declare("triage", "S-1", "CSP-N", start_h=5, source="service_provider", title="private-words", disruption="outage")
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=5)
    texts = [text for _, topic, text in notified.outcome() if topic == "notice.conflict"]
    assert len(texts) == 1
    assert "is busy" in texts[0]
    assert "private-words" not in texts[0]
    assert "CSP" not in texts[0]


def test_a_restart_loses_no_notice_and_repeats_none(notified: Notified) -> None:
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=20)
    assert len(notified.outcome()) == 1
    notified.declare("user:ACME", "A-1", "ACME", start_h=30, revision=2)
    notified.restart()
    assert kinds(notified.outcome()) == [("ACME", "notice.moved")]
    notified.restart()
    assert notified.outcome() == []


def test_wishes_choose_kinds_and_pagers_get_none(notified: Notified) -> None:
    notified.subscribe("", notices=("moved",))
    notified.subscribe("", channel="chat", target="pagerduty://key")
    chat = notified.subscribe("", channel="chat", target="slack://A/B/C", notices=("declared",))
    notified.outcome()
    for number in range(3):
        notified.declare("triage", f"D-{number}", "DCC", start_h=30 + 3 * number)
    assert kinds(notified.outcome()) == [("", "notice.declared")] * 3
    database, later_us = notified.house.parts.database, notified.now_us + 2 * MINUTE_US
    parcel: list[Message] = database.read(
        partial(deliveries.next_parcel, subscription=chat, now_us=later_us, to_people=True, gathers=False)
    )
    assert len(parcel) == 3, "people get what was declared together as one message"
    subject = wording.subject([item_of(message) for message in parcel])
    assert subject.startswith("[Change] DCC: Work declared, 20")
    assert subject.endswith("(and 2 more)")


def shown(notified: Notified, change_id: str, visibility: str, revision: int, start_h: float = 30) -> None:
    notified.declare("user:BOLT", change_id, "BOLT", start_h=start_h, visibility=visibility, revision=revision, disruption="outage")


def waiting(notified: Notified) -> list[tuple[str, str]]:
    notified.duty.look()
    return notified.house.parts.database.read(
        lambda c: c.execute(
            "SELECT holder, topic FROM outbox JOIN subscriptions ON subscriptions.id = subscription"
            " WHERE state = 'waiting' ORDER BY outbox.id"
        ).fetchall()
    )


def test_a_change_that_its_owner_hides_is_in_no_notice_that_still_waits(notified: Notified) -> None:
    for holder in ("", "ACME", "BOLT"):
        notified.subscribe(holder)
    notified.outcome()
    shown(notified, "B-1", "public_summary", revision=1)
    planned = {"category": "planned_maintenance", "disruption": "outage"}
    notified.declare("triage", "D-1", "DCC", start_h=50, **planned)
    notified.duty.look()
    notified.declare("user:ACME", "A-1", "ACME", start_h=50)
    before = waiting(notified)
    assert kinds_of(before, "ACME") == ["notice.declared"] * 3 + ["notice.conflict"]
    shown(notified, "B-1", "dcc_only", revision=2)
    after = waiting(notified)
    assert kinds_of(after, "ACME") == ["notice.declared"] * 2 + ["notice.conflict"]
    notified.declare("triage", "D-1", "DCC", start_h=50, revision=2, status="draft", **planned)
    after = waiting(notified)
    assert kinds_of(after, "ACME") == ["notice.declared"], "its own"
    assert kinds_of(after, "BOLT") == ["notice.declared"], "its own"
    assert set(kinds_of(before, "")) <= set(kinds_of(after, "")), "the desk keeps all"


def kinds_of(result: list[tuple[str, str]], holder: str) -> list[str]:
    return [topic for one, topic in result if one == holder]


def test_a_revision_that_is_hidden_by_the_next_one_gives_no_notice(notified: Notified) -> None:
    for holder in ("ACME", "BOLT"):
        notified.subscribe(holder)
    notified.outcome()
    shown(notified, "B-1", "public_summary", revision=1)
    shown(notified, "B-1", "dcc_only", revision=2)
    assert kinds(notified.outcome()) == [("BOLT", "notice.declared")]


def test_a_change_that_is_hidden_while_conflicts_are_looked_for_is_in_none(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = {"category": "planned_maintenance", "disruption": "outage"}
    notified.declare("triage", "D-1", "DCC", start_h=50, **planned)
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=50)

    def hidden_meanwhile(*given: Any) -> Any:
        description = preview(*given)
        assert description["conflicts"]
        notified.declare("triage", "D-1", "DCC", start_h=50, revision=2, status="draft", **planned)
        return description

    monkeypatch.setattr(change_notices, "preview", hidden_meanwhile)
    assert kinds(notified.outcome()) == [("ACME", "notice.declared")]


def test_a_write_that_fails_loses_no_notice(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=20)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put", _refuse)
        with pytest.raises(OSError, match="disk"):
            notified.duty.look()
    assert kinds(notified.outcome()) == [("ACME", "notice.declared")]


def test_conflicts_that_cannot_be_determined_cost_nothing_else(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    notified.subscribe("ACME")
    notified.outcome()
    notified.declare("user:ACME", "A-1", "ACME", start_h=20)
    monkeypatch.setattr(change_notices, "preview", _refuse)
    assert kinds(notified.outcome()) == [("ACME", "notice.declared")]


def test_conflicts_that_are_not_looked_for_yet_are_looked_for_after_a_restart(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    notified.subscribe("")
    notified.outcome()
    for number in range(2):
        notified.declare("triage", f"D-{number}", "DCC", start_h=30, disruption="outage")
    with monkeypatch.context() as patch:
        patch.setattr(change_notices, "_CHECKED_AT_ONCE", 0)
        assert kinds(notified.outcome()) == [("", "notice.declared")] * 2
    notified.restart()
    assert set(kinds(notified.outcome())) == {("", "notice.conflict")}
    assert notified.outcome() == []


def test_notices_go_on_while_the_feed_is_silent_for_days(notified: Notified) -> None:
    parts = notified.house.parts
    engine: Any = SimpleNamespace(
        watermark_us=notified.now_us, changes=parts.engine.changes, declared_changes=parts.engine.declared_changes
    )
    notified.duty = ChangeNotices(parts.database, engine, parts.planning, notified.hands.clock, lambda: None)
    notified.subscribe("ACME")
    notified.outcome()
    engine.watermark_us += MINUTE_US
    notified.declare("user:ACME", "A-1", "ACME", start_h=50)
    assert kinds(notified.outcome()) == [("ACME", "notice.declared")]
    notified.hands.ahead_us += 50 * HOUR_US + MINUTE_US
    assert ("ACME", "notice.started") in kinds(notified.outcome())


def test_notices_and_records_are_counted_apart_and_both_have_a_bound(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "NOTICES_LIMIT", 2)
    monkeypatch.setattr(outbox, "WAITING_LIMIT", 2)
    wanted = Preferences(records=("notice", "change"), notices=("declared",))
    add = partial(subscriptions.add, holder="ACME", name="x", channel="webhook", target="https://x.example/", wishes=wanted, now_us=0)
    notified.house.parts.database.write(add).result(10)
    notified.outcome()
    for number in range(3):
        notified.declare("user:ACME", f"A-{number}", "ACME", start_h=30 + 3 * number)
        notified.duty.look()
    topics = [topic for _, topic in waiting(notified)]
    assert (topics.count("notice.declared"), len(topics)) == (2, 4)


def _refuse(*_: Any, **__: Any) -> bool:
    raise OSError("the disk is full")


def test_a_conflict_of_two_changes_declared_together_is_one_notice(notified: Notified) -> None:
    notified.subscribe("")
    notified.outcome()
    notified.declare("user:ACME", "T-1", "ACME", start_h=2)
    notified.declare("user:ACME", "T-2", "ACME", start_h=2)
    assert [kind for _, kind, _ in notified.outcome()].count("notice.conflict") == 1
