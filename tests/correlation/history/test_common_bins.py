"""What series of different window lengths carry is added up in bins that all of them fill."""

import numpy as np

from correlation.history.common_bins import Course, courses, in_common_bins
from models.times import MINUTE_US, SECOND_US
from tests.correlation.history.test_mixed_panel import fleet
from tests.correlation.past import ONSET, episode, series


def course(window_s: int, count: int, value: float) -> Course:
    return Course(window_s * SECOND_US, ONSET + window_s * SECOND_US * np.arange(1, count + 1), np.full((1, count), value))


def test_ten_seconds_and_minutes_are_added_up_by_the_minute() -> None:
    common = in_common_bins(((course(10, 17, 1.0), course(60, 3, 100.0)), (course(60, 3, 7.0),)))
    assert common is not None
    ends_us, (one, other) = common
    assert ends_us.tolist() == [ONSET + MINUTE_US, ONSET + 2 * MINUTE_US], "the third minute is not complete"
    assert one.tolist() == [[106.0, 106.0]]
    assert other.tolist() == [[7.0, 7.0]]


def test_nothing_is_compared_where_no_bin_is_common() -> None:
    later = course(60, 3, 1.0)
    assert in_common_bins(((course(10, 5, 1.0),), (later,))) is None
    assert in_common_bins(((course(7 * 60, 9, 1.0),), (course(11 * 60, 9, 1.0),))) is None, "their common bin is longer than an hour"


def test_an_alert_of_both_lengths_has_a_course_for_each() -> None:
    keys = (series("MINUTE-1"), series("QUICK-1")._replace(window_s=10))
    measured = courses(episode("storm", series=keys), ONSET - MINUTE_US, fleet(5, {"QUICK-1": 3.0}), lambda recent: recent.observed.T)
    assert [one.bin_us // SECOND_US for one in measured] == [10, 60]
    common = in_common_bins((measured[:1], measured[1:]))
    assert common is not None
    ends_us, (quick, minute) = common
    assert len(ends_us) == 6
    assert quick[0].tolist() == [600.0, *[1800.0] * 5]
    assert minute[0].tolist() == [600.0] * 6
