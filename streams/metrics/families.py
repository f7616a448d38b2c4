"""Families: samples of one name on their way to Prometheus; samples with equal labels are combined."""

import math
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from streams.metrics.histograms import Histogram
from streams.metrics.totals import LabelValues

Labelled = dict[LabelValues, float]
_UNITS = frozenset({"seconds", "bytes", "ratio"})


def _unit(name: str) -> str:
    """The base unit at the end of a name, for OpenMetrics' `# UNIT`; empty for a plain count."""
    last = name.rpartition("_")[2]
    return last if last in _UNITS else ""


def summed(samples: Iterable[tuple[LabelValues, float]]) -> Labelled:
    """Adds up samples with equal labels."""
    by_labels: Labelled = {}
    for label_values, value in samples:
        by_labels[label_values] = by_labels.get(label_values, 0.0) + value
    return by_labels


def strongest(samples: Iterable[tuple[LabelValues, float]], choose: Callable[[float, float], float] = max) -> Labelled:
    """Selects one of the samples with equal labels by `choose`; missing values (NaN) are left out."""
    by_labels: Labelled = {}
    for label_values, value in samples:
        if not math.isnan(value):
            by_labels[label_values] = choose(by_labels[label_values], value) if label_values in by_labels else value
    return by_labels


def gauge(name: str, text: str, labels: tuple[str, ...], samples: Mapping[LabelValues, float]) -> Metric:
    """A gauge with these samples, in the order of their labels."""
    family = GaugeMetricFamily(name, text, labels=labels, unit=_unit(name))
    for label_values, value in sorted(samples.items()):
        family.add_metric(label_values, value)
    return family


def counter(name: str, text: str, labels: tuple[str, ...], samples: Mapping[LabelValues, float]) -> CounterMetricFamily:
    """A counter with these samples; `name` without `_total`."""
    family = CounterMetricFamily(name, text, labels=labels, unit=_unit(name))
    for label_values, value in sorted(samples.items()):
        family.add_metric(label_values, value)
    return family


def single(name: str, text: str, value: float | None) -> Metric:
    """A gauge without labels; None if there is no value yet."""
    return gauge(name, text, (), {} if value is None else {(): value})


def histogram(name: str, text: str, values: Histogram) -> Metric:
    """A histogram without labels."""
    family = HistogramMetricFamily(name, text, unit=_unit(name))
    family.add_metric((), [bucket if bucket[2] is not None else bucket[:2] for bucket in values.buckets()], values.sum)  # type: ignore[misc]  # with or without an exemplar
    return family
