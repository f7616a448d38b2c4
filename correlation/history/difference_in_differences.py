"""Difference in differences: whether the units of a change moved otherwise than the others, and how rare that is.

It is computed on the logarithm of observed over expected, with a placebo null: the same statistic at earlier spans of equal length. Minute
data are correlated, so a regression's p-values are too small; those of placebos are not (notes/peers.md b6).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.columns import Flags, Floats

FLOOR = 0.05
"""Minimum noise of a log ratio: expectations are never better than about 5 %."""
_LEAST_MESSAGES = 2.0
_LEAST_RISE = float(np.log(1.2))
_SURE = 4.0
_CLIP = 0.5
"""One control unit's own incident counts as no more than this shift of the log ratio."""
_MOST_PLACEBOS = 160

Membership = NDArray[np.float32]
"""(scopes, units) 1 where a unit is in a scope."""


@dataclass(frozen=True, slots=True)
class LevelShift:
    """How each unit moved from the span before a moment to the span after it, in natural log of observed over expected."""

    moved: Floats
    """(units,)"""
    placebo: Floats
    """(placebos, units) the same statistic at earlier moments, newest first."""
    scale: Floats
    """(units,) noise of one such value."""
    known: Flags
    """(units,) whether there was enough traffic before for a result."""
    level: Floats
    """(units,) log ratio of the span after the moment alone."""

    def affected(self, *, up: bool) -> Flags:
        """(units,) moved in that direction by at least a fifth and four times the noise."""
        signed = self.moved if up else -self.moved
        return self.known & (signed >= _LEAST_RISE) & (signed >= _SURE * self.scale)


class CumulativeSums(NamedTuple):
    """Sums from the first bin on, shape (bins + 1, units): the sum of any span is a difference of two rows."""

    observed: Floats
    expected: Floats


def running(observed: Floats, expected: Floats) -> CumulativeSums:
    """The sums of matrices (bins, units), computed once for all moments."""
    judgeable = _judgeable(observed, expected)
    return CumulativeSums(*(np.vstack([np.zeros((1, matrix.shape[1])), np.cumsum(matrix, axis=0)]) for matrix in judgeable))


def shift(sums: CumulativeSums, first: int, stop: int, before: int) -> LevelShift:
    """`Shift` at bin `first`: bins [first, stop) against the `before` bins ahead of them."""
    after = max(stop - first, 1)
    starts = np.arange(first - after, before - 1, -1)
    starts = np.concatenate([[first], starts[:: max(1, -(-len(starts) // _MOST_PLACEBOS))]])
    ends = np.minimum(starts + after, len(sums.observed) - 1)
    late = _log_ratio(*(total[ends] - total[starts] for total in sums))
    early = _log_ratio(*(total[starts] - total[starts - before] for total in sums))
    moves = late - early
    due_before = sums.expected[first] - sums.expected[first - before]
    due_after = sums.expected[ends[0]] - sums.expected[first]
    known = (due_before >= _LEAST_MESSAGES) & (due_after > 0)
    return LevelShift(moves[0], moves[1:], _scale(moves[1:], due_before, due_after), known, late[0])


def _judgeable(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """If nothing is ever expected of a unit, its own mean is the expectation; a bin without one does not count."""
    never = expected.sum(axis=0) <= 0
    mean = np.maximum(observed.mean(axis=0), 0.1)
    expected = np.where(never, mean, expected)
    return np.where(expected > 0, observed, 0.0), expected


def _log_ratio(observed: Floats, expected: Floats) -> Floats:
    return np.log((observed + 0.5) / (expected + 0.5))


def _scale(placebo: Floats, due_before: Floats, due_after: Floats) -> Floats:
    counting = np.sqrt(1.0 / (due_before + 1.0) + 1.0 / (due_after + 1.0))
    spread = 1.4826 * np.median(np.abs(placebo), axis=0) if len(placebo) else np.zeros(len(counting))
    return np.maximum(np.maximum(counting, spread), FLOOR)


@dataclass(frozen=True, slots=True)
class DifferenceInDifferences:
    """Each scope's units against all others; every array has shape (scopes,)."""

    delta: Floats
    """Difference in differences (log ratio); NaN if scope or controls have no unit to judge by."""
    p_value: Floats
    """Share of placebo moments with at least such a difference in the same direction; NaN without placebos."""
    inside: Floats
    """Units of the scope that can be judged; `outside` is the same for the others."""
    outside: Floats
    inside_share: Floats
    """Share of the judged units in scope that are affected; NaN if there is none. `outside_share` is the same for the others."""
    outside_share: Floats


def difference_in_differences(
    scopes: Membership, moves: LevelShift, *, up: bool, moved_alike: Flags | None = None, near: Flags | None = None
) -> DifferenceInDifferences:
    """Compares the units of each scope with those outside it.

    `moved_alike` (units,) marks units that moved as the incident did (default: every affected one), `near` those outside that count for
    `outside_share` (default: all). Without units outside, their movement counts as none: history is the control then.
    """
    weight = (scopes * moves.known).astype(np.float64)
    rest = np.where(scopes > 0, 0.0, moves.known.astype(np.float64))
    inside, outside = weight.sum(axis=1), rest.sum(axis=1)
    table = np.vstack([moves.moved, moves.placebo])
    with np.errstate(invalid="ignore", divide="ignore"):
        treated = (weight @ table.T) / inside[:, None]
        clipped = np.clip(table, -_CLIP, _CLIP)
        control = np.where(outside[:, None] > 0, (rest @ clipped.T) / np.maximum(outside, 1.0)[:, None], 0.0)
        delta = treated - control
        touched = (moves.affected(up=up) if moved_alike is None else moved_alike).astype(np.float64)
        beside = rest if near is None else rest * near
        inside_share, outside_share = (weight @ touched) / inside, (beside @ touched) / beside.sum(axis=1)
    return DifferenceInDifferences(delta[:, 0], _placebo_p(delta, up=up), inside, outside, inside_share, outside_share)


def _placebo_p(delta: Floats, *, up: bool) -> Floats:
    placebos = delta.shape[1] - 1
    if placebos == 0:
        return np.full(len(delta), np.nan)
    signed = delta if up else -delta
    p = (1.0 + (signed[:, 1:] >= signed[:, :1]).sum(axis=1)) / (1.0 + placebos)
    return np.where(np.isnan(delta[:, 0]), np.nan, p)
