"""Comparison: an incident's own kind of traffic at every User, before and after the onset."""

from dataclasses import dataclass

import numpy as np

from correlation.controls import Shift, shift
from correlation.facts import Case, Episode
from correlation.history import History, Panel, Part
from models.columns import Flags
from models.times import HOUR_US, SECOND_US

_LONGEST_US = HOUR_US
"""What came within the first hour decides: later windows tell of the outage, not of its cause, and a verdict should settle."""
_LEAST_BEFORE = 3
_BACK_SPANS = 12
"""Stretches before the onset that the finest bins must reach back to, for placebos."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How each unit's traffic of the incident's kind moved at the onset."""

    panel: Panel
    moves: Shift
    first: int
    """Bin in which the incident began."""
    stop: int
    up: bool
    """Whether the incident is one of too much."""
    own: Flags
    """(units,) units of the Users that the incident began at."""


def main_episode(case: Case) -> Episode:
    """The one that the comparison is about: of the origin's first ones a message rate before a queue, and anything before a gap."""
    own = case.own or case.episodes
    first_us = min(episode.onset_us for episode in own)
    near = [episode for episode in own if episode.onset_us <= first_us + HOUR_US // 2]
    return min(near, key=lambda episode: (episode.kind == "stale", episode.series[0].is_queue, episode.onset_us, episode.alert_id))


def compare(case: Case, history: History) -> Comparison | None:
    """None where nothing is known of the traffic before the onset."""
    main = main_episode(case)
    window_s = min(key.window_s for key in main.series)
    part = Part.of(main.series, window_s)
    end_us = min(case.at_us, main.onset_us + _LONGEST_US)
    span_us = max(end_us - main.onset_us, window_s * SECOND_US)
    panel = history.panel(part, main.onset_us - _BACK_SPANS * span_us)
    if panel is None:
        return None
    starts_us = panel.ends_us - panel.bin_us
    first = int(np.searchsorted(starts_us, main.onset_us - panel.bin_us // 4))
    first = min(first, len(starts_us) - 1)
    stop = max(int(np.searchsorted(starts_us, end_us)), first + 1)
    if first < _LEAST_BEFORE:
        return None
    before = min(max(2 * (stop - first), _LEAST_BEFORE), first)
    observed, due = (panel.failed, panel.observed) if main.kind == "failures" else (panel.observed, panel.expected)
    moves = shift(observed, due, first, stop, before)
    users = {key.user for episode in case.own for key in episode.series}
    own = np.array([unit.user in users for unit in panel.units], np.bool_)
    return Comparison(panel, moves, first, stop, main.direction in ("up", "growing"), own)
