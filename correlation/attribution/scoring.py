"""Scoring: the evidence for and against each change as the cause of one incident, term by term, in nats (natural log of odds).

Each term is the logarithm of how much more probable the fact is if the change caused the incident than if it did not; the terms add up.
The owners, each with its best candidate, compete with each other and with "no candidate" (0 nats), and the shares are the scores. The
weights come from `benchmarks/correlation.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Flags, Floats, Ints

OWN_SERVICE, OWN, SHARED, ELSEWHERE = 0, 1, 2, 3
"""Scope tiers: same User and service, same User, shared region or service, elsewhere."""
_SCOPE = np.array([2.2, 1.6, -1.8, -6.0])
_UNCOVERED = -4.5
"""Nats if none of the incident's series is in the change's scope, falling to zero at half of them: answers follow requests, and the
other way round."""

_KINDS: Mapping[str, Mapping[str, float]] = {
    "planned_maintenance": {"drop": 1.2, "silence": 1.2, "backlog": 0.8, "failures": 0.6, "storm": -1.5, "stale": 0.5},
    "internal_system": {"failures": 0.6, "drop": 0.6, "backlog": 0.6, "silence": 0.3, "storm": 0.0},
    "release": {"storm": 0.7, "failures": 1.0, "drop": 0.3, "silence": 0.2, "backlog": 0.2, "drift": 0.5},
    "firmware": {"storm": 0.6, "failures": 0.6, "backlog": 0.0, "silence": -1.0, "drop": -0.5},
    "network": {"silence": 1.2, "backlog": 1.2, "drop": 0.9, "failures": 0.5, "storm": -1.5, "stale": 0.5},
    "firewall": {"silence": 1.4, "backlog": 1.4, "drop": 0.8, "failures": 0.2, "storm": -2.5, "stale": 0.5},
    "meter_data_management": {"storm": 1.4, "failures": 1.0, "backlog": 0.0, "silence": -1.5, "drop": -0.7, "drift": 0.5},
    "tariff": {"storm": 1.4, "failures": 0.0, "backlog": 0.0, "silence": -2.5, "drop": -2.0},
    "schedule": {"storm": 1.2, "drop": 0.5, "drift": 0.8, "silence": -1.0, "backlog": -0.5, "failures": -0.8},
    "migration": {"storm": 0.8, "failures": 0.9, "silence": 0.4, "drop": 0.5, "backlog": 0.3, "drift": 0.5},
    "bcdr_test": {"silence": 1.0, "drop": 0.9, "backlog": 0.9, "failures": 0.4, "storm": -1.0, "stale": 0.5},
}
"""The effect of each category of change on traffic when it goes wrong; missing categories and kinds have no weight."""

ABNORMAL_BEFORE, CONTROLS_MOVED, SCOPE_UNTOUCHED, LONG_OVER = "abnormal_before", "controls_moved", "scope_untouched", "long_over"
_VETO = -8.0
_UNDER_WAY = 4.0
"""Paces in which the work of a change gets under way."""


def kind_fit(category: str, kinds: tuple[str, ...]) -> float:
    """Nats for a change of `category` and an incident that began with `kinds`, the most significant first: the first has double weight.

    One blocked route shows several kinds, and the effects of an overloaded network on a storm's own answers do not show its cause.
    """
    table = _KINDS.get(category, {})
    weights = [2.0, *[1.0] * (len(kinds) - 1)]
    return sum(weight * table.get(kind, 0.0) for weight, kind in zip(weights, kinds, strict=True)) / sum(weights) if kinds else 0.0


@dataclass(frozen=True, slots=True)
class CandidateFeatures:
    """The facts of each candidate; every array has shape (candidates,), NaN where unknown. Times in seconds."""

    tier: Ints
    coverage: Floats
    """Share of the incident's own series in the change's scope."""
    lead_s: Floats
    """From the change's start to the onset; negative if the incident began first."""
    length_s: Floats
    """Length of the change's window."""
    settle_s: Floats
    """How long after its end a change may still be the cause."""
    exact: Flags
    """Whether the start is the actual one, not the plan."""
    error_s: Floats
    """The possible error of the estimated onset."""
    kind: Floats
    """Nats, see `kind_fit`."""
    inside: Floats
    """Units of its scope that can be judged."""
    inside_share: Floats
    """Share of them that moved as the incident did; `outside_share` is the same for all other units."""
    outside_share: Floats
    delta: Floats
    """Difference in differences in the incident's direction (log ratio)."""
    p_value: Floats

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.tier)


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """Nats of each term, and the vetoes of a candidate; arrays of shape (candidates,)."""

    terms: Mapping[str, Floats]
    vetoes: Mapping[str, Flags]
    total: Floats
    """Sum of the terms, vetoes included."""

    @property
    def vetoed(self) -> Flags:
        """Whether any veto applies."""
        return np.asarray(np.any(np.stack(list(self.vetoes.values())), axis=0), np.bool_)


