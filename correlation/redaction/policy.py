"""Audience: what a User may see of the monitor's judgement, denied unless allowed here.

A User's copies are not cut out of triage's records: they are judged and worded anew from what that User may know, its own findings,
its own traffic, its own changes and the DCC's. To that four things are added from triage and nothing else:

- its own alert's `severity` and `category` (their reasons are not: they would name others);
- of another User's suspected change that is published: its public summary (owner, title, category, window, services, regions), basis and
  verdict;
- of any other party's suspected change: that there is one, and the verdict;
- `affected_users` names the reader, where another party's change is suspected.

`incident_id` is the User's own: made from its own first alert of the event, by its own alerts alone. So it says nothing of anybody else,
and equals triage's where the event began with that very alert. A change of its own that nobody declared is not put to the User as a
suspect (that verdict rests on how others fared); the next step asks for it without blame.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zlib import crc32

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.grading.incident_category import Category
from correlation.phrases import period
from models.alert import Reason, Suspect
from models.canonical_json import to_json
from models.change import Change
from models.vocabulary import Severity, SuspectVerdict

_TOLD: tuple[SuspectVerdict, ...] = ("probable", "possible")
_SCORES = {"probable": 0.75, "possible": 0.25}
"""Fixed, so that a score says no more than its verdict."""
_WINDOW = ("planned_start", "planned_end", "actual_start", "actual_end")
_SUMMARY = ("change_id", "owner", "source", "category", "title", *_WINDOW, "services", "regions", "visibility")
"""The public summary, with the id by which it is published, and what the record needs to be one."""


@dataclass(frozen=True, slots=True)
class CopyAllowance:
    """What triage lets a User know about one of its alerts."""

    severity: Severity
    category: int
    others: tuple[Suspect, ...] = ()
    """Other parties' suspects, already redacted; best first."""


def is_fully_visible(change: Change, user: str) -> bool:
    """Whether `user` may see all of a change: its own, and what the DCC leads."""
    return change.source == "dcc" or (change.source == "user" and change.owner == user)


def public_summary(change: Change) -> Change:
    """What everyone may see of another party's published change."""
    return Change.model_validate({name: getattr(change, name) for name in _SUMMARY})


@dataclass(frozen=True, slots=True)
class ReaderCalendars:
    """The calendar as one User may know it."""

    judged: CalendarView
    """Its own and the DCC's changes: what its alerts are judged against."""
    words: CalendarView
    """With the published ones of others as summaries: what may be named."""


def reader_calendars(user: str, view: CalendarView) -> ReaderCalendars:
    """Both; their version follows from what `user` sees, so that nothing is judged anew because of what it does not see."""
    own = tuple(change for change in view.changes if is_fully_visible(change, user))
    others = (change for change in view.changes if not is_fully_visible(change, user) and change.visibility == "public_summary")
    named = sorted((*own, *(public_summary(change) for change in others)), key=lambda change: change.change_id)
    version = crc32(b"\n".join(to_json(change) for change in own))
    return ReaderCalendars(CalendarView(version, own), CalendarView(version, tuple(named)))


def allowance_for(draft: Draft, user: str, view: CalendarView) -> CopyAllowance:
    """What triage's draft of an alert lets its User know."""
    return CopyAllowance(draft.severity, draft.category.number, _others(draft.suspects, user, view, draft.case.at_us))


def _others(suspects: Iterable[Suspect], user: str, view: CalendarView, now_us: int) -> tuple[Suspect, ...]:
    """Suspected changes of other parties: published ones by name, of all others one entry with the gravest verdict."""
    named: list[Suspect] = []
    hidden: set[SuspectVerdict] = set()
    for suspect in suspects:
        change = view.by_id.get(suspect.change_id or "")
        if suspect.basis != "declared" or suspect.verdict not in _TOLD or change is None or is_fully_visible(change, user):
            continue
        if change.visibility == "public_summary":
            named.append(_published(change, suspect.verdict, view, now_us))
        else:
            hidden.add(suspect.verdict)
    verdict = next((verdict for verdict in _TOLD if verdict in hidden), None)
    return (*named, *([] if verdict is None else [_hidden(verdict)]))


def _published(change: Change, verdict: SuspectVerdict, view: CalendarView, now_us: int) -> Suspect:
    text = f"{change.owner} has published it: {change.title}, {period(*view.window(change), now_us)}."
    reasons = (Reason(code="public_summary", text=text),)
    return Suspect(
        change_id=change.change_id, owner=change.owner, basis="declared", verdict=verdict, score=_SCORES[verdict], reasons=reasons
    )


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
