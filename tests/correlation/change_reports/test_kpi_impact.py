import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.change_reports.kpi_impact import INCONCLUSIVE, judge_series
from streams.sources.kpi_csv import read_cases, read_kpis

DAYS, MINUTES = 3, 1440
CHANGE = DAYS * MINUTES


def kpi(seed: int = 0, daily: float = 20.0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Three days and the two hours after the change, a value a minute."""
    minutes = np.arange(CHANGE + 120)
    values = 50 + daily * np.sin(2 * np.pi * minutes / MINUTES) + np.random.default_rng(seed).normal(0, noise, len(minutes))
    return minutes * 60.0, values


def verdict(at_s: np.ndarray, values: np.ndarray, change: int = CHANGE) -> str:
    return judge_series(at_s, values, at_s[change]).verdict


def test_an_ordinary_evening_is_no_impact() -> None:
    assert verdict(*kpi()) == "no_impact"


@pytest.mark.parametrize("shift", [8.0, -8.0])
def test_a_lasting_shift_is_an_impact(shift: float) -> None:
    at_s, values = kpi()
    values[CHANGE + 5 :] += shift
    assert verdict(at_s, values) == "impact"


def test_a_short_storm_is_an_impact() -> None:
    at_s, values = kpi()
    values[CHANGE + 40 : CHANGE + 46] += 30
    assert verdict(at_s, values) == "impact"


def test_one_bad_day_of_history_does_not_matter() -> None:
    at_s, values = kpi()
    values[CHANGE - MINUTES : CHANGE - MINUTES + 120] += 40
    assert verdict(at_s, values) == "no_impact"


def test_a_series_that_runs_at_another_level_today_is_no_impact() -> None:
    at_s, values = kpi()
    values[CHANGE - 300 :] += 6
    assert verdict(at_s, values) == "no_impact"


def test_what_comes_more_than_two_hours_later_does_not_count() -> None:
    at_s, values = kpi()
    more = np.full(600, 500.0)
    before = judge_series(at_s, values, at_s[CHANGE])
    after = judge_series(np.concatenate([at_s, at_s[-1] + 60 * (1 + np.arange(600))]), np.concatenate([values, more]), at_s[CHANGE])
    assert before == after


def test_a_constant_series_has_no_impact_until_it_moves() -> None:
    at_s = np.arange(2000) * 60.0
    values = np.full(2000, 7.0)
    assert judge_series(at_s, values, at_s[1900]).verdict == "no_impact"
    values[1950:] = 8.0
    assert judge_series(at_s, values, at_s[1900]).verdict == "impact"


@pytest.mark.parametrize("step_s", [10, 60, 300, 900, 3600])
def test_any_step_will_do(step_s: int) -> None:
    count = 4 * 86_400 // step_s
    at_s = 1_000_000.0 + np.arange(count) * step_s
    values = 100 + np.random.default_rng(1).normal(0, 1, count)
    change = count - max(7200 // step_s, 4)
    span_s = at_s[change]
    assert judge_series(at_s, values, span_s).verdict != "inconclusive"
    values[change:] += 25
    assert judge_series(at_s, values, span_s).verdict == "impact"


@pytest.mark.parametrize(("count", "change"), [(0, 0), (5, 4), (100, 0), (100, 99), (100, 200)])
def test_too_little_on_either_side_is_inconclusive(count: int, change: int) -> None:
    assert judge_series(np.arange(count) * 60.0, np.ones(count), change * 60.0) == INCONCLUSIVE


def test_missing_values_and_gaps_are_lived_with() -> None:
    at_s, values = kpi()
    values[100:200] = np.nan
    keep = np.ones(len(at_s), bool)
    keep[1500:1700] = False
    assert verdict(at_s, values) == "no_impact"
    assert judge_series(at_s[keep], values[keep], at_s[CHANGE]).verdict == "no_impact"
    assert judge_series(at_s, np.full(len(at_s), np.nan), at_s[CHANGE]) == INCONCLUSIVE


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 1.0, 1e9]), shift=st.sampled_from([-1e3, 0.0, 1e6]))
def test_order_unit_and_zero_of_the_scale_never_matter(seed: int, scale: float, shift: float) -> None:
    at_s, values = kpi(seed)
    mixed = np.random.default_rng(seed).permutation(len(at_s))
    plain = judge_series(at_s, values, at_s[CHANGE])
    other = judge_series(at_s[mixed], (values[mixed] + shift) * scale, at_s[CHANGE])
    assert other.score == pytest.approx(plain.score, abs=0.02)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_times_may_be_spelt_with_offset_without_or_in_unix_seconds(tmp_path: Path) -> None:
    file = write(
        tmp_path / "cases.csv",
        "Case,note,CHANGE_AT\na,x,2026-01-05T10:00:00Z\nb,,2026-01-05 10:00:00\nc,,2026-01-05T12:00:00.5+02:00\nd,,1767607200\n",
    )
    assert [(one.case, one.change_s) for one in read_cases(file)] == [
        ("a", 1767607200),
        ("b", 1767607200),
        ("c", 1767607200.5),
        ("d", 1767607200),
    ]


def test_empty_cells_are_gaps_and_cases_keep_their_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "series.csv", "case,timestamp,value\n01,0,1.5\n02,0,7\n01,60,\n01,120,NaN\n")
    kpis = read_kpis(file)
    assert sorted(kpis) == ["01", "02"]
    assert kpis["01"][0].tolist() == [0, 60, 120]
    assert np.isnan(kpis["01"][1]).tolist() == [False, True, True]


def labelled() -> Path:
    return Path(os.environ.get("HIGHWATER_DATA", Path(__file__).parents[3].parent / "shared" / "data")) / "change-impact"


@pytest.mark.data
@pytest.mark.skipif(not labelled().is_dir(), reason="the labelled data is not here")
def test_on_labelled_changes_its_verdicts_reach_f1_090() -> None:
    kpis = read_kpis(labelled() / "series.csv.gz")
    with (labelled() / "cases.csv").open() as rows:
        truth = {row["case"]: row["impact"] == "1" for row in csv.DictReader(rows)}
    by_key = {one.case: judge_series(*kpis[one.case], one.change_s).verdict == "impact" for one in read_cases(labelled() / "cases.csv")}
    hits = sum(truth[case] and by_key[case] for case in truth)
    assert 2 * hits / (sum(truth.values()) + sum(by_key.values())) >= 0.90
