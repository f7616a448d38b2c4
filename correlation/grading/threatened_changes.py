"""Threatened changes: changes of the day that an incident endangers before they begin, such as a disaster recovery test."""

from dataclasses import dataclass

from changes.calendar import CalendarView
from changes.planning.overlaps import conflict_between, reach_us
from changes.planning.systems import SystemMap
from correlation.parameters import CorrelationParameters
from correlation.phrases import clock, figure, listed
from correlation.snapshots import IncidentSnapshot
from models.alert import Suspect, ThreatenedChange
from models.change import Change
from models.columns import SeriesKey
from models.times import DAY_US, HOUR_US, SECOND_US
from models.vocabulary import SUSPECTED, Phase, Severity

_MOST, _MOST_OF_USER = 10, 3
_SOON_US, _LONG_US = HOUR_US // 2, 2 * HOUR_US
"""A change that starts within half an hour meets even a new incident; an old one is assumed to last at most two more hours."""
_WORDS = {"bcdr_test": "disaster recovery test", "planned_maintenance": "planned maintenance", "emergency": "emergency change"}


@dataclass(frozen=True, slots=True)
class ThreatInputs:
    """The facts of an incident for the people who plan to change something today."""

    case: IncidentSnapshot
    severity: Severity
    category: int
    suspects: tuple[Suspect, ...]
    phase: Phase = "growing"


def threatened(danger: ThreatInputs, view: CalendarView, parameters: CorrelationParameters) -> tuple[ThreatenedChange, ...]:
    """Changes that have yet to begin, and a test that runs, by start; what is `info`, or nearly over, threatens nothing."""
    case = danger.case
    if danger.severity == "info" or case.ended_us is not None or danger.phase == "tail":
        return ()
    last_us = max(case.at_us + parameters.threat_s * SECOND_US, (case.at_us // DAY_US + 1) * DAY_US - 1)
    blamed = {suspect.key for suspect in danger.suspects if suspect.verdict in SUSPECTED}
    coming = [
        change
        for change in view.between(case.at_us, last_us)
        if change.key not in blamed and change.status not in ("completed", "rolled_back") and _ahead(change, case, view)
    ]
    coming.sort(key=lambda change: (view.window(change)[0], change.change_id, change.owner))
    known = {change.key: _planned_conflict(change, danger, view, parameters) for change in coming}
    chosen = _first_of_each_owner([change for change in coming if known[change.key] is not None or _at_risk(change, danger, view)])
    return tuple(
        ThreatenedChange(change_id=change.change_id, owner=change.owner, why=_why(change, danger, view, known[change.key]))
        for change in chosen
    )


def _planned_conflict(test: Change, danger: ThreatInputs, view: CalendarView, parameters: CorrelationParameters) -> Change | None:
    """The suspected change of which the calendar already showed that it may disrupt a disaster recovery test; None if there is none."""
    if test.category != "bcdr_test":
        return None
    start_us, end_us = reach_us(test)
    for suspect in danger.suspects:
        change = view.by_key.get(suspect.key or "") if suspect.verdict in SUSPECTED else None
        if change is None or not (reach_us(change)[0] < end_us and start_us < reach_us(change)[1]):
            continue
        if conflict_between(change, test, SystemMap(parameters.systems)) is not None:
            return change
    return None


def _first_of_each_owner(coming: list[Change]) -> list[Change]:
    """A bounded number, and a few of each User: one User's plans can't displace all others from the list."""
    count: dict[str, int] = {}
    chosen = []
    for change in coming:
        count[change.owner] = count.get(change.owner, 0) + 1
        if change.source != "user" or count[change.owner] <= _MOST_OF_USER:
            chosen.append(change)
    return chosen[:_MOST]


def _ahead(change: Change, case: IncidentSnapshot, view: CalendarView) -> bool:
    """Whether it is still a plan: a running change is a suspect or uninvolved, but a test that began since then can be stopped."""
    start_us, _ = view.window(change)
    return start_us > case.at_us or (change.category == "bcdr_test" and start_us > case.onset_us)


def _at_risk(change: Change, danger: ThreatInputs, view: CalendarView) -> bool:
    """Whether the incident is likely to last until the change begins, and affects the place of the change."""
    case = danger.case
    wide, users = bool(case.affected_users) or danger.category <= 2, view.scope_users(change)
    needs_all = change.category == "bcdr_test" or (change.category == "planned_maintenance" and users is None)
    if wide and needs_all:
        return True
    if change.disruption == "none" or view.window(change)[0] > case.at_us + _lasts_us(case):
        return False
    if users is None:
        return wide and _touches(change, case, view)
    return bool(users & {case.origin_user, *case.users, *case.affected_users}) and _touches(change, case, view)


def _lasts_us(case: IncidentSnapshot) -> int:
    """How long an incident is expected to continue: about as long as it has lasted, or until its queues are empty."""
    drains = [episode.evidence["drain_eta_s"] for episode in case.episodes if episode.open and "drain_eta_s" in episode.evidence]
    return max(_SOON_US, min(case.at_us - case.onset_us, _LONG_US), round(max(drains, default=0.0) * SECOND_US))


def _touches(change: Change, case: IncidentSnapshot, view: CalendarView) -> bool:
    keys: set[SeriesKey] = {key for episode in case.episodes for key in episode.series}
    return any(view.matches(change, key) for key in sorted(keys))


def _why(change: Change, danger: ThreatInputs, view: CalendarView, known: Change | None) -> str:
    case = danger.case
    start_us, _ = view.window(change)
    words = _WORDS.get(change.category, "change")
    when = f"starts at {clock(start_us, case.at_us)}" if start_us > case.at_us else f"has run since {clock(start_us, case.at_us)}"
    conflict = f" The calendar showed this conflict with {known.change_id} before." if known is not None else ""
    return f"The {words} of {change.owner} {when}, while {state(case)}.{conflict}"


def state(case: IncidentSnapshot) -> str:
    """The current trouble, in a clause."""
    depths = [episode for episode in case.episodes if episode.open and "depth" in episode.evidence]
    deepest = max(depths, key=lambda episode: (episode.evidence["depth"], episode.alert_id), default=None)
    whose = case.origin_user or (listed(case.regions) if case.regions else "several Users")
    if deepest is not None and deepest.user is not None:
        clause = f"{figure(deepest.evidence['depth'])} messages wait for {deepest.user}"
    else:
        clause = f"the traffic of {whose} is disturbed"
    affected = len(case.affected_users)
    return clause + (f" and {affected} other {'Users are' if affected > 1 else 'User is'} affected" if affected else "")
