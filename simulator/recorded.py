"""Recorded: traffic from real counts, one CSV file per series, so that its noise is real too."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.columns import Floats
from models.errors import HighwaterError
from models.times import DAY_US, SECOND_US, parse_time
from simulator.timeline import Timeline
from simulator.truth import Anomaly

WEEK_US = 7 * DAY_US
KINDS = ("drop", "failures", "silence", "storm")


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: counts at a constant interval from `start_us` on; gaps repeat the last count."""

    name: str
    start_us: int
    step_s: int
    counts: Floats
    marked: Floats
    """1 where the people who recorded it marked trouble (column `label`), else 0."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Counts per window, and where trouble was marked in them; both of shape (windows, files)."""

    counts: Floats
    marked: Floats

    def anomalies(self, timeline: Timeline, used: list[tuple[str, int]]) -> tuple[Anomaly, ...]:
        """Marked spans as truth: an alert on one is right, a missing alert is not an error. `used`: the Users and files of the series."""
        anomalies = []
        for user, file in sorted(set(used)):
            edges = np.flatnonzero(np.diff(np.concatenate([[0.0], self.marked[:, file], [0.0]])))
            for first, last in edges.reshape(-1, 2).tolist():
                begins, ends = timeline.starts_us(first), timeline.starts_us(last)
                anomalies.append(Anomaly(f"recorded-{user}-{file}-{first}", KINDS, user, begins, ends, collateral=True))
        return tuple(anomalies)


def read_recordings(folder: Path) -> tuple[Recording, ...]:
    """All `*.csv` and `*.csv.gz` of a folder by name, with the header `timestamp,value` and optionally `label`.

    Raises HighwaterError if there is no such file, or if one can't be read.
    """
    paths = sorted(path for path in folder.glob("*") if path.name.endswith((".csv", ".csv.gz")))
    if not paths:
        raise HighwaterError(f"{folder} holds no .csv or .csv.gz file: give --traffic a folder of files with the header timestamp,value")
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Recording:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            rows = [(_time(row["timestamp"]), float(row["value"]), float(row.get("label") or 0)) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, EOFError) as fault:
        raise HighwaterError(f"{path} is not a list of timestamp,value: {fault}") from None
    if len(rows) < 2:
        raise HighwaterError(f"{path} has fewer than two rows; nothing can be simulated from it")
    at = np.array([row[0] for row in rows])
    step_us = int(np.median(np.diff(np.sort(at))))
    if step_us < SECOND_US or step_us % SECOND_US:
        raise HighwaterError(f"{path}: its rows must be a whole number of seconds apart")
    step = (at - at.min()) // step_us
    known = np.full(int(step.max()) + 1, -1, np.int64)
    known[step] = np.arange(len(rows))
    held = np.maximum.accumulate(known)
    values = np.maximum(np.array([row[1] for row in rows]), 0.0)[held]
    return Recording(path.name.split(".")[0], int(at.min()), step_us // SECOND_US, values, np.array([row[2] for row in rows])[held])


def _time(text: str) -> int:
    """RFC 3339, or seconds since 1970."""
    return int(float(text) * SECOND_US) if text.replace(".", "", 1).isdigit() else parse_time(text)


def lay_out(recordings: tuple[Recording, ...], timeline: Timeline) -> Recorded:
    """Recordings on a timeline, at their own times of the week. Raises HighwaterError if one is too short or too coarse."""
    counts, marked = (np.zeros((timeline.windows, len(recordings))) for _ in range(2))
    for column, one in enumerate(recordings):
        if timeline.window_s % one.step_s:
            raise HighwaterError(f"{one.name} counts every {one.step_s} s, which does not divide windows of {timeline.window_s} s")
        skipped = (timeline.start_us - one.start_us) % WEEK_US // (one.step_s * SECOND_US)
        each = timeline.window_s // one.step_s
        last = skipped + timeline.windows * each
        if last > len(one.counts):
            days = (len(one.counts) - skipped) * one.step_s // 86_400
            raise HighwaterError(f"{one.name} lasts {days} days from that time of the week on; ask for fewer --days")
        counts[:, column] = one.counts[skipped:last].reshape(-1, each).sum(axis=1)
        marked[:, column] = one.marked[skipped:last].reshape(-1, each).max(axis=1)
    return Recorded(np.rint(counts), marked)
