"""Losing with an incident: which Users lose a part of their answers because of it although no single series of theirs shows that."""

from collections.abc import Callable
from dataclasses import replace

from correlation.evaluation_context import EvaluationContext
from correlation.grading.declared_effect import declares_effect_on
from correlation.incidents.incidents import Incidents
from correlation.incidents.membership import possible_causes
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.shared_loss import SHOWS_US, Question, losing_users, rise
from correlation.incidents.spill_over import own_outage
from models.columns import SeriesKey

_DEEPER = 3.0
"""How many times as deep as another User's a queue must be for a common loss to be its doing."""


def losing_with(event: OpenIncident, incidents: Incidents, known: EvaluationContext) -> set[str]:
    """Users other than the origin; none where the loss may be what a younger incident does."""
    if not _may_hurt_others(event, incidents, known):
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


def _may_hurt_others(event: OpenIncident, incidents: Incidents, known: EvaluationContext) -> bool:
    """Whether what goes on at its origin can take others' answers, and no other User's queue is as good an explanation.

    A User that stops asking fills nothing: no answers are due to it.
    """
    causes = [cause for cause in possible_causes(tuple(event.members.values()), event.origin_user) if cause.open]
    if any(cause.kind == "storm" for cause in causes):
        return True
    if all(cause.kind == "silence" and own_outage(cause, known.history) for cause in causes):
        return False
    rivals = (
        other.course.depth or 0.0
        for other in incidents.events.values()
        if other.origin_user not in (None, event.origin_user) and other.merged_into is None and other.resolved_us is None
    )
    return (event.course.depth or 0.0) >= _DEEPER * max(rivals, default=0.0)


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
