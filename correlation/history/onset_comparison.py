"""Onset comparison: an incident's own kind of traffic at every User, before and after the onset."""

from dataclasses import dataclass

import numpy as np

from correlation.history.difference_in_differences import LevelShift, shift
from correlation.history.panel import Panel, TrafficSelector
from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.columns import Flags, Floats, SeriesKey
from models.response_codes import DEVICE_SIDE
from models.times import HOUR_US, MINUTE_US, SECOND_US

_LONGEST_US = HOUR_US
"""The first hour decides: later windows show the outage, not its cause, and a verdict should become stable."""
_LEAST_BEFORE = 3
_EARLY_US = 10 * MINUTE_US
_STORMY = 3.0
_SEARCHED_BINS = 20
_LEAST_LEAP = 0.25
_STAYS = 0.8
_SIMILAR_SHARE = 0.4
"""Share of the own units' shift (in log ratio, of at most a factor 7) from which on others count as moved alike."""
_NOTICED, _MIN_MOVE = 2.5, 0.1
"""Times its noise, and in log ratio, that a unit must move to have moved alike: many that move a little together are not chance."""
_BACK_SPANS = 5
"""Spans before the onset that the finest bins must cover, for placebos."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How each unit's traffic of the incident's kind moved at the onset."""

    panel: Panel
    moves: LevelShift
    first: int
    """Bin in which the incident began."""
    stop: int
    up: bool
    """Whether the incident is an excess."""
    own: Flags
    """(units,) units of the Users that the incident began at."""
    moved_alike: Flags
    """(units,) moved in the same direction, and not much less than the own ones."""
    near: Flags
    """(units,) in a region of the incident: a shared cause there would move them too."""
    onset_us: int
    """When the own units left their usual level, to a bin; the alert's estimate if the counts do not show it."""
    onset_bin_us: int
    """Length of the bins that show the onset."""
    sharp: bool
    """Whether the onset shows in the counts."""
    counts: Floats
    """(bins,) the own units' counts since the onset, in the finest bins; the incomplete bins at both ends are left out."""


_TELLING = ("storm", "silence", "backlog", "drop", "failures", "drift", "stale")
"""Kinds by how well they show an event's origin and onset: for others, failures and lost traffic are effects too."""


def main_episode(case: IncidentSnapshot) -> AlertSnapshot:
    """The episode of the comparison: the most significant of those with which the origin's trouble began."""
    return min(early(case), key=lambda episode: (_telling(episode), episode.onset_us, episode.alert_id))


def _telling(episode: AlertSnapshot) -> tuple[int, bool]:
    """Rank in the order; a storm of less than three times the usual may only be retries of what others block.

    Requests that are refused for their own faults come before the answers that these lack.
    """
    slight = episode.kind == "storm" and episode.peak < _STORMY * episode.usual_at_peak
    refused = _is_refused(episode)
    return _TELLING.index("drop" if slight or refused else episode.kind), not refused


def _is_refused(episode: AlertSnapshot) -> bool:
    """Whether it is failures of requests, also once only their answers still fail, or most carry a code of the User's own requests."""
    if episode.kind != "failures":
        return False
    if any(key.direction == "to_dsp" for key in episode.series):
        return True
    own = sum(count for code, count in episode.codes.items() if code not in DEVICE_SIDE)
    return 2 * own > sum(episode.codes.values()) > 0


def early(case: IncidentSnapshot) -> tuple[AlertSnapshot, ...]:
    """The origin's alerts of the first minutes: later ones may be effects of the first ones."""
    own = case.origin_alerts or case.episodes
    first_us = min(episode.detected_us for episode in own)
    return tuple(episode for episode in own if episode.detected_us <= first_us + _EARLY_US)


