"""Habits: what series do at a time of day, or every so often, that is no longer reported; the desk may refuse one."""

import asyncio
import hashlib
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from detectors.habit_list import Habit
from models.times import format_time
from service.access import Principal
from service.auth.authentication import Desk, Triage
from service.engine.engine import Engine
from service.http.routes.common import EncodedInThread, committed
from service.http.routes.parts import ClockDep, DatabaseDep, EngineDep, IntakeDep
from service.ingest import habit_rulings
from service.ingest.intake import Intake
from service.ingest.journal import HABIT
from service.problems import RESPONSES, not_found
from service.store import audit
from service.store.database import Database

router = APIRouter(route_class=EncodedInThread, tags=["triage"], responses=RESPONSES)


class HabitShown(BaseModel):
    """One habit of one series."""

    habit_id: str = Field(description="Changes when the habit's time of day does: take it from a list that was just read.")
    kind: str = Field(description="`storm`, `drop` or, of a queue, `backlog`: silence and failures are never a habit.")
    user: str
    series: dict[str, str | int | None]
    at: str | None = Field(description="Time of day in UTC, such as `22:00`; null: at no fixed time.")
    times: int = Field(description="On how many days of the last four weeks it came at that time; without a fixed time: how often it came.")
    last_at: str | None = Field(description="When it last began; of a backlog: when it ended.")
    refused: bool = Field(description="Whether the desk refused it: then it is reported each time.")
    summary: str


class HabitPage(BaseModel):
    """Every habit, by series."""

    items: list[HabitShown]
    next: str | None = Field(None, description="The `cursor` of the next page; null on the last one.")


class Ruling(BaseModel):
    """Why."""

    note: Annotated[str | None, Field(max_length=10_000)] = None


@router.get("/v1/habits", summary="List habits")
def listed(
    engine: EngineDep,
    _: Desk,
    user: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    cursor: Annotated[str, Query(pattern="^[0-9]{1,9}$")] = "0",
) -> HabitPage:
    """What is not reported because the series does it at this time of day, or as often and as large; and what the desk refused."""
    habits = [habit for habit in engine.habits() if user in (None, habit.key.user)]
    first, after = int(cursor), int(cursor) + limit
    return HabitPage(items=[shown(habit) for habit in habits[first:after]], next=str(after) if after < len(habits) else None)


@router.post("/v1/habits/{habit_id}/refuse", summary="Refuse a habit")
async def refuse(
    engine: EngineDep,
    intake: IntakeDep,
    database: DatabaseDep,
    clock: ClockDep,
    principal: Triage,
    habit_id: str,
    body: Ruling | None = None,
) -> HabitShown:
    """It is reported each time from now on, and what was learned at that time of day is forgotten."""
    return await _rule(engine, intake, database, principal, habit_id, clock.wall_us(), (body or Ruling()).note, refused=True)


@router.delete("/v1/habits/{habit_id}/refuse", summary="Allow a habit again")
async def allow(
    engine: EngineDep, intake: IntakeDep, database: DatabaseDep, clock: ClockDep, principal: Triage, habit_id: str
) -> HabitShown:
    """What comes at that time for the third time is a habit again."""
    return await _rule(engine, intake, database, principal, habit_id, clock.wall_us(), None, refused=False)


async def _rule(
    engine: Engine,
    intake: Intake,
    database: Database,
    principal: Principal,
    habit_id: str,
    now_us: int,
    note: str | None,
    *,
    refused: bool,
) -> HabitShown:
    habit = next((habit for habit in await asyncio.to_thread(engine.habits) if _id(habit) == habit_id), None)
    if habit is None:
        raise not_found("habit")
    decision = habit_rulings.ruling(habit, refused=refused)
    entry = await asyncio.wrap_future(intake.submit(HABIT, "", habit_rulings.encoded(decision), None, now_us))
    await asyncio.wrap_future(engine.reached(entry.seq))
    detail: dict[str, Any] = {"summary": _sentence(habit), "note": note}
    action = "refuse habit" if refused else "allow habit"
    await committed(database, partial(audit.note, principal=principal, action=action, subject=habit_id, now_us=now_us, detail=detail))
    known = await asyncio.to_thread(engine.habits)
    left = (one for one in known if (one.key, one.kind, one.minute) == (habit.key, habit.kind, habit.minute))
    return shown(next(left, habit))


def shown(habit: Habit) -> HabitShown:
    """A habit as lists have it."""
    series = {name: value or None for name, value in habit.key._asdict().items() if name != "user"}
    return HabitShown(
        habit_id=_id(habit),
        kind=habit.kind,
        user=habit.key.user,
        series=series,
        at=_clock(habit.minute),
        times=habit.times,
        last_at=None if habit.last_us is None else format_time(habit.last_us),
        refused=habit.refused,
        summary=_sentence(habit),
    )


def _id(habit: Habit) -> str:
    return hashlib.sha256(repr((*habit.key, habit.kind, habit.minute)).encode()).hexdigest()[:20]


def _clock(minute: int | None) -> str | None:
    return None if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def _sentence(habit: Habit) -> str:
    key = habit.key
    name = " ".join(part for part in (key.user, key.direction, key.message_class, key.service, key.region, key.queue) if part)
    what = {"storm": "has more messages than usual", "drop": "has fewer messages than usual", "backlog": "has backlogs"}[habit.kind]
    when = f"about {_clock(habit.minute)} UTC" if habit.minute is not None else "at no fixed time"
    often = (
        f"on {habit.times} days of the last four weeks"
        if habit.minute is not None
        else f"{habit.times} {'time' if habit.times == 1 else 'times'} in the last four weeks"
    )
    often = f"with the bursts of its User, {often}" if habit.of_user else often
    end = "it was refused and is reported each time" if habit.refused else "it is no longer reported"
    return f"{name} {what} {when} ({often}); {end}."
