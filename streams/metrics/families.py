"""Families: samples of one name on their way to Prometheus, those with the same labels brought together."""

import math
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from streams.metrics.histograms import Histogram
from streams.metrics.totals import LabelValues

Labelled = dict[LabelValues, float]
_UNITS = frozenset({"seconds", "bytes", "ratio"})


def _unit(name: str) -> str:
    """The base unit that a name ends in, for OpenMetrics' `# UNIT`; empty for what is a plain count."""
    last = name.rpartition("_")[2]
    return last if last in _UNITS else ""


def summed(samples: Iterable[tuple[LabelValues, float]]) -> Labelled:
    """What has the same labels adds up."""
    found: Labelled = {}
    for place, value in samples:
        found[place] = found.get(place, 0.0) + value
    return found


def strongest(samples: Iterable[tuple[LabelValues, float]], choose: Callable[[float, float], float] = max) -> Labelled:
    """Of what has the same labels, the one that `choose` picks; what is not told (NaN) is left out."""
    found: Labelled = {}
    for place, value in samples:
        if not math.isnan(value):
            found[place] = choose(found[place], value) if place in found else value
    return found


def gauge(name: str, text: str, labels: tuple[str, ...], samples: Mapping[LabelValues, float]) -> Metric:
    """A gauge with these samples, in the order of their labels."""
    family = GaugeMetricFamily(name, text, labels=labels, unit=_unit(name))
    for place, value in sorted(samples.items()):
        family.add_metric(place, value)
    return family


def counter(name: str, text: str, labels: tuple[str, ...], samples: Mapping[LabelValues, float]) -> CounterMetricFamily:
    """A counter with these samples; `name` without `_total`."""
    family = CounterMetricFamily(name, text, labels=labels, unit=_unit(name))
    for place, value in sorted(samples.items()):
        family.add_metric(place, value)
    return family


def single(name: str, text: str, value: float | None) -> Metric:
    """A gauge without labels; None where there is nothing to say yet."""
    return gauge(name, text, (), {} if value is None else {(): value})


def histogram(name: str, text: str, values: Histogram) -> Metric:
    """A histogram without labels."""
    family = HistogramMetricFamily(name, text, unit=_unit(name))
    family.add_metric((), [bucket if bucket[2] is not None else bucket[:2] for bucket in values.buckets()], values.sum)  # type: ignore[misc]  # with or without an exemplar
    return family
