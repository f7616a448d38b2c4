"""Risk: how likely a declared change is to do harm, judged before its night from its own record; evidence, never a verdict.

A logistic score over what is known when it is declared. The weights come from simulated years (`python -m benchmarks.risk` fits them, and
prints how well they are calibrated on years that the fit has not seen); the owner's own past reports move the score from there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.change import Change
from models.rounding import round_significant
from models.times import DAY_US, us

PRIOR: Mapping[str, float] = {
    "firewall": 0.14, "network": 0.12, "release": 0.10, "migration": 0.16, "tariff": 0.10, "schedule": 0.08, "meter_data_management": 0.12,
    "firmware": 0.10, "planned_maintenance": 0.08, "internal_system": 0.08, "bcdr_test": 0.10, "emergency": 0.25, "other": 0.07,
}  # fmt: skip
"""Share of changes of a category that do harm, before anything else is known (assumptions of ours)."""
PRIOR_CHANGES = 8.0
"""Past reports of an owner that weigh as much as the prior."""
WEIGHTS: Mapping[str, float] = {
    "intercept": -0.16, "record": 0.63, "day": 0.51, "outage": 0.55, "none": -0.94, "conflict": 0.36, "short_notice": 0.49, "load": 0.81,
}  # fmt: skip
"""Log-odds; fitted by `python -m benchmarks.risk --fit`."""
_DAY = range(7, 19)
"""Hours of UTC in which most messages flow."""
HIGH, RAISED = 0.3, 0.15
HARMFUL = frozenset({"impact"})
JUDGED = HARMFUL | {"no_impact", "as_expected", "absent"}
"""Verdicts that say whether a change did harm."""


@dataclass(frozen=True, slots=True)
class PastChanges:
    """What the reports on an owner's earlier changes say."""

    judged: int = 0
    harmful: int = 0


@dataclass(frozen=True, slots=True)
class Risk:
    """A probability of harm, and what it rests on, the heaviest first."""

    score: float
    reasons: tuple[str, ...]

    @property
    def as_object(self) -> dict[str, Any]:
        """A JSON-like object."""
        level = "high" if self.score >= HIGH else "raised" if self.score >= RAISED else "low"
        return {"score": round(self.score, 2), "level": level, "reasons": list(self.reasons)}


def assess(change: Change, past: PastChanges, conflicts: int) -> Risk:
    """The risk of one declared change; `conflicts`: those that its reader may know of."""
    values = features(change, past, conflicts)
    log_odds = _logit(PRIOR[change.category]) + sum(WEIGHTS[name] * value for name, value in values.items())
    texts = {name: text for name, value in values.items() if (text := _text(name, value, change, past, conflicts))}
    ordered = sorted(texts, key=lambda name: -abs(WEIGHTS[name] * values[name]))
    base = f"{_percent(PRIOR[change.category])} of {change.category.replace('_', ' ')} changes are assumed to do harm"
    return Risk(1 / (1 + math.exp(-log_odds)), (*(texts[name] for name in ordered), base))


def features(change: Change, past: PastChanges, conflicts: int) -> dict[str, float]:
    """What the score is made of, by name of its weight."""
    prior = PRIOR[change.category]
    own = (past.harmful + PRIOR_CHANGES * prior) / (past.judged + PRIOR_CHANGES)
    factor = change.expected.factor if change.expected is not None and change.expected.effect == "up" else None
    return {
        "intercept": 1.0,
        "record": _logit(own) - _logit(prior),
        "day": float(change.planned_start.hour in _DAY),
        "outage": float(change.disruption == "outage"),
        "none": float(change.disruption == "none"),
        "conflict": float(min(conflicts, 3)),
        "short_notice": float(_notice_days(change) < 1),
        "load": math.log10(min(max(factor or 1.0, 1.0), 100.0)),
    }


def _notice_days(change: Change) -> float:
    declared_at = change.declared_at or change.updated_at
    return math.inf if declared_at is None else (us(change.planned_start) - us(declared_at)) / DAY_US


def _text(name: str, value: float, change: Change, past: PastChanges, conflicts: int) -> str:
    if name == "record":
        return f"{past.harmful} of {past.judged} earlier changes of {change.owner} did harm" if past.judged else ""
    if not value:
        return ""
    texts = {
        "day": "it begins in the hours of most traffic",
        "outage": "it is declared as an outage",
        "none": "it is declared to disrupt nothing",
        "conflict": "it has a conflict" if conflicts == 1 else f"it has {conflicts} conflicts",
        "short_notice": "it was declared less than a day ahead",
        "load": f"it raises traffic ×{round_significant(change.expected.factor or 1):g}" if change.expected is not None else "",
    }
    return texts.get(name, "")


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
