"""KPI files: cases (a series and the time of a change) and their series as CSV."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.columns import Floats
from streams.sources.numeric_csv import NumericCsv


@dataclass(frozen=True, slots=True)
class KpiCase:
    """One series and the time of one change."""

    case: str
    change_s: float
    """Seconds since the epoch."""


def read_cases(path: Path) -> tuple[KpiCase, ...]:
    """`case,change_at` in the file's order; other columns are ignored. Raises UnreadableInput."""
    with NumericCsv(str(path), ("case", "change_at")) as file:
        return tuple(KpiCase(case.strip(), file.seconds(change_at.strip())) for case, change_at in file)


def read_kpis(path: Path) -> Mapping[str, tuple[Floats, Floats]]:
    """`case,timestamp,value`: case → times (n,) in seconds and values (n,), NaN for an empty value. Raises UnreadableInput."""
    columns: dict[str, tuple[array[float], array[float]]] = {}
    with NumericCsv(str(path), ("case", "timestamp", "value")) as file:
        for case, timestamp, value in file:
            name = case.strip()
            if name not in columns:
                columns[name] = array("d"), array("d")
            at_s, values = columns[name]
            at_s.append(file.seconds(timestamp.strip()))
            values.append(file.number(value.strip()))
    return {case: (np.asarray(at_s), np.asarray(values)) for case, (at_s, values) in columns.items()}
