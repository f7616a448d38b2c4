"""The triage desk's actions: each is stored, audited, and sent at once to everyone who views the page."""

import asyncio
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from models.clock import Clock
from service.access import Principal
from service.problems import Problem, not_found
from service.store import audit, triage_actions
from service.store.database import Database
from service.store.records import ALERT, INCIDENT
from service.triage.announcer import Announcer

SUBJECTS = {ALERT: "alerts", INCIDENT: "incidents"}
"""Kind of record → its name in addresses."""
_LEADS_TO = {"merge": "into", "split": "to"}
"""Action → the field that names the incident to which it leads."""


class TriageDesk:
    """Writes people's actions beside the records, which never change."""

    def __init__(self, database: Database, clock: Clock, announcer: Announcer) -> None:
        self._database, self._clock, self._announcer = database, clock, announcer

    async def act(self, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        """The subject's state afterwards; `subject` is (kind, id). Raises Problem 404, and 409 for an `into` or `to` that is not open."""
        stated = {name: value for name, value in detail.items() if value is not None}
        job = partial(_write, principal=principal, subject=subject, action=action, detail=stated, now_us=self._clock.wall_us())
        states = await asyncio.wrap_future(self._database.write(job))
        for (kind, name), state in states.items():
            self._announcer.announce("triage", {"subject": SUBJECTS[kind], "id": name, "state": state})
        return states[subject]


def _write(
    connection: sqlite3.Connection, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any], now_us: int
) -> dict[tuple[str, str], dict[str, Any]]:
    """Subject → its state afterwards: the subject's, and that of the incident to which a split moves alerts."""
    states = {subject: _write_one(connection, principal, subject, action, detail, now_us)}
    if action == "split" and "to" in detail:
        other = INCIDENT, detail["to"]
        added = {name: value for name, value in detail.items() if name != "to"}
        states[other] = _write_one(connection, principal, other, "add_alerts", added, now_us)
    return states


def _write_one(
    connection: sqlite3.Connection, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any], now_us: int
) -> dict[str, Any]:
    kind, name = subject
    if not triage_actions.exists(connection, kind, name):
        raise not_found(kind)
    field = _LEADS_TO.get(action, "")
    if field in detail:
        _check_continues(connection, name, field, detail[field], now_us)
        if action == "merge" and triage_actions.is_over(connection, detail[field]) and not triage_actions.is_over(connection, name):
            raise Problem(409, f"into: incident {detail[field]} is over, and {name} goes on: merge {detail[field]} into {name} instead")
    triage_actions.add(
        connection, kind=kind, subject=name, action=action, actor=detail.get("name") or principal.name, now_us=now_us, detail=detail
    )
    audit.note(connection, principal, f"{action} {kind}", name, now_us, detail)
    return triage_actions.state(triage_actions.actions(connection, kind, [name]), now_us)[name]


def _check_continues(connection: sqlite3.Connection, name: str, field: str, into: str, now_us: int) -> None:
    """Refuses an incident that is merged away or closed: both would leave the list of open ones, and merges could form a circle."""
    if not triage_actions.exists(connection, INCIDENT, into):
        raise not_found(INCIDENT)
    state = _incident_state(connection, into, now_us)
    if (end := state.get("merged_into")) is not None:
        passed = {into}
        while end not in passed and (further := _incident_state(connection, end, now_us).get("merged_into")) is not None:
            passed.add(end)
            end = further
        if name in {end, *passed}:
            raise Problem(409, f"{field}: incident {into} is merged into {name} itself; take that merge back first")
        raise Problem(409, f"{field}: incident {into} is merged into {end}; name {end}, or take that merge back first")
    if state.get("closed"):
        raise Problem(409, f"{field}: incident {into} is closed (by {state['closed']['by']}); reopen it first, or choose another incident")


def _incident_state(connection: sqlite3.Connection, name: str, now_us: int) -> dict[str, Any]:
    return triage_actions.state(triage_actions.actions(connection, INCIDENT, [name]), now_us).get(name, {})
