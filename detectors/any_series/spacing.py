"""Spacing: the time between the values of a series, and the slots of a day that follow from it."""

from dataclasses import dataclass, field
from statistics import median

from detectors.any_series.same_time import DAY_S

_FIRST = 20
"""Number of values from which the distance is estimated."""
_FINEST_SLOT_S, _COARSEST_SLOT_S = 60.0, DAY_S / 4
"""With values further apart a day has no course."""


@dataclass(slots=True)
class Spacing:
    """Median distance of the first values; a series whose spacing changes later keeps its slots."""

    distance_s: float = 0.0
    """0 until it is known, and if all times are equal."""
    _slot_s: float = 0.0
    _last_s: float = 0.0
    _seen: int = 0
    _distances: list[float] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """Slots of a day, each of one minute or one distance; 0 if a day has no course."""
        return int(DAY_S // self._slot_s) + 1 if self._slot_s else 0

    def observe(self, at_s: float) -> bool:
        """Adds the time of one more value; returns True for the value with which the distance becomes known."""
        if self._seen > _FIRST:
            return False
        if self._seen and at_s > self._last_s:
            self._distances.append(at_s - self._last_s)
        self._last_s = at_s
        self._seen += 1
        if self._seen <= _FIRST:
            return False
        self.distance_s = median(self._distances) if self._distances else 0.0
        if 0.0 < self.distance_s <= _COARSEST_SLOT_S:
            self._slot_s = max(self.distance_s, _FINEST_SLOT_S)
        return True

    def position(self, at_s: float) -> tuple[float, int]:
        """Day and slot of a time."""
        day, rest_s = divmod(at_s, DAY_S)
        return day, int(rest_s // self._slot_s) if self._slot_s else 0
