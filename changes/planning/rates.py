"""Usual rate: how many messages a second each User sends and receives at each hour of the week, learned or given."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import UnreadableInput
from models.times import HOUR_US

HOURS_A_WEEK = 168
MONDAY_US = 4 * 24 * HOUR_US
"""1970-01-05 was a Monday."""
_EXAMPLE = '{"SUP-01": 120.5} or [{"user": "SUP-01", "process": "billing", "region": "north", "per_s": [168 numbers]}]'


def hour_of_week(hour_us: int) -> int:
    """0 is Monday 00:00 UTC."""
    return (hour_us - MONDAY_US) // HOUR_US % HOURS_A_WEEK


@dataclass(frozen=True, slots=True)
class Cell:
    """The usual traffic of one User, process and region; an empty name stands for all of them."""

    user: str
    process: str
    region: str
    per_s: tuple[float, ...]
    """One number, one per hour of the day, or one per hour of the week from Monday 00:00 UTC."""

    def at(self, hour_us: int) -> float:
        """Messages a second in the hour that begins at `hour_us`."""
        return self.per_s[hour_of_week(hour_us) % len(self.per_s)]


@dataclass(frozen=True)
class UsualRates:
    """The usual traffic of all Users; empty if it was not learned."""

    cells: tuple[Cell, ...] = ()

    @cached_property
    def peak(self) -> float:
        """The usual total of the busiest hour of a week, in messages a second."""
        hours = (self.total(MONDAY_US + hour * HOUR_US) for hour in range(HOURS_A_WEEK))
        return max(hours) if self.cells else 0.0

    def total(self, hour_us: int) -> float:
        """Messages a second of all Users in the hour that begins at `hour_us`."""
        return math.fsum(cell.at(hour_us) for cell in self.cells)

    def of(self, users: frozenset[str] | None) -> Iterable[Cell]:
        """The cells of some Users; None for everyone."""
        return self.cells if users is None else (cell for user in sorted(users) for cell in self._by_user.get(user, ()))

    @cached_property
    def by_hour(self) -> npt.NDArray[np.float64]:
        """Messages a second of each cell (row) in each hour of the week (column)."""
        return np.array([[*one.per_s] * (HOURS_A_WEEK // len(one.per_s)) for one in self.cells])

    @cached_property
    def _by_user(self) -> Mapping[str, list[Cell]]:
        cells_of: dict[str, list[Cell]] = {}
        for cell in self.cells:
            cells_of.setdefault(cell.user, []).append(cell)
        return cells_of


def read_rates(path: Path) -> UsualRates:
    """Rates from a JSON file: User → messages a second, or a list of cells. Raises UnreadableInput for anything else."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{path} is not valid JSON: {fault}") from None
    entries: Sequence[Any] = [{"user": user, "per_s": rate} for user, rate in content.items()] if isinstance(content, dict) else content
    cells = [_cell(entry) for entry in entries] if isinstance(entries, list) else [None]
    if any(cell is None for cell in cells):
        raise UnreadableInput(f"{path} must hold usual rates such as {_EXAMPLE}")
    return UsualRates(tuple(cell for cell in cells if cell is not None))


def _cell(entry: Any) -> Cell | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("user"), str):
        return None
    process, region, rate = entry.get("process") or "", entry.get("region") or "", entry.get("per_s")
    numbers: list[Any] = rate if isinstance(rate, list) else [rate]
    if not isinstance(process, str) or not isinstance(region, str) or len(numbers) not in (1, 24, HOURS_A_WEEK):
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < math.inf for number in numbers):
        return None
    # An hour of the day and one of the week both count from midnight UTC, because a week is a whole number of days.
    return Cell(entry["user"], process, region, tuple(float(number) for number in numbers))
