"""F1 of `highwater impact` on labelled changes: its own verdict, and with parameters and threshold chosen inside each fold.

    python -m benchmarks.change_impact [--data DIR] [--folds 5] [--repeats 20]

Two kinds of cases: real KPIs with a change each (`change-impact/`), and cases made of labelled real rates (`real-rates/`, kpi_cases.py).
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.kpi_cases import made_cases
from correlation.change_reports.kpi_impact import ImpactParameters, judge_series
from models.columns import Flags, Floats
from models.errors import HighwaterError
from streams.sources.kpi_csv import read_cases, read_kpis

DATA = Path(os.environ.get("HIGHWATER_DATA", Path(__file__).parents[2] / "shared" / "data"))


def f1(called: Flags, truth: Flags) -> float:
    """Harmonic mean of precision and recall."""
    return float(2 * (called & truth).sum() / max(called.sum() + truth.sum(), 1))


def best(scores: Floats, truth: Flags) -> tuple[float, float]:
    """Best F1 over all thresholds, and the threshold half way to the next score below it."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    values = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    index = int(values.argmax())
    below = scores[order][min(index + 1, len(scores) - 1)]
    return float(values[index]), float((scores[order][index] + below) / 2)


@dataclass(frozen=True, slots=True)
class Judged:
    """Cases of one kind with the result of every set of parameters."""

    truth: Flags
    groups: np.ndarray
    """(n,) cases of one group stay in one fold."""
    scores: Floats
    """(menu, n)"""

    @property
    def own(self) -> Flags:
        """The result of the parameters in force."""
        return self.scores[0] >= 0.5


MENU = (
    ImpactParameters(),
    ImpactParameters(spans_s=(60.0,)),
    ImpactParameters(spans_s=(60.0, 300.0, 3600.0)),
    ImpactParameters(placebo_quantile=0.8),
    ImpactParameters(placebo_quantile=0.95),
)
"""The parameters in force, first, and what `nested` may choose instead."""


def judged(cases: Iterable[tuple[str, Floats, Floats, float, bool]]) -> Judged:
    """Of (group, at_s, values, change_s, impact)."""
    known = list(cases)
    scores = np.array([[judge_series(at_s, values, change_s, tuned).score for _, at_s, values, change_s, _ in known] for tuned in MENU])
    return Judged(np.array([case[4] for case in known]), np.array([case[0] for case in known]), scores)


def spread(judged_cases: Judged, repeats: int) -> tuple[float, float]:
    """Tenth and ninetieth percentile of the own verdict's F1 over random halves of the groups."""
    names = np.unique(judged_cases.groups)
    figures = []
    for repeat in range(repeats):
        half = np.isin(judged_cases.groups, np.random.default_rng(repeat).permutation(names)[: (len(names) + 1) // 2])
        figures.append(f1(judged_cases.own[half], judged_cases.truth[half]))
    low, high = np.quantile(figures, [0.1, 0.9])
    return float(low), float(high)


def nested(judged_cases: Judged, folds: int, repeats: int) -> float:
    """Mean F1 with each fold's parameters and threshold chosen on the others."""
    names = np.unique(judged_cases.groups)
    figures = []
    for repeat in range(repeats):
        fold = dict(zip(names, np.random.default_rng(repeat).permutation(len(names)) % folds, strict=True))
        index = np.array([fold[group] for group in judged_cases.groups])
        called = np.zeros(len(index), np.bool_)
        for number in range(folds):
            rest = index != number
            chosen = max(judged_cases.scores, key=lambda scores: best(scores[rest], judged_cases.truth[rest])[0])
            called[~rest] = chosen[~rest] >= best(chosen[rest], judged_cases.truth[rest])[1]
        figures.append(f1(called, judged_cases.truth))
    return float(np.mean(figures))


def figures_of(judged_cases: Judged, folds: int, repeats: int) -> dict[str, object]:
    """What is printed of one kind of cases."""
    low, high = spread(judged_cases, repeats)
    return {
        "cases": len(judged_cases.truth),
        "own_verdict_f1": round(f1(judged_cases.own, judged_cases.truth), 3),
        "own_verdict_f1_on_random_halves_p10_p90": [round(low, 3), round(high, 3)],
        "nested_f1": round(nested(judged_cases, folds, repeats), 3),
        "best_threshold_f1": round(best(judged_cases.scores[0], judged_cases.truth)[0], 3),
    }


def labelled(folder: Path) -> Iterator[tuple[str, Floats, Floats, float, bool]]:
    """The cases of `change-impact/`; the two of a pair are the same series at two moments."""
    kpis = read_kpis(folder / "series.csv.gz")
    with (folder / "cases.csv").open(encoding="utf-8") as rows:
        labels = {row["case"]: (row["pair"], row["impact"] == "1") for row in csv.DictReader(rows)}
    for one in read_cases(folder / "cases.csv"):
        pair, impact = labels[one.case]
        yield pair, *kpis[one.case], one.change_s, impact


def made(folder: Path) -> Iterator[tuple[str, Floats, Floats, float, bool]]:
    """Cases made of labelled real rates."""
    for one in made_cases(folder):
        yield one.group, one.at_s, one.values, one.change_s, one.impact


def main() -> int:
    """Print the figures as JSON; exit 2 with one line when a file can't be read."""
    parser = argparse.ArgumentParser(description="F1 of highwater impact on labelled changes.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    try:
        by_source = {name: judged(cases(asked.data / name)) for name, cases in (("change-impact", labelled), ("real-rates", made))}
    except (HighwaterError, OSError, KeyError) as fault:
        print(f"change_impact: {fault}; --data or HIGHWATER_DATA names the folder of the labelled data", file=sys.stderr)
        return 2
    print(json.dumps({name: figures_of(each, asked.folds, asked.repeats) for name, each in by_source.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
