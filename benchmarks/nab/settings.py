"""Settings: what `highwater detect` scores on a series when its settings were chosen on the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.nab.corpus import Labelled
from benchmarks.nab.scoring import Scored, normalised, score
from detectors.any_series.any_series import AnySeries, SeriesParameters
from models.columns import Floats

VARIED: dict[str, tuple[float, ...]] = {
    "remembered": (4500, 9000),
    "top": (5, 20),
    "shadow": (150, 500),
    "calm": (5, 20),
}
"""Settings that matter, each tried lower and higher than it is."""
ALERT_AT = (2.8, 3.0, 3.1, 3.2, 3.3, 3.4, 3.6)
"""Scores from which a value counts as an alert."""


def held_out(corpus: Sequence[Labelled]) -> None:
    """Each setting changed alone, at several thresholds; then each series scored with what was best on all the others."""
    print(f"\n{'setting':<22} " + " ".join(f"{limit:>6g}" for limit in ALERT_AT))
    table: dict[str, list[Scored]] = {}
    for name, parameters in _variants():
        scores = [_scores(series, parameters) for series in corpus]
        parts = [[score(series, each >= limit) for series, each in zip(corpus, scores, strict=True)] for limit in ALERT_AT]
        table |= {f"{name} at {limit:g}": each for limit, each in zip(ALERT_AT, parts, strict=True)}
        print(f"{name:<22} " + " ".join(f"{normalised(each):>6.1f}" for each in parts), flush=True)
    chosen = [_best_without(table, index) for index in range(len(corpus))]
    print(f"held out: {normalised([table[name][index] for index, name in enumerate(chosen)]):.1f}; chosen {dict(Counter(chosen))}")


def _variants() -> Iterator[tuple[str, SeriesParameters]]:
    yield "as it is", SeriesParameters()
    for name, values in VARIED.items():
        for value in values:
            yield f"{name} {value:g}", replace(SeriesParameters(), **{name: value})


def _scores(series: Labelled, parameters: SeriesParameters) -> Floats:
    judge = AnySeries(parameters)
    steps = zip(series.at_s.tolist(), series.values.tolist(), strict=True)
    return np.array([judge.process_value(at_s, value).score for at_s, value in steps])


def _best_without(table: dict[str, list[Scored]], index: int) -> str:
    return max(table, key=lambda name: sum(part.raw for other, part in enumerate(table[name]) if other != index))
