"""Category: the SEC Incident Category (1 to 5, 1 the most severe) that is proposed to the Service Desk, with a reason; a person decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CategoryParameters
from correlation.phrases import clock, figure, listed, process_names, span
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.rounding import round_significant
from models.times import SECOND_US
from models.vocabulary import Phase, Severity


@dataclass(frozen=True, slots=True)
class Category:
    """A number and the sentence that justifies it."""

    number: int
    reason: str
    past: str = ""
    """The same sentence once it is no longer so; empty where nobody needs it."""


@dataclass(frozen=True, slots=True)
class CategoryInputs:
    """The extent of an incident."""

    case: IncidentSnapshot
    users: int
    """All Users that the monitor knows."""
    severity: Severity
    """The highest severity among its alerts."""
    within: bool
    """Whether all of it is a declared effect."""
    harmed: Mapping[str, Sequence[str]]
    """Business process → other Users that can't carry it out as usual; sorted."""
    phase: Phase = "growing"


Sentences = tuple[str, str]
"""A reason as it is now, and once it is over."""


def categorise(extent: CategoryInputs, limits: CategoryParameters) -> Category:
    """The first rule that applies, the most severe first."""
    for number, rule in ((1, _major), (2, _significant), (3, _moderate)):
        reason = rule(extent, limits)
        if reason is not None:
            return Category(number, *reason)
    users = len(extent.case.users)
    whose = "One User's traffic" if users == 1 else f"The traffic of {users} Users" if users else "The traffic"
    if extent.within:
        return Category(4, f"{whose} deviates as a change declared.", f"{whose} deviated as a change declared.")
    if extent.severity == "info":
        return Category(_LEAST, "For information: no User is known to suffer.", "For information: no User was known to suffer.")
    return Category(4, f"{whose} deviates, without an effect on others so far.", f"{whose} deviated, without an effect on others.")


_LEAST = 5
_MORE_THAN_ANY_DEPTH = 1e12


def never_milder(event: OpenIncident, category: Category) -> Category:
    """A category is never milder than the worst so far, even at the end; what is no longer so states its reason as past."""
    size = len(event.affected) * _MORE_THAN_ANY_DEPTH + (event.course.depth or 0.0)
    number, _ = event.worst
    goes_on = event.resolved_us is None and event.course.phase != "tail"
    if category.number < number or (category.number == number and size >= event.worst_size and goes_on):
        event.worst, event.worst_size = (category.number, category.past), size
    if category.number == event.worst[0] and goes_on:
        return category
    return Category(event.worst[0], f"At its worst: {event.worst[1]}")


def _major(extent: CategoryInputs, limits: CategoryParameters) -> Sentences | None:
    affected = extent.case.affected_users
    now = _be(len(affected), extent.phase)
    if len(affected) >= limits.major_users_least and round_significant(len(affected) / max(extent.users, 1)) >= limits.major_users_share:
        who = f"{len(affected)} of {extent.users} Users"
        return f"{who} {now} affected.", f"{who} were affected."
    for process in limits.major_processes:
        suffering = extent.harmed.get(process, ())
        if len(suffering) >= limits.major_process_users:
            who, what = f"{len(suffering)} {_other(extent)}Users", f"carry out {process_names((process,))} as usual."
            can_not = "could not always" if extent.phase == "recovering" else "can't"
            return f"{who} {can_not} {what}", f"{who} could not always {what}"
    regions = sorted({key.region for episode in extent.case.episodes if episode.user in affected for key in episode.series if key.region})
    if len(affected) >= limits.major_users_least and len(regions) >= limits.major_regions:
        who = f"{len(affected)} Users in {listed(regions)}"
        return f"{who} {now} affected.", f"{who} were affected."
    if any(
        episode.kind == "stale" and episode.user is None and episode.region is None and episode.open for episode in extent.case.episodes
    ):
        return (
            "No User's reports arrive: the state of the whole service is unknown.",
            "No User's reports arrived: the state of the whole service was unknown.",
        )
    return None


def _significant(extent: CategoryInputs, limits: CategoryParameters) -> Sentences | None:
    depth, when = _worst("depth", extent)
    if round_significant(depth) >= limits.significant_depth:
        return f"{figure(depth)} messages wait for one User{when}.", f"{figure(depth)} messages waited for one User{when}."
    affected = extent.case.affected_users
    who = f"{len(affected)} {_other(extent)}{'Users' if len(affected) > 1 else 'User'}"
    now = _be(len(affected), extent.phase)
    were = "were" if len(affected) > 1 else "was"
    age_s, when = _worst("oldest_age_s", extent)
    if affected and round_significant(age_s) >= limits.significant_age_s:
        waiting = f"{span(age_s)}{when}, and {who}"
        return f"The oldest message waits for {waiting} {now} affected.", f"The oldest message waited for {waiting} {were} affected."
    if affected:
        return (
            f"{who} {now} affected; the service runs at reduced capacity.",
            f"{who} {were} affected; the service ran at reduced capacity.",
        )
    return None


def _other(extent: CategoryInputs) -> str:
    """Users suffer besides the one where it began, if it began at one."""
    return "" if extent.case.origin_user is None else "other "


def _be(users: int, phase: Phase) -> str:
    """`is` or `are`; `has been` or `have been` once not everybody needs to suffer still."""
    if phase == "recovering":
        return "have been" if users > 1 else "has been"
    return "are" if users > 1 else "is"


def _moderate(extent: CategoryInputs, limits: CategoryParameters) -> Sentences | None:
    if extent.severity == "info":
        return None
    for episode in _open(extent):
        until_us = extent.case.at_us if episode.ended_us is None else episode.ended_us
        lasted_s = (until_us - episode.onset_us) / SECOND_US
        if episode.kind in ("storm", "silence", "backlog", "drop", "failures", "stale") and lasted_s >= limits.moderate_after_s:
            least = f"lasted longer than {span(limits.moderate_after_s)}{' at one User' if episode.user else ''}."
            return f"It has {least}", f"It {least}"
    return None


def _worst(name: str, extent: CategoryInputs) -> tuple[float, str]:
    """The highest evidence of a name among the open alerts, and the time of that figure: a sentence stands while the figure changes."""
    worst = max(_open(extent), key=lambda episode: episode.evidence.get(name, 0.0), default=None)
    if worst is None:
        return 0.0, ""
    return worst.evidence.get(name, 0.0), f" at {clock(worst.at_us, extent.case.at_us)}"


def _open(extent: CategoryInputs) -> list[AlertSnapshot]:
    return [episode for episode in extent.case.episodes if episode.open]
