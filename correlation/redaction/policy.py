"""Redaction policy: the part of the monitor's judgement that a User may see; everything is denied unless it is allowed here.

A User's copies are not cut from triage's records: they are judged and worded separately from what that User may know: its own findings,
its own traffic, its own changes and the DCC's. Five things are added from triage and nothing else:

- its own alert's `severity` and `category` (not their reasons, which would name others);
- for any other party's suspected change, whatever its visibility: that there is one, and the verdict;
- the verdict on a change that the reader sees in full, where triage, which sees the whole service, suspects it less than the reader's
  own traffic does;
- `affected_users` names the reader, if another party's change is suspected;
- that a loss began at no User, so that the reader need not look for it on its side; not whether or where others have it.

`incident_id` is the User's own: it is made from its own first alert of the event, using its own alerts only. Therefore it reveals nothing
about other Users, and it equals triage's if the event began with that very alert. An undeclared change of its own is not shown to the User
as a suspect (that verdict rests on the traffic of others); the next step asks for it without blame.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zlib import crc32

from changes.calendar import CalendarView
from changes.visibility import fully_visible, is_fully_visible
from correlation.alert_draft import Draft
from correlation.grading.incident_category import Category
from correlation.incidents.spill_over import fails_at_devices
from correlation.wording.shared_trouble import location
from models.alert import Reason, Suspect
from models.canonical_json import to_json
from models.vocabulary import SUSPECTED, Severity, SuspectVerdict

_SCORES: dict[SuspectVerdict, float] = {"probable": 0.75, "possible": 0.25, "coincident": 0.1, "excluded": 0.0}
"""Constant, so that a score reveals no more than its verdict."""


@dataclass(frozen=True, slots=True)
class CopyAllowance:
    """The facts from triage that a User may know about one of its alerts."""

    severity: Severity
    category: int
    others: tuple[Suspect, ...] = ()
    """Other parties' suspects, already redacted; best first."""
    own: dict[str, SuspectVerdict] | None = None
    """Change that the reader sees in full (`owner/change_id`) → triage's verdict on it; None where triage has not judged the alert."""
    began_elsewhere: bool = False
    """Whether its loss began at no User, seen over the whole service."""


def reader_calendar(user: str, view: CalendarView) -> CalendarView:
    """The calendar as one User may know it: its own and the DCC's changes.

    Its version depends only on what `user` sees, so that changes outside of it cause no new judgement.
    """
    own = fully_visible(view.changes, user)
    revised = [f"{key} {revisions[:-1]}".encode() for key, revisions in sorted(view.earlier.items()) if any(one.key == key for one in own)]
    return view.fully_visible_to(user, crc32(b"\n".join([*(to_json(change) for change in own), *revised])))


def allowance_for(draft: Draft, user: str, view: CalendarView) -> CopyAllowance:
    """The part of triage's draft of an alert that its User may know."""
    return CopyAllowance(
        draft.severity, draft.category.number, _others(draft.suspects, user, view), _own(draft.suspects, user, view), lost_elsewhere(draft)
    )


def lost_elsewhere(draft: Draft) -> bool:
    """Whether a User loses something in an incident that began at no User.

    Not for what a User does itself: a storm, or requests that are refused for its own faults.
    """
    suffers = draft.episode.kind in ("drop", "silence") or fails_at_devices(draft.episode)
    return suffers and location(draft.case) is not None


def _others(suspects: Iterable[Suspect], user: str, view: CalendarView) -> tuple[Suspect, ...]:
    """Suspected changes of other parties, whatever their visibility: that there is one, with the strongest verdict."""
    verdicts: set[SuspectVerdict] = set()
    for suspect in suspects:
        change = view.by_key.get(suspect.key or "")
        if suspect.basis == "declared" and suspect.verdict in SUSPECTED and change is not None and not is_fully_visible(change, user):
            verdicts.add(suspect.verdict)
    verdict = next((verdict for verdict in SUSPECTED if verdict in verdicts), None)
    return () if verdict is None else (_hidden(verdict),)


def _own(suspects: Iterable[Suspect], user: str, view: CalendarView) -> dict[str, SuspectVerdict]:
    declared = ((suspect, view.by_key.get(suspect.key or "")) for suspect in suspects if suspect.basis == "declared")
    return {change.key: suspect.verdict for suspect, change in declared if change is not None and is_fully_visible(change, user)}


def _at_most(suspect: Suspect, allowed: CopyAllowance) -> Suspect:
    """A suspect as its own traffic shows it, but no more suspected than triage suspects it: nobody is blamed for what others had too."""
    if allowed.own is None or suspect.verdict not in SUSPECTED:
        return suspect
    verdict = allowed.own.get(suspect.key or "", "coincident")
    if _SCORES[verdict] >= _SCORES[suspect.verdict]:
        return suspect
    text = "Seen over the whole service this is less sure." if verdict in SUSPECTED else "Seen over the whole service it is another cause."
    less = Reason(code="whole_service", text=text)
    return suspect.model_copy(
        update={"verdict": verdict, "score": min(suspect.score, _SCORES[verdict]), "reasons": (less, *suspect.reasons)}
    )


def _hidden(verdict: SuspectVerdict) -> Suspect:
    reasons = (Reason(code="other_party", text="Another party's change is suspected; the DCC Service Desk knows which."),)
    return Suspect(change_id=None, owner=None, basis="other_party", verdict=verdict, score=_SCORES[verdict], reasons=reasons)


def redacted(own: Draft, allowed: CopyAllowance, user: str) -> Draft:
    """A User's copy: its own draft with the allowed facts from triage. `own` contains nothing of another User."""
    suspects = [_at_most(suspect, allowed) for suspect in own.suspects if suspect.basis == "declared"] + list(allowed.others)
    suspects.sort(key=lambda suspect: (-suspect.score, suspect.change_id or "", suspect.owner or ""))
    return replace(
        own,
        severity=allowed.severity,
        category=_category(own.category, allowed.category),
        suspects=tuple(suspects),
        affected=(user,) if allowed.others else (),
        began_elsewhere=allowed.began_elsewhere,
    )


def _category(own: Category, number: int) -> Category:
    if own.number == number:
        return own
    return Category(number, "Proposed by the DCC Service Desk, which sees the whole service.")
