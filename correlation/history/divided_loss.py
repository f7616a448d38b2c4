"""Divided loss: which part of a common loss each of several incidents takes while they go on at the same time.

What two incidents leave of the traffic multiplies, so the logarithm of what is left is a sum, in which each incident has a part in
proportion to its dose: what a storm has too much, or how deep a queue is. How much a dose takes of a process is fitted over the whole
time, in which the doses rise and fall at different moments. One origin's storm may take commissionings alone and another's queue
everything; no list of processes says so beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Floats

_LEAST_LEFT = 1e-3
"""Share that counts as left where nothing came."""
_FELT_FROM = (0.0, 0.1, 0.2, 0.3)
"""Shares of its greatest depth from which a queue may begin to be felt; the one that fits best is taken."""
_TOGETHER = 6.0
"""Bins that count as one observation, as neighbours deviate alike."""


@dataclass(frozen=True, slots=True)
class Dose:
    """How strong one incident is, bin by bin."""

    strength: Floats
    """(bins,) Share of its greatest."""
    queue: bool
    """Whether it is the depth of a queue, which nobody else feels while it is short."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the first of several incidents takes of one process."""

    loss: Floats
    """(bins,) Share of what is due that it would take if it were alone."""
    error: float
    """Standard error of that share, relative to it."""


def first_parts(due: Floats, came: Floats, doses: Sequence[Dose]) -> list[Part]:
    """The part of the first incident in each process; `due` and `came` have shape (processes, bins)."""
    left = np.where(due > 0, np.maximum(came / np.maximum(due, 1e-9), _LEAST_LEFT), 1.0)
    lost, weight = -np.log(left), np.sqrt(np.maximum(due, 0.0) * np.minimum(left, 1.0))
    fits = [_fits(lost, weight, _strengths(doses, felt_from)) for felt_from in (_FELT_FROM if any(one.queue for one in doses) else (0.0,))]
    best = min(fits, key=lambda fit: fit.misfit)
    return [_part(left[row], best, row) for row in range(len(due))]


@dataclass(frozen=True, slots=True)
class _Fit:
    strengths: Floats
    """(bins, incidents)"""
    effects: Floats
    """(processes, incidents)"""
    errors: Floats
    """(processes,) standard error of the first incident's effect"""
    misfit: float


def _strengths(doses: Sequence[Dose], felt_from: float) -> Floats:
    columns = [np.maximum(one.strength - felt_from, 0.0) / (1.0 - felt_from) if one.queue else one.strength for one in doses]
    return np.stack(columns, axis=1)


def _fits(lost: Floats, weight: Floats, strengths: Floats) -> _Fit:
    effects, errors, misfit = np.zeros((len(lost), strengths.shape[1])), np.zeros(len(lost)), 0.0
    for row in range(len(lost)):
        scaled, target = strengths * weight[row][:, None], lost[row] * weight[row]
        effects[row] = _not_negative(scaled, target)
        rest = target - scaled @ effects[row]
        misfit += float((rest**2).sum())
        spread = float((rest**2).sum()) / max(len(target) / _TOGETHER - strengths.shape[1], 1.0)
        errors[row] = np.sqrt(spread * max(float(np.linalg.pinv(scaled.T @ scaled)[0, 0]), 0.0))
    return _Fit(strengths, effects, errors, misfit)


def _not_negative(columns: Floats, target: Floats) -> Floats:
    """Least squares in which no incident gives back what another takes: those that would are left out, the worst one first."""
    effects = np.zeros(columns.shape[1])
    kept = np.asarray(columns.any(axis=0), np.bool_)
    while kept.any():
        solution = np.linalg.lstsq(columns[:, kept], target, rcond=None)[0]
        if (solution >= 0).all():
            effects[kept] = solution
            return effects
        kept[np.flatnonzero(kept)[int(solution.argmin())]] = False
    return effects


def _part(left: Floats, fit: _Fit, row: int) -> Part:
    explained = fit.strengths * fit.effects[row]
    total = explained.sum(axis=1)
    share = np.where(total > 0, explained[:, 0] / np.maximum(total, 1e-12), 0.0)
    effect = float(fit.effects[row, 0])
    return Part(1.0 - left**share, float(fit.errors[row]) / effect if effect > 0 else 0.0)
