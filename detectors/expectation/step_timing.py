"""Steps: traffic that starts or stops at a set time, with a tolerance of some minutes."""

import numpy as np
from numpy.typing import NDArray

from detectors.expectation import dispersion
from detectors.expectation.week_clock import HOURS_A_DAY, SLOTS_A_HOUR, ClockSlot
from models.columns import Columns, Floats

AROUND = 3
"""Slots stored on either side of the hour."""
LEAST = 1e-6
CLIP = 3.0
FIRST_TOLERANCE = 3.5
"""Slots by which a step may come early or late before its punctuality is known."""
TRUST_A_DAY = 0.5
"""Slots by which the tolerance falls for each punctual day."""
AFTER_LATENESS = 2.0
"""Slots added to the needed tolerance when a step comes at another time, for some days."""
EXPLAINED = 0.5
"""Maximum share of a deviation that the neighbouring slots may leave unexplained if it is to be a shifted step."""
NOISE = 2.0
"""Standard errors by which neighbouring slots must differ to count as a step."""
BLUR, BLUR_LEAST = 0.5, 0.25
"""How much further a step reaches than in the profile, as a share of its height there; and the share of the low side that remains."""
WITHIN_HOUR_SHARE = 0.03
"""The daily variation of an hour's mean as a share of the relative variance of its slots, for each slot of tolerance."""


def judge_slot(state: Columns, last: ClockSlot) -> None:
    """Whether the last slot needed more tolerance than its direct neighbours give; the tolerance falls again day by day."""
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
    """Relative variance of the slots in the hour of a curve."""
    slots = curve[AROUND:-AROUND].astype(np.float64)
    mean = np.maximum(slots.mean(axis=0), LEAST)
    uneven: Floats = slots.var(axis=0) / (mean * mean)
    return uneven


def _within(counts: Floats, span: NDArray[np.float32], factor: Floats) -> Floats:
    """The value nearest to `counts` that one of the slots of a span explains."""
    return np.clip(counts, span.min(axis=0) * factor, span.max(axis=0) * factor)


def range_within_tolerance(curve: NDArray[np.float32], at: int, tolerance: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest slot within each series' own tolerance of slot `at`, as far as they differ by more than their noise.

    `variance`: of a slot, relative; the extreme of some noisy slots differs from each of them even if they are all equal.
    """
    low, high = curve[at - 1 : at + 2].min(axis=0), curve[at - 1 : at + 2].max(axis=0)
    for width in range(2, AROUND + 1):
        within = tolerance > width - 1
        pair = curve[at - width], curve[at + width]
        low = np.minimum(low, np.where(within, np.minimum(*pair), low))
        high = np.maximum(high, np.where(within, np.maximum(*pair), high))
    here = curve[at].astype(np.float64)
    noise_ = NOISE * np.sqrt(variance) * here
    # Early and late days blur a step in the profile: the real step is steeper.
    blur = BLUR * np.minimum(tolerance, 1.0)
    least = np.maximum(low - blur * (here - low), BLUR_LEAST * low)
    return np.where(here - low > noise_, least, here), np.where(high - here > noise_, high + blur * (high - here), here)
