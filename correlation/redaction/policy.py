"""Audience: what a User may see of the monitor's judgement, denied unless allowed here.

A User's copies are not cut out of triage's records: they are judged and worded anew from what that User may know, its own findings,
its own traffic, its own changes and the DCC's. To that three things are added from triage and nothing else:

- its own alert's `severity` and `category` (their reasons are not: they would name others);
- of any other party's suspected change, whatever its visibility: that there is one, and the verdict;
- `affected_users` names the reader, where another party's change is suspected.

`incident_id` is the User's own: made from its own first alert of the event, by its own alerts alone. So it says nothing of anybody else,
and equals triage's where the event began with that very alert. A change of its own that nobody declared is not put to the User as a
suspect (that verdict rests on how others fared); the next step asks for it without blame.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zlib import crc32

from changes.calendar import CalendarView
from changes.visibility import fully_visible, is_fully_visible
from correlation.alert_draft import Draft
from correlation.grading.incident_category import Category
from models.alert import Reason, Suspect
from models.canonical_json import to_json
from models.vocabulary import Severity, SuspectVerdict

_TOLD: tuple[SuspectVerdict, ...] = ("probable", "possible")
_SCORES = {"probable": 0.75, "possible": 0.25}
"""Fixed, so that a score says no more than its verdict."""


@dataclass(frozen=True, slots=True)
class CopyAllowance:
    """What triage lets a User know about one of its alerts."""

    severity: Severity
    category: int
    others: tuple[Suspect, ...] = ()
    """Other parties' suspects, already redacted; best first."""


def reader_calendar(user: str, view: CalendarView) -> CalendarView:
    """The calendar as one User may know it: its own and the DCC's changes.

    Its version follows from what `user` sees, so that nothing is judged again because of what it does not see.
    """
    own = fully_visible(view.changes, user)
    revised = [f"{key} {found[:-1]}".encode() for key, found in sorted(view.earlier.items()) if any(one.key == key for one in own)]
    return view.fully_visible_to(user, crc32(b"\n".join([*(to_json(change) for change in own), *revised])))


def allowance_for(draft: Draft, user: str, view: CalendarView) -> CopyAllowance:
    """What triage's draft of an alert lets its User know."""
    return CopyAllowance(draft.severity, draft.category.number, _others(draft.suspects, user, view))


def _others(suspects: Iterable[Suspect], user: str, view: CalendarView) -> tuple[Suspect, ...]:
    """Suspected changes of other parties, whatever their visibility: that there is one, with the gravest verdict."""
    found: set[SuspectVerdict] = set()
    for suspect in suspects:
        change = view.by_key.get(suspect.key or "")
        if suspect.basis == "declared" and suspect.verdict in _TOLD and change is not None and not is_fully_visible(change, user):
            found.add(suspect.verdict)
    verdict = next((verdict for verdict in _TOLD if verdict in found), None)
    return () if verdict is None else (_hidden(verdict),)


def _hidden(verdict: SuspectVerdict) -> Suspect:
    reasons = (Reason(code="other_party", text="Another party's change is suspected; the DCC Service Desk knows which."),)
    return Suspect(change_id=None, owner=None, basis="other_party", verdict=verdict, score=_SCORES[verdict], reasons=reasons)


def redacted(own: Draft, allowed: CopyAllowance, user: str) -> Draft:
    """A User's copy: its own draft with what triage lets it know. Nothing of another User is in `own` to begin with."""
    suspects = [suspect for suspect in own.suspects if suspect.basis == "declared"] + list(allowed.others)
    suspects.sort(key=lambda suspect: (-suspect.score, suspect.change_id or "", suspect.owner or ""))
    return replace(
        own,
        severity=allowed.severity,
        category=_category(own.category, allowed.category),
        suspects=tuple(suspects),
        affected=(user,) if allowed.others else (),
    )


def _category(own: Category, number: int) -> Category:
    if own.number == number:
        return own
    return Category(number, "Proposed by the DCC Service Desk from what it sees of the whole service.")
