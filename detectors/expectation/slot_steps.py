"""Slot steps: what happens to the expectation of a series once in ten minutes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detectors.expectation.step_timing import AROUND, WITHIN_HOUR_SHARE, judge_slot, range_within_tolerance, unevenness
from detectors.expectation.variance_component import Excess
from detectors.expectation.week_clock import ClockSlot
from models.columns import Columns, Floats

HOUR_VARIANCE = Excess("wander", prior=0.04, prior_weight=1.0, memory=150.0, reference=0.02)
"""How much an hour differs from profile and level, beyond sampling."""
FRESH_SHARE = 0.5
"""Share of an hour's variance that is its own; the rest it shares with the previous hour."""


class SlotSteps(Protocol):
    """Both steps for the state of some series: numpy's, or compiled ones that give the same bits."""

    def judge(self, last: ClockSlot, /) -> None:
        """Processes the end of the slot `last`."""

    def begin(self, here: ClockSlot, of_day: Floats | None, /) -> None:
        """Sets the slot `here`; `of_day`: in the first slot of an hour, the variance that it shares with the previous hour."""


@dataclass(frozen=True, slots=True)
class ReferenceSteps:
    """The reference."""

    state: Columns

    def judge(self, last: ClockSlot) -> None:
        """Whether the slot needed more tolerance than its direct neighbours give."""
        judge_slot(self.state, last)

    def begin(self, here: ClockSlot, of_day: Floats | None) -> None:
        """The current slot, its neighbours, and the minimum and maximum that a step at another time could cause."""
        state = self.state
        curve, at = state["curve"], AROUND + here.slot
        state["before"][:], state["now"][:], state["after"][:] = curve[at - 1], curve[at], curve[at + 1]
        variance = state["slot_variance"][here.slot].astype(np.float64)
        least, most = range_within_tolerance(curve, at, state["tolerance"], variance)
        state["least"][:], state["most"][:] = np.minimum(least, state["lowest"]), np.maximum(most, state["highest"])
        blurred = WITHIN_HOUR_SHARE * state["tolerance"] * unevenness(curve)
        state["base_variance"][:] = state["rate_variance"] + variance + blurred
        # The error of another slot or hour is independent.
        news = variance
        if of_day is not None:
            news = variance + state["rate_variance"] - of_day + FRESH_SHARE * HOUR_VARIANCE.value(state)
        most = state["base_variance"] + state["level_variance"] + HOUR_VARIANCE.value(state)
        state["deviation_variance"][:] = np.minimum(state["deviation_variance"] + news, most)
