"""Quarantine: journal entries that could not be judged, and a retry after an upgrade."""

import asyncio
import sqlite3
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.times import format_time
from service.access import Principal
from service.auth.authentication import Admin
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep, IntakeDep
from service.ingest.journal import CHANGES, EVENTS, HABIT
from service.problems import RESPONSES
from service.store import audit, quarantine

router = APIRouter(tags=["operations"], responses=RESPONSES)


class QuarantinedEntry(BaseModel):
    """One entry that could not be judged."""

    entry: int = Field(description="Its number in the journal.")
    arrived_at: str
    size_bytes: int = Field(description="0 after it was tried again.")
    reason: str = Field(description="The error, as in the log.")


class QuarantinePage(BaseModel):
    """Every entry in quarantine."""

    items: list[QuarantinedEntry]
    next: None = None


class Retried(BaseModel):
    """The result of a retry."""

    entries: int


@router.get("/v1/quarantine", summary="Entries that could not be judged")
def listed(database: DatabaseDep, _: Admin) -> QuarantinePage:
    """Oldest first."""
    items = [
        QuarantinedEntry(entry=entry.seq, arrived_at=format_time(entry.arrived_us), size_bytes=len(entry.body), reason=reason)
        for entry, reason in database.read(quarantine.listed)
    ]
    return QuarantinePage(items=items)


@router.post("/v1/quarantine/retry", summary="Try them again")
async def retry(database: DatabaseDep, intake: IntakeDep, clock: ClockDep, principal: Admin) -> Retried:
    """Event bodies, changes and habits come in again as new entries; what is late by now goes to the dead letters. Use it after an upgrade.

    Entries of other kinds mean nothing later: they are left out for good.
    """
    listed = await asyncio.to_thread(database.read, quarantine.listed)
    waiting = [entry for entry, _ in listed if entry.kind in (EVENTS, CHANGES, HABIT) and entry.body]
    others = [entry.seq for entry, reason in listed if entry not in waiting and reason not in quarantine.ENDED]
    for entry in waiting:
        key = entry.key if entry.kind == CHANGES else ""
        await asyncio.wrap_future(intake.submit(entry.kind, entry.stream, entry.body, None, clock.wall_us(), key))
        await committed(database, partial(quarantine.release, seqs=[entry.seq]))
    await committed(database, partial(quarantine.leave_out, seqs=others))
    detail = {"entries": len(waiting), "left_out": len(others)}
    await committed(database, partial(_note, principal=principal, now_us=clock.wall_us(), detail=detail))
    return Retried(entries=len(waiting))


def _note(connection: sqlite3.Connection, principal: Principal, now_us: int, detail: dict[str, int]) -> None:
    audit.note(connection, principal, "retry quarantine", "", now_us, detail)
