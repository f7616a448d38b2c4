"""Evaluation context: what a reader may know in one window."""

from dataclasses import dataclass

from changes.calendar import CalendarView
from correlation.history.fleet_totals import Fleet
from correlation.history.traffic_history import History


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a reader may know in one window."""

    at_us: int
    view: CalendarView
    history: History
    fleet: Fleet
