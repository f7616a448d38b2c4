"""KPI files: cases (a series and the time of a change) and their series as CSV, plain or `.gz`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.columns import Floats
from models.errors import UnreadableInput

_UNKNOWN = ("", "nan", "null", "none", "na", "n/a")
_ZONE = r"([Zz]|[+-]\d{2}:?\d{2})$"
_FORMS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class KpiCase:
    """One series and the time of one change."""

    case: str
    change_s: float
    """Seconds since the epoch."""


def read_cases(path: Path) -> tuple[KpiCase, ...]:
    """`case,change_at` in the file's order; further columns are ignored. Raises UnreadableInput."""
    table = _read(path, ("case", "change_at"))
    change_s = _seconds(table["change_at"], path)
    return tuple(KpiCase(case, at_s) for case, at_s in zip(table["case"].to_list(), change_s.tolist(), strict=True))


def read_kpis(path: Path) -> Mapping[str, tuple[Floats, Floats]]:
    """`case,timestamp,value`: case → times (n,) in seconds and values (n,), NaN where there is none. Raises UnreadableInput."""
    table = _read(path, ("case", "timestamp", "value"))
    rows = pl.DataFrame({"case": table["case"], "at_s": _seconds(table["timestamp"], path), "value": _numbers(table["value"], path)})
    groups = rows.partition_by("case", as_dict=True, include_key=False, maintain_order=True)
    return {str(key[0]): (group["at_s"].to_numpy(), group["value"].to_numpy()) for key, group in groups.items()}


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    if not path.is_file():
        raise UnreadableInput(f"{path} is no file: give a CSV with the columns {', '.join(columns)}")
    try:
        table = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as fault:
        raise UnreadableInput(f"{path} can't be read as CSV: {str(fault).splitlines()[0]:.120}") from None
    named = {name.strip().lstrip("\ufeff").lower(): name for name in table.columns}
    missing = [column for column in columns if column not in named]
    if missing:
        raise UnreadableInput(f"{path} has no column {' or '.join(missing)}: its first line must name {', '.join(columns)}")
    if not len(table):
        raise UnreadableInput(f"{path} has no rows")
    return table.select([pl.col(named[column]).fill_null("").str.strip_chars().alias(column) for column in columns])


def _numbers(texts: pl.Series, path: Path) -> pl.Series:
    """Numbers, NaN where the cell says that there is none."""
    numbers = texts.cast(pl.Float64, strict=False)
    bad = numbers.is_null() & ~texts.str.to_lowercase().is_in(_UNKNOWN)
    if bad.any():
        raise UnreadableInput(_complaint(path, texts, bad, "no number"))
    return numbers.fill_null(np.nan)


def _seconds(texts: pl.Series, path: Path) -> Floats:
    """Unix seconds as they are; RFC 3339 with its offset; a time without an offset is UTC."""
    seconds = texts.cast(pl.Float64, strict=False)
    words = seconds.is_null() | ~seconds.is_finite().fill_null(value=False)
    if words.any():
        seconds = seconds.to_frame("number").select(pl.when(~words).then(pl.col("number")).otherwise(_spelt(texts)))["number"]
    bad = seconds.is_null()
    if bad.any():
        raise UnreadableInput(_complaint(path, texts, bad, "no time (RFC 3339, a UTC time without offset, or Unix seconds)"))
    return seconds.to_numpy()


def _spelt(texts: pl.Series) -> pl.Series:
    """Seconds of what is spelt out, null where it is no time."""
    text = texts.str.replace(" ", "T", literal=True).str.to_uppercase()
    zone = text.str.extract(_ZONE).replace({"Z": "+00:00"})
    local = text.str.replace(_ZONE, "")
    found = pl.select(pl.coalesce([local.str.to_datetime(form, strict=False, time_unit="us") for form in _FORMS])).to_series()
    minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(-2).cast(pl.Int64, strict=False)
    sign = zone.str.starts_with("-").cast(pl.Int64) * -2 + 1
    return found.cast(pl.Int64) / 1e6 - (minutes * sign * 60).fill_null(0)


def _complaint(path: Path, texts: pl.Series, bad: pl.Series, what: str) -> str:
    row = int(bad.arg_true()[0])
    return f"{path} line {row + 2}: {texts[row]!r:.60} is {what}"
