"""The benchmark's own rules, against figures that it published itself."""

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.nab.__main__ import highwater, print_nab
from benchmarks.nab.corpus import DATA, Labelled, read_corpus
from benchmarks.nab.peers import ewma, windowed_gaussian
from benchmarks.nab.published import RAW
from benchmarks.nab.scoring import PROFILES, STANDARD, Scored, best_threshold, normalised, score, worth
from detectors.any_series.any_series import SeriesParameters


def series(rows: int, *windows: tuple[int, int]) -> Labelled:
    return Labelled("one", np.arange(rows) * 300.0, np.zeros(rows), windows)


def called(rows: int, *indices: int) -> np.ndarray:
    flags = np.zeros(rows, np.bool_)
    flags[list(indices)] = True
    return flags


def sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def test_a_row_in_a_window_is_worth_how_early_it_is() -> None:
    value, window = worth(series(1000, (500, 599)), STANDARD)
    assert value[500] == pytest.approx(1.0)
    assert value[550] == pytest.approx(sigmoid(-0.5) / sigmoid(-1.0))
    assert value[599] == pytest.approx(sigmoid(-0.01) / sigmoid(-1.0))
    assert (window[[149, 150, 499, 500, 599, 600]] == [-2, -1, -1, 0, 0, -1]).all()


def test_a_false_alarm_costs_less_shortly_after_a_window() -> None:
    value, _ = worth(series(1000, (500, 599)), STANDARD)
    assert value[499] == pytest.approx(-0.11)
    assert value[600] == pytest.approx(0.11 * sigmoid(1 / 99))
    assert value[599 + 99] == pytest.approx(0.11 * sigmoid(1.0))
    assert value[599 + 297] == pytest.approx(-0.11)


def test_only_the_earliest_row_of_a_window_counts_and_a_missed_window_costs_its_weight() -> None:
    two = series(1000, (300, 399), (600, 699))
    figures = score(two, called(1000, 350, 360, 10))
    assert (figures.found, figures.windows, figures.false) == (1, 2, 0)
    assert figures.raw == pytest.approx(sigmoid(-0.5) / sigmoid(-1.0) - 1.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_silence_is_0_and_the_first_row_of_every_window_is_100(profile: object) -> None:
    two = series(1000, (300, 399), (600, 699))
    assert normalised([score(two, called(1000), profile)], profile) == pytest.approx(0.0)
    assert normalised([score(two, called(1000, 300, 600), profile)], profile) == pytest.approx(100.0)


def test_no_threshold_is_better_than_the_best() -> None:
    dice = np.random.default_rng(3)
    corpus = [series(1000, (300, 399), (600, 699)), series(2000, (900, 1000))]
    scores = [dice.random(len(each.values)).round(2) for each in corpus]
    limits = [best_threshold(corpus, scores), *np.linspace(0, 1.01, 102)]
    totals = [normalised([score(one, each >= limit) for one, each in zip(corpus, scores, strict=True)]) for limit in limits]
    assert totals[0] == pytest.approx(max(totals))


def test_without_the_data_the_section_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_nab(tmp_path / "none")
    assert "HIGHWATER_DATA" in capsys.readouterr().out


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled data is not here")
def test_the_benchmarks_own_baseline_gets_what_was_published_for_it() -> None:
    for one in read_corpus():
        if one.name in ("nyc_taxi", "elb_request_count_8c0756"):
            assert score(one, windowed_gaussian(one) >= 1.0).raw == pytest.approx(RAW["windowed Gaussian"][one.name])


@pytest.mark.soak
@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled data is not here")
def test_at_its_own_threshold_it_beats_what_htm_was_published_to_reach_at_its_best() -> None:
    corpus = read_corpus()
    ours = [score(one, highwater(one) >= SeriesParameters().alert_at) for one in corpus]
    published = {name: [Scored(raw[one.name], 0, len(one.windows), 0) for one in corpus] for name, raw in RAW.items()}
    charts = [ewma(one) for one in corpus]
    limit = best_threshold(corpus, charts)
    others = [score(one, chart >= limit) for one, chart in zip(corpus, charts, strict=True)]
    assert normalised(ours) > max(normalised(others), *(normalised(published[name]) for name in ("HTM", "random cut forest")))
