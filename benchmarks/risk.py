"""Risk: fits the weights of the score on simulated years, and says how well it is calibrated on years that it has not seen.

    python -m benchmarks.risk          Brier score and reliability on held-out years
    python -m benchmarks.risk --fit    the weights as well

A simulated year is a calendar whose truth we choose: owners that are better or worse than others, categories, hours, conflicts and notice
that matter more or less than in other years. It says whether the arithmetic is calibrated, not what real changes do.
"""

import math
import sys
from datetime import UTC, datetime, timedelta

import numpy as np

from changes.planning.risk import PRIOR, WEIGHTS, PastChanges, assess, features
from models.change import Change
from models.columns import Floats

OWNERS, CHANGES, FITTED, HELD_OUT = 60, 1500, 20, 10
TRUTH = {"day": 0.5, "outage": 0.7, "none": -1.0, "conflict": 0.5, "short_notice": 0.5, "load": 0.8}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
Case = tuple[Change, PastChanges, int, bool]


def year(seed: int) -> list[Case]:
    """Changes in order of time, each with its owner's record before it, its conflicts, and whether it did harm."""
    dice = np.random.default_rng(seed)
    weights = {name: value + dice.normal(0, 0.2) for name, value in TRUTH.items()}
    level = {name: math.log(share / (1 - share)) + dice.normal(0, 0.3) for name, share in PRIOR.items()}
    owner_level = dice.normal(0, 0.8, OWNERS)
    past: dict[int, tuple[int, int]] = {}
    cases: list[Case] = []
    for minute in np.sort(dice.integers(0, 365 * 1440, CHANGES)).tolist():
        owner, category = int(dice.integers(OWNERS)), str(dice.choice(list(PRIOR)))
        change = _change(dice, minute, owner, category)
        conflicts = int(dice.poisson(0.4))
        judged, harmful = past.get(owner, (0, 0))
        known = PastChanges(judged, harmful)
        effect = sum(weights[name] * value for name, value in features(change, known, conflicts).items() if name in weights)
        harm = bool(dice.random() < 1 / (1 + math.exp(-(level[category] + owner_level[owner] + effect - 0.2))))
        cases.append((change, known, conflicts, harm))
        past[owner] = judged + 1, harmful + harm
    return cases


def _change(dice: np.random.Generator, minute: int, owner: int, category: str) -> Change:
    start = BEGIN + timedelta(minutes=minute)
    rises = category in ("tariff", "schedule", "firmware") and dice.random() < 0.6
    fields = {
        "change_id": f"CHG-{minute}", "owner": f"SUP-{owner:02d}", "title": "Work", "category": category, "planned_start": start,
        "planned_end": start + timedelta(hours=2), "declared_at": start - timedelta(days=float(dice.exponential(8))),
        "disruption": str(dice.choice(["none", "risk", "outage"], p=[0.2, 0.6, 0.2])),
        "expected": {"effect": "up", "factor": float(dice.choice([2.0, 5.0, 10.0, 15.0]))} if rises else None,
    }  # fmt: skip
    return Change.model_validate(fields)


def fit(cases: list[Case]) -> dict[str, float]:
    """Logistic regression by Newton's method, with the prior of the category as an offset."""
    names = list(WEIGHTS)
    rows = np.array([[features(*case[:3])[name] for name in names] for case in cases])
    offset = np.array([math.log(PRIOR[case[0].category] / (1 - PRIOR[case[0].category])) for case in cases])
    truth, beta = np.array([case[3] for case in cases], float), np.zeros(len(names))
    for _ in range(25):
        share = 1 / (1 + np.exp(-(offset + rows @ beta)))
        beta += np.linalg.solve((rows.T * (share * (1 - share))) @ rows + 1e-6 * np.eye(len(names)), rows.T @ (truth - share))
    return {name: round(float(value), 2) for name, value in zip(names, beta, strict=True)}


def report(scores: Floats, truth: Floats) -> None:
    """Brier scores and the reliability table."""
    base = truth.mean()
    print(f"changes {len(truth)}, harmful {base:.1%}")
    print(f"Brier score {np.mean((scores - truth) ** 2):.4f} (the same share for every change: {base * (1 - base):.4f})")
    print("score      changes  said   did harm")
    for low, high in ((0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.5), (0.5, 1.01)):
        inside = (scores >= low) & (scores < high)
        if inside.any():
            print(f"{low:4.2f}-{min(high, 1):4.2f}  {inside.sum():7d}  {scores[inside].mean():5.1%}  {truth[inside].mean():5.1%}")


def main() -> None:
    """Print the figures."""
    if "--fit" in sys.argv:
        print(fit([case for seed in range(FITTED) for case in year(seed)]))
    held_out = [case for seed in range(1000, 1000 + HELD_OUT) for case in year(seed)]
    scores = np.array([assess(*case[:3]).score for case in held_out])
    report(scores, np.array([case[3] for case in held_out], float))


if __name__ == "__main__":
    main()
