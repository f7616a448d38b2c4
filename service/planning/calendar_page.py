"""The calendar page: changes of a span as their reader may see them, their conflicts in sentences, and what the DCC's own changes lack."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from pydantic import BaseModel, Field

from changes.planning.conflicts import Bounds, Capacity, Judged, PlanningRules, as_object, judged
from changes.planning.load import HourLoad, hourly
from changes.planning.overlaps import OVER
from changes.planning.sec_completeness import all_missing
from changes.planning.sec_completeness import as_object as missing_object
from changes.visibility import is_fully_visible, is_own, summary_json, visible_to
from changes.windows import window_us
from models.change import Change
from models.rounding import round_significant
from models.times import DAY_US, format_time
from service.access import DESK_ROLES, Principal
from service.planning.plans import Plans, busy

_MOST_JUDGED = 3000
"""Maximum number of changes in one answer among which conflicts are computed."""
_MOST_CONFLICTS = 500
"""Overlaps of two owners in one answer."""
_MOST_OF_ALL = 2000
"""Overlaps of all owners in one answer."""
_MOST_OWN = 100
"""Of a User's own changes, those that are held against what is hidden from it."""


class CalendarSpan(BaseModel):
    """The requested changes: those whose window overlaps the span."""

    start_us: int
    end_us: int
    owner: str | None
    category: str | None
    q: str | None
    limit: int


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


def calendar_page(plans: Plans, principal: Principal, wanted: CalendarSpan) -> CalendarPage:
    """The page of one reader."""
    shown = [change for known in plans.changes if (change := visible_to(known, principal.user)) is not None]
    meeting = sorted((change for change in shown if _meets(change, wanted) and _fits(change, wanted)), key=_order)
    of_desk, rules = principal.role in DESK_ROLES, plans.rules
    first = meeting[:_MOST_JUDGED]
    known = judged(first, rules, Bounds(_MOST_CONFLICTS, total=_MOST_OF_ALL)) if of_desk else _of_user(principal, first, rules)
    all_conflicts = [as_object(one) for one in known.conflicts] + ([] if of_desk else _busy_nights(plans, principal, first))
    return CalendarPage(
        items=[_item(change, principal.user) for change in meeting[: wanted.limit]],
        total=len(meeting),
        days=_days(meeting, wanted.start_us, wanted.end_us),
        conflicts=all_conflicts,
        conflicts_incomplete=known.incomplete or len(meeting) > len(first),
        risks=plans.risks.ahead(principal, first, all_conflicts, plans.now_us),
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


def _meets(change: Change, wanted: CalendarSpan) -> bool:
    begins_us, ends_us = window_us(change)
    return begins_us < wanted.end_us and ends_us >= wanted.start_us


def _fits(change: Change, wanted: CalendarSpan) -> bool:
    if wanted.owner not in (None, "", change.owner) or wanted.category not in (None, "", change.category):
        return False
    text = " ".join((change.change_id, change.owner, change.title, *change.services, *change.systems))
    return not wanted.q or wanted.q.casefold() in text.casefold()


def _of_user(principal: Principal, shown: Sequence[Change], rules: PlanningRules) -> Judged:
    """Conflicts of its own changes and the DCC's among what it sees."""
    user = principal.user or ""
    bounds = Bounds(_MOST_CONFLICTS, lambda change: is_fully_visible(change, user), _MOST_OF_ALL)
    return judged(shown, replace(rules, capacity=Capacity()), bounds)


def _busy_nights(plans: Plans, principal: Principal, shown: Sequence[Change]) -> list[dict[str, Any]]:
    """Of what is in the way and hidden, only that the night is busy."""
    own = [change for change in shown if change.explains and change.status not in OVER and is_own(change, principal.user or "")]
    return busy(plans.changes, principal, own[-_MOST_OWN:], plans.rules)


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
