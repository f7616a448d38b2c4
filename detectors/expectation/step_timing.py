"""Steps: traffic that starts or stops at a set time, some minutes early or late."""

import numpy as np
from numpy.typing import NDArray

from detectors.expectation import dispersion
from detectors.expectation.week_clock import HOURS_A_DAY, SLOTS_A_HOUR, Place
from models.columns import Columns, Floats

AROUND = 3
"""Slots kept on either side of the hour."""
LEAST = 1e-6
CLIP = 3.0
FIRST_TOLERANCE = 3.5
"""Slots by which a step may come early or late, before anything is known of its punctuality."""
TRUST_A_DAY = 0.5
"""Slots by which that falls for each day on time."""
AFTER_LATENESS = 2.0
"""Slots added to what was needed when one comes at another time: some days of doubt."""
EXPLAINED = 0.5
"""Share of what is off that the slots around leave at most, if it is to be a step that came early or late."""
NOISE = 2.0
"""Standard errors of a slot that its neighbours must be off to count as a step."""
BLUR, BLUR_LEAST = 0.5, 0.25
"""How much further a step reaches than the profile has it, as a share of its height there; and the share of the low side that stays."""
WITHIN_HOUR_SHARE = 0.03
"""Of the relative variance of an hour's slots: what its mean varies by from day to day, for each slot of tolerance."""


def judge_slot(state: Columns, last: Place) -> None:
    """Whether the slot gone by needed more tolerance than the slots right beside it give; trust comes back by the day."""
    counts, windows = state["slot_counts"].copy(), state["slot_windows"].copy()
    state["slot_counts"][:], state["slot_windows"][:] = 0.0, 0.0
    at, curve = AROUND + last.slot, state["curve"]
    factor = state["level"] * state["deviation"] * windows
    tolerance = state["tolerance"]
    tolerance -= TRUST_A_DAY / (HOURS_A_DAY * SLOTS_A_HOUR) * (windows > 0) * state["seen"]
    np.maximum(tolerance, 0.0, out=tolerance)
    widest = _within(counts, curve[at - AROUND : at + AROUND + 1], factor)
    for width in range(1, AROUND):
        due = _within(counts, curve[at - width : at + width + 1], factor)
        spread = dispersion.dispersion(state, due / np.maximum(windows, 1.0)) * dispersion.stretch(state)
        late = (counts - due) ** 2 > CLIP * CLIP * (spread * due + state["deviation_variance"] * due * due) + 25.0
        late &= (windows > 0) & state["seen"] & (np.abs(counts - widest) < EXPLAINED * np.abs(counts - due))
        np.maximum(tolerance, late * (width + AFTER_LATENESS), out=tolerance)


def unevenness(curve: NDArray[np.float32]) -> Floats:
    """Relative variance of the slots of the hour that a curve is about."""
    slots = curve[AROUND:-AROUND].astype(np.float64)
    mean = np.maximum(slots.mean(axis=0), LEAST)
    uneven: Floats = slots.var(axis=0) / (mean * mean)
    return uneven


def _within(counts: Floats, span: NDArray[np.float32], factor: Floats) -> Floats:
    """The count nearest to `counts` that one of the slots of a span explains."""
    return np.clip(counts, span.min(axis=0) * factor, span.max(axis=0) * factor)


def range_within_tolerance(curve: NDArray[np.float32], at: int, tolerance: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest slot within each series' own tolerance of slot `at`, as far as they differ by more than their own noise.

    `variance`: of a slot, relative; the extreme of some noisy slots lies apart from each of them even where they are all alike.
    """
    low, high = curve[at - 1 : at + 2].min(axis=0), curve[at - 1 : at + 2].max(axis=0)
    for width in range(2, AROUND + 1):
        within = tolerance > width - 1
        pair = curve[at - width], curve[at + width]
        low = np.minimum(low, np.where(within, np.minimum(*pair), low))
        high = np.maximum(high, np.where(within, np.maximum(*pair), high))
    here = curve[at].astype(np.float64)
    noise_ = NOISE * np.sqrt(variance) * here
    # Days on which a step comes early and days on which it comes late blur it in the profile: it is steeper than it looks.
    blur = BLUR * np.minimum(tolerance, 1.0)
    least = np.maximum(low - blur * (here - low), BLUR_LEAST * low)
    return np.where(here - low > noise_, least, here), np.where(high - here > noise_, high + blur * (high - here), here)
