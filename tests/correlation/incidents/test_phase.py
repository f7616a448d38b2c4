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
from models.times import HOUR_US, MINUTE_US
from tests.correlation.alerts.test_grouping import ONE, last_episode
from tests.correlation.builders import MORNING_US, Trouble


def harm(name: str, *windows: float) -> Harm:
    ends_us = MORNING_US + MINUTE_US * np.arange(len(windows))
    return Harm(name, ends_us, np.array(windows), 1.0, {})


def test_a_small_measure_that_rises_when_answers_come_back_is_no_growth():
    course = Course(worst={"excess/60/own": 260.0, "failed/60/others": 15.0}, phase="holding")
    storm, failures = harm("excess/60/own", *[260.0] * 12, *[0.0] * 4), harm("failed/60/others", *[5.0] * 12, *[15.0] * 4)
    for minute in range(4):
        follow(course, [storm, failures], MORNING_US + minute * MINUTE_US, back=False)
    assert course.phase == "recovering"
    for minute in range(4, 8):
        follow(course, [storm, replace(failures, name="failed/60/own")], MORNING_US + minute * MINUTE_US, back=False)
    assert course.phase == "recovering"


def test_traffic_that_is_back_for_a_minute_is_not_the_end():
    course, storm = Course(worst={"excess/60/own": 260.0}, phase="holding"), harm("excess/60/own", *[260.0] * 20)
    for minute, back in enumerate([True, False, True, True, False, True, True, True]):
        assert course.phase == "holding"
        follow(course, [storm], MORNING_US + minute * MINUTE_US, back=back)
    assert course.phase == "tail"
    for second in range(130, 260, 10):
        assert course.phase == "tail", "ten seconds are no sign of a relapse either"
        follow(course, [storm], MORNING_US + 8 * MINUTE_US + second * 1_000_000, back=False)
    assert course.phase == "holding"
    assert follow(course, [storm], MORNING_US + HOUR_US, back=True, over=True) == "tail"


def test_the_worst_is_that_of_most_users_whatever_the_depth_does():
    event = OpenIncident("I-1", MORNING_US, origin_user="SUP-01", affected={"SUP-02"})
    event.course.depth = 1_400_000.0
    never_milder(event, Category(1, "1 of 9 Users is affected.", "1 of 9 Users was affected."))
    event.affected, event.course.depth = {"SUP-02", "SUP-03"}, 1000.0
    never_milder(event, Category(1, "2 of 9 Users are affected.", "2 of 9 Users were affected."))
    event.resolved_us = MORNING_US
    assert never_milder(event, Category(4, "")).reason == "At its worst: 2 of 9 Users were affected."


def test_a_common_loss_does_not_count_for_an_older_incident_while_a_younger_one_hurts_others():
    incidents = Incidents(CorrelationParameters())
    older = OpenIncident("I-1", MORNING_US, origin_user="SUP-01")
    younger = OpenIncident("I-2", MORNING_US + 5 * MINUTE_US, origin_user="SUP-02", affected={"SUP-03"})
    incidents.events = {"I-1": older, "I-2": younger}
    now_us = MORNING_US + 10 * MINUTE_US
    assert incidents.overlaid_by(older, now_us)
    assert not incidents.overlaid_by(younger, now_us), "what the older one takes is in the hours before"
    younger.resolved_us = now_us
    assert incidents.overlaid_by(older, now_us + SETTLES_US - MINUTE_US)
    assert not incidents.overlaid_by(older, now_us + SETTLES_US)
    younger.resolved_us, younger.affected = None, set()
    assert not incidents.overlaid_by(older, now_us), "it hurts nobody else"


def test_a_storm_whose_last_window_is_usual_is_not_stated_as_one():
    storm = last_episode("storm", Trouble("storm", ONE, 5, observed=3000))
    assert describe_open(storm).startswith("SUP-01: 3,000 ")
    over = describe_open(replace(storm, observed=storm.expected))
    assert "The last window is usual again" in over
    assert "Peak 3,000 messages" in over
