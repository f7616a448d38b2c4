"""The calendar by span: changes in it, their conflicts in sentences, and the missing items of the DCC's own changes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from changes.planning.conflicts import Bounds, Capacity, Judged, PlanningRules, as_object, judged
from changes.planning.issue import ISSUES, issue_of
from changes.planning.load import HourLoad, hourly
from changes.planning.overlaps import OVER
from changes.planning.schedule import MONTH, schedule
from changes.planning.sec_completeness import all_missing
from changes.planning.sec_completeness import as_object as missing_object
from changes.visibility import is_fully_visible, is_own, summary_json, visible_to
from changes.windows import window_us
from models.change import Change
from models.clock import Clock
from models.errors import ConfigurationError
from models.rounding import round_significant
from models.times import DAY_US, format_time
from service.access import DESK_ROLES, Principal
from service.auth.authentication import Reader
from service.engine.engine import Engine
from service.http.routes.common import computed, encoded_response, instant_of
from service.http.routes.parts import ClockDep, EngineDep, PlanningDep, RiskBookDep
from service.problems import RESPONSES, Problem
from service.triage.planning import Planning, busy
from service.triage.risk_book import RiskBook

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
_MOST_JUDGED = 3000
"""Maximum number of changes in one answer among which conflicts are computed."""
_MOST_CONFLICTS = 500
"""Overlaps of two owners in one answer."""
_MOST_OF_ALL = 2000
"""Overlaps of all owners in one answer."""
_MOST_OWN = 100
"""Of a User's own changes, those that are held against what is hidden from it."""


class CalendarWindow(BaseModel):
    """The requested changes: those whose window overlaps the span."""

    start: str = Field(alias="from", description="RFC 3339.")
    end: str = Field(alias="to", description="RFC 3339; at most 100 days later.")
    owner: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=40)
    q: str | None = Field(None, max_length=200, description="Text that occurs in id, owner, title, services or systems.")
    limit: int = Field(1000, ge=1, le=5000)


class CalendarPage(BaseModel):
    """The calendar of a span, as the reader may see it."""

    items: list[dict[str, Any]] = Field(description="Changes by the start of their window.")
    total: int = Field(description="Number of changes; more than in `items` if the limit was reached.")
    days: list[dict[str, Any]] = Field(
        description="`day`, `dcc`, `other`, `tests`: how many of all of them are in each day, of whom, and recovery tests."
    )
    conflicts: list[dict[str, Any]] = Field(
        description="`kind`, `change_ids`, `changes` (`owner/change_id`), `from`, `to`, `text`; among the first 3,000 changes of this"
        " span, at most 500 overlaps of two owners and 2,000 of all."
    )
    conflicts_incomplete: bool = Field(description="Whether there may be more conflicts: choose a shorter span, one owner or a category.")
    load: list[dict[str, Any]] = Field(
        description="Days on which declared rises meet the usual traffic: `day`, the worst hour (`at`), `per_s`, `capacity_per_s`;"
        " for the triage desk only, and empty until the usual rates are learned."
    )
    risks: list[dict[str, Any]] = Field(
        description="Of changes still to come: `owner`, `change_id`, `score`, `level`, `reasons`; a User's own only."
    )
    missing: list[dict[str, str]] = Field(description="The items that DCC changes lack by SEC H8.4 and H8.8; for the triage desk only.")


@router.get("/v1/calendar", response_model=CalendarPage, summary="Changes of a span, with their conflicts")
async def calendar(
    engine: EngineDep,
    planning: PlanningDep,
    risks: RiskBookDep,
    clock: ClockDep,
    principal: Reader,
    wanted: Annotated[CalendarWindow, Query()],
) -> Response:
    """A User sees its own, the operator's, and the public summaries of others'; conflicts among those, and that a night is busy."""
    return await computed(principal, lambda: encoded_response(_page(engine, planning, risks, clock, principal, wanted)))


def _page(engine: Engine, planning: Planning, risks: RiskBook, clock: Clock, principal: Principal, wanted: CalendarWindow) -> CalendarPage:
    start_us, end_us = instant_of("from", wanted.start) or 0, instant_of("to", wanted.end) or 0
    if not start_us <= end_us <= start_us + _LONGEST_US:
        raise Problem(422, "to: it must be after from, at most 100 days later")
    shown = [change for known in engine.declared_changes() if (change := visible_to(known, principal.user)) is not None]
    meeting = sorted((change for change in shown if _meets(change, start_us, end_us) and _fits(change, wanted)), key=_order)
    of_desk, rules = principal.role in DESK_ROLES, planning.rules
    first = meeting[:_MOST_JUDGED]
    known = judged(first, rules, Bounds(_MOST_CONFLICTS, total=_MOST_OF_ALL)) if of_desk else _of_user(principal, first, rules)
    all_conflicts = [as_object(one) for one in known.conflicts] + ([] if of_desk else _busy_nights(engine, principal, first, rules))
    return CalendarPage(
        items=[_item(change, principal.user) for change in meeting[: wanted.limit]],
        total=len(meeting),
        days=_days(meeting, start_us, end_us),
        conflicts=all_conflicts,
        conflicts_incomplete=known.incomplete or len(meeting) > len(first),
        risks=risks.ahead(principal, first, all_conflicts, clock.wall_us()),
        load=_load(first, rules) if of_desk else [],
        missing=[missing_object(one) for one in all_missing(meeting)] if of_desk else [],
    )


