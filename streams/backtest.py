"""Backtest: the alerts that other budgets would have raised, over the same events, read and decoded once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from models.alert import Alert
from models.change import Change
from models.columns import EventBatch
from models.incident import Incident
from models.times import DAY_US, SECOND_US, us
from models.vocabulary import SEVERITIES
from streams.flow import FlowStep
from streams.pipeline import Pipeline, PipelineParameters


@dataclass(slots=True)
class _Seen:
    """One alert over its revisions."""

    kind: str
    severity: str
    """The highest severity that it had."""
    detected_us: int
    onset_us: int
    """As estimated last."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts that one budget would have raised."""

    false_alarms_per_day: float
    days: float
    by_severity: dict[str, int]
    """Severity (the highest of each alert) → alerts, highest severity first."""
    by_kind: dict[str, int]
    """Kind → alerts of `warning` and above."""
    after_onset_s: float | None
    """The median time of these from the estimated onset to the detection; None if there are none."""

    @property
    def waking(self) -> int:
        """Alerts of `warning` and above: the number that the budget limits where nothing is wrong."""
        return sum(count for severity, count in self.by_severity.items() if severity != "info")

    def a_day(self, count: int) -> float:
        """`count` as a rate."""
        return count / self.days if self.days else 0.0


@dataclass(slots=True)
class Trial:
    """One budget: a complete pipeline with its thresholds, and the alerts that it raised."""

    false_alarms_per_day: float
    pipeline: Pipeline
    keeps_records: bool
    seen: dict[str, _Seen] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    """Every revision, if they are kept; likewise `incidents`."""
    incidents: list[Incident] = field(default_factory=list)

    def take(self, step: FlowStep) -> None:
        """Counts the alerts of one step."""
        for alert in step.alerts:
            seen = self.seen.setdefault(alert.alert_id, _Seen(alert.kind, alert.severity, us(alert.detected_at), us(alert.onset_at)))
            seen.onset_us = us(alert.onset_at)
            seen.severity = max(seen.severity, alert.severity, key=SEVERITIES.index)
        if self.keeps_records:
            self.alerts += step.alerts
            self.incidents += step.incidents

    def tally(self, since_us: int, days: float) -> Tally:
        """The alerts detected from `since_us` on, over `days` of events."""
        counted = [seen for seen in self.seen.values() if seen.detected_us >= since_us]
        severities = Counter(seen.severity for seen in counted)
        waking = [seen for seen in counted if seen.severity != "info"]
        kinds = dict(sorted(Counter(seen.kind for seen in waking).items()))
        after = median((seen.detected_us - seen.onset_us) / SECOND_US for seen in waking) if waking else None
        return Tally(self.false_alarms_per_day, days, {severity: severities[severity] for severity in reversed(SEVERITIES)}, kinds, after)


class Backtest:
    """Several budgets side by side over one stream of decoded batches."""

    def __init__(self, parameters: PipelineParameters, budgets: Sequence[float], *, keep_records: bool = False) -> None:
        """`budgets`: false alarms a day; each gets its own pipeline. `keep_records`: for comparison with a truth."""
        self.trials = tuple(Trial(budget, Pipeline(_with_budget(parameters, budget), for_users=False), keep_records) for budget in budgets)
        self.events = 0
        self.windows = 0
        """Windows closed, over all window lengths."""
        self._from_us: int | None = None
        self._to_us = 0

    def declare(self, changes: Iterable[Change]) -> None:
        """Adds changes, known from the start as in `replay`."""
        known = tuple(changes)
        for trial in self.trials:
            trial.pipeline.declare(known)

    def learn_from(self, learned: dict[str, Any]) -> None:
        """Starts every trial from the same expectations."""
        for trial in self.trials:
            trial.pipeline.learn_from(learned)

    def feed(self, batch: EventBatch) -> None:
        """Passes one decoded batch through every trial."""
        self.events += len(batch)
        self._follow([trial.pipeline.feed(batch) for trial in self.trials])

    def finish(self) -> None:
        """The end of the input."""
        self._follow([trial.pipeline.finish() for trial in self.trials])

    def tallies(self, since_us: int | None = None) -> list[Tally]:
        """One result per budget, for the alerts detected from `since_us` on (None: all)."""
        from_us = max(self._from_us or 0, since_us or 0)
        days = max(self._to_us - from_us, 0) / DAY_US
        return [trial.tally(from_us, days) for trial in self.trials]

    def _follow(self, steps: Sequence[FlowStep]) -> None:
        first = steps[0]
        self.windows += first.windows
        for detected in first.detected:
            began_us = detected.at_us - detected.window_s * SECOND_US
            self._from_us = began_us if self._from_us is None else min(self._from_us, began_us)
            self._to_us = max(self._to_us, detected.at_us)
        for trial, step in zip(self.trials, steps, strict=True):
            trial.take(step)


def _with_budget(parameters: PipelineParameters, false_alarms_per_day: float) -> PipelineParameters:
    return replace(parameters, detection=parameters.detection.model_copy(update={"false_alarms_per_day": false_alarms_per_day}))
