"""Learning stops: how long a declared change prevents the monitor from learning the traffic in its scope.

A declaration is a claim, and an endless one would make the monitor blind to the traffic in its scope. Therefore each window stops learning
for a bounded time from its start. Windows of one User with short gaps count as one, and a User has a budget per week.
"""

from collections.abc import Iterable

from changes.windows import effect_us
from models.change import Change
from models.times import DAY_US, HOUR_US

USER_STOP_US = 12 * HOUR_US
"""Limit from the start of a User's windows with short gaps between them."""
OTHERS_STOP_US = 48 * HOUR_US
"""Limit from the start of a window that the DCC or a service provider leads."""
WEEK_BUDGET_US = 48 * HOUR_US
"""Limit of a User in any seven days."""
_CLOSE_US = HOUR_US
_WEEK_US = 7 * DAY_US

Span = tuple[int, int]


def user_stops(changes: Iterable[Change]) -> tuple[Span, ...]:
    """When one User's changes stop learning, in order; `changes`: all of that User that count."""
    stops: list[Span] = []
    for start_us, end_us in _runs(sorted(effect_us(change) for change in changes)):
        spent_us = sum(max(0, end - max(start, start_us - _WEEK_US)) for start, end in stops if end > start_us - _WEEK_US)
        length_us = min(end_us - start_us, USER_STOP_US, max(0, WEEK_BUDGET_US - spent_us))
        if length_us > 0 or end_us == start_us:
            stops.append((start_us, start_us + length_us))
    return tuple(stops)


def other_stop(change: Change) -> Span:
    """The same for one change of the DCC or of a service provider."""
    start_us, end_us = effect_us(change)
    return start_us, min(end_us, start_us + OTHERS_STOP_US)


def _runs(spans: Iterable[Span]) -> list[Span]:
    """Joins spans that touch, or have less than an hour between them."""
    runs: list[Span] = []
    for start_us, end_us in spans:
        if runs and start_us - runs[-1][1] < _CLOSE_US:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end_us))
        else:
            runs.append((start_us, end_us))
    return runs
