"""Envelope: whether an alert stays within what a declared change said it would do."""

from dataclasses import dataclass
from typing import Literal

from changes.calendar import CalendarView

from correlation.facts import Episode
from correlation.history import History


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where an episode stands against the declared changes that cover it."""

    position: Literal["none", "within", "beyond"]
    change_id: str | None
    text: str
    """One sentence, empty for `none`."""


NO_ENVELOPE = Envelope("none", None, "")


def envelope(episode: Episode, view: CalendarView, history: History) -> Envelope:
    """The position of `episode` at its `at_us`; of several changes the one that explains it best."""
    del episode, view, history
    return NO_ENVELOPE
