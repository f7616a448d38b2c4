"""Variance component: how much a quantity varies beyond sampling, learned from its squared errors."""

from dataclasses import dataclass

import numpy as np

from models.columns import Columns, Floats


@dataclass(frozen=True, slots=True)
class Excess:
    """Moment estimate of a relative variance component (1 = 100 % squared) with a prior and exponential forgetting.

    Samples are squared relative errors minus their sampling variance; a sample with a variance far above `reference` has little weight.
    """

    name: str
    prior: float
    prior_weight: float
    memory: float
    reference: float = 0.01

    def fresh(self, series: int) -> Columns:
        """The estimate (may be below zero) and its weight."""
        return {self.name: np.full(series, self.prior, np.float32), f"{self.name}_weight": np.full(series, self.prior_weight, np.float32)}

    def value(self, state: Columns) -> Floats:
        """The variance, ≥ 0."""
        return np.maximum(state[self.name], 0.0)

    def learn(self, state: Columns, squared: Floats, sampling: Floats, use: Floats, rough: Floats | float = 0.0) -> None:
        """Learns one sample per series, in place; `use` is 0 where there is none.

        `rough`: variance of the value from which the error was measured.
        """
        estimate, weight = state[self.name], state[f"{self.name}_weight"]
        news = use / (1.0 + (sampling + rough) / self.reference) ** 2
        weight += news
        np.minimum(weight, self.memory, out=weight)
        estimate += news / weight * (squared - sampling - estimate)
