"""A common loss is given to the incident that can cause it, and to nobody where two can."""

import pytest

from correlation.evaluation_context import EvaluationContext
from correlation.grading.losing_with import losing_with
from correlation.history.fleet_totals import Fleet
from correlation.incidents.incidents import Incidents
from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CorrelationParameters
from models.times import HOUR_US, MINUTE_US
from tests.correlation.builders import queue
from tests.correlation.incidents.test_shared_loss import KEYS, NOW_US, ONSET_US, USERS, history
from tests.correlation.past import calendar, episode

LOST = history(dict.fromkeys(USERS, 0.15))


def incident(user: str, kind: str, depth: float | None) -> OpenIncident:
    keys = (queue(user),) if kind == "backlog" else tuple(key for key in KEYS if key.user == user)
    member = episode(kind, user, series=keys, onset_us=ONSET_US, detected_us=ONSET_US + MINUTE_US, at_us=NOW_US)
    event = OpenIncident(f"I-{user}", ONSET_US + MINUTE_US, {member.alert_id: member}, user)
    event.course.depth = depth
    return event


def losing(event: OpenIncident, *others: OpenIncident) -> set[str]:
    incidents = Incidents(CorrelationParameters())
    incidents.events = {one.incident_id: one for one in (event, *others)}
    return losing_with(event, incidents, EvaluationContext(NOW_US, calendar(at_us=NOW_US), LOST, Fleet()))


def test_a_deep_queue_takes_what_everybody_loses() -> None:
    assert losing(incident("SUP-0", "backlog", 300_000.0)) == set(USERS[1:])


@pytest.mark.parametrize(("rival", "named"), [(30_000.0, True), (200_000.0, False), (900_000.0, False), (None, True)])
def test_another_users_queue_that_is_as_deep_may_be_the_cause_as_well(rival: float | None, named: bool) -> None:
    assert bool(losing(incident("SUP-0", "backlog", 300_000.0), incident("SUP-1", "backlog", rival))) is named


def test_a_silent_user_is_not_the_cause_beside_a_growing_queue() -> None:
    assert losing(incident("SUP-0", "silence", None), incident("SUP-1", "backlog", 300_000.0)) == set()
    settled = incident("SUP-1", "backlog", 300_000.0)
    settled.resolved_us = NOW_US - HOUR_US
    assert losing(incident("SUP-0", "silence", None), settled) == set(USERS[1:])
