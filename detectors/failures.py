"""Failures: a larger share of a series' messages fails than is usual for it, by the side at fault."""

import numpy as np

from detectors.contract import Signal, TrafficWindow, run_started_us
from detectors.ratios import log_ratio
from models.columns import Columns, Flags, Floats, TrafficTick

FACTORS = np.array([1.7, 3.5, 10.0])
"""Of the odds."""
FAMILIES = 3
"""Codes of the User's side (E1-E19), of the device's and network's (E20, E21, E30), and all others: each has its usual share."""
MEMORY_S = 3 * 86_400.0
FIRST_S = 6 * 3600.0
"""Nothing is judged before."""
LEAST_TRIED = 300.0
DOUBT = 2.0
"""Standard errors by which the usual share may be off before a failure is evidence."""
PRIOR_FAILED, PRIOR_TRIED = 0.5, 25.0
PRIOR_OVERLAP, PRIOR_WEIGHT = 0.01, 20.0
"""Correlation of the fates of two messages of one window while little is known of it, and its weight in windows."""
MOST_OVERLAP = 0.5
CALM_NATS = 5.0
CALM_WINDOWS = 3


class Failures:
    """A bank of CUSUMs of beta-binomial log-likelihood ratios for each side at fault (Page 1954; Griffiths 1973)."""

    kind = "failures"
    learned = ("age_s", "tried", "failed", "overlap", "overlap_weight")

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence by family and factor (nats) and its run; messages tried and failed by family (fading); overlap by family; calm."""
        rows = FAMILIES * len(FACTORS)
        state: Columns = {name: np.zeros((rows, series), np.float32) for name in ("nats", "run")}
        state |= {name: np.zeros((FAMILIES, series), np.float32) for name in ("failed", "overlap_weight")}
        state |= {"overlap": np.full((FAMILIES, series), PRIOR_OVERLAP, np.float32)}
        return state | {name: np.zeros(series) for name in ("age_s", "tried", "calm", "calm_windows")}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """One window; only where something speaks for or against failures is anything computed."""
        tick = window.tick
        families = (tick.user_side, tick.device_side, np.maximum(tick.failures - tick.user_side - tick.device_side, 0.0))
        judged = tick.reported & (tick.messages > 0) & (state["age_s"] >= FIRST_S) & (state["tried"] >= LEAST_TRIED)
        calm = np.zeros(len(judged))
        for family, failed in enumerate(families):
            self._weigh(state, family, tick.messages, failed, judged, is_open, calm)
        nats, run = state["nats"], state["run"]
        score = nats.max(axis=0).astype(np.float64)
        over = score > self._threshold
        building = score > 0.5 * self._threshold
        ended = self._ended(state, calm, is_open & judged)
        wanted = np.flatnonzero(over | is_open)
        windows = np.ones(len(score))
        if len(wanted):
            windows[wanted] = run[nats[:, wanted].argmax(axis=0), wanted]
        self._learn(state, tick, families, tick.reported & ~is_open & ~building & ~window.declared)
        usual = sum(self._share(state, family)[0] for family in range(FAMILIES))
        return Signal(
            score=score,
            over=over,
            calm=ended,
            building=building,
            began_us=run_started_us(tick.at_us, tick.window_s, windows),
            observed=tick.failures,
            expected=tick.messages * np.minimum(usual, 1.0),
            serious=over,
            evidence={"failure_ratio": tick.failures / np.maximum(tick.messages, 1.0)},
        )

    def _share(self, state: Columns, family: int) -> tuple[Floats, Floats]:
        """Usual share of one family and the most that it may really be."""
        failed = state["failed"][family] + PRIOR_FAILED
        share = failed / (state["tried"] + PRIOR_TRIED)
        # The windows that a share was learned from are as overdispersed as the next one.
        spread = 1.0 + np.clip(state["overlap"][family], 0.0, MOST_OVERLAP) * 10.0
        return share, np.minimum(share * np.exp(DOUBT * np.sqrt(spread / failed)), 0.9)

    def _weigh(self, state: Columns, family: int, tried: Floats, failed: Floats, judged: Flags, is_open: Flags, calm: Floats) -> None:
        rows = slice(family * len(FACTORS), (family + 1) * len(FACTORS))
        nats, run = state["nats"][rows], state["run"][rows]
        _, high = self._share(state, family)
        places = np.flatnonzero(judged & ((failed > 1.2 * high * tried) | (nats[0] > 0) | (nats[-1] > 0) | (nats[1] > 0) | is_open))
        if not len(places):
            return
        overlap = np.clip(state["overlap"][family, places].astype(np.float64), 1e-5, MOST_OVERLAP)
        ratios = log_ratio(failed[places], tried[places], high[places], 1.0 / overlap - 1.0, FACTORS)
        raised = np.maximum(nats[:, places] + ratios, 0.0)
        # Evidence that it is over compares with the next smaller factor, in the family that the finding is about.
        leads = state["nats"][:, places].argmax(axis=0)
        about = leads // len(FACTORS) == family
        calm[places] += np.where(about, -ratios[np.maximum(leads % len(FACTORS) - 1, 0), np.arange(len(places))], 0.0)
        run[:, places] = (run[:, places] + 1) * (raised > 0)
        nats[:, places] = raised

    def _ended(self, state: Columns, calm: Floats, asked: Flags) -> Flags:
        ended = np.zeros(len(asked), np.bool_)
        places = np.flatnonzero(asked)
        if len(places):
            evidence = np.maximum(state["calm"][places] + calm[places], 0.0)
            windows = (state["calm_windows"][places] + 1) * (evidence > 0)
            state["calm"][places], state["calm_windows"][places] = evidence, windows
            ended[places] = (evidence > CALM_NATS) & (windows >= CALM_WINDOWS)
            over = np.flatnonzero(ended)
            for name in ("nats", "run", "calm", "calm_windows"):
                state[name][..., over] = 0.0
        return ended

    def _learn(self, state: Columns, tick: TrafficTick, families: tuple[Floats, ...], use: Flags) -> None:
        tried = tick.messages
        state["age_s"] += tick.window_s * tick.reported
        fade = 1.0 - use * (tick.window_s / MEMORY_S)
        pairs = np.maximum(tried - 1.0, 0.0) * use
        for family, failed in enumerate(families):
            share, _ = self._share(state, family)
            expected = tried * share
            variance = np.maximum(expected * (1.0 - share), 1e-9)
            square = np.minimum((failed - expected) ** 2, 9.0 * variance * (1.0 + np.maximum(state["overlap"][family], 0.0) * pairs) + 4.0)
            # A window says little of the overlap where few failures, or few messages, are expected.
            weight = use * expected / (1.0 + expected) * (pairs / (pairs + 50.0)) ** 2
            total = state["overlap_weight"][family]
            total += weight
            np.minimum(total, 2000.0, out=total)
            sample = np.clip((square / variance - 1.0) / np.maximum(pairs, 1.0), 0.0 - 1.0 / np.maximum(pairs, 1.0), MOST_OVERLAP)
            state["overlap"][family] += weight / (total + PRIOR_WEIGHT) * (sample - state["overlap"][family])
            state["failed"][family] *= fade
            state["failed"][family] += failed * use
        state["tried"] *= fade
        state["tried"] += tried * use
