"""Tail rank: how rarely an earlier value was as large, whatever the distribution."""

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field

_LEAST_INDEX = 0.02
"""Minimum tail index (mean log excess), so that after almost equal sizes the next one is not a surprise."""
_MOST = 12.0


@dataclass(slots=True)
class TailRank:
    """Online tail of one non-negative size: -log10 of the probability that the next size is so large.

    Among the remembered sizes it is their rank (a conformal p-value, ties counted against it); beyond the largest few a Pareto tail
    with Hill's index continues it (Hill, Annals of Statistics 1975). The only assumption is that the distribution changes slowly.
    """

    remembered: int
    """Number of earlier sizes that a new one is compared with."""
    top: int
    """Number of the largest sizes, from which the tail beyond them is estimated."""
    warm: int
    """Sizes before the first surprise."""
    _sorted: list[float] = field(default_factory=list)
    _arrived: deque[float] = field(default_factory=deque)

    def process_size(self, size: float) -> float:
        """Surprise of `size` (decades, 0 to 12; 0 while there is little to compare with). The size is remembered from now on."""
        surprise = self._surprise(size) if len(self._sorted) >= self.warm else 0.0
        insort(self._sorted, size)
        self._arrived.append(size)
        if len(self._arrived) > self.remembered:
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]
        return surprise

    def _surprise(self, size: float) -> float:
        known = len(self._sorted)
        above = known - bisect_left(self._sorted, size)
        top = min(self.top, max(1, known // 10))
        edge = self._sorted[known - top]
        if above >= top or edge <= 0.0:
            never_moved = above == 0 and self._sorted[-1] <= 0.0
            return max(0.0, math.log10(known / (0.1 if never_moved else above + 0.5)))
        index = sum(map(math.log, self._sorted[known - top :])) / top - math.log(edge)
        beyond = (math.log(size) - math.log(edge)) / max(index, _LEAST_INDEX)
        return min(_MOST, math.log10(known / top) + beyond / math.log(10))
