"""The triage desk's actions: each is stored, audited, and sent at once to everyone who views the page."""

import asyncio
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from models.clock import Clock
from service.access import Principal
from service.problems import not_found
from service.store import audit, triage_actions
from service.store.database import Database
from service.store.records import ALERT, INCIDENT
from service.triage.announcer import Announcer

SUBJECTS = {ALERT: "alerts", INCIDENT: "incidents"}
"""Kind of record → its name in addresses."""


class TriageDesk:
    """Writes people's actions beside the records, which never change."""

    def __init__(self, database: Database, clock: Clock, announcer: Announcer) -> None:
        self._database, self._clock, self._announcer = database, clock, announcer

    async def act(self, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        """The subject's state afterwards; `subject` is (kind, id). Raises Problem 404."""
        stated = {name: value for name, value in detail.items() if value is not None}
        job = partial(_write, principal=principal, subject=subject, action=action, detail=stated, now_us=self._clock.wall_us())
        state = await asyncio.wrap_future(self._database.write(job))
        self._announcer.announce("triage", {"subject": SUBJECTS[subject[0]], "id": subject[1], "state": state})
        return state


def _write(
    connection: sqlite3.Connection, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any], now_us: int
) -> dict[str, Any]:
    kind, name = subject
    if not triage_actions.exists(connection, kind, name):
        raise not_found(kind)
    triage_actions.add(
        connection, kind=kind, subject=name, action=action, actor=detail.get("name") or principal.name, now_us=now_us, detail=detail
    )
    audit.note(connection, principal, f"{action} {kind}", name, now_us, detail)
    return triage_actions.state(triage_actions.actions(connection, kind, [name]), now_us)[name]
