"""Timekeeping: whether a change stayed within its window, by its own effect on its owner's series and never by other Users' trouble."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.change import Change
from models.times import SECOND_US, us

_TOLERANCE_S = 300
"""Or two windows of the series, whichever is longer: an end can't be known more exactly."""
_ODD_SHARE, _ODD_MOST_S = 0.1, 900.0
"""Share of the Users of a change at many that may differ from the others, and by how much: one small User's noise is not its fault."""


class OwnAlert(Protocol):
    """The required fields of an alert."""

    alert_id: str
    user: str
    kind: str
    onset_us: int
    ended_us: int | None
    last_us: int
    window_s: int
    at_origin: bool
    within: list[str]
    beyond: list[str]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds by which a change missed its plan; 0 if it did not."""

    started_early_s: float
    overran_s: float
    declared_late_s: float
    goes_on: tuple[str, ...] = ()
    """Alerts of its own effect that are open past its planned end."""


def kept_times(change: Change, key: str, start_us: int, alerts: Sequence[OwnAlert]) -> Times:
    """`alerts`: those that the change caused or declared; `key`: their name for it."""
    own = list(_own(change, key, alerts))
    planned_start_us, planned_end_us = us(change.planned_start), us(change.planned_end)
    early_s = _beyond(planned_start_us - us(change.actual_start or change.planned_start), 0)
    overran_s = _beyond(us(change.actual_end or change.planned_end) - planned_end_us, 0)
    began_s = _of_most(own, lambda alert: _beyond(planned_start_us - alert.onset_us, alert.window_s))
    ended_s = _of_most(own, lambda alert: _late_s(alert, planned_end_us))
    goes_on = sorted(alert.alert_id for alert in own if alert.ended_us is None and _late_s(alert, planned_end_us) >= ended_s > 0)
    late_s = 0.0 if change.declared_at is None else max(0, us(change.declared_at) - start_us) / SECOND_US
    return Times(max(early_s, began_s), max(overran_s, ended_s), late_s, tuple(goes_on))


def _late_s(alert: OwnAlert, planned_end_us: int) -> float:
    """How long after the planned end it ended; up to now if it has not."""
    return _beyond((alert.ended_us or alert.last_us) - planned_end_us, alert.window_s)


def _of_most(own: Sequence[OwnAlert], seconds: Callable[[OwnAlert], float]) -> float:
    """The most seconds at any User; where there are many, without the few that are furthest off, unless they are far off."""
    most: dict[str, float] = {}
    for alert in own:
        most[alert.user] = max(most.get(alert.user, 0.0), seconds(alert))
    # An alert without a User is a region's or everyone's.
    certain = [by_s for user, by_s in most.items() if not user or by_s > _ODD_MOST_S]
    small = sorted((by_s for user, by_s in most.items() if user and by_s <= _ODD_MOST_S), reverse=True)
    return max([*certain, *small[int(len(most) * _ODD_SHARE) :]], default=0.0)


def _own(change: Change, key: str, alerts: Iterable[OwnAlert]) -> Iterable[OwnAlert]:
    """Alerts that are the change's own effect: at its owner, where it began there; if it declared an effect, those of that effect."""
    for alert in alerts:
        declared = key in alert.within or key in alert.beyond
        theirs = alert.user == change.owner if change.source == "user" else declared or alert.at_origin
        if theirs and alert.at_origin and (declared or change.expected is None):
            yield alert


def _beyond(by_us: int, window_s: int) -> float:
    """The seconds, if they are above the tolerance."""
    seconds = by_us / SECOND_US
    return seconds if seconds > max(_TOLERANCE_S, 2 * window_s) else 0.0
