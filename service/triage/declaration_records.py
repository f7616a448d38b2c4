"""Declaration records: how accurate a User's declarations were, counted from the records and from what the desk found out.

They are counted from the data file, so that they are the same whoever judges, this process or Kafka workers.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from changes.scope import matches
from correlation.grading.declared_effect import declares_effect_on
from models.alert import AlertSeries
from models.change import Change
from models.clock import Clock
from models.columns import SeriesKey
from service.store import records, triage_actions
from service.store.database import Database
from service.store.records import CHANGE, INCIDENT, REPORT

_FRESH_S = 20.0


@dataclass(slots=True)
class DeclarationCounts:
    """Counts of one User's changes since the monitor began."""

    user: str
    declared: int = 0
    """Changes that it declared; drafts and cancelled ones are none."""
    reported: int = 0
    """Of them, those with a report."""
    on_time: int = 0
    """Of those with a report: declared before they began. Likewise the next two."""
    kept_to_time: int = 0
    scope_right: int = 0
    undeclared: int = 0
    """Incidents that an undeclared change of this User caused: confirmed by the desk, or probable and not refuted."""

    @property
    def declared_share(self) -> float | None:
        """Declared changes / all changes declared or suspected; None while there is none."""
        total = self.declared + self.undeclared
        return self.declared / total if total else None


@dataclass(frozen=True, slots=True)
class _Findings:
    """What the desk found out about suspects."""

    refuted: frozenset[tuple[str, str]]
    """(incident, `change_id`)"""
    undeclared: dict[str, str]
    """Incident → User whose undeclared change caused it."""


class DeclarationBook:
    """Counts again at most every few seconds, and at once after the desk did something; one thread counts, others wait for it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._lock = threading.Lock()
        self._counted: Mapping[str, DeclarationCounts] = {}
        self._acts, self._read_s = -1, 0.0

    def counted(self) -> Mapping[str, DeclarationCounts]:
        """Every User's counts, by its name."""
        with self._lock:
            acts, now_s = self._database.read(_acts), self._clock.steady_s()
            if acts != self._acts or now_s - self._read_s > _FRESH_S:
                self._counted = self._database.read(partial(count, now_us=self._clock.wall_us()))
                self._acts, self._read_s = acts, now_s
            return self._counted


def _acts(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM actions").fetchone()[0])


def count(connection: sqlite3.Connection, now_us: int) -> dict[str, DeclarationCounts]:
    """Every User that declared a change or is suspected of an undeclared one, by its name."""
    by_owner: dict[str, DeclarationCounts] = {}
    changes = {change.key: change for change in _changes(connection)}
    for change in changes.values():
        by_owner.setdefault(change.owner, DeclarationCounts(change.owner)).declared += 1
    owners = {change.change_id: change.owner for change in changes.values()}
    findings = _findings(connection, now_us)
    for report in _bodies(connection, REPORT):
        reported = changes.get(f"{report.get('owner') or owners.get(report['change_id'])}/{report['change_id']}")
        if reported is not None:
            _count_report(by_owner[reported.owner], reported, report, findings)
    for user in findings.undeclared.values():
        by_owner.setdefault(user, DeclarationCounts(user)).undeclared += 1
    return dict(sorted(by_owner.items()))


def _changes(connection: sqlite3.Connection) -> Iterable[Change]:
    """Users' declarations: the last revision of each."""
    for body in _bodies(connection, CHANGE):
        change = Change.model_validate(body, strict=False)
        if change.source == "user" and change.explains:
            yield change


def _bodies(connection: sqlite3.Connection, kind: str) -> Iterable[dict[str, Any]]:
    return (json.loads(body) for body in records.standing(connection, kind))


def _count_report(counts: DeclarationCounts, change: Change, report: dict[str, Any], findings: _Findings) -> None:
    refuted = any((incident_id, change.change_id) in findings.refuted for incident_id in report["incident_ids"])
    counts.reported += 1
    counts.on_time += report["declared_late_s"] == 0
    counts.kept_to_time += refuted or (report["started_early_s"] == 0 and report["overran_s"] == 0)
    counts.scope_right += refuted or (report["verdict"] != "absent" and all(_foreseen(change, one) for one in report["effects"]))


def _foreseen(change: Change, effect: dict[str, Any]) -> bool:
    """Whether an effect is one that the change declared; a change that declares none foresees whatever is in its scope."""
    of = AlertSeries.model_validate(effect["series"], strict=False)
    key = SeriesKey(*(of.user or "", of.direction or "", of.message_class or "", of.service or "", of.region or "", of.queue or "", 0))
    return matches(change, key) if change.expected is None else declares_effect_on(change, key)


def _findings(connection: sqlite3.Connection, now_us: int) -> _Findings:
    judged = triage_actions.state(triage_actions.actions(connection, INCIDENT), now_us)
    refuted: set[tuple[str, str]] = set()
    undeclared: dict[str, str] = {}
    for incident in _bodies(connection, INCIDENT):
        incident_id = incident["incident_id"]
        suspects = judged[incident_id]["suspects"] if incident_id in judged else []
        refuted |= {(incident_id, one["change_id"]) for one in suspects if one["verdict"] == "refuted" and one.get("change_id")}
        user = _undeclared(incident["suspects"], suspects)
        if user is not None:
            undeclared[incident_id] = user
    return _Findings(frozenset(refuted), undeclared)


def _undeclared(suspects: list[dict[str, Any]], judgements: list[dict[str, Any]]) -> str | None:
    """The User whose undeclared change caused an incident: whom the desk confirmed, else the first suspect if it is probable."""
    confirmed = [one for one in judgements if one["verdict"] == "confirmed"]
    if confirmed:
        return next((one.get("owner") for one in confirmed if one.get("change_id") is None), None)
    first = suspects[0] if suspects else None
    if first is None or first["basis"] != "undeclared" or first["verdict"] != "probable":
        return None
    refuted = any(one["verdict"] == "refuted" and one.get("change_id") is None and one.get("owner") == first["owner"] for one in judgements)
    return None if refuted else str(first["owner"])
