"""Usual rates as the monitor has learned them: what it expected of each series, by the hour of the week, over four weeks.

Expectations are taken rather than counts, so that a storm of last week does not count as usual.
"""

import sqlite3
from collections.abc import Callable, Iterator

import numpy as np

from changes.planning.rates import HOURS_A_WEEK, MONDAY_US, Cell, UsualRates
from models.columns import Floats, Ints
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from service.charts.codec import decode
from service.charts.compaction import MINUTE, QUARTER
from service.charts.queries import latest_us

_BACK_US = 28 * DAY_US
_HOURS_KNOWN = 20
"""Minimum number of hours of a day: with fewer the load of the busiest hour is unknown."""
_COUNT, _EXPECTED = 3, 6
"""Rows of a roll-up: samples, sum of what was expected."""


def learned_rates(connection: sqlite3.Connection, process_of: Callable[[str], str | None]) -> UsualRates:
    """Messages a second of each User, process and region; empty until nearly every hour of the day was seen."""
    newest = latest_us(connection)
    if newest is None:
        return UsualRates()
    cells: dict[tuple[str, str, str], Floats] = {}
    rows = connection.execute("SELECT id, user, service, region, window_s FROM series WHERE queue = ''").fetchall()
    for number, user, service, region, window_s in rows:
        rate = _weekly(connection, number, newest - _BACK_US, window_s)
        if rate is None:
            continue
        key = user, (process_of(service) or "") if service else "", region
        cells[key] = cells[key] + rate if key in cells else rate
    known = sum(bool(np.any([cell[hour::24].any() for cell in cells.values()])) for hour in range(24)) if cells else 0
    if known < _HOURS_KNOWN:
        return UsualRates()
    return UsualRates(tuple(Cell(*key, tuple(np.nan_to_num(cell).tolist())) for key, cell in sorted(cells.items())))


def _weekly(connection: sqlite3.Connection, series: int, since_us: int, window_s: int) -> Floats | None:
    """(168,) messages a second by the hour of the week; hours without a sample take the mean of their hour of the day, else 0."""
    total, count = np.zeros(HOURS_A_WEEK), np.zeros(HOURS_A_WEEK)
    for hours, expected, samples in _samples(connection, series, since_us):
        known = np.isfinite(expected) & (expected > 0) & (samples > 0)
        np.add.at(total, hours[known], expected[known])
        np.add.at(count, hours[known], samples[known])
    if not count.any():
        return None
    of_day, days = total.reshape(7, 24).sum(axis=0), count.reshape(7, 24).sum(axis=0)
    usual = np.divide(of_day, days, out=np.zeros(24), where=days > 0)
    return np.where(count > 0, total / np.maximum(count, 1), np.tile(usual, 7)) / window_s


def _samples(connection: sqlite3.Connection, series: int, since_us: int) -> Iterator[tuple[Ints, Floats, Floats]]:
    """(hours of the week, sums of the expectation, samples): whole days by quarters of an hour, what is newer by minutes."""
    days_us = since_us
    for start_us, body in _chunks(connection, series, QUARTER, since_us):
        yield _hours(start_us, QUARTER * SECOND_US, body)
        days_us = max(days_us, start_us + DAY_US)
    for start_us, body in _chunks(connection, series, MINUTE, days_us):
        yield _hours(start_us, MINUTE_US, body)


def _hours(start_us: int, step_us: int, body: bytes) -> tuple[Ints, Floats, Floats]:
    columns = decode(body)
    starts = start_us + np.arange(len(columns[0])) * step_us
    return (starts - MONDAY_US) // HOUR_US % HOURS_A_WEEK, columns[_EXPECTED], np.nan_to_num(columns[_COUNT])


def _chunks(connection: sqlite3.Connection, series: int, level: int, since_us: int) -> list[tuple[int, bytes]]:
    return connection.execute(
        "SELECT start_us, body FROM chunks WHERE series = ? AND level = ? AND start_us >= ? ORDER BY start_us", (series, level, since_us)
    ).fetchall()
