"""Silence: no messages arrive although messages are expected."""

import numpy as np

from detectors.distributions.negative_binomial import minus_log_p_zero
from detectors.interface import FindingDetails, Signal, TrafficWindow, run_started_us
from models.columns import Columns, Flags, Floats, Ints, TrafficTick

HYPOTHESES = 3
"""A series alone, with its message class, with its whole direction (`group_silence.py`)."""
LEAK = 0.1
"""Share of the expected messages that may pass while the route is shut."""
CALM_NATS = 4.0
"""Evidence for normal traffic against such a leak that ends the finding."""
CALM_WINDOWS = 2
"""Windows with messages that end the finding: a single retry that passes is not the end."""


class Silence:
    """Adds up how unlikely each empty window was (-ln P(0) of the expected negative binomial, in nats); a message resets it."""

    kind = "silence"
    learned: tuple[str, ...] = ()

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence of this window and of all empty ones (nats), their number, evidence of its end, windows of that."""
        state: Columns = {name: np.zeros(series, np.float32) for name in ("due", "empty_windows", "calm", "calm_windows")}
        return state | {"nats": np.zeros(series)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window. A series that did not report keeps its state: that case is `stale`, not silence."""
        tick, expected = window.tick, window.expected
        judged = tick.reported & expected.known
        empty = judged & (tick.messages == 0)
        nats, run = state["nats"], state["empty_windows"]
        # If messages move into the next window, only new ones can come after an empty window (dispersion phi (1 + r) - r).
        kept = 1.0 - window.autocorrelation
        state["due"][:] = minus_log_p_zero(window.low * kept, np.maximum(expected.dispersion * kept - window.autocorrelation, 1.0))
        keeps = ~judged | empty
        nats *= keeps
        run *= keeps
        nats += state["due"] * empty
        run += empty
        accepted = is_open & (window.accepted > 0)
        over = (nats > self._threshold) & ~accepted
        nats *= ~accepted
        return Signal(
            score=nats.copy(),
            over=over,
            has_ended=self._calm(state, tick.messages, window.low, is_open & judged) | accepted,
            evidence_rising=nats > 0.5 * self._threshold,
            serious=over,
            shown=lambda rows: self._shown(run[rows], tick, expected.mean[rows], rows),
        )

    def _shown(self, empty_windows: Floats, tick: TrafficTick, mean: Floats, rows: Ints) -> FindingDetails:
        messages = tick.messages[rows]
        evidence = {"ratio": messages / np.maximum(mean, 1e-6), "empty_windows": empty_windows}
        return FindingDetails(run_started_us(tick.at_us, tick.window_s, empty_windows), messages, mean, evidence)

    def _calm(self, state: Columns, messages: Floats, due: Floats, asked: Flags) -> Flags:
        ended = np.zeros(len(asked), np.bool_)
        chosen = asked.nonzero()[0]
        if len(chosen):
            counts = np.minimum(messages[chosen], 2.0 * due[chosen] + 2.0)
            calm = np.maximum(state["calm"][chosen] - np.log(LEAK) * counts - (1.0 - LEAK) * due[chosen], 0.0)
            windows = (state["calm_windows"][chosen] + (counts > 0)) * (calm > 0)
            ended[chosen] = (calm > CALM_NATS) & (windows >= CALM_WINDOWS)
            state["calm"][chosen], state["calm_windows"][chosen] = calm * ~ended[chosen], windows * ~ended[chosen]
        return ended
