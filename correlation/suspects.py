"""Suspects: the changes that may have caused an incident, best first, each with its reasons."""

from changes.calendar import CalendarView
from correlation.facts import Case
from correlation.history import History
from correlation.parameters import CorrelationParameters
from models.alert import Suspect


def judge(case: Case, view: CalendarView, history: History, parameters: CorrelationParameters) -> tuple[Suspect, ...]:
    """The suspects of one incident by score, then `change_id`, then `owner`."""
    del case, view, history, parameters
    return ()
