"""Backfill: metrics at many moments of event time, as text for `promtool tsdb create-blocks-from openmetrics`."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import BinaryIO

from prometheus_client.registry import Collector

from models.alert import Alert
from models.change_report import ChangeReport
from models.columns import Detected
from models.incident import Incident
from models.times import HOUR_US, SECOND_US, us
from streams.flow import FlowStep
from streams.metrics.state import MetricsState


@dataclass(slots=True)
class _Series:
    """One line of a graph: values at some moments."""

    at_s: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class _Family:
    text: str
    kind: str
    series: dict[str, _Series] = field(default_factory=dict)


class OpenMetricsBackfill:
    """Samples the collector every `step_s` of event time and stores the numbers: about 16 bytes per sample.

    A second of event time corresponds to a scrape of a live monitor; the collector must read its clock from `at_us`.
    """

    def __init__(self, board: MetricsState, collector: Collector, step_s: int) -> None:
        self._board, self._collector, self._step_us = board, collector, step_s * SECOND_US
        self._families: dict[str, _Family] = {}
        self.at_us = 0
        self.samples = 0

    def follow(self, step: FlowStep, malformed: int = 0) -> None:
        """The results of one step of the flow, window end by window end."""
        self._board.counted(repeated=step.repeated, late=step.late, malformed=malformed)
        records: list[Alert | Incident | ChangeReport] = sorted(
            [*step.alerts, *step.incidents, *step.reports], key=lambda record: record.as_of
        )
        index = 0
        for at_us, group in groupby(step.detected, key=lambda detected: detected.at_us):
            while index < len(records) and us(records[index].as_of) <= at_us:
                self._record(records[index], us(records[index].as_of))
                index += 1
            self._close(at_us, list(group))
        for record in records[index:]:
            self._record(record, us(record.as_of))

    def _record(self, record: Alert | Incident | ChangeReport, at_us: int) -> None:
        if isinstance(record, Alert):
            self._board.alert(record, at_us)
        elif isinstance(record, Incident):
            self._board.incident(record)
        else:
            self._board.report(record)

    def _close(self, at_us: int, detected: list[Detected]) -> None:
        self._look_between(at_us)
        reported = sum(int(each.pulse.reported.sum() + each.queue_pulse.reported.sum()) for each in detected)
        self._board.counted(accepted=reported)
        self._board.seen(detected, watermark_us=at_us, held=0, now_us=at_us)
        due = at_us // self._step_us > self.at_us // self._step_us
        self.at_us = at_us
        if due:
            self._look(at_us // self._step_us * self._step_us // SECOND_US)

    def _look_between(self, at_us: int) -> None:
        """The values that a scrape sees during a long window: the same again. A gap that is longer than any window stays a gap."""
        first, last = self.at_us // self._step_us + 1, at_us // self._step_us
        if self.at_us and (last - first) * self._step_us <= HOUR_US:
            for number in range(first, last):
                self._look(number * self._step_us // SECOND_US)

    def _look(self, at_s: int) -> None:
        for metric in self._collector.collect():
            family = self._families.get(metric.name)
            if family is None:
                family = self._families[metric.name] = _Family(metric.documentation, metric.type)
            for sample in metric.samples:
                name = _named(sample.name, sample.labels)
                series = family.series.get(name)
                if series is None:
                    series = family.series[name] = _Series()
                series.at_s.append(at_s)
                series.values.append(sample.value)
                self.samples += 1

    def write(self, out: BinaryIO) -> None:
        """OpenMetrics text: every family once, every series in one piece, in order of time."""
        for name in sorted(self._families):
            family = self._families[name]
            out.write(f"# HELP {name} {_escaped(family.text)}\n# TYPE {name} {family.kind}\n".encode())
            if family.kind == "histogram":
                out.write("".join(_points(family.series)).encode())
                continue
            for label, series in family.series.items():
                out.write("".join(_lines(label, series)).encode())
        out.write(b"# EOF\n")


def _points(series: dict[str, _Series]) -> Iterable[str]:
    """A histogram (ours have no labels): all its buckets of one moment, then those of the next."""
    for moment in zip(*(_lines(name, each) for name, each in series.items()), strict=True):
        yield from moment


def _lines(name: str, series: _Series) -> Iterable[str]:
    for at_s, value in zip(series.at_s, series.values, strict=True):
        yield f"{name} {int(value) if value.is_integer() else repr(value)} {at_s}\n"


def _named(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{inside}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
