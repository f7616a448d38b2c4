"""Declared cause: the change that names exactly the traffic that went wrong, and the time at which it did.

Such a change comes before any other explanation: a service that the DCC takes down as declared is not what somebody's old backlog did.
"""

from collections.abc import Iterable

from changes.calendar import CalendarView
from changes.windows import declared_effect_us
from correlation.grading.declared_effect import declares_effect_on, exceeds
from correlation.snapshots import AlertSnapshot
from models.change import Change
from models.columns import SeriesKey
from models.times import MINUTE_US, SECOND_US

_LOSSES = frozenset({"drop", "silence"})
_KINDS = _LOSSES | {"failures"}
_SOON_US = 15 * MINUTE_US
"""How long after its start a change that does not name the service may still be what began with it."""
_LEAST_ERROR_US, _MOST_ERROR_US = 2 * MINUTE_US, 15 * MINUTE_US


def declared_cause(episode: AlertSnapshot, view: CalendarView) -> Change | None:
    """The change that names exactly the traffic and the time of a loss; of several the one that started nearest to it."""
    if episode.kind not in _KINDS or episode.user is None or not episode.series:
        return None
    error_us = _error_us(episode)
    around = view.between(episode.onset_us - error_us, episode.onset_us + error_us)
    fitting = [change for change in around if _speaks_for(change, episode.user) and _names(change, episode, view, error_us)]
    return min(fitting, key=lambda change: (abs(view.window(change)[0] - episode.onset_us), change.key), default=None)


def _error_us(episode: AlertSnapshot) -> int:
    """How far the estimated onset may be off."""
    window_us = max(key.window_s for key in episode.series) * SECOND_US
    late_us = (episode.detected_us - episode.onset_us) // 2
    return max(2 * window_us, _LEAST_ERROR_US, min(late_us, _MOST_ERROR_US))


def _speaks_for(change: Change, user: str) -> bool:
    return change.source != "user" or change.owner == user


def _names(change: Change, episode: AlertSnapshot, view: CalendarView, error_us: int) -> bool:
    keys = episode.active or episode.series
    named = bool(change.services) and _all_named(change.services, keys) and all(view.matches(change, key) for key in keys)
    declared = _declares(change, episode, keys)
    if not named and not declared:
        return False
    start_us, end_us = declared_effect_us(change) if change.expected is not None else view.window(change)
    last_us = end_us + error_us if named and declared else start_us + _SOON_US
    return start_us - error_us <= episode.onset_us <= last_us


def _all_named(services: Iterable[str], keys: Iterable[SeriesKey]) -> bool:
    """Whether every series carries a service, and one of these."""
    wanted = set(services)
    return all(key.service in wanted for key in keys)


def _declares(change: Change, episode: AlertSnapshot, keys: Iterable[SeriesKey]) -> bool:
    """Whether it declared such a loss on all of this traffic, and no less than came."""
    expected = change.expected
    if expected is None or expected.effect == "up" or episode.kind not in _LOSSES:
        return False
    return all(declares_effect_on(change, key) for key in keys) and not exceeds(episode, expected)
