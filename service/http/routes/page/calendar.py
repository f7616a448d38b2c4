"""The calendar by span, and the month's schedule."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from changes.planning.schedule import MONTH
from models.errors import ConfigurationError
from models.times import DAY_US
from service.auth.authentication import Reader
from service.http.routes.common import instant_of
from service.http.routes.parts import PlanningRoomDep
from service.planning import answers
from service.planning.calendar_page import CalendarPage, CalendarSpan
from service.problems import RESPONSES, Problem

router = APIRouter(tags=["changes"], responses=RESPONSES)
_MEDIA = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ics": "text/calendar; charset=utf-8",
    "json": "application/json",
}
_LONGEST_US = 100 * DAY_US


class CalendarWindow(BaseModel):
    """The requested changes: those whose window overlaps the span."""

    start: str = Field(alias="from", description="RFC 3339.")
    end: str = Field(alias="to", description="RFC 3339; at most 100 days later.")
    owner: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=40)
    q: str | None = Field(None, max_length=200, description="Text that occurs in id, owner, title, services or systems.")
    limit: int = Field(1000, ge=1, le=5000)


@router.get("/v1/calendar", response_model=CalendarPage, summary="Changes of a span, with their conflicts")
async def calendar(room: PlanningRoomDep, principal: Reader, wanted: Annotated[CalendarWindow, Query()]) -> Response:
    """A User sees its own, the operator's, and the public summaries of others'; conflicts among those, and that a night is busy."""
    start_us, end_us = instant_of("from", wanted.start) or 0, instant_of("to", wanted.end) or 0
    if not start_us <= end_us <= start_us + _LONGEST_US:
        raise Problem(422, "to: it must be after from, at most 100 days later")
    span = CalendarSpan(start_us=start_us, end_us=end_us, owner=wanted.owner, category=wanted.category, q=wanted.q, limit=wanted.limit)
    return Response(await room.answered(principal, answers.calendar, principal, span), media_type="application/json")


class IssueWanted(BaseModel):
    """Which issue of the schedule."""

    month: str = Field(pattern=MONTH, examples=["2026-02"])
    format: Literal["md", "html", "csv", "xlsx", "ics", "json"] = "md"


@router.get("/v1/calendar/issue", response_class=Response, summary="The month's schedule for Parties")
async def issue(room: PlanningRoomDep, principal: Reader, wanted: Annotated[IssueWanted, Query()]) -> Response:
    """The DCC's changes in full, Users' only as far as they are public; the same whoever asks."""
    try:
        made = await room.answered(principal, answers.issue, wanted.month, wanted.format)
    except ConfigurationError as fault:
        raise Problem(422, str(fault)) from None
    headers = {"Content-Disposition": f'attachment; filename="changes-{wanted.month}.{wanted.format}"'}
    return Response(made, media_type=_MEDIA[wanted.format], headers=headers)
