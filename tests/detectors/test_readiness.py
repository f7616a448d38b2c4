"""Readiness: what a new installation can judge and what it cannot."""

import numpy as np

from detectors.readiness import in_words, readiness
from models.times import parse_time
from tests.detectors.cohorts import Cohort, counts, key

WINDOW_S = 3600


def stages(hours: int, start: str = "2026-01-08T00:00:00Z") -> list:
    watched = Cohort((key(0), key(1)), window_s=WINDOW_S, start_us=parse_time(start))
    draw = counts(1, np.full(2, 100.0))
    watched.run(hours, draw)
    return readiness(watched.detection.pack())


def test_a_series_is_learning_for_a_day_and_then_in_its_first_week_until_a_weekend_was_seen():
    assert {one.stage for one in stages(10)} == {"learning"}
    (young, _) = stages(30)
    assert (young.stage, young.until_us) == ("first_week", parse_time("2026-01-12T00:00:00Z"))
    assert {(one.stage, one.until_us) for one in stages(4 * 24 + 2)} == {("judged", None)}


def test_it_is_said_in_plain_words():
    assert in_words([]) == "no traffic was seen yet, so nothing is judged"
    assert "2 of 2 series are not judged before 2026-01-09T00:00:00Z" in in_words(stages(10))
    assert "from 2026-01-12T00:00:00Z on" in in_words(stages(30))
    assert in_words(stages(4 * 24 + 2)) == "2 of 2 series are judged at any time"
