"""Category: the SEC Incident Category (1 to 5, 1 the most severe) that is proposed to the Service Desk, with a reason; a person decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CategoryParameters
from correlation.phrases import clock, figure, listed, process_names, span
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.rounding import round_significant
from models.times import SECOND_US
from models.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Category:
    """A number and the sentence that justifies it."""

    number: int
    reason: str


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


def categorise(extent: CategoryInputs, limits: CategoryParameters) -> Category:
    """The first rule that applies, the most severe first."""
    for number, rule in ((1, _major), (2, _significant), (3, _moderate)):
        reason = rule(extent, limits)
        if reason is not None:
            return Category(number, reason)
    users = len(extent.case.users)
    whose = "One User's traffic" if users == 1 else f"The traffic of {users} Users" if users else "The traffic"
    if extent.within:
        return Category(4, f"{whose} deviates as a change declared.")
    if extent.severity == "info":
        return Category(_LEAST, "For information: no User is known to suffer.")
    return Category(4, f"{whose} deviates, without an effect on others so far.")


_LEAST = 5
_MORE_THAN_ANY_DEPTH = 1e12


def never_milder(event: OpenIncident, category: Category) -> Category:
    """A category is never milder than the worst so far, even at the end; an earlier one states its reason as past."""
    size = len(event.affected) * _MORE_THAN_ANY_DEPTH + (event.course.depth or 0.0)
    number, _ = event.worst
    if category.number < number or (category.number == number and size >= event.worst_size and event.resolved_us is None):
        event.worst, event.worst_size = (category.number, category.reason), size
        return category
    if category.number == number and event.resolved_us is None:
        return category
    return Category(event.worst[0], f"At its worst: {event.worst[1]}")


def _major(extent: CategoryInputs, limits: CategoryParameters) -> str | None:
    affected = extent.case.affected_users
    if len(affected) >= limits.major_users_least and round_significant(len(affected) / max(extent.users, 1)) >= limits.major_users_share:
        return f"{len(affected)} of {extent.users} Users are affected."
    for process in limits.major_processes:
        suffering = extent.harmed.get(process, ())
        if len(suffering) >= limits.major_process_users:
            return f"{len(suffering)} other Users can't carry out {process_names((process,))} as usual."
    regions = sorted({key.region for episode in extent.case.episodes if episode.user in affected for key in episode.series if key.region})
    if len(affected) >= limits.major_users_least and len(regions) >= limits.major_regions:
        return f"{len(affected)} Users in {listed(regions)} are affected."
    if any(
        episode.kind == "stale" and episode.user is None and episode.region is None and episode.open for episode in extent.case.episodes
    ):
        return "No User's reports arrive: the state of the whole service is unknown."
    return None


def _significant(extent: CategoryInputs, limits: CategoryParameters) -> str | None:
    depth, when = _worst("depth", extent)
    if round_significant(depth) >= limits.significant_depth:
        return f"{figure(depth)} messages wait for one User{when}."
    affected = extent.case.affected_users
    age_s, when = _worst("oldest_age_s", extent)
    if affected and round_significant(age_s) >= limits.significant_age_s:
        others = f"{len(affected)} other {'Users are' if len(affected) > 1 else 'User is'} affected"
        return f"The oldest message waits for {span(age_s)}{when}, and {others}."
    if affected:
        return f"{len(affected)} other {'Users are' if len(affected) > 1 else 'User is'} affected; the service runs at reduced capacity."
    return None


def _moderate(extent: CategoryInputs, limits: CategoryParameters) -> str | None:
    if extent.severity == "info":
        return None
    for episode in _open(extent):
        until_us = extent.case.at_us if episode.ended_us is None else episode.ended_us
        lasted_s = (until_us - episode.onset_us) / SECOND_US
        if episode.kind in ("storm", "silence", "backlog", "drop", "failures", "stale") and lasted_s >= limits.moderate_after_s:
            return "It has lasted longer than " + span(limits.moderate_after_s) + (" at one User." if episode.user else ".")
    return None


def _worst(name: str, extent: CategoryInputs) -> tuple[float, str]:
    """The highest evidence of a name among the open alerts, and the time of that figure: a sentence stands while the figure changes."""
    worst = max(_open(extent), key=lambda episode: episode.evidence.get(name, 0.0), default=None)
    if worst is None:
        return 0.0, ""
    return worst.evidence.get(name, 0.0), f" at {clock(worst.at_us, extent.case.at_us)}"


def _open(extent: CategoryInputs) -> list[AlertSnapshot]:
    return [episode for episode in extent.case.episodes if episode.open]
