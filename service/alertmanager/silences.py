"""Silences in both directions: Highwater's silences in Alertmanager, and people's silences there, stored beside the records.

Out: a window with a declared effect silences alerts within that effect, and nothing else; a snoozed alert or incident is silenced until the
snooze ends. Back: Alertmanager reports which silence holds which alert, so that its matching need not be repeated here. People's silences
are shown and noted; they mute nothing here, and never change a record.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from changes.scope import scope_users
from changes.windows import declared_effect_us
from models.change import Change
from models.times import format_time, parse_time
from service.store import audit, triage_actions
from service.store.records import ALERT, INCIDENT

_HIGHWATER = re.compile(r"Highwater( [0-9a-f]{8})?: ")
"""The prefix of `createdBy` in a Highwater's silences; before 0.1.0 without the monitor's id."""
Matchers = tuple[tuple[str, str, bool], ...]
"""(label, value, whether the value is an expression)."""
_TRIAGE = ("team", "triage", False)


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence, in the form of both sides."""

    silence_id: str
    by: str
    comment: str
    until_us: int
    matchers: Matchers = ()

    @property
    def is_of_highwater(self) -> bool:
        """Whether a monitor made it (this one or another), not a person."""
        return _HIGHWATER.match(self.by) is not None

    def json(self, now_us: int) -> dict[str, Any]:
        """In the form of Alertmanager's v2 API; with an id it replaces the existing one."""
        body: dict[str, Any] = {
            "matchers": [{"name": name, "value": value, "isRegex": regex, "isEqual": True} for name, value, regex in self.matchers],
            "startsAt": format_time(now_us),
            "endsAt": format_time(self.until_us),
            "createdBy": self.by,
            "comment": self.comment,
        }
        return body | ({"id": self.silence_id} if self.silence_id else {})


def standing(answer: Iterable[Mapping[str, Any]]) -> dict[str, Silence]:
    """Current and future silences by id, from Alertmanager's `/api/v2/silences`."""
    return {
        one["id"]: Silence(
            one["id"],
            one["createdBy"],
            one["comment"],
            parse_time(one["endsAt"]),
            tuple(sorted((part["name"], part["value"], part["isRegex"]) for part in one["matchers"])),
        )
        for one in answer
        if one["status"]["state"] != "expired"
    }


def signature(monitor_id: str) -> str:
    """The prefix of `createdBy` in this monitor's silences; the purpose follows, so that the next round finds the silence again."""
    return f"Highwater {monitor_id}: "


def wanted(changes: Iterable[Change], snoozed: Mapping[tuple[str, str], int], now_us: int, ours: str) -> dict[str, Silence]:
    """The silences of this monitor now, by `createdBy`, which begins with `ours`; `snoozed`: (kind, id) → until when."""
    silences = [one for change in changes if (one := _of_change(change, now_us, ours)) is not None]
    for (kind, subject), until_us in snoozed.items():
        if until_us > now_us:
            matchers = tuple(sorted((_TRIAGE, (f"{kind}_id", subject, False))))
            silences.append(
                Silence("", f"{ours}snoozed {kind} {subject}", f"This {kind} is snoozed at the triage desk.", until_us, matchers)
            )
    return {one.by: one for one in silences}


def _of_change(change: Change, now_us: int, ours: str) -> Silence | None:
    """While a declared effect is due: `info` alerts within it. An alert that goes beyond has other labels and is not silenced."""
    start_us, end_us = declared_effect_us(change)
    if not change.explains or change.expected is None or not start_us <= now_us < end_us:
        return None
    users = scope_users(change) or ()
    scope = (("user", users), ("region", change.regions), ("queue", change.queues))
    matchers = [_TRIAGE, ("severity", "info", False), ("envelope", "within", False)]
    matchers += [(name, "|".join(map(re.escape, sorted(values))), True) for name, values in scope if values]
    comment = f"{change.title} ({change.owner}): only alerts within the declared effect."
    return Silence("", f"{ours}change {change.key}", comment, end_us, tuple(sorted(matchers)))


