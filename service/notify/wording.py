"""Wording of messages to people: a subject with what and where, a body with the next step and a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.times import format_time, parse_time
from models.vocabulary import SEVERITIES, SUSPECTED

_STATES = {
    "storm": "sends too much",
    "backlog": "messages pile up",
    "silence": "silent",
    "drop": "traffic dropped",
    "failures": "messages fail",
    "drift": "at a new level",
    "stale": "reports are missing",
}
_NOTICES = {
    "declared": "declared",
    "moved": "moved",
    "about_to_start": "is about to start",
    "started": "started",
    "overrun": "overruns",
    "ended": "ended",
    "cancelled": "cancelled",
    "conflict": "has a conflict",
}
_RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(reversed(SEVERITIES))}
_MAX_SUBJECT = 150
_MAX_ITEMS = 40


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a message: an alert that began, became more severe or ended; or a record of another kind."""

    topic: str
    """`alert.open`, `alert.updated`, `alert.resolved`, `change`, …"""
    record: Mapping[str, Any]

    @property
    def is_alert(self) -> bool:
        """Whether it is about an alert."""
        return "alert_id" in self.record

    @property
    def is_over(self) -> bool:
        """Whether it is about an end."""
        return self.topic.endswith(".resolved")


def subject(items: Sequence[Item]) -> str:
    """`[Warning] SUPPLIER-L02 silent since 19:25 UTC – CHG-1979 suspected`."""
    lead = min(items, key=lambda item: (item.is_over, not item.is_alert, _RANK.get(str(item.record.get("severity")), 3)))
    text = _alert_subject(lead) if lead.is_alert else _other_subject(lead)
    more = len({_id(item) for item in items}) - 1
    return plain_line(f"{text} (and {more} more)" if more else text)[:_MAX_SUBJECT]


def body(items: Sequence[Item], link: str | None) -> str:
    """One paragraph per item, beginnings before ends, then the link."""
    ordered = sorted(items, key=lambda item: item.is_over)
    parts = [_paragraph(item) for item in ordered[:_MAX_ITEMS]]
    if len(ordered) > _MAX_ITEMS:
        parts.append(f"And {len(ordered) - _MAX_ITEMS} more.")
    return "\n\n".join([*parts, *([link] if link else [])])


def plain_line(text: str) -> str:
    """The text as one line without control characters: somebody's title can't begin a header or a line of its own."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def clock(text: str | None) -> str:
    """`2026-01-05T19:25:10Z` → `19:25 UTC`."""
    return f"{format_time(parse_time(text))[11:16]} UTC" if text else "an unknown time"


def _alert_subject(item: Item) -> str:
    record = item.record
    where = record.get("user") or record["series"].get("region") or "All Users"
    state = _STATES.get(record["kind"], record["kind"])
    if item.is_over:
        return f"[Over] {where}: {record['kind']} from {clock(record['onset_at'])} to {clock(record.get('ended_at'))}"
    grade = "Unattended" if item.topic == "alert.unattended" else str(record["severity"]).capitalize()
    text = f"[{grade}] {where} {state} since {clock(record['onset_at'])}"
    cause = _suspected(record.get("suspects") or ())
    return f"{text} – {cause}" if cause else text


def _suspected(suspects: Sequence[Mapping[str, Any]]) -> str:
    first = suspects[0] if suspects else None
    if first is None or first["verdict"] not in SUSPECTED:
        return ""
    if first["basis"] == "other_party":
        return "another party's change suspected"
    return f"{first['change_id']} suspected" if first.get("change_id") else "an undeclared change suspected"


def _other_subject(item: Item) -> str:
    record = item.record
    if item.topic == "confirm":
        return "[Confirm] May Highwater write to this address?"
    if "notice" in record:
        return f"[Change] {record['owner']}: {record['title']} {_NOTICES[record['notice']]}, {_minute(record)}"
    if "source" in record:
        return f"[{'Over' if item.is_over else 'Critical'}] {record['text']}"
    if "incident_id" in record:
        return f"[{'Over' if item.is_over else 'Incident'}] {record.get('summary') or record['incident_id']}"
    if "verdict" in record:
        return f"[Change report] {record['change_id']}: {str(record['verdict']).replace('_', ' ')}"
    if "planned_start" in record:
        return f"[Change] {record['title']} ({record['owner']}), {_minute(record)}"
    return "[Test] Highwater"


def _minute(record: Mapping[str, Any]) -> str:
    return f"{record['planned_start'][:16].replace('T', ' ')} UTC"


def _paragraph(item: Item) -> str:
    record = item.record
    if item.topic == "confirm":
        return f"{plain_line(str(record['text']))}\n\n{record['link']}"
    if not item.is_alert:
        return plain_line(str(record.get("summary") or record.get("title") or record.get("text") or item.topic))
    if item.is_over:
        return plain_line(f"Over since {clock(record.get('ended_at') or record.get('resolved_at'))}: {record['summary']}")
    word = {"alert.updated": "Changed", "alert.unattended": "Not taken up"}.get(item.topic, "Began")
    lines = [f"{word} {clock(record['onset_at'])}, {record['severity']}: {record['summary']}"]
    if record.get("next_step"):
        lines.append(f"Next step: {record['next_step']}")
    return "\n".join(plain_line(line) for line in lines)


def _id(item: Item) -> str:
    record = item.record
    return str(record.get("alert_id") or record.get("source") or record.get("incident_id") or record.get("change_id") or item.topic)
