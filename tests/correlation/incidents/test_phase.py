"""What an incident says of itself while it lasts: phase, size, and whom it takes credit for."""

from dataclasses import replace

import numpy as np

from correlation.grading.incident_category import Category, never_milder
from correlation.incidents.harm import Harm
from correlation.incidents.incidents import SETTLES_US, Incidents
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.phase import follow
from correlation.incidents.recovery import Course
from correlation.parameters import CorrelationParameters
from correlation.wording.alert_text import describe_open
from models.times import MINUTE_US
from tests.correlation.alerts.test_grouping import ONE, last_episode
from tests.correlation.builders import MORNING_US, Trouble


def harm(name: str, *windows: float) -> Harm:
    ends_us = MORNING_US + MINUTE_US * np.arange(len(windows))
    return Harm(name, ends_us, np.array(windows), 1.0, {})


def test_a_small_measure_that_rises_when_answers_come_back_is_no_growth():
    course = Course(worst={"excess/60/own": 260.0, "failed/60/others": 15.0}, phase="holding")
    storm, failures = harm("excess/60/own", *[260.0] * 12, *[0.0] * 4), harm("failed/60/others", *[5.0] * 12, *[15.0] * 4)
    for _ in range(4):
        follow(course, [storm, failures], back=False)
    assert course.phase == "recovering"
    for _ in range(4):
        follow(course, [storm, replace(failures, name="failed/60/own")], back=False)
    assert course.phase == "recovering"


def test_the_worst_is_that_of_most_users_whatever_the_depth_does():
    event = OpenIncident("I-1", MORNING_US, origin_user="SUP-01", affected={"SUP-02"})
    event.course.depth = 1_400_000.0
    never_milder(event, Category(1, "1 of 9 Users is affected."))
    event.affected, event.course.depth = {"SUP-02", "SUP-03"}, 1000.0
    never_milder(event, Category(1, "2 of 9 Users are affected."))
    event.resolved_us = MORNING_US
    assert never_milder(event, Category(4, "")).reason == "At its worst: 2 of 9 Users are affected."


def test_a_common_loss_does_not_count_for_an_older_incident_while_a_younger_one_hurts_others():
    incidents = Incidents(CorrelationParameters())
    older = OpenIncident("I-1", MORNING_US, origin_user="SUP-01")
    younger = OpenIncident("I-2", MORNING_US + 5 * MINUTE_US, origin_user="SUP-02", affected={"SUP-03"})
    incidents.events = {"I-1": older, "I-2": younger}
    now_us = MORNING_US + 10 * MINUTE_US
    assert incidents.is_overlaid(older, now_us)
    assert not incidents.is_overlaid(younger, now_us), "what the older one takes is in the hours before"
    younger.resolved_us = now_us
    assert incidents.is_overlaid(older, now_us + SETTLES_US - MINUTE_US)
    assert not incidents.is_overlaid(older, now_us + SETTLES_US)
    younger.resolved_us, younger.affected = None, set()
    assert not incidents.is_overlaid(older, now_us), "it hurts nobody else"


def test_a_storm_whose_last_window_is_usual_is_not_stated_as_one():
    storm = last_episode("storm", Trouble("storm", ONE, 5, observed=3000))
    assert describe_open(storm).startswith("SUP-01: 3,000 ")
    over = describe_open(replace(storm, observed=storm.expected))
    assert "The last window is usual again" in over
    assert "Peak 3,000 messages" in over
