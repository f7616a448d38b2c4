"""Compaction: old ticks become one chunk per series and hour, with roll-ups that keep the lowest and highest sample."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.columns import Floats, Ints
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from service.charts.codec import decode, encode
from service.charts.recorder import WIDTH, layout_ids
from service.store.database import Database

RAW, MINUTE, QUARTER = 0, 60, 900
"""Levels: seconds of one point, 0 for unchanged samples."""
GRACE_US = 5 * MINUTE_US
_EFFORT = 6
_SLICE = 1000
"""Number of series written in one transaction, which limits how long other writers wait."""

Rollup = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]
"""Per bucket: lowest, highest, sum, count, last of the value; highest of the second column; sum of the expectation."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each level is kept, in event time."""

    raw_us: int = 48 * HOUR_US
    minute_us: int = 30 * DAY_US
    quarter_us: int = 400 * DAY_US


def first_sample_us(start_us: int, window_s: int) -> int:
    """The first window end after `start_us` on the grid of `window_s`."""
    window_us = window_s * SECOND_US
    return (start_us // window_us + 1) * window_us


def due(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """(window_s, queues, start of the hour) of whole hours that can be packed, oldest first."""
    hours = []
    for window_s, queues, oldest, newest in connection.execute("SELECT window_s, queues, min(at_us), max(at_us) FROM ticks GROUP BY 1, 2"):
        start = (oldest - 1) // HOUR_US * HOUR_US
        if newest >= start + HOUR_US + GRACE_US:
            hours.append((window_s, queues, start))
    return sorted(hours, key=lambda item: item[2])


def pack_hour(database: Database, window_s: int, queues: int, start_us: int) -> None:
    """Turns one hour's ticks into chunks. It can be repeated after an interruption at any point."""
    hour = window_s, queues, start_us
    series = database.read(partial(_series_in, hour=hour))
    for low in range(0, len(series), _SLICE):
        part = series[low : low + _SLICE]
        cube = database.read(partial(_samples, hour=hour, series=part))
        database.write(partial(_insert, list(_chunks(part.tolist(), cube, window_s, start_us)))).result()
    database.write(lambda connection: _packed(connection, window_s, queues, start_us + HOUR_US)).result()


_OF_THE_HOUR = "FROM ticks WHERE window_s = ? AND queues = ? AND at_us > ? AND at_us <= ?"


def _series_in(connection: sqlite3.Connection, hour: tuple[int, int, int]) -> Ints:
    """Ids of the series in the hour's ticks, ascending."""
    window_s, queues, start_us = hour
    blobs = connection.execute(
        f"SELECT series FROM layouts WHERE id IN (SELECT layout {_OF_THE_HOUR})",  # noqa: S608 - a constant of ours
        (window_s, queues, start_us, start_us + HOUR_US),
    )
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(layout_ids(blob) for (blob,) in blobs)]))