def score(evidence: CandidateFeatures, harm_delay_s: float = 600.0) -> CandidateScores:
    """Every term of every candidate. `pace_s`: how soon after its start a harmful change usually shows."""
    terms = {
        "scope": _SCOPE[evidence.tier] + _UNCOVERED * np.clip(1.0 - 2.0 * evidence.coverage, 0.0, 1.0),
        "onset": timing(evidence, harm_delay_s),
        "kind": evidence.kind,
        "share": _share(evidence),
        "controls": _controls(evidence),
    }
    vetoes = {
        ABNORMAL_BEFORE: evidence.lead_s < -early_allowance_s(evidence),
        LONG_OVER: evidence.lead_s > evidence.length_s + evidence.settle_s + evidence.error_s,
        CONTROLS_MOVED: (evidence.outside_share >= 0.5) & (evidence.tier != ELSEWHERE),
        SCOPE_UNTOUCHED: (evidence.inside >= 4) & (evidence.inside_share < 0.2),
    }
    total = sum(terms.values()) + _VETO * np.any(np.stack(list(vetoes.values())), axis=0)
    return CandidateScores(terms, vetoes, np.asarray(total, np.float64))


def early_allowance_s(evidence: CandidateFeatures) -> Floats:
    """How long before the known start an onset still counts as the change's: work may begin before its plan, rarely before its record."""
    return np.where(evidence.exact, 0.0, 900.0) + evidence.error_s


def timing(evidence: CandidateFeatures, pace_s: float) -> Floats:
    """Nats for the time of the onset: most harm shows soon after the start, some at any time within the window, some at its end.

    A density over the onset in units of `pace_s`, against one incident in 48 of them (8 hours). About two fifths of harmful changes show
    at once (decay by e every pace), a third as the work gets under way (by e every four paces: a launch reaches its load step by step),
    the others at any time or at the end (by e every quarter of the settling time).
    """
    length, lead, error = np.maximum(evidence.length_s / pace_s, 1.0), evidence.lead_s / pace_s, evidence.error_s / pace_s
    after_start = np.where(lead >= 0, lead, np.minimum(0.0, lead + error))
    since = np.maximum(after_start, 0.0)
    soon = np.where(after_start >= 0, 0.4 * np.exp(-since) + 0.3 / _UNDER_WAY * np.exp(-since / _UNDER_WAY), 0.0)
    within = np.where((after_start >= 0) & (lead <= length + error), 0.2 / length, 0.0)
    past_end = (evidence.lead_s - evidence.length_s) / pace_s
    tail = np.maximum(evidence.settle_s / 4.0 / pace_s, 0.1)
    ending = np.where(past_end >= -error, 0.12 * np.exp(-np.maximum(past_end, 0.0) / tail) / tail, 0.0)
    early = np.where((after_start < 0) & ~evidence.exact, 0.05 * np.exp(np.minimum(after_start, 0.0) / 0.6) / 0.6, 0.0)
    return np.asarray(np.clip(np.log((soon + within + ending + early) * 48.0 + 1e-4), -6.0, 3.5), np.float64)


def _share(evidence: CandidateFeatures) -> Floats:
    """Nats for the affected part of the scope: only a scope of several units can be half affected, and a part of it is rarely alone."""
    several = np.clip(evidence.inside - 1.0, 0.0, 3.0) / 3.0
    beyond_half = evidence.inside_share - 0.5
    touched = several * np.where(beyond_half < 0, 6.0, 3.0) * beyond_half
    return np.nan_to_num(touched) - np.nan_to_num(2.0 * np.clip(evidence.outside_share, 0.0, 1.0))


def _controls(evidence: CandidateFeatures) -> Floats:
    """Nats for the difference in differences: 1.5 for a rare one, down to -2.5 for none at all."""
    p = np.nan_to_num(evidence.p_value, nan=0.2)
    rarity = np.clip(np.log(0.2 / np.maximum(p, 1e-3)), -1.5, 1.5)
    return np.where(np.isnan(evidence.delta), 0.0, np.where(evidence.delta > 0, rarity, -2.5))


def scores(total: Floats, others: Floats, owners: Sequence[str]) -> tuple[Floats, Floats]:
    """Shares of the candidates (n,) and of the other explanations (m,), from nats relative to each other.

    `owners` (n,): the owners of the candidates. An owner competes with its best candidate only, so that nobody gains by declaring more:
    the best shares of all owners and those of the other explanations add up to 1.
    """
    everything = np.concatenate([total, others])
    shares = np.exp(everything - everything.max())
    best: dict[str, float] = {}
    for owner, share in zip(owners, shares.tolist(), strict=False):
        best[owner] = max(best.get(owner, 0.0), share)
    shares /= sum(share for _, share in sorted(best.items())) + float(shares[len(total) :].sum())
    return shares[: len(total)], shares[len(total) :]