def to_post(wishes: Mapping[str, Silence], there: Iterable[Silence], ours: str) -> tuple[list[Silence], list[Silence]]:
    """(to post, to end), so that our existing silences become the wished ones; a duplicate is ended.

    Silences of other monitors are not ended here; those of an earlier version end by themselves.
    """
    known: dict[str, Silence] = {}
    ended = []
    for one in sorted((one for one in there if one.by.startswith(ours)), key=lambda one: one.silence_id):
        if one.by not in wishes or one.by in known:
            ended.append(one)
        else:
            known[one.by] = one
    posted = []
    for by, wish in wishes.items():
        old = known.get(by)
        if old is None:
            posted.append(wish)
        elif (old.matchers, old.until_us // 1000) != (wish.matchers, wish.until_us // 1000):
            posted.append(Silence(old.silence_id, by, wish.comment, wish.until_us, wish.matchers))
    return posted, ended


Held = dict[str, dict[str, Silence]]
"""Alert id → the silences of people that hold it, by id."""


def silences_by_alert(alerts: Iterable[Mapping[str, Any]], silences: Mapping[str, Silence]) -> Held:
    """People's silences, from Alertmanager's `/api/v2/alerts`; our own are left out."""
    by_alert: Held = {}
    for alert in alerts:
        by = {name: silences[name] for name in alert["status"]["silencedBy"] if name in silences and not silences[name].is_of_highwater}
        if by and "alert_id" in alert["labels"]:
            by_alert.setdefault(alert["labels"]["alert_id"], {}).update(by)
    return by_alert


def of_incidents(alerts: Sequence[Mapping[str, Any]], by_alert: Held) -> Held:
    """Incident id → silences that hold every open alert of it."""
    by_incident: Held = {}
    for alert in alerts:
        name, own = alert["incident_id"], by_alert.get(alert["alert_id"], {})
        if name is not None:
            by_incident[name] = {key: own[key] for key in by_incident.get(name, own) if key in own}
    return by_incident


Noted = list[tuple[str, str, str, dict[str, Any]]]
"""(subject, action, by whom, detail)."""


def silence_changes(connection: sqlite3.Connection, kind: str, subjects: Iterable[str], silences_of: Held, now_us: int) -> Noted:
    """The silences that began, changed or ended since the last note."""
    names = sorted(set(subjects))
    known = triage_actions.state(triage_actions.actions(connection, kind, names), now_us)
    noted: Noted = []
    for name in names:
        before = {one["silence_id"]: one for one in known[name]["silences"]} if name in known else {}
        now = silences_of.get(name, {})
        for silence_id, one in sorted(now.items()):
            facts = {"silence_id": silence_id, "until": format_time(one.until_us), "note": one.comment}
            if silence_id not in before or before[silence_id]["until"] != facts["until"]:
                noted.append((name, "silence", one.by, facts))
        noted += [(name, "unsilence", "Alertmanager", {"silence_id": gone}) for gone in sorted(set(before) - set(now))]
    return noted


def note(connection: sqlite3.Connection, kind: str, noted: Noted, now_us: int) -> None:
    """Writes it beside the records and into the audit log, in one transaction."""
    for subject, action, by, detail in noted:
        triage_actions.add(connection, kind=kind, subject=subject, action=action, actor=by, now_us=now_us, detail=detail)
        audit.note_external(connection, by, "alertmanager", f"{action} {kind}", subject, now_us, detail)


def snoozes(connection: sqlite3.Connection, now_us: int) -> dict[tuple[str, str], int]:
    """(kind, id) → until when, of everything that is snoozed now."""
    until_us = {}
    for kind in (ALERT, INCIDENT):
        for name, state in triage_actions.state(triage_actions.actions(connection, kind), now_us).items():
            if state["snoozed_until"] is not None:
                until_us[kind, name] = parse_time(state["snoozed_until"])
    return until_us
