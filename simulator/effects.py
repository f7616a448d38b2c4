"""Effects: the influence of a scenario on the world, as curves over windows and columns over series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Flags, Floats, Indices


@dataclass(frozen=True, slots=True)
class Scale:
    """Traffic of `series` multiplied by `factor` (windows,) from window `first` on."""

    series: Flags
    first: int
    factor: Floats


@dataclass(frozen=True, slots=True)
class Fail:
    """The failed share of `series` is `ratio` and carries the codes of pair `code_pair`, in windows `first` ≤ i < `last`."""

    series: Flags
    first: int
    last: int
    ratio: float
    code_pair: int


@dataclass(frozen=True, slots=True)
class Block:
    """Nothing of `series` leaves its queue in windows `first` ≤ i < `last`; the waiting messages leave when it opens."""

    series: Flags
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Dark:
    """No report of these series and queues arrives in windows `first` ≤ i < `last`: the traffic continues, the telemetry does not."""

    series: Flags
    queues: Flags
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Slide:
    """A share of the messages of `series` in window `first` is counted in the next window."""

    series: Flags
    first: int
    share: float


Effect = Scale | Fail | Block | Dark | Slide


def scaled(rates: Floats, effects: Sequence[Effect], first: int) -> Floats:
    """`rates` (windows, series) from window `first` on, with every `Scale` applied."""
    last = first + len(rates)
    for effect in effects:
        if not isinstance(effect, Scale):
            continue
        begin, end = max(first, effect.first), min(last, effect.first + len(effect.factor))
        if begin < end:
            rates[begin - first : end - first, effect.series] *= effect.factor[begin - effect.first : end - effect.first, None]
    return rates


def slid(rates: Floats, effects: Sequence[Effect], first: int) -> Floats:
    """`rates` (windows, series) from window `first` on, with what every `Slide` moves from one window to the next; none is lost.

    What slides out of a window is a share of its own messages, so one window before those that are wanted is enough to know all of it.
    """
    stays = np.ones_like(rates)
    for effect in effects:
        if isinstance(effect, Slide) and first <= effect.first < first + len(rates):
            stays[effect.first - first, effect.series] *= 1.0 - effect.share
    moved = rates * (1.0 - stays)
    rates *= stays
    rates[1:] += moved[:-1]
    return rates


def failing(ratio: Floats, code_pair: Indices, effects: Sequence[Effect], first: int, last: int) -> tuple[Floats, Indices]:
    """Failure ratio and pair of codes of each window and series, (windows, series); the later effect wins."""
    ratios = np.broadcast_to(ratio, (last - first, len(ratio)))
    pairs = np.broadcast_to(code_pair, (last - first, len(ratio)))
    for effect in effects:
        if isinstance(effect, Fail) and effect.first < last and first < effect.last:
            if not ratios.flags.writeable:
                ratios, pairs = ratios.copy(), pairs.copy()
            span = slice(max(effect.first, first) - first, min(effect.last, last) - first)
            ratios[span, effect.series], pairs[span, effect.series] = effect.ratio, effect.code_pair
    return ratios, pairs


def blocked(series: int, effects: Sequence[Effect], first: int, last: int) -> Flags | None:
    """Which series can't leave their queue in which window, (windows, series); None if there is no such window."""
    closed: Flags | None = None
    for effect in effects:
        if isinstance(effect, Block) and effect.first < last and first < effect.last:
            closed = np.zeros((last - first, series), dtype=np.bool_) if closed is None else closed
            closed[max(effect.first, first) - first : min(effect.last, last) - first, effect.series] = True
    return closed


def reported(series: int, queues: int, effects: Sequence[Effect], first: int, last: int) -> tuple[Flags, Flags]:
    """The reports that arrive: (windows, series) and (windows, queues)."""
    traffic = np.ones((last - first, series), dtype=np.bool_)
    depths = np.ones((last - first, queues), dtype=np.bool_)
    for effect in effects:
        if isinstance(effect, Dark) and effect.first < last and first < effect.last:
            span = slice(max(effect.first, first) - first, min(effect.last, last) - first)
            traffic[span, effect.series] = False
            depths[span, effect.queues] = False
    return traffic, depths
