"""Contesting the report on one's own change."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.vocabulary import Text
from service.auth.authentication import Declarer
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep, EventStreamDep
from service.problems import RESPONSES
from service.triage import contests

router = APIRouter(tags=["changes"], responses=RESPONSES)
_PATH = "/v1/change-reports/{owner}/{change_id:path}/contest"


class Contest(BaseModel):
    """Why the report is wrong."""

    reason: Text = Field(max_length=10_000, examples=["The change was cancelled at 21:50; nothing was done."])
    name: Annotated[str | None, Field(max_length=200, description="Who; by default the token's name.")] = None


@router.post(_PATH, summary="Contest a report")
async def contest(
    database: DatabaseDep, clock: ClockDep, events: EventStreamDep, principal: Declarer, owner: str, change_id: str, body: Contest
) -> dict[str, Any]:
    """From now on the report states who contests it and why; the stored record stays unchanged. A User: the reports on its own changes."""
    detail = {name: value for name, value in body.model_dump().items() if value is not None}
    job = partial(contests.contest, principal=principal, key=f"{owner}/{change_id}", now_us=clock.wall_us(), detail=detail)
    report = await committed(database, job)
    events.announce("contest", {"owner": owner, "change_id": change_id, "contested": report["contested"]})
    return report


@router.delete(_PATH, summary="Withdraw a contest")
async def withdraw(
    database: DatabaseDep, clock: ClockDep, events: EventStreamDep, principal: Declarer, owner: str, change_id: str
) -> dict[str, Any]:
    """The report was right after all."""
    job = partial(contests.contest, principal=principal, key=f"{owner}/{change_id}", now_us=clock.wall_us(), detail=None)
    report = await committed(database, job)
    events.announce("contest", {"owner": owner, "change_id": change_id, "contested": report.get("contested")})
    return report
