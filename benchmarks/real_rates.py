"""`highwater detect` on labelled real rates: what it finds and how often it is wrong, over all files and over random halves of them.

    python -m benchmarks.real_rates [--data DIR] [--limit N]

An alert starts where none was within ten rows before. It finds a run of labels (runs less than twelve rows apart are one) if it starts
from two rows before the run to ten rows after it; a start elsewhere is false. The first half of each file is for learning, not judged.
"""

import argparse
import csv
import gzip
import json
import os
import sys
from pathlib import Path

import numpy as np

from detectors.any_series.any_series import AnySeries
from models.columns import Flags, Ints
from models.errors import HighwaterError
from streams.sources.series_csv import SeriesFile

DATA = Path(os.environ.get("HIGHWATER_DATA", Path(__file__).parents[2] / "shared" / "data")) / "real-rates"
_BEFORE, _AFTER, _QUIET, _JOINED = 2, 10, 10, 11
_HALVES = 200


def alerts(path: Path) -> Flags:
    """(n,) where `highwater detect` alerts, with its defaults."""
    judge = AnySeries()
    with SeriesFile(str(path)) as file:
        return np.array([judge.process_value(row.at_s, row.value).alert for row in file])


def runs(flags: Flags, gap: int) -> list[tuple[int, int]]:
    """First row and the row behind the last of each run; those with at most `gap` other rows between them are one."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    spans: list[tuple[int, int]] = []
    for first, end in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        if spans and first - spans[-1][1] <= gap:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((first, end))
    return spans


def judged(label: Flags, alert: Flags) -> Ints:
    """(4,) label runs, those found, false alerts, rows, of the second half."""
    half = len(label) // 2
    starts = np.array([first for first, _ in runs(alert, _QUIET - 1)], np.int64)
    near = np.zeros(len(label), np.bool_)
    known = hits = 0
    for first, end in runs(label, _JOINED):
        near[max(first - _BEFORE, 0) : end + _AFTER] = True
        if first >= half:
            known += 1
            hits += bool(((starts >= first - _BEFORE) & (starts < end + _AFTER)).any())
    false = int((~near[starts[starts >= half]]).sum())
    return np.array([known, hits, false, len(label) - half])


def f1(totals: Ints) -> float:
    """Of the sums of some files."""
    known, hits, false, _ = totals.tolist()
    return float(2 * hits / max(known + hits + false, 1))


def main() -> int:
    """Print the figures as JSON; exit 2 with one line when the data can't be read."""
    parser = argparse.ArgumentParser(description="highwater detect on labelled real rates.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, default=None)
    asked = parser.parse_args()
    table = []
    try:
        for path in sorted(asked.data.glob("*.csv.gz"))[: asked.limit]:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                label = np.array([row["label"] == "1" for row in csv.DictReader(lines)])
            table.append(judged(label, alerts(path)))
    except (HighwaterError, OSError, KeyError) as fault:
        print(f"real_rates: {fault}; --data or HIGHWATER_DATA names the folder of the labelled data", file=sys.stderr)
        return 2
    if not table:
        print(f"real_rates: no *.csv.gz in {asked.data}: --data or HIGHWATER_DATA names the folder", file=sys.stderr)
        return 2
    files = np.array(table)
    halves = [f1(files[np.random.default_rng(k).permutation(len(files))[: (len(files) + 1) // 2]].sum(axis=0)) for k in range(_HALVES)]
    known, hits, false, rows = files.sum(axis=0).tolist()
    figures = {
        "series": len(files),
        "found": f"{hits}/{known}",
        "false": false,
        "false_a_series_day": round(false / (rows / 1440), 3),
        "f1": round(f1(files.sum(axis=0)), 3),
        "f1_on_random_halves_p10_p90": [round(float(each), 3) for each in np.quantile(halves, [0.1, 0.9])],
    }
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
