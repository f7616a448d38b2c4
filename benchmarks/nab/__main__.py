"""`highwater detect` on the labelled count series of the Numenta Anomaly Benchmark, beside other detectors.

    python -m benchmarks.nab [--data DIR] [--noise] [--held-out] [--forest]

`--noise` counts alerts where nothing happens, `--held-out` chooses settings on eleven series and scores the twelfth (a minute of CPU),
`--forest` adds a random cut forest (ten minutes of CPU).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.nab.corpus import DATA, Labelled, read_corpus
from benchmarks.nab.noise import print_noise
from benchmarks.nab.peers import ewma, random_cut_forest, windowed_gaussian
from benchmarks.nab.published import RAW
from benchmarks.nab.scoring import PROFILES, STANDARD, Profile, Scored, best_threshold, normalised, score
from benchmarks.nab.settings import held_out
from detectors.any_series.any_series import AnySeries, SeriesParameters
from models.columns import Floats
from models.errors import HighwaterError

Detector = Callable[[Labelled], Floats]


def print_nab(folder: Path = DATA, *, forest: bool = False) -> None:
    """One line a detector: own fixed threshold, one threshold chosen on the other series, and the best in hindsight."""
    if not folder.is_dir():
        print(f"{folder} is not there: HIGHWATER_DATA names the folder of the labelled data")
        return
    corpus = read_corpus(folder)
    rows, windows = sum(len(series.values) for series in corpus), sum(len(series.windows) for series in corpus)
    print(f"{len(corpus)} series, {rows:,} values, {windows} windows; normalised score, standard profile (others at the best threshold)")
    print(f"{'detector':<30} {'fixed':>7} {'others':>7} {'best':>7} {'low FP':>7} {'low FN':>7}  found, false at 'best'")
    _print_one(corpus, "highwater detect", highwater, SeriesParameters().alert_at)
    peers: dict[str, Detector] = {"windowed Gaussian": windowed_gaussian, "EWMA": ewma}
    if forest:
        peers["random cut forest (rrcf)"] = random_cut_forest
    for name, peer in peers.items():
        _print_one(corpus, name, peer, None)
    for name, raw in RAW.items():
        parts = [Scored(raw[series.name], 0, len(series.windows), 0) for series in corpus]
        print(f"{name + ', as published':<30} {'':>7} {'':>7} {normalised(parts):>7.1f}")


def highwater(series: Labelled) -> Floats:
    """Scores of `highwater detect`, (n,)."""
    judge = AnySeries()
    steps = zip(series.at_s.tolist(), series.values.tolist(), strict=True)
    return np.array([judge.process_value(at_s, value).score for at_s, value in steps])


def _print_one(corpus: Sequence[Labelled], name: str, detector: Detector, own: float | None) -> None:
    scores = [detector(series) for series in corpus]
    fixed = "" if own is None else f"{_at(corpus, scores, [own] * len(corpus), STANDARD)[0]:.1f}"
    others = _at(corpus, scores, [_without(corpus, scores, index) for index in range(len(corpus))], STANDARD)[0]
    bests = [_at(corpus, scores, [best_threshold(corpus, scores, profile)] * len(corpus), profile) for profile in PROFILES]
    found, false = (sum(getattr(part, what) for part in bests[0][1]) for what in ("found", "false"))
    figures = " ".join(f"{best:>7.1f}" for best, _ in bests)
    print(f"{name:<30} {fixed:>7} {others:>7.1f} {figures}  {found}, {false}", flush=True)


def _at(corpus: Sequence[Labelled], scores: Sequence[Floats], thresholds: Sequence[float], profile: Profile) -> tuple[float, list[Scored]]:
    parts = [score(series, each >= limit, profile) for series, each, limit in zip(corpus, scores, thresholds, strict=True)]
    return normalised(parts, profile), parts


def _without(corpus: Sequence[Labelled], scores: Sequence[Floats], index: int) -> float:
    """The best threshold of all the others."""
    rest = [other for other in range(len(corpus)) if other != index]
    return best_threshold([corpus[other] for other in rest], [scores[other] for other in rest])


def main() -> int:
    """Print the figures; exit 2 with one line when the data can't be read."""
    parser = argparse.ArgumentParser(description="The Numenta Anomaly Benchmark's score of highwater detect.")
    parser.add_argument("--data", type=Path, default=DATA)
    for option in ("--noise", "--held-out", "--forest"):
        parser.add_argument(option, action="store_true")
    asked = parser.parse_args()
    if not asked.data.is_dir():
        print(f"nab: {asked.data} is not there: give --data, or HIGHWATER_DATA", file=sys.stderr)
        return 2
    try:
        print_nab(asked.data, forest=asked.forest)
        if asked.held_out:
            held_out(read_corpus(asked.data))
        if asked.noise:
            print_noise()
    except HighwaterError as fault:
        print(f"nab: {fault}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
