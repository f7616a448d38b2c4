"""Corpus: the labelled count series, and the windows in which something abnormal happened."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.columns import Floats
from models.errors import UnreadableInput
from streams.sources.numeric_csv import seconds
from streams.sources.series_csv import SeriesFile

DATA = Path(os.environ.get("HIGHWATER_DATA", Path(__file__).parents[3] / "shared" / "data")) / "labelled-rates"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One series with its windows."""

    name: str
    at_s: Floats
    """(n,) seconds since the epoch, as the file has them."""
    values: Floats
    """(n,)"""
    windows: tuple[tuple[int, int], ...]
    """First and last row of each window."""


def read_corpus(folder: Path = DATA) -> list[Labelled]:
    """Every series of `windows.json` that is there. Raises UnreadableInput."""
    try:
        windows = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise UnreadableInput(f"{folder} has no windows.json that can be read: {fault}") from None
    return [_labelled(folder / f"{name}.gz", name, spans) for name, spans in sorted(windows.items()) if (folder / f"{name}.gz").exists()]


def _labelled(path: Path, name: str, spans: list[list[str]]) -> Labelled:
    with SeriesFile(str(path)) as file:
        rows = list(file)
    indices: dict[float, int] = {}
    for index, row in enumerate(rows):
        indices.setdefault(row.at_s, index)
    windows = tuple((indices[seconds(first)], indices[seconds(last)]) for first, last in spans)
    at_s, values = np.array([row.at_s for row in rows]), np.array([row.value for row in rows])
    return Labelled(name.split("-", 1)[-1].removesuffix(".csv"), at_s, values, windows)
