"""Detection as a whole: the same whatever else is watched, however it is cut into blocks, and after a restart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import state_blocks
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import ALERT_KINDS, CONTINUES, Detected, Findings, SeriesKey, TrafficTick
from models.state_bytes import pack, unpack
from tests.detectors.cohorts import DAY, Cohort, counts, key, queue_key, queues, traffic

SERIES = 40
WINDOW_S, A_DAY = 600, 144
"""Long windows: a day to learn from is the same day, and ten times fewer steps."""
PARAMETERS = DetectionParameters(false_alarms_per_day=1000.0)
"""A generous budget, so that there is something to compare."""


def weather(window: int) -> np.ndarray:
    """Factors of each series: storms, drops and silences that come and go."""
    generator = np.random.default_rng([77, window // 25])
    return generator.choice([1.0, 1.0, 1.0, 0.0, 0.3, 5.0], SERIES)


DRAW = counts(1, np.geomspace(0.3, 300.0, SERIES))


def messages(window: int) -> np.ndarray:
    return DRAW(window, weather(window) if window >= A_DAY + 30 else 1.0)


def reported(window: int) -> np.ndarray:
    return np.random.default_rng([78, window]).random(SERIES) < 0.98


def rows(result: Detected, keys: tuple[SeriesKey, ...]) -> list[tuple]:
    """All findings by series key, bit for bit."""
    findings = result.traffic
    return sorted(
        (
            ALERT_KINDS[findings.kind[row]],
            keys[findings.series[row]],
            int(findings.phase[row]),
            int(findings.began_us[row]),
            int(findings.detected_us[row]),
            findings.score[row].tobytes(),
            findings.observed[row].tobytes(),
            findings.expected[row].tobytes(),
            tuple((name, column[row].tobytes()) for name, column in sorted(findings.evidence.items()) if np.isfinite(column[row])),
        )
        for row in range(len(findings))
    )


def tick(cohort: Cohort, window: int, indices: np.ndarray) -> TrafficTick:
    counted = messages(window)[indices]
    failed = np.floor(counted * 0.05)
    return traffic(cohort.at_us, counted, failures=failed, reported=reported(window)[indices], window_s=WINDOW_S)


def run(indices: np.ndarray, windows: int, restart_at: int = -1) -> list[list[tuple]]:
    """The findings of each window for the series at `places`, in that order in the table."""
    keys = tuple(key(int(index), window_s=WINDOW_S) for index in indices)
    cohort = Cohort(keys, parameters=PARAMETERS, window_s=WINDOW_S)
    records = []
    for window in range(windows):
        if window == restart_at:
            blob = pack(cohort.detection.pack(), 1)
            cohort.detection = Detection.unpack(PARAMETERS, WINDOW_S, unpack(blob, 1))
            assert pack(cohort.detection.pack(), 1) == blob
        records.append(rows(cohort.step(tick(cohort, window, indices)), keys))
    return records


@pytest.fixture(scope="module")
def everything() -> list[list[tuple]]:
    records = run(np.arange(SERIES), A_DAY + 200)
    assert {row[0] for window in records for row in window} >= {"storm", "drop", "silence"}
    return records


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000), size=st.integers(1, SERIES))
def test_a_series_is_judged_alike_whatever_else_is_in_the_table_and_wherever_it_stands(everything, seed, size):
    indices = np.random.default_rng(seed).permutation(SERIES)[:size]
    kept = {key(int(index), window_s=WINDOW_S) for index in indices}
    assert run(indices, A_DAY + 200) == [[row for row in window if row[1] in kept] for window in everything]


def test_blocks_change_nothing(everything, monkeypatch):
    monkeypatch.setattr(state_blocks, "BLOCK", 7)
    assert run(np.arange(SERIES), A_DAY + 200) == everything


@settings(max_examples=3, deadline=None)
@given(restart_at=st.integers(1, A_DAY + 199))
def test_a_restart_changes_nothing(everything, restart_at):
    assert run(np.arange(SERIES), A_DAY + 200, restart_at) == everything


def test_new_series_leave_the_old_ones_as_they_are(everything):
    early, late = (tuple(key(index, window_s=WINDOW_S) for index in indices) for indices in (range(20), range(20, SERIES)))
    cohort = Cohort(early, parameters=PARAMETERS, window_s=WINDOW_S)
    for window in range(A_DAY + 200):
        if window == A_DAY + 50:
            cohort.traffic_keys = (*early, *late)
        detected = cohort.step(tick(cohort, window, np.arange(len(cohort.traffic_keys))))
        records = [row for row in rows(detected, cohort.traffic_keys) if row[1] in early]
        assert records == [row for row in everything[window] if row[1] in early]


def test_pulses_are_in_canonical_order_and_name_the_same_groups_until_a_series_comes():
    keys = (key(3), key(1), key(2))
    cohort = Cohort(keys, (queue_key(5), queue_key(4)))
    tick = traffic(cohort.at_us, np.array([3.0, 1.0, 2.0]))
    first = cohort.step(tick, queues(cohort.at_us, np.array([50.0, 40.0])))
    assert [group.user for group in first.pulse.groups] == ["USER-001", "USER-002", "USER-003"]
    assert first.pulse.observed.tolist() == [1.0, 2.0, 3.0]
    assert [queue.user for queue in first.queue_pulse.queues] == ["USER-004", "USER-005"]
    assert first.queue_pulse.depth.tolist() == [40.0, 50.0]
    second = cohort.step()
    assert second.pulse.groups is first.pulse.groups
    assert second.queue_pulse.queues is first.queue_pulse.queues


def test_an_empty_cohort_is_no_fault():
    detected = Cohort().step()
    assert len(detected.traffic) == len(detected.queues) == 0
    assert len(detected.pulse.observed) == 0


def test_what_was_learned_makes_the_first_day_like_the_third():
    means = np.array([10.0, 60.0])
    draw = counts(4, means)
    one, two = key(0, window_s=300), key(1, window_s=300)
    cohort = Cohort((one, two), window_s=300)
    week = 8 * DAY // 5
    cohort.run(week, draw)
    learned = unpack(pack(cohort.detection.learned(), 1), 1)
    fresh = Cohort((two, one), window_s=300, window=week)
    fresh.detection.learn_from(learned)
    result = fresh.run(30, lambda window: draw(window)[::-1])
    assert fresh.records == []
    np.testing.assert_allclose(result.pulse.expected, means, rtol=0.1)
    fresh.run(4, lambda window: np.zeros(2))
    assert len(fresh.began("silence")) == 2


def test_codes_of_failures_are_counted_since_they_began():
    cohort = Cohort((key(0),))
    draw = counts(5, np.array([200.0]))
    for _ in range(DAY):
        count = draw(cohort.window)
        cohort.step(traffic(cohort.at_us, count, failures=np.floor(count * 0.02)))
    total = 0
    for _ in range(10):
        count = draw(cohort.window)
        failed = np.floor(count * 0.5)
        total += int(failed[0])
        tick = traffic(cohort.at_us, count, failures=failed)
        tick.codes[0] = {"E20": int(failed[0])}
        detected = cohort.step(tick).traffic
    assert [kind for _, kind, _, _ in cohort.records] == ["failures"]
    assert detected.codes == {0: {"E20": total}}
    assert detected.phase.tolist() == [CONTINUES]
    assert detected.evidence["failure_ratio"][0] == pytest.approx(0.5, abs=0.01)


def test_state_without_holidays_habits_and_spilt_windows_is_completed():
    """As an earlier version kept it: fewer columns, and a profile of three kinds of days."""
    cohort = Cohort((key(0), key(1)), window_s=3600)
    draw = counts(9, np.full(2, 50.0))
    cohort.run(48, draw)
    tree = cohort.detection.pack()
    parts = tree["traffic"]["parts"]
    for name in ("day", "day_visits"):
        parts["expectation"][name] = parts["expectation"][name][:72]
    del parts["spill"], parts["drift"]["habit_days"]
    for kind in ("storm", "drop"):
        for name in ("peak", "peak_s", "limit", "excursions", "excess", "counted_s", "first_s", "ring_s", "ring_nats"):
            del parts[kind][name]
    cohort.detection = Detection.unpack(cohort.parameters, 3600, tree)
    cohort.run(24, draw)
    assert cohort.records == []
    cohort.run(3, lambda window: draw(window, 0.0))
    assert {kind for _, kind, _, _ in cohort.records} == {"silence"}


@pytest.mark.parametrize(("serious", "usual"), [((False, False), [True, False]), ((False, True), [False, False])])
def test_a_users_queues_hear_of_its_storms(serious: tuple[bool, bool], usual: list[bool]):
    cohort = Cohort((key(0, "A"), key(1, "A"), key(2, "B")), tuple(SeriesKey(user, "", "", "", "", "to_user", 60) for user in "AB"))
    cohort.step()
    number = ("began_us", "detected_us", "score", "observed", "expected")
    columns = {name: np.zeros(2) for name in number} | {name: np.zeros(2, np.uint8) for name in ("kind", "phase")}
    storms = Findings(**columns, series=np.array([0, 1], np.int32), serious=np.array(serious), evidence={})
    cohort.detection._note_bursts(storms, cohort.at_us)
    ((_, block),) = cohort.detection._queues._blocks
    assert (block["backlog"]["burst_s"] > 0).tolist() == usual
