"""Chart data: one series over a span, never more points than requested, and never without its lowest and highest sample."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import Floats, Ints
from models.times import DAY_US, HOUR_US, SECOND_US, format_time
from service.access import Principal, series_filter
from service.charts.codec import decode
from service.charts.compaction import MINUTE, QUARTER, RAW, Keep, coarser, first_sample_us
from service.charts.recorder import WIDTH, layout_ids

FIELDS = ("user", "direction", "message_class", "service", "region", "queue")


@dataclass(frozen=True, slots=True)
class Series:
    """A stored series."""

    id: int
    fields: dict[str, str | int | None]
    window_s: int
    is_queue: bool


def latest_us(connection: sqlite3.Connection) -> int | None:
    """End of the newest window stored."""
    row = connection.execute("SELECT max(at_us) FROM ticks").fetchone()[0]
    if row is None:
        row = connection.execute("SELECT max(until_us) FROM packed_until WHERE level = 0").fetchone()[0]
    return int(row) if row is not None else None


def shortest_window_s(connection: sqlite3.Connection) -> int:
    """Length of the shortest window of the last hours; 0 if none came."""
    return int(connection.execute("SELECT min(window_s) FROM ticks").fetchone()[0] or 0)


def matching(
    connection: sqlite3.Connection, principal: Principal, wanted: dict[str, str], after_id: int, limit: int, *, queues: bool | None = None
) -> list[Series]:
    """Series that the principal may see, by id; `wanted` holds fields and their values."""
    tenant = series_filter(principal)
    parts, values = ["id > ?", tenant.sql], [after_id, *tenant.values]
    for name, value in wanted.items():
        if name not in FIELDS:
            raise ValueError(f"{name} is not a field of a series")
        parts.append(f"{name} = ?")
        values.append(value)
    if queues is not None:
        parts.append("queue <> ''" if queues else "queue = ''")
    rows = connection.execute(
        f"SELECT id, window_s, {', '.join(FIELDS)} FROM series WHERE {' AND '.join(parts)} ORDER BY id LIMIT ?",  # noqa: S608 - fields of ours, values bound
        (*values, limit),
    )
    return [Series(number, _named(fields, window_s), window_s, bool(fields[-1])) for number, window_s, *fields in rows]


def _named(fields: Sequence[str], window_s: int) -> dict[str, str | int | None]:
    named: dict[str, str | int | None] = {name: value or None for name, value in zip(FIELDS, fields, strict=True)}
    return {**named, "window_s": window_s}


def charts(
    connection: sqlite3.Connection, wanted: Sequence[Series], from_us: int, to_us: int, points: int, keep: Keep
) -> list[dict[str, Any]]:
    """A chart of each series. Unpacked data holds all series side by side, so it is read once for all requested ones."""
    live = live_ticks(connection, wanted, from_us, to_us)
    return [_chart(connection, series, (from_us, to_us), points, keep, live.get(series.id)) for series in wanted]


def _chart(
    connection: sqlite3.Connection, series: Series, span: tuple[int, int], points: int, keep: Keep, live: tuple[Ints, Floats] | None
) -> dict[str, Any]:
    """Points of the span (its start exclusive): lowest, highest, mean, last, second column's highest, mean expectation."""
    from_us, to_us = span
    newest = latest_us(connection) or to_us
    level = RAW if from_us >= newest - keep.raw_us else MINUTE if from_us >= newest - keep.minute_us else QUARTER
    ends, columns, step_s = rolled(connection, series, span, level, live)
    factor = max(1, -(-len(ends) // points))
    if factor > 1:
        pad = -len(ends) % factor
        columns = coarser(np.pad(columns, ((0, 0), (0, pad)), constant_values=np.nan), factor)
        ends = np.append(ends, np.repeat(ends[-1:], pad))[factor - 1 :: factor]
    seen = np.flatnonzero(~np.isnan(columns[3])) if len(ends) else np.zeros(0, np.int64)
    names = ("depth", "oldest_age_s") if series.is_queue else ("messages", "failures")
    return {
        "series": series.fields,
        "unit": names[0],
        "resolution_s": step_s * factor,
        "columns": ["at", "low", "high", "mean", "last", names[1], "expected"],
        "points": [_point(int(ends[index]), columns[:, index]) for index in seen],
    }


def _point(at_us: int, column: Floats) -> list[Any]:
    low, high, total, count, last, second, expected = column.tolist()
    return [
        format_time(at_us),
        low,
        high,
        _short(total / count),
        last,
        None if second != second else second,
        _short(expected / count) if expected else None,
    ]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def rolled(
    connection: sqlite3.Connection, series: Series, span: tuple[int, int], level: int, live: tuple[Ints, Floats] | None
) -> tuple[Ints, Floats, int]:
    """(ends, roll-up columns (7, n), seconds of one point) of the stored level, with the newest hours from the ticks."""
    from_us, to_us = span
    step_s = series.window_s if level == RAW else max(level, series.window_s if level == MINUTE else level)
    # An hour (a day) that is being packed is in the level below until it is complete.
    hours_us, days_us = _packed_until(connection, series)
    blocks: list[tuple[Ints, Floats]] = []
    if level == QUARTER:
        for start_us, columns in _chunks(connection, series, QUARTER, from_us // DAY_US * DAY_US, min(to_us, days_us)):
            blocks.append((start_us + (np.arange(columns.shape[1]) + 1) * QUARTER * SECOND_US, columns))
        from_us = max(from_us, days_us)
    for start_us, columns in _chunks(connection, series, min(level, MINUTE), from_us // HOUR_US * HOUR_US, min(to_us, hours_us)):
        if level == RAW:
            ends = first_sample_us(start_us, series.window_s) + np.arange(columns.shape[1]) * series.window_s * SECOND_US
            blocks.append((ends, _as_rollup(columns)))
        else:
            finer = columns if level == MINUTE else coarser(columns, QUARTER // MINUTE)
            blocks.append((start_us + (np.arange(finer.shape[1]) + 1) * level * SECOND_US, finer))
    from_us = span[0]
    if live is not None:
        blocks.append(live)
    if not blocks:
        return np.zeros(0, np.int64), np.zeros((7, 0)), step_s
    ends = np.concatenate([block[0] for block in blocks])
    columns = np.concatenate([block[1] for block in blocks], axis=1)
    inside = (ends > from_us) & (ends <= to_us)
    return ends[inside], columns[:, inside], step_s


def _packed_until(connection: sqlite3.Connection, series: Series) -> tuple[int, int]:
    """Until when hours of this series, and whole days of all, are packed (µs)."""
    hours = connection.execute(
        "SELECT until_us FROM packed_until WHERE window_s = ? AND queues = ? AND level = 0", (series.window_s, int(series.is_queue))
    ).fetchone()
    days = connection.execute("SELECT until_us FROM packed_until WHERE window_s = 0 AND level = ?", (QUARTER,)).fetchone()
    return (hours[0] if hours else 0), (days[0] if days else 0)


def _chunks(connection: sqlite3.Connection, series: Series, level: int, first_us: int, before_us: int) -> Iterator[tuple[int, Floats]]:
    """(start, columns) of the chunks that start in [first, before)."""
    for start_us, body in connection.execute(
        "SELECT start_us, body FROM chunks WHERE series = ? AND level = ? AND start_us >= ? AND start_us < ? ORDER BY start_us",
        (series.id, level, first_us, before_us),
    ):
        yield start_us, np.array(decode(body))


def _as_rollup(samples: Floats) -> Floats:
    """Samples (3, n) as roll-ups of one sample each."""
    value, second, expected = samples
    count = np.where(np.isnan(value), np.nan, 1.0)
    return np.array([value, value, value, count, value, second, expected])


def last_depths(connection: sqlite3.Connection, principal: Principal) -> list[tuple[str, str, float, float, int]]:
    """(user, queue, depth, age of the oldest message or NaN, end of the window) of every queue that reported in its last window."""
    depths = []
    tenant = series_filter(principal)
    windows = connection.execute("SELECT window_s, max(at_us) FROM ticks WHERE queues = 1 GROUP BY window_s").fetchall()
    for window_s, at_us in windows:
        layout, body = connection.execute(
            "SELECT layout, body FROM ticks WHERE queues = 1 AND window_s = ? AND at_us = ?", (window_s, at_us)
        ).fetchone()
        ids = layout_ids(connection.execute("SELECT series FROM layouts WHERE id = ?", (layout,)).fetchone()[0]).tolist()
        depth, age_s, _ = decode(body)
        index_of = {series: index for index, series in enumerate(ids)}
        rows = connection.execute(
            f"SELECT id, user, queue FROM series WHERE queue <> '' AND window_s = ? AND {tenant.sql}",  # noqa: S608 - values bound
            (window_s, *tenant.values),
        )
        for number, user, queue in rows:
            if number in index_of and np.isfinite(depth[index_of[number]]):
                depths.append((user, queue, float(depth[index_of[number]]), float(age_s[index_of[number]]), at_us))
    return sorted(depths)


def live_ticks(connection: sqlite3.Connection, wanted: Sequence[Series], from_us: int, to_us: int) -> dict[int, tuple[Ints, Floats]]:
    """Series id → (ends, roll-up columns (7, n)) of the data that is not packed by the hour yet."""
    by_series: dict[int, tuple[Ints, Floats]] = {}
    for window_s, is_queue in sorted({(series.window_s, series.is_queue) for series in wanted}):
        same_length = np.array([series.id for series in wanted if (series.window_s, series.is_queue) == (window_s, is_queue)], np.int64)
        by_layout: dict[int, tuple[Ints, Ints]] = {}
        ends, samples = [], []
        for at_us, layout, body in connection.execute(
            "SELECT at_us, layout, body FROM ticks WHERE window_s = ? AND queues = ? AND at_us > ? AND at_us <= ? ORDER BY at_us",
            (window_s, int(is_queue), from_us, to_us),
        ):
            if layout not in by_layout:
                blob = connection.execute("SELECT series FROM layouts WHERE id = ?", (layout,)).fetchone()[0]
                _, row, from_tick = np.intersect1d(same_length, layout_ids(blob), return_indices=True)
                by_layout[layout] = row, from_tick
            row, from_tick = by_layout[layout]
            sample = np.full((WIDTH, len(same_length)), np.nan)
            sample[:, row] = decode(body, from_tick)
            ends.append(at_us)
            samples.append(sample)
        if ends:
            cube = np.array(samples)
            by_series |= {int(one): (np.array(ends, np.int64), _as_rollup(cube[:, :, number].T)) for number, one in enumerate(same_length)}
    return by_series
