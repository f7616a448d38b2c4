"""Effects: how each part of a change's scope moved during the change, compared with the time before and with unaffected units."""

from dataclasses import dataclass

import numpy as np

from changes.calendar import CalendarView
from changes.scope import admits
from correlation.attribution.candidates import membership
from correlation.grading.declared_effect import declares_effect_on
from correlation.history.difference_in_differences import LevelShift, shift
from correlation.history.panel import Panel, TrafficSelector
from correlation.history.traffic_history import History
from models.change import Change
from models.columns import Floats, SeriesKey
from models.times import HOUR_US

_LEAST_BEFORE = 3
_BACK_SPANS = 8
_CLIP = 0.5
_NAMED_CONTROLS = 10
_PROFILE_US = HOUR_US
"""The profile is learned by the hour of the day, so a step of the day may come earlier or later than in the profile by this time."""
SURE = 4.0
"""How many times its noise a unit's shift must be to count as an effect."""


@dataclass(frozen=True, slots=True)
class SeriesEffect:
    """One series of a change's scope over the time of the change."""

    key: SeriesKey
    observed: float
    expected: float
    delta: float
    """Log ratio, less the previous one (if that is nearer to none) and that of the controls."""
    z: float
    """`delta` in units of its noise."""
    p_value: float | None
    control_users: tuple[str, ...]
    foreseen: bool
    """Whether the change declared an effect on it."""
    peak: float
    """The highest quarter's observed / expected if a rise was declared, else the lowest's."""

    @property
    def moved(self) -> bool:
        """Whether this is more than noise: four times its own, a fifth of the traffic, and rare among placebos."""
        return abs(self.z) >= SURE and abs(self.delta) >= np.log(1.2) and (self.p_value is None or self.p_value <= 0.05)


@dataclass(frozen=True, slots=True)
class ScopeEffects:
    """All known series of a change's scope."""

    series: tuple[SeriesEffect, ...]
    """In canonical order."""
    coverage: float
    """Share of the change's time with observations."""


def measure(change: Change, window: tuple[int, int], view: CalendarView, history: History) -> ScopeEffects:
    """The scope of `change` from `window`'s start to its end, in microseconds."""
    words = (change.services, change.regions, change.directions, change.queues)
    series: list[SeriesEffect] = []
    coverage = 0.0
    for part in history.parts():
        direction, message_class, service, queue = next(iter(part.classes))
        if queue or not admits(words, SeriesKey("", direction, message_class, service, "", queue, part.window_s)):
            continue
        from_us = window[0] - _BACK_SPANS * max(window[1] - window[0], 1)
        panel = history.panel(part, from_us)
        if panel is None:
            continue
        everyone = history.mixed_panel(part, from_us)
        effects, seen = _of_panel(change, window, view, part, panel, panel if everyone is None else everyone)
        if everyone is not None and seen == 0.0:
            effects, seen = _of_panel(change, window, view, part, panel, panel)
        series += effects
        coverage = max(coverage, seen)
    return ScopeEffects(tuple(sorted(series, key=lambda moved: moved.key)), coverage)


def _of_panel(
    change: Change, window: tuple[int, int], view: CalendarView, part: TrafficSelector, own: Panel, panel: Panel
) -> tuple[list[SeriesEffect], float]:
    """The units of `own`, whose windows have one length, beside all of `panel`: the same, or everyone's whatever their windows."""
    first, stop = _bins(panel, window)
    inside = membership(((view.scope_users(change), change.regions),), panel.units)[0] > 0
    if stop <= first or first < _LEAST_BEFORE or not inside.any():
        return [], 0.0
    span = stop - first
    moves = shift(panel.traffic, first, stop, min(max(2 * span, _LEAST_BEFORE), first))
    delta, placebo, controls = _against_controls(moves, inside)
    delta = _beside_steps(delta, panel, first, stop)
    users = _named(panel, controls, slice(first, stop))
    column = {unit: number for number, unit in enumerate(own.units)}
    against = _Against(delta, placebo, moves.scale, users)
    effects = [
        _moved(change, part, _Carried(own, column[panel.units[index]], slice(*_bins(own, window))), index, against)
        for index in np.flatnonzero(inside & moves.known).tolist()
        if panel.units[index] in column
    ]
    return effects, min(1.0, span * panel.bin_us / max(window[1] - window[0], panel.bin_us))


