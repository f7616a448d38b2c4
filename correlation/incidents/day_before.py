"""Day before: what everyone's messages of one class lack against the same minutes of yesterday.

The expectation of a series learns a loss that grows slowly: a loss of 12 % looked like one of 3 %. Yesterday's counts do not.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from correlation.history.pooling import pooled
from correlation.history.resolution_history import FIVE_MINUTES_US
from correlation.history.traffic_history import History
from correlation.incidents.missing_answers import kind_of_day
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US

RECENT_US = 15 * MINUTE_US
_GAP_US = 10 * MINUTE_US
"""How long before the onset the hours end that yesterday is scaled by."""
_BEFORE_HOURS, _LEAST_HOURS = 6, 3
_QUARTERS = 2.0
"""Standard deviation of a quarter of an hour over that of an hour, of counts that are independent."""
_LEAST_NOISE, _DISPERSION = 0.01, 2.0


@dataclass(frozen=True, slots=True)
class DayBefore:
    """The last quarter of an hour of every series of a class, and the hours before the incident, today and yesterday."""

    keys: tuple[SeriesKey, ...]
    now: Floats
    """(series,) messages; `then` yesterday."""
    then: Floats
    before: Floats
    """(hours, series) messages; `before_then` yesterday."""
    before_then: Floats

    @classmethod
    def of(cls, message_class: str, window_s: int, since_us: int, at_us: int, history: History) -> Self | None:
        """None where yesterday was another kind of day, or is not known, or the trouble is younger than a quarter of an hour."""
        bin_us = max(FIVE_MINUTES_US, window_s * SECOND_US)
        last_us = at_us // bin_us * bin_us
        recent = [last_us - back * bin_us for back in range(-(-RECENT_US // bin_us))]
        if kind_of_day(last_us - 1) != kind_of_day(last_us - 1 - DAY_US) or recent[-1] - bin_us < since_us:
            return None
        clean_us = (since_us - _GAP_US) // HOUR_US * HOUR_US
        hours = [clean_us - back * HOUR_US for back in range(_BEFORE_HOURS)]
        while len(hours) >= _LEAST_HOURS:
            sums = [
                history.counts_at(message_class, window_s, length_us, [end_us - ago_us for end_us in ends_us])
                for length_us, ends_us in ((bin_us, recent), (HOUR_US, hours))
                for ago_us in (0, DAY_US)
            ]
            now, then, before, before_then = sums
            if now is not None and then is not None and before is not None and before_then is not None:
                return cls(now.keys, now.observed.sum(axis=0), then.observed.sum(axis=0), before.observed, before_then.observed)
            hours.pop()
        return None

    def only(self, chosen: Flags) -> "DayBefore":
        """The `chosen` (series,)."""
        keys = tuple(key for key, wanted in zip(self.keys, chosen.tolist(), strict=True) if wanted)
        return DayBefore(keys, self.now[chosen], self.then[chosen], self.before[:, chosen], self.before_then[:, chosen])

    def loss(self, groups: Ints) -> tuple[Floats, Floats, Floats]:
        """(groups,) share of what was due that did not come, its standard deviation, and what was due."""
        before, before_then = (pooled(matrix, groups) for matrix in (self.before, self.before_then))
        now, then = (pooled(counts[None, :], groups)[0] for counts in (self.now, self.then))
        scale = (before.sum(axis=0) + 0.5) / (before_then.sum(axis=0) + 0.5)
        due = np.maximum(then * scale, 1e-9)
        ratios = (before + 0.5) / (before_then * scale + 0.5) - 1.0
        wander = _QUARTERS * np.sqrt((ratios**2).mean(axis=0))
        noise = np.maximum(np.maximum(wander, np.sqrt(_DISPERSION / np.maximum(due, 1.0))), _LEAST_NOISE)
        return 1.0 - now / due, np.asarray(noise, np.float64), due

    def chance(self, groups: Ints, weight: Floats) -> float:
        """How far the weighted loss of all groups wandered in the hours before."""
        before, before_then = (pooled(matrix, groups) for matrix in (self.before, self.before_then))
        scale = (before.sum(axis=0) + 0.5) / (before_then.sum(axis=0) + 0.5)
        losses = ((1.0 - (before + 0.5) / (before_then * scale + 0.5)) * weight).sum(axis=1)
        return max(_QUARTERS * float(np.sqrt((losses**2).mean())), _LEAST_NOISE)
