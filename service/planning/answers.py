"""Answers that compare, or write out, very many changes: each is a function of the plans, so that another process can compute it."""

import json

from changes.planning.issue import ISSUES, issue_of
from changes.planning.schedule import schedule
from models.canonical_json import to_json
from models.change import Change
from models.times import instant
from service.access import Principal
from service.planning.calendar_page import CalendarSpan, calendar_page
from service.planning.encoding import encoded
from service.planning.plans import Plans, preview


def calendar(plans: Plans, principal: Principal, span: CalendarSpan) -> bytes:
    """The calendar of a span."""
    return encoded(calendar_page(plans, principal, span))


def issue(plans: Plans, month: str, form: str) -> bytes:
    """The month's schedule as a file. Raises ConfigurationError where the settings do not fit the month."""
    return ISSUES[form](issue_of(schedule(plans.changes, month), month, plans.sec, plans.holidays))


def previewed(plans: Plans, principal: Principal, change: Change) -> bytes:
    """The change's conflicts, free times, missing items, and its risk, as far as the principal may know them."""
    meeting = preview(plans.changes, principal, change, plans.rules, instant(plans.now_us), plans.most_compared)
    # What is not declared yet would be declared now.
    dated = change if change.declared_at is not None else change.model_copy(update={"declared_at": instant(plans.now_us)})
    return encoded({**meeting, "category": change.category, "risk": plans.risks.of(principal, dated, len(meeting["conflicts"]))})


def declared(plans: Plans, principal: Principal, change: Change) -> bytes:
    """The change, followed by its conflicts and free times if there are conflicts."""
    meeting = preview(plans.changes, principal, change, plans.rules, instant(plans.now_us), plans.most_compared)
    if not meeting["conflicts"]:
        return to_json(change)
    return encoded({**json.loads(to_json(change)), "conflicts": meeting["conflicts"], "free_slots": meeting["free_slots"]})