def compare(case: IncidentSnapshot, history: History) -> Comparison | None:
    """None if nothing is known of the traffic before the onset.

    Where other Users report the same kind of traffic in windows of another length, they are compared in bins into which both fit, as soon
    as one such bin is over; the onset is read from the incident's own windows in any case.
    """
    main = main_episode(case)
    window_s = min(key.window_s for key in main.series)
    asked = asked_of(case, main)
    part = TrafficSelector.of(asked, window_s)
    end_us = min(case.at_us, main.onset_us + _LONGEST_US, case.at_us if main.ended_us is None else main.ended_us)
    span_us = max(end_us - main.onset_us, window_s * SECOND_US)
    panel = history.panel(part, main.onset_us - _BACK_SPANS * span_us)
    if panel is None:
        return None
    first = _first(panel, main.onset_us)
    stop = _until(panel, first, end_us)
    if first < _LEAST_BEFORE:
        return None
    observed, due = (panel.failed, panel.observed) if main.kind == "failures" else (panel.observed, panel.expected)
    up = main.direction in ("up", "growing")
    own, near = _whose(main, case, panel)
    onset_us, sharp = main.onset_us, False
    if not main.series[0].is_queue:
        left = left_at(observed[:, own & near].sum(axis=1), due[:, own & near].sum(axis=1), first, stop, up=up)
        if left is not None:
            first, onset_us, sharp = left, int(panel.ends_us[left] - panel.bin_us), True
    counts = _carried(history.panel(part, onset_us), own & near, onset_us, end_us)
    onset_bin_us = panel.bin_us
    everyone = history.mixed_panel(part, main.onset_us - _BACK_SPANS * span_us)
    if everyone is not None and _LEAST_BEFORE <= _first(everyone, onset_us) < _ended(everyone, end_us):
        panel, first = everyone, _first(everyone, onset_us)
        stop = _until(panel, first, end_us)
        own, near = _whose(main, case, panel)
    before = min(max(2 * (stop - first), _LEAST_BEFORE), first)
    moves = shift(panel.failing if main.kind == "failures" else panel.traffic, first, stop, before)
    signed = moves.moved if up else -moves.moved
    size = float(np.median(signed[own & near & moves.known])) if (own & near & moves.known).any() else 0.0
    moved_alike = moves.known & (signed >= np.maximum(_SIMILAR_SHARE * min(size, 2.0), _NOTICED * moves.scale)) & (signed >= _MIN_MOVE)
    return Comparison(panel, moves, first, stop, up, own, moved_alike, near, onset_us, onset_bin_us, sharp, counts)


def asked_of(case: IncidentSnapshot, main: AlertSnapshot) -> tuple[SeriesKey, ...]:
    """The series of the question: if no User is the origin, all that began to move in that direction, at any User.

    Of requests that are refused for their own faults only the requests: what devices do not answer fails at others for another reason.
    """
    if case.origin_user is not None:
        requests = tuple(key for key in main.series if key.direction == "to_dsp")
        return requests if requests and _is_refused(main) else main.series
    queue = main.series[0].is_queue
    moved_alike = [episode for episode in early(case) if _upward(episode) == _upward(main) and episode.series[0].is_queue == queue]
    return tuple(sorted({key for episode in moved_alike for key in episode.series}))


def _upward(episode: AlertSnapshot) -> tuple[bool, bool]:
    return episode.direction in ("up", "growing"), episode.kind == "failures"


def _first(panel: Panel, onset_us: int) -> int:
    """The first bin that begins at the onset, or less than a quarter of its length before it."""
    return min(int(np.searchsorted(panel.ends_us - panel.bin_us, onset_us - panel.bin_us // 4)), len(panel.ends_us) - 1)


def _ended(panel: Panel, end_us: int) -> int:
    """Bin after the last one that is completely before the end."""
    return int(np.searchsorted(panel.ends_us, end_us, side="right"))


def _until(panel: Panel, first: int, end_us: int) -> int:
    """Bin after the last one that is completely before the end, at least one: later ones are no information about the event."""
    return min(max(_ended(panel, end_us), first + 1), len(panel.ends_us))


def _whose(main: AlertSnapshot, case: IncidentSnapshot, panel: Panel) -> tuple[Flags, Flags]:
    """Units of the Users that it began at, and units in its regions."""
    users = {key.user for episode in case.origin_alerts for key in episode.series}
    regions = {key.region for key in main.series if key.region}
    return panel.units.of(users), panel.units.within(regions)


def _carried(panel: Panel | None, own: Flags, onset_us: int, end_us: int) -> Floats:
    if panel is None:
        return np.zeros(0)
    within = (panel.ends_us - panel.bin_us > onset_us) & (panel.ends_us <= end_us)
    return np.asarray(panel.observed[within][:, own].sum(axis=1), np.float64)


def left_at(observed: Floats, expected: Floats, first: int, stop: int, *, up: bool) -> int | None:
    """The bin in which a series left its usual level for good: from there on it stays beyond half the way; None if unclear."""
    ratio = np.log((observed + 0.5) / (expected + 0.5))
    signed = ratio if up else -ratio
    begin = max(first - _SEARCHED_BINS, _LEAST_BEFORE)
    level = float(np.median(signed[first:stop]))
    usual = float(np.median(signed[max(begin - _SEARCHED_BINS, 0) : begin]))
    if level - usual < _LEAST_LEAP or begin >= stop:
        return None
    beyond = signed[begin:stop] >= usual + (level - usual) / 2.0
    share = np.cumsum(beyond[::-1])[::-1] / np.arange(len(beyond), 0, -1)
    starts = np.flatnonzero(beyond & (share >= _STAYS))
    return begin + int(starts[0]) if len(starts) else None