def _bins(panel: Panel, window: tuple[int, int]) -> tuple[int, int]:
    """The first bin of the window, or that begins less than a quarter of a bin before it, and the one after the last."""
    starts_us = panel.ends_us - panel.bin_us
    return int(np.searchsorted(starts_us, window[0] - panel.bin_us // 4)), int(np.searchsorted(starts_us, window[1]))


def _named(panel: Panel, controls: np.ndarray, span: slice) -> tuple[str, ...]:
    """The control Users with the largest weight, sorted: a report must stay readable."""
    due: dict[str, float] = {}
    sums = panel.expected[span].sum(axis=0)
    for index in np.flatnonzero(controls).tolist():
        user = panel.units[index].user
        due[user] = due.get(user, 0.0) + float(sums[index])
    return tuple(sorted(sorted(due, key=lambda user: (-due[user], user))[:_NAMED_CONTROLS]))


@dataclass(frozen=True, slots=True)
class _Against:
    """Each unit against the controls: shift, the same at placebo moments, noise, and the controls."""

    delta: Floats
    placebo: Floats
    scale: Floats
    users: tuple[str, ...]


def _against_controls(moves: LevelShift, inside: np.ndarray) -> tuple[Floats, Floats, np.ndarray]:
    """Shifts minus those of the controls, the same at placebo moments, and the controls.

    A unit that was disturbed before a change and is normal during it shows no effect, nor does one that stays as usual while the controls
    move: a unit has moved only as far as it deviates from its own expectation too.
    """
    controls = moves.known & ~inside
    if not controls.any():
        return _lesser(moves.moved, moves.level), moves.placebo, controls
    common, common_level = (np.clip(one[controls], -_CLIP, _CLIP).mean() for one in (moves.moved, moves.level))
    commons = np.clip(moves.placebo[:, controls], -_CLIP, _CLIP).mean(axis=1)
    delta = _lesser(_lesser(moves.moved - common, moves.level - common_level), moves.level)
    return delta, moves.placebo - commons[:, None], controls


def _beside_steps(delta: Floats, panel: Panel, first: int, stop: int) -> Floats:
    """Shifts no larger than against the expectation an hour before and an hour after; without an expectation there this changes nothing.

    If the day itself has a step, a part of an hour shows the time of the step as much as the change.
    """
    hour = max(1, round(_PROFILE_US / panel.bin_us))
    observed = panel.observed[first:stop].sum(axis=0)
    for start, end in ((first - hour, stop - hour), (first + hour, stop + hour)):
        if start >= 0 and end <= len(panel.expected):
            due = panel.expected[start:end].sum(axis=0)
            delta = np.where(due > 0, _lesser(delta, np.log((observed + 0.5) / (due + 0.5))), delta)
    return delta


def _lesser(one: Floats, other: Floats) -> Floats:
    """The smaller of two shifts, 0 if their signs differ."""
    return np.where(one * other > 0, np.sign(one) * np.minimum(np.abs(one), np.abs(other)), 0.0)


@dataclass(frozen=True, slots=True)
class _Carried:
    """One unit's own windows."""

    panel: Panel
    column: int
    span: slice


def _moved(change: Change, part: TrafficSelector, carried: _Carried, index: int, against: _Against) -> SeriesEffect:
    direction, message_class, service, queue = next(iter(part.classes))
    unit = carried.panel.units[carried.column]
    key = SeriesKey(unit.user, direction, message_class, service, unit.region, queue, part.window_s)
    observed, expected = (one[carried.span, carried.column] for one in (carried.panel.observed, carried.panel.expected))
    delta, placebo = float(against.delta[index]), against.placebo[:, index]
    p_value = (1 + int((np.abs(placebo) >= abs(delta)).sum())) / (1 + len(placebo)) if len(placebo) else None
    return SeriesEffect(
        key,
        float(observed.sum()),
        float(expected.sum()),
        delta,
        delta / float(against.scale[index]),
        p_value,
        against.users,
        declares_effect_on(change, key),
        _peak(observed, expected, rising=change.expected is not None and change.expected.effect == "up"),
    )


def _peak(observed: Floats, expected: Floats, *, rising: bool) -> float:
    """The most extreme quarter: an effect that lasts for only a part of the window is an effect."""
    quarter = max(1, len(observed) // 4)
    sums = [np.convolve(row, np.ones(quarter), "valid") for row in (observed, expected)]
    ratios = (sums[0] + 0.5) / (sums[1] + 0.5)
    return float(ratios.max() if rising else ratios.min())