def _item(change: Change, user: str | None) -> dict[str, Any]:
    """A change as the reader may see it; what is hidden is null, as it is under `/v1/changes`."""
    if user is None or is_fully_visible(change, user):
        return change.model_dump(mode="json")
    return dict(json.loads(summary_json(change)))


def _order(change: Change) -> tuple[int, str, str]:
    return window_us(change)[0], change.owner, change.change_id


def _days(changes: Sequence[Change], start_us: int, end_us: int) -> list[dict[str, Any]]:
    """Of each day of the span with any change: the DCC's, others', and recovery tests."""
    first = start_us // DAY_US
    # How much each count differs from the day before: the work does not grow with the length of the changes.
    dcc, other, tests = steps = [[0] * (end_us // DAY_US - first + 2) for _ in range(3)]
    for change in changes:
        begins_us, ends_us = window_us(change)
        begins = max(begins_us, start_us) // DAY_US - first
        after = max(begins_us, min(ends_us, end_us) - 1) // DAY_US + 1 - first
        counted = (dcc if change.source == "dcc" else other, *([tests] if change.category == "bcdr_test" else []))
        for step in counted:
            step[begins] += 1
            step[after] -= 1
    counts = zip(*(accumulate(step) for step in steps), strict=True)
    return [
        {"day": format_time(day * DAY_US)[:10], "dcc": of_dcc, "other": of_others, "tests": of_tests}
        for day, (of_dcc, of_others, of_tests) in enumerate(counts, first)
        if of_dcc or of_others
    ]


def _meets(change: Change, start_us: int, end_us: int) -> bool:
    begins_us, ends_us = window_us(change)
    return begins_us < end_us and ends_us >= start_us


def _fits(change: Change, wanted: CalendarWindow) -> bool:
    if wanted.owner not in (None, "", change.owner) or wanted.category not in (None, "", change.category):
        return False
    text = " ".join((change.change_id, change.owner, change.title, *change.services, *change.systems))
    return not wanted.q or wanted.q.casefold() in text.casefold()


def _of_user(principal: Principal, shown: Sequence[Change], rules: PlanningRules) -> Judged:
    """Conflicts of its own changes and the DCC's among what it sees."""
    user = principal.user or ""
    bounds = Bounds(_MOST_CONFLICTS, lambda change: is_fully_visible(change, user), _MOST_OF_ALL)
    return judged(shown, replace(rules, capacity=Capacity()), bounds)


def _busy_nights(engine: Engine, principal: Principal, shown: Sequence[Change], rules: PlanningRules) -> list[dict[str, Any]]:
    """Of what is in the way and hidden, only that the night is busy."""
    own = [change for change in shown if change.explains and change.status not in OVER and is_own(change, principal.user or "")]
    return busy(engine.declared_changes(), principal, own[-_MOST_OWN:], rules)


def _load(changes: Sequence[Change], rules: PlanningRules) -> list[dict[str, Any]]:
    limit = rules.capacity.limit_per_s
    worst: dict[int, HourLoad] = {}
    for hour in hourly(changes, rules.capacity) if limit > 0 else ():
        day_us = hour.hour_us // DAY_US * DAY_US
        if day_us not in worst or hour.load_per_s > worst[day_us].load_per_s:
            worst[day_us] = hour
    return [
        {
            "day": format_time(day_us)[:10],
            "at": format_time(hour.hour_us),
            "per_s": round_significant(hour.load_per_s),
            "capacity_per_s": round_significant(limit),
        }
        for day_us, hour in sorted(worst.items())
    ]


class IssueWanted(BaseModel):
    """Which issue of the schedule."""

    month: str = Field(pattern=MONTH, examples=["2026-02"])
    format: Literal["md", "html", "csv", "xlsx", "ics", "json"] = "md"


@router.get("/v1/calendar/issue", response_class=Response, summary="The month's schedule for Parties")
async def issue(engine: EngineDep, planning: PlanningDep, principal: Reader, wanted: Annotated[IssueWanted, Query()]) -> Response:
    """The DCC's changes in full, Users' only as far as they are public; the same whoever asks."""
    made = await computed(principal, lambda: _issue(engine, planning, wanted))
    headers = {"Content-Disposition": f'attachment; filename="changes-{wanted.month}.{wanted.format}"'}
    return Response(made, media_type=_MEDIA[wanted.format], headers=headers)


def _issue(engine: Engine, planning: Planning, wanted: IssueWanted) -> bytes:
    try:
        entries = schedule(engine.declared_changes(), wanted.month)
        return ISSUES[wanted.format](issue_of(entries, wanted.month, planning.sec, planning.holidays))
    except ConfigurationError as fault:
        raise Problem(422, str(fault)) from None
