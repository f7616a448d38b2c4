"""Change reports: what a change did to traffic, once its window and settling time are over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from changes.calendar import CalendarView

from correlation.facts import Episode
from correlation.history import History
from correlation.parameters import CorrelationParameters
from models.report import ChangeReport


@dataclass(frozen=True, slots=True)
class Reported:
    """The reports that one window brought, for triage and for the Users whose changes they are of."""

    reports: tuple[ChangeReport, ...] = ()
    user_reports: tuple[tuple[str, ChangeReport], ...] = ()


class Reporter:
    """Writes each change's report when it is due, and a revision when the calendar changes later."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters

    def step(self, at_us: int, view: CalendarView, history: History, episodes: Mapping[str, Episode]) -> Reported:
        """One window: `episodes` by `alert_id`, all open ones and those that ended within this window."""
        del at_us, view, history, episodes
        return Reported()

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.packed`."""
        return {}

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: dict[str, Any]) -> "Reporter":
        """The reporter that `pack` was called on."""
        del tree
        return cls(parameters)
