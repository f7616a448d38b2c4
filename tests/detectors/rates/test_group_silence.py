"""Groups that all speak: the shortcut leaves the same evidence as the whole step."""

import numpy as np

from detectors.rates.group_silence import GroupSilence
from models.columns import SeriesKey


def keys() -> tuple[SeriesKey, ...]:
    """Three Users, two directions, a class or two in each, in no order."""
    parts = [
        ("C", "to_dsp", "b"),
        ("A", "to_dsp", "a"),
        ("A", "to_dsp", "b"),
        ("B", "to_user", "a"),
        ("A", "to_user", "a"),
        ("C", "to_dsp", "b"),
    ]
    return tuple(SeriesKey(*part, str(number), "", "", 60) for number, part in enumerate(parts))


def test_a_window_in_which_all_groups_speak_leaves_what_the_whole_step_leaves() -> None:
    draw, short, whole = np.random.default_rng(3), GroupSilence(4.0), GroupSilence(4.0)
    short.arrange(keys())
    whole.arrange(keys())
    shortened = 0
    for window in range(400):
        nats, spoke = draw.exponential(1.0, 6), draw.random(6) < draw.choice([0.3, 0.9])
        empty = ~spoke & (draw.random(6) < 0.8)
        silent, _, _ = whole.step(window, 60, nats, empty, spoke)
        if short.all_speak(spoke):
            shortened += 1
            assert not silent.any()
        else:
            assert np.array_equal(short.step(window, 60, nats, empty, spoke)[0], silent)
        for one, other in zip(short.pack(), whole.pack(), strict=True):
            assert np.array_equal(one["nats"], other["nats"])
            assert np.array_equal(one["run"], other["run"])
    assert 20 < shortened < 380


def test_without_series_nobody_speaks() -> None:
    assert not GroupSilence(4.0).all_speak(np.zeros(0, np.bool_))
