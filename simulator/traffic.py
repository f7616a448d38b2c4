"""Traffic: the DSP's counts in each window, drawn from the world, the effects and the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Flags, Floats, Indices, Ints
from simulator.effects import Effect, Slide, blocked, failing, reported, scaled, slid
from simulator.queues import Queues
from simulator.timeline import Timeline
from simulator.world import World

CELLS_A_STRETCH = 100_000
"""Windows × series drawn at once: large enough to be fast, small enough to keep memory constant."""
FIRST_CODE_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive windows in columns: traffic (windows, series), queues (windows, queues)."""

    first: int
    ends_us: Ints
    """(windows,)"""
    messages: Ints
    failures: Ints
    second: Ints
    """Failures with the second code of their pair; the others have the first."""
    code_pair: Indices
    traffic_reported: Flags
    depth: Ints
    oldest_age_s: Floats
    enqueued: Ints
    delivered: Ints
    queues_reported: Flags


def windows_a_stretch(world: World, window_s: int) -> int:
    """How many windows are drawn at once, whole ones of every length. The bytes depend on it: it is derived from the world alone."""
    each = max((key.window_s // window_s for key in (*world.traffic, *world.queues)), default=1)
    return max(1, CELLS_A_STRETCH // (len(world.traffic) + len(world.queues)) // each) * each


def stretches(world: World, timeline: Timeline, effects: Sequence[Effect], seed: int) -> Iterator[Stretch]:
    """The whole simulation in order of time; the same arguments give the same windows."""
    queues = Queues(world, timeline.window_s)
    step = windows_a_stretch(world, timeline.window_s)
    for first in range(0, timeline.windows, step):
        draw = np.random.default_rng(np.random.SeedSequence([seed, 1, first]))
        yield _stretch(world, timeline, effects, queues, draw, first, min(first + step, timeline.windows))


def _stretch(
    world: World, timeline: Timeline, effects: Sequence[Effect], queues: Queues, draw: np.random.Generator, first: int, last: int
) -> Stretch:
    rates = _rates(world, timeline, effects, first, last)
    messages = np.rint(rates).astype(np.int64) if world.recorded is not None else negative_binomial(draw, rates, world.dispersion)
    ratios, pairs = failing(world.failure_ratio, world.code_pair, effects, first, last)
    fallible = np.flatnonzero((ratios > 0).any(axis=0))
    refused = np.zeros_like(messages)
    refused[:, fallible] = draw.binomial(messages[:, fallible], ratios[:, fallible])
    to_dsp = np.array([key.direction == "to_dsp" for key in world.traffic])
    # Refused requests never reach a device's queue; the responses to the User wait in the User's queue.
    passed = queues.pass_on(np.where(to_dsp, messages - refused, messages), blocked(len(to_dsp), effects, first, last), first, draw)
    counted = np.where(to_dsp, messages, passed.by_series)
    failures = np.where(to_dsp | (counted == messages), refused, np.minimum(refused, counted))
    answers = fallible[~to_dsp[fallible]]
    failures[:, answers] = draw.binomial(counted[:, answers], ratios[:, answers])
    seen, seen_queues = reported(len(world.traffic), len(world.queues), effects, first, last)
    return Stretch(
        first=first,
        ends_us=timeline.ends_us(first, last),
        messages=counted,
        failures=failures,
        second=draw.binomial(failures, 1 - FIRST_CODE_SHARE),
        code_pair=pairs,
        traffic_reported=seen,
        depth=passed.depth,
        oldest_age_s=passed.oldest_age_s,
        enqueued=passed.enqueued,
        delivered=passed.delivered,
        queues_reported=seen_queues,
    )


def _rates(world: World, timeline: Timeline, effects: Sequence[Effect], first: int, last: int) -> Floats:
    """Expected messages (windows, series) with every effect applied."""
    begin = max(0, first - 1) if any(isinstance(effect, Slide) for effect in effects) else first
    rates = scaled(world.rates(timeline, begin, last), effects, begin)
    return slid(rates, effects, begin)[first - begin :]


def negative_binomial(draw: np.random.Generator, mean: Floats, dispersion: Floats) -> Ints:
    """Counts with this mean and variance = mean × dispersion (> 1), as a Poisson count of a gamma rate."""
    spread = dispersion - 1
    counts: Ints = draw.poisson(draw.gamma(mean / spread, spread))
    return counts
