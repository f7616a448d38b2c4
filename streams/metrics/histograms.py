"""Histograms with given bounds, and the last example of each bucket."""

import math
from bisect import bisect_left
from collections.abc import Mapping

from prometheus_client.samples import Exemplar


class Histogram:
    """Counts by upper bound, of which the last is infinite."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._examples: dict[int, Exemplar] = {}
        self.sum = 0.0

    def add(self, value: float, labels: Mapping[str, str] | None = None, at_s: float | None = None) -> None:
        """Adds a value; `labels` name an example of its bucket, seen at Unix second `at_s`."""
        bucket = bisect_left(self._bounds, value)
        self._counts[bucket] += 1
        self.sum += value
        if labels is not None:
            self._examples[bucket] = Exemplar(dict(labels), value, at_s)

    def buckets(self) -> list[tuple[str, float, Exemplar | None]]:
        """(upper bound, values up to it, example), as Prometheus counts."""
        cumulative, running = [], 0
        for bucket, (bound, count) in enumerate(zip(self._bounds, self._counts, strict=True)):
            running += count
            cumulative.append(("+Inf" if math.isinf(bound) else repr(bound), float(running), self._examples.get(bucket)))
        return cumulative
