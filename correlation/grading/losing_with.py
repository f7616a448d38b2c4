"""Losing with an incident: which Users lose a part of their answers because of it although no single series of theirs shows that."""

from collections.abc import Callable
from dataclasses import replace

from correlation.evaluation_context import EvaluationContext
from correlation.grading.declared_effect import declares_effect_on
from correlation.incidents.incidents import Incidents
from correlation.incidents.membership import possible_causes
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.shared_loss import SHOWS_US, Question, losing_users, rise
from models.columns import SeriesKey


def losing_with(event: OpenIncident, incidents: Incidents, known: EvaluationContext) -> set[str]:
    """Users other than the origin; none where the loss may be what a younger incident does."""
    members = tuple(event.members.values())
    if not any(cause.open for cause in possible_causes(members, event.origin_user)):
        return set()
    explained = _explained(event, incidents, known)
    alone = not incidents.overlaid_by(event, known.at_us, older=True)
    question = Question(event.origin_user, event.case(known.at_us).onset_us, known.at_us, alone)
    for other in incidents.overlaid_by(event, known.at_us):
        risen = _risen(event, other, question, explained, known)
        if risen is None:
            return set()
        question = replace(question, risen=question.risen + risen)
    return set(losing_users(question, explained, known.history))


def _explained(event: OpenIncident, incidents: Incidents, known: EvaluationContext) -> Callable[[SeriesKey], bool]:
    """Series whose loss another incident or a declaration explains, or whose answers wait and are not lost."""
    elsewhere = incidents.hit_by_others(event, younger=True)
    waiting = {one.user for one in event.members.values() if one.kind == "backlog"}
    since_us = event.case(known.at_us).onset_us
    declared = [change for change in known.view.between(since_us, known.at_us) if change.source == "dcc" and change.expected is not None]

    def explained(key: SeriesKey) -> bool:
        if key.user in waiting or elsewhere.explains("drop", key):
            return True
        return any(declares_effect_on(change, key) for change in declared)

    return explained


def _risen(
    event: OpenIncident, other: OpenIncident, question: Question, explained: Callable[[SeriesKey], bool], known: EvaluationContext
) -> float | None:
    """What a younger incident took when it began; None where that can't be known: only a storm hurts others at once."""
    causes = possible_causes(tuple(other.members.values()), other.origin_user)
    settles = other.resolved_us is not None or other.course.back_since_us is not None
    if settles or not causes or any(cause.kind != "storm" for cause in causes):
        return None
    step_us = other.case(other.opened_us).onset_us
    if other.incident_id not in event.risen and known.at_us >= step_us + SHOWS_US:
        risen = rise(question, step_us, explained, known.history)
        if risen is not None:
            event.risen[other.incident_id] = risen
    return event.risen.get(other.incident_id)
