"""A bank of CUSUMs: how well each of several factors explains the counts since its best starting point."""

import numpy as np

from detectors.distributions.negative_binomial import log_ratio, log_ratio_each
from detectors.interface import FindingDetails, Signal, TrafficWindow, run_started_us
from detectors.rates import habits
from models.columns import Columns, Flags, Floats, Ints
from models.times import SECOND_US

CALM_NATS = 5.0
"""Evidence for normal traffic that ends a finding (an error of 1 in 150 while it continues); the correlation damps a return."""
LEAST_CALM_WINDOWS = 3
BUILDING_SHARE = 0.65
"""Share of the threshold: a series with few messages must learn from a burst, or every later burst looks as unusual as the first."""
LEAST_MEAN = 1e-6
ONE_WINDOW = 0.7
"""Share of the threshold: maximum evidence of one window about missing messages, because the next window may count them."""
EVIDENCE = ("nats", "run", "height", "greatest", "calm", "calm_windows")
RECENT = 0.2
"""Weight of the newest window in the height of a finding."""
LEAST_HEIGHT, MOST_HEIGHT = 0.05, 1000.0


class Bank:
    """One-sided CUSUMs W = max(0, W + l) with the exact negative-binomial log-likelihood ratio l, one per factor (Page 1954; Lorden 1971).

    The null hypothesis is the far end of the range that the expectation can explain (`TrafficWindow.low`, `high`): while that is
    uncertain, a small factor finds nothing.
    """

    def __init__(self, factors: tuple[float, ...], threshold: float) -> None:
        self._factors = np.array(factors)
        self._upward = bool(factors[0] > 1.0)
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence by factor (nats), windows in its run; for an open finding its recent and greatest height, evidence of its end."""
        rows = len(self._factors)
        single = {name: np.zeros(series, np.float32) for name in ("height", "greatest", "calm", "calm_windows")}
        evidence: Columns = {"nats": np.zeros((rows, series)), "run": np.zeros((rows, series), np.float32), **single}
        return evidence | habits.fresh(series, self._threshold)

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, judged: Flags) -> Signal:
        """Processes one window; series that are not `judged` keep their state."""
        null = np.maximum(window.high if self._upward else window.low, LEAST_MEAN)
        # Missing messages of the last window that are excess in this one moved from one window to the other.
        messages = window.tick.messages - window.slid if self._upward else window.tick.messages
        ratios = log_ratio(messages, null, window.expected.dispersion, self._factors)
        limit = state["limit"]
        if not self._upward:
            np.minimum(ratios, ONE_WINDOW * limit, out=ratios)
        ratios *= judged
        nats, run = state["nats"], state["run"]
        nats += ratios
        np.maximum(nats, 0.0, out=nats)
        run += judged
        run *= nats > 0.0
        score = nats.max(axis=0)
        over = score > limit
        rising = score > BUILDING_SHARE * limit
        habit = self._habit(state, window, score, judged, over, rising)
        calm = self._calm(state, window, null, is_open & judged)
        accepted = is_open & (window.accepted > 0)
        if accepted.any():
            self.reset(state, accepted)
        return Signal(
            score=score,
            over=over & ~accepted,
            has_ended=calm | accepted,
            evidence_rising=rising,
            serious=over & (habit == 0),
            habit=habit,
            shown=lambda rows: self._shown(state, window, rows),
        )

    def _habit(self, state: Columns, window: TrafficWindow, score: Floats, judged: Flags, over: Flags, rising: Flags) -> Ints:
        """Where the finding is a habit of the series: the number of earlier days with it at this time of day, plus one; elsewhere 0."""
        tick, at_s = window.tick, window.tick.at_us // SECOND_US

        def run_s(rows: Ints) -> Ints:
            windows: Ints = state["run"][state["nats"][:, rows].argmax(axis=0), rows].astype(np.int64) * tick.window_s
            return windows

        # What a drop withheld is owed while it goes on: that explains a storm, not the drop itself.
        explained = window.declared | window.recovering if self._upward else window.declared
        habits.follow(state, score, judged, explained, run_s, at_s, tick.window_s, self._threshold)
        habit = np.zeros(len(score), np.int64)
        rows = (over | (rising & judged)).nonzero()[0]
        if len(rows):
            ran_s = run_s(rows)
            pace = score[rows] / np.maximum(ran_s // tick.window_s, 1)
            due = np.maximum(window.expected.mean[rows], LEAST_MEAN)
            pace, size = habits.grow(state, rows, pace, due, tick.messages[rows], window.expected.dispersion[rows])
            # A batch job may add messages at any time; messages that are missing at any time are missed by somebody.
            usual, days = habits.habitual(
                state, rows, at_s - ran_s, score[rows], pace, size, at_any_time=self._upward, least=self._threshold
            )
            habit[rows] = usual * (days + 1) * over[rows]
        return habit

    def _shown(self, state: Columns, window: TrafficWindow, rows: Ints) -> FindingDetails:
        messages, mean = window.tick.messages[rows], window.expected.mean[rows]
        windows = state["run"][state["nats"][:, rows].argmax(axis=0), rows]
        began_us = run_started_us(window.tick.at_us, window.tick.window_s, windows)
        return FindingDetails(began_us, messages, mean, {"ratio": messages / np.maximum(mean, LEAST_MEAN)})

    def _calm(self, state: Columns, window: TrafficWindow, null: Floats, asked: Flags) -> Flags:
        """Evidence for normal traffic against half (on a log scale) of the greatest height of the finding."""
        ended = np.zeros(len(asked), np.bool_)
        chosen = asked.nonzero()[0]
        if not len(chosen):
            return ended
        counts, mean = window.tick.messages[chosen], null[chosen]
        height = state["height"][chosen]
        height = np.where(height > 0, height + RECENT * (counts / mean - height), counts / mean)
        edge = np.maximum if self._upward else np.minimum
        before = np.where(state["greatest"][chosen] > 0, state["greatest"][chosen], 1.0)
        greatest = np.clip(edge(before, height), LEAST_HEIGHT, MOST_HEIGHT)
        halfway = edge(np.sqrt(greatest), self._factors[0])
        calm = np.maximum(state["calm"][chosen] - log_ratio_each(counts, mean, window.expected.dispersion[chosen], halfway), 0.0)
        windows = (state["calm_windows"][chosen] + 1) * (calm > 0)
        for name, values in (("height", height), ("greatest", greatest), ("calm", calm), ("calm_windows", windows)):
            state[name][chosen] = values
        ended[chosen] = (calm > CALM_NATS) & (windows >= LEAST_CALM_WINDOWS)
        if ended.any():
            self.reset(state, ended)
        return ended

    def reset(self, state: Columns, series: Flags) -> None:
        """Removes the evidence of some series; their habits stay."""
        chosen = series.nonzero()[0]
        for name in EVIDENCE:
            state[name][..., chosen] = 0.0