def _samples(connection: sqlite3.Connection, hour: tuple[int, int, int], series: Ints) -> Floats:
    """(series, WIDTH, samples) of some of the hour's series: all of them at once would take a hundred megabytes."""
    window_s, queues, start_us = hour
    first = first_sample_us(start_us, window_s)
    samples = max(1, (start_us + HOUR_US - first) // (window_s * SECOND_US) + 1)
    cube = np.full((len(series), WIDTH, samples), np.nan)
    by_layout: dict[int, tuple[Ints, Ints]] = {}
    for at_us, layout, body in connection.execute(
        f"SELECT at_us, layout, body {_OF_THE_HOUR}",
        (window_s, queues, start_us, start_us + HOUR_US),
    ):
        if layout not in by_layout:
            ids = layout_ids(connection.execute("SELECT series FROM layouts WHERE id = ?", (layout,)).fetchone()[0])
            _, row, from_tick = np.intersect1d(series, ids, assume_unique=True, return_indices=True)
            by_layout[layout] = row, from_tick
        row, from_tick = by_layout[layout]
        for column, values in enumerate(decode(body)):
            cube[row, column, (at_us - first) // (window_s * SECOND_US)] = values[from_tick]
    return cube


def _chunks(series: list[int], cube: Floats, window_s: int, start_us: int) -> Iterator[tuple[int, int, int, bytes]]:
    ends = first_sample_us(start_us, window_s) + np.arange(cube.shape[2]) * window_s * SECOND_US
    bucket = (ends - start_us - 1) // MINUTE_US
    rolled = rollup(cube[:, 0], cube[:, 1], cube[:, 2], bucket, 60)
    for row, number in enumerate(series):
        yield number, RAW, start_us, encode(list(cube[row]), _EFFORT)
        yield number, MINUTE, start_us, encode([column[row] for column in rolled], _EFFORT)


def rollup(value: Floats, second: Floats, expected: Floats, bucket: Ints, buckets: int) -> Rollup:
    """Samples (series, n) in `bucket` (n,) → (series, buckets) each; NaN where a bucket has no sample."""
    shape = (len(value), buckets)
    edges = np.flatnonzero(np.diff(bucket, prepend=-1))
    where = bucket[edges].astype(np.int64)

    def spread(filled: Floats, ufunc: np.ufunc) -> Floats:
        out = np.full(shape, np.nan)
        out[:, where] = ufunc.reduceat(filled, edges, axis=1)
        return out

    seen = ~np.isnan(value)
    count = np.nan_to_num(spread(seen.astype(float), np.add))
    some = count > 0
    low = np.where(some, spread(np.where(seen, value, np.inf), np.minimum), np.nan)
    high = np.where(some, spread(np.where(seen, value, -np.inf), np.maximum), np.nan)
    total = np.where(some, spread(np.where(seen, value, 0.0), np.add), np.nan)
    position = spread(np.where(seen, np.arange(value.shape[1]), -1.0), np.maximum)
    last = np.where(some, np.take_along_axis(value, np.clip(np.nan_to_num(position, nan=0.0), 0, None).astype(np.int64), axis=1), np.nan)
    oldest = spread(np.where(np.isnan(second), -np.inf, second), np.maximum)
    due_sum = np.where(some, spread(np.nan_to_num(expected), np.add), np.nan)
    return low, high, total, np.where(some, count, np.nan), last, np.where(oldest > -np.inf, oldest, np.nan), due_sum


def _packed(connection: sqlite3.Connection, window_s: int, queues: int, until_us: int) -> None:
    connection.execute("DELETE FROM ticks WHERE window_s = ? AND queues = ? AND at_us <= ?", (window_s, queues, until_us))
    connection.execute(
        "DELETE FROM layouts WHERE window_s = ? AND queues = ? AND id NOT IN (SELECT layout FROM ticks)"
        " AND id < (SELECT max(id) FROM layouts WHERE window_s = ? AND queues = ?)",
        (window_s, queues, window_s, queues),
    )
    connection.execute(
        "INSERT INTO packed_until VALUES (?, ?, 0, ?) ON CONFLICT (window_s, queues, level)"
        " DO UPDATE SET until_us = max(until_us, excluded.until_us)",
        (window_s, queues, until_us),
    )


def quarters_due(connection: sqlite3.Connection, latest_us: int) -> int | None:
    """Start of the oldest whole day whose minutes are not rolled up to quarters yet."""
    done = connection.execute("SELECT until_us FROM packed_until WHERE window_s = 0 AND level = ?", (QUARTER,)).fetchone()
    row = connection.execute(
        "SELECT min(start_us) FROM chunks WHERE level = ? AND start_us >= ?", (MINUTE, done[0] if done else 0)
    ).fetchone()
    if row[0] is None:
        return None
    start = int(row[0]) // DAY_US * DAY_US
    return start if latest_us >= start + DAY_US + 2 * HOUR_US else None


def pack_day(database: Database, start_us: int) -> None:
    """Rolls one day's minutes up to quarters of an hour, one chunk per series."""
    series = database.read(
        lambda connection: [row[0] for row in connection.execute(
            "SELECT DISTINCT series FROM chunks WHERE level = ? AND start_us >= ? AND start_us < ?", (MINUTE, start_us, start_us + DAY_US)
        )]
    )  # fmt: skip
    for low in range(0, len(series), _SLICE):
        rows = database.read(partial(_all_quarters, series[low : low + _SLICE], start_us))
        database.write(partial(_insert, rows)).result()
    database.write(
        lambda connection: connection.execute(
            "INSERT INTO packed_until VALUES (0, 0, ?, ?) ON CONFLICT (window_s, queues, level) DO UPDATE SET until_us = excluded.until_us",
            (QUARTER, start_us + DAY_US),
        )
    ).result()


def _insert(rows: list[tuple[int, int, int, bytes]], connection: sqlite3.Connection) -> None:
    connection.executemany("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)", rows)


def _all_quarters(series: list[int], start_us: int, connection: sqlite3.Connection) -> list[tuple[int, int, int, bytes]]:
    return [_quarters(connection, one, start_us) for one in series]


def _quarters(connection: sqlite3.Connection, series: int, start_us: int) -> tuple[int, int, int, bytes]:
    minutes = np.full((7, 1440), np.nan)
    for hour_us, body in connection.execute(
        "SELECT start_us, body FROM chunks WHERE series = ? AND level = ? AND start_us >= ? AND start_us < ?",
        (series, MINUTE, start_us, start_us + DAY_US),
    ):
        at = (hour_us - start_us) // MINUTE_US
        for column, values in enumerate(decode(body)):
            minutes[column, at : at + 60] = values
    return series, QUARTER, start_us, encode(list(coarser(minutes, 15)), _EFFORT)


def coarser(points: Floats, step: int) -> Floats:
    """Roll-up columns (7, n) → (7, n / step): lowest of the lowest, highest of the highest; n is a multiple of `step`."""
    grouped = points.reshape(7, -1, step)
    some = ~np.isnan(grouped[3]).all(axis=1)
    out = np.full((7, grouped.shape[1]), np.nan)
    filled = grouped[:, some]
    out[0, some], out[1, some] = np.nanmin(filled[0], axis=1), np.nanmax(filled[1], axis=1)
    for column in (2, 3, 6):
        out[column, some] = np.nansum(filled[column], axis=1)
    backwards = filled[4][:, ::-1]
    out[4, some] = np.take_along_axis(backwards, np.argmax(~np.isnan(backwards), axis=1)[:, None], axis=1)[:, 0]
    oldest = np.where(np.isnan(filled[5]), -np.inf, filled[5]).max(axis=1, initial=-np.inf)
    out[5, some] = np.where(oldest > -np.inf, oldest, np.nan)
    return out


def drop_old(connection: sqlite3.Connection, latest_us: int, keep: Keep) -> None:
    """Deletes data that is older than its level's limit, and returns the space gradually."""
    for level, kept_us, length_us in ((RAW, keep.raw_us, HOUR_US), (MINUTE, keep.minute_us, HOUR_US), (QUARTER, keep.quarter_us, DAY_US)):
        connection.execute("DELETE FROM chunks WHERE level = ? AND start_us < ?", (level, latest_us - kept_us - length_us))
    connection.execute("DELETE FROM findings WHERE at_us < ?", (latest_us - keep.raw_us - HOUR_US,))
    connection.execute("PRAGMA incremental_vacuum(2000)").fetchall()
