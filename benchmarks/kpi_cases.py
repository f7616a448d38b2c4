"""Cases for `highwater impact` from labelled real rates: a label's start is a change with an impact, a quiet time is one without.

The folder holds `*.csv.gz` with the columns timestamp, value, label. Each label that begins in a file's second half, with no other
within three hours before it, is a case, and so are as many quiet times (at least one a file), drawn with a fixed seed among those with no
label from three hours before to two hours after. Both kinds end two hours after the change.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.columns import Flags, Floats
from streams.sources.series_csv import SeriesFile

QUIET_BEFORE_S, AFTER_S = 3 * 3600.0, 2 * 3600.0
_AT_ONCE_ROWS = 12
"""Labels so near each other are one."""


@dataclass(frozen=True, slots=True)
class MadeCase:
    """One series up to two hours after a time that is a change with or without an impact."""

    group: str
    """File that it comes from: cases of one file stay in one fold."""
    at_s: Floats
    values: Floats
    change_s: float
    impact: bool


def made_cases(folder: Path, seed: int = 16) -> Iterator[MadeCase]:
    """Cases of every file of the folder, by name."""
    for path in sorted(folder.glob("*.csv.gz")):
        yield from _of_file(path, np.random.default_rng([seed, zlib.crc32(path.name.encode())]))


def _of_file(path: Path, dice: np.random.Generator) -> Iterator[MadeCase]:
    with SeriesFile(str(path)) as file:
        rows = list(file)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        label = np.array([row["label"] == "1" for row in csv.DictReader(lines)])
    at_s, values = np.array([row.at_s for row in rows]), np.array([row.value for row in rows])
    half = at_s[len(at_s) // 2]
    begins = [at_s[start] for start in _starts(label) if at_s[start] >= half]
    moved = [start_s for start_s in begins if not _labelled(at_s, label, start_s - QUIET_BEFORE_S, start_s)]
    times = dice.permutation(at_s[(at_s >= half) & (at_s <= at_s[-1] - AFTER_S)])
    quiet = [time_s for time_s in times if not _labelled(at_s, label, time_s - QUIET_BEFORE_S, time_s + AFTER_S)]
    for change_s, impact in [(start_s, True) for start_s in moved] + [(time_s, False) for time_s in quiet[: max(len(moved), 1)]]:
        kept = at_s < change_s + AFTER_S
        yield MadeCase(path.name, at_s[kept], values[kept], float(change_s), impact)


def _starts(label: Flags) -> list[int]:
    begins = np.flatnonzero(label & ~np.concatenate([[False], label[:-1]]))
    return [int(start) for start in begins if not label[max(start - _AT_ONCE_ROWS, 0) : start].any()]


def _labelled(at_s: Floats, label: Flags, first_s: float, last_s: float) -> bool:
    first, last = np.searchsorted(at_s, [first_s, last_s])
    return bool(label[first:last].any())
