"""F1 of `highwater impact` on labelled changes: its own verdict, a threshold fitted on other pairs, and the best one.

    python benchmarks/change_impact.py cases.csv series.csv.gz [--folds 5] [--repeats 20]

`cases.csv` also holds `pair` and `impact` (1 or 0): the two cases of a pair are the same series at two moments, and stay in one fold.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the neighbour correlation.py would hide the package of that name

import argparse
import csv
import json
import time

import numpy as np

from correlation.change_reports.kpi_impact import INCONCLUSIVE, judge_series
from models.columns import Flags, Floats
from models.errors import HighwaterError
from streams.sources.kpi_csv import read_cases, read_kpis


def f1(called: Flags, truth: Flags) -> float:
    """Harmonic mean of precision and recall."""
    return float(2 * (called & truth).sum() / max(called.sum() + truth.sum(), 1))


def best(scores: Floats, truth: Flags) -> tuple[float, float]:
    """Best F1 over all thresholds, and the threshold half way to the next score below it."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    values = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    place = int(values.argmax())
    below = scores[order][min(place + 1, len(scores) - 1)]
    return float(values[place]), float((scores[order][place] + below) / 2)


def held_out(scores: Floats, truth: Flags, pairs: np.ndarray, folds: int, repeats: int) -> float:
    """Mean F1 with each fold's threshold fitted on the others."""
    names = np.unique(pairs)
    found = []
    for repeat in range(repeats):
        fold = dict(zip(names, np.random.default_rng(repeat).permutation(len(names)) % folds, strict=True))
        place = np.array([fold[pair] for pair in pairs])
        called = np.zeros(len(scores), np.bool_)
        for number in range(folds):
            _, threshold = best(scores[place != number], truth[place != number])
            called[place == number] = scores[place == number] >= threshold
        found.append(f1(called, truth))
    return float(np.mean(found))


def main() -> int:
    """Print the figures as JSON; exit 2 with one line when a file can't be read."""
    parser = argparse.ArgumentParser(description="F1 of highwater impact on labelled changes.")
    parser.add_argument("cases", type=Path)
    parser.add_argument("series", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    try:
        cases, kpis = read_cases(asked.cases), read_kpis(asked.series)
        with asked.cases.open(encoding="utf-8") as rows:
            labels = {row["case"]: (row["pair"], row["impact"] == "1") for row in csv.DictReader(rows)}
    except (HighwaterError, OSError, KeyError) as fault:
        print(f"change_impact: {fault}; cases.csv needs case, change_at, pair and impact", file=sys.stderr)
        return 2
    began = time.perf_counter()
    found = [judge_series(*kpis[one.case], one.change_s) if one.case in kpis else INCONCLUSIVE for one in cases]
    spent_s = time.perf_counter() - began
    scores, called = np.array([one.score for one in found]), np.array([one.verdict == "impact" for one in found])
    truth, pairs = np.array([labels[one.case][1] for one in cases]), np.array([labels[one.case][0] for one in cases])
    figures = {
        "cases": len(cases),
        "own_verdict_f1": round(f1(called, truth), 4),
        "held_out_f1": round(held_out(scores, truth, pairs, asked.folds, asked.repeats), 4),
        "best_f1": round(best(scores, truth)[0], 4),
        "seconds": round(spent_s, 2),
    }
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
