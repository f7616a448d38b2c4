"""Heat map: every User's traffic in each quarter of an hour."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from models.columns import Floats, Ints
from models.times import HOUR_US, SECOND_US
from service.charts.codec import decode
from service.charts.compaction import GRACE_US, RAW, first_sample_us
from service.charts.queries import latest_us
from service.charts.recorder import layout_ids

BUCKET_US = 300 * SECOND_US
A_HOUR = HOUR_US // BUCKET_US
MESSAGES, EXPECTED, JUDGED, FAILURES, DEPTH = range(5)
"""Rows of an hour: messages, expected ones, messages with an expectation, failed ones, deepest queue."""
_HOURS_KEPT = 400


@dataclass(frozen=True, slots=True)
class _Members:
    """Series by number: User, window length, queue or not."""

    users: tuple[str, ...]
    user: dict[int, int]
    window_s: dict[int, int]
    queues: frozenset[int]


@dataclass(slots=True)
class HeatReader:
    """Adds up hour by hour; a packed hour never changes, so it is added up once."""

    _hours: dict[int, tuple[tuple[str, ...], Floats]] = field(default_factory=dict)

    def read(self, connection: sqlite3.Connection, from_us: int, to_us: int) -> tuple[tuple[str, ...], Floats]:
        """(Users, array (5, Users, buckets of five minutes)) from the hour of `from_us` to the one of `to_us`; NaN where nothing came."""
        members = _members(connection)
        number = {user: index for index, user in enumerate(members.users)}
        hours = range(from_us // HOUR_US * HOUR_US, to_us, HOUR_US)
        whole = np.full((5, len(members.users), len(hours) * A_HOUR), np.nan)
        for index, start_us in enumerate(hours):
            users, cells = self._hour(connection, members, start_us)
            rows = [number[user] for user in users]
            whole[:, rows, index * A_HOUR : (index + 1) * A_HOUR] = cells
        return members.users, whole

    def _hour(self, connection: sqlite3.Connection, members: _Members, start_us: int) -> tuple[tuple[str, ...], Floats]:
        known = self._hours.get(start_us)
        if known is not None:
            return known
        cells = np.full((5, len(members.users), A_HOUR), np.nan)
        live = list(_ticks(connection, start_us))
        seen = {series for _, ids, _ in live for series in ids.tolist()}
        for ends, ids, cube in (*live, *_packed(connection, members, start_us, seen)):
            _add(cells, members, ids, ends - start_us, cube)
        result = members.users, cells
        if (latest_us(connection) or 0) >= start_us + HOUR_US + GRACE_US:
            if len(self._hours) >= _HOURS_KEPT:
                self._hours.pop(next(iter(self._hours)))
            self._hours[start_us] = result
        return result


def _add(cells: Floats, members: _Members, ids: Ints, after_us: Ints, cube: Floats) -> None:
    """Add samples (3, windows, series), which ended `after_us` the hour's start, to their Users' cells."""
    inside = (after_us > 0) & (after_us <= HOUR_US)
    bucket = np.repeat(((after_us[inside] - 1) // BUCKET_US)[:, None], len(ids), axis=1)
    user = np.repeat(np.array([members.user[series] for series in ids.tolist()], np.int64)[None, :], len(bucket), axis=0)
    is_queue = np.array([series in members.queues for series in ids.tolist()], np.bool_)[None, :]
    value, second, third = cube[:, inside]
    reported = np.isfinite(value)
    queued, sent = reported & is_queue, reported & ~is_queue
    np.fmax.at(cells[DEPTH], (user[queued], bucket[queued]), value[queued])
    judged = np.isfinite(third) & (third > 0)
    columns = {
        MESSAGES: value,
        EXPECTED: np.where(judged, third, 0.0),
        JUDGED: np.where(judged, value, 0.0),
        FAILURES: np.nan_to_num(second),
    }
    targets = user[sent], bucket[sent]
    for row, column in columns.items():
        cells[row][targets] = np.nan_to_num(cells[row][targets])
        np.add.at(cells[row], targets, column[sent])


Block = tuple[Ints, Ints, Floats]
"""Ends of windows (n,), series (m,), samples (3, n, m)."""


def _packed(connection: sqlite3.Connection, members: _Members, start_us: int, but: set[int]) -> Iterator[Block]:
    """Series of one window length; those of `but` are left out, because an hour that is being packed still has them as ticks."""
    rows = connection.execute("SELECT series, body FROM chunks WHERE level = ? AND start_us = ?", (RAW, start_us))
    by_length: dict[int, list[tuple[int, Floats]]] = {}
    for series, body in rows:
        if series not in but:
            by_length.setdefault(members.window_s[series], []).append((series, np.array(decode(body))))
    for window_s, pairs in by_length.items():
        size = min(samples.shape[1] for _, samples in pairs)
        ends = first_sample_us(start_us, window_s) + np.arange(size) * window_s * SECOND_US
        yield ends, np.array([series for series, _ in pairs]), np.stack([samples[:, :size] for _, samples in pairs], axis=2)


def _ticks(connection: sqlite3.Connection, start_us: int) -> Iterator[Block]:
    """The unpacked part: one row per window, all series side by side."""
    rows = connection.execute("SELECT layout, at_us, body FROM ticks WHERE at_us > ? AND at_us <= ?", (start_us, start_us + HOUR_US))
    by_length: dict[int, list[tuple[int, Floats]]] = {}
    for layout, at_us, body in rows:
        by_length.setdefault(layout, []).append((at_us, np.array(decode(body))))
    for layout, pairs in by_length.items():
        blob = connection.execute("SELECT series FROM layouts WHERE id = ?", (layout,)).fetchone()[0]
        ends = np.array([at_us for at_us, _ in pairs], np.int64)
        yield ends, layout_ids(blob).astype(np.int64), np.stack([samples for _, samples in pairs], axis=1)


def _members(connection: sqlite3.Connection) -> _Members:
    rows = connection.execute("SELECT id, user, window_s, queue FROM series").fetchall()
    users = tuple(sorted({user for _, user, _, _ in rows}))
    number = {user: index for index, user in enumerate(users)}
    return _Members(
        users,
        {series: number[user] for series, user, _, _ in rows},
        {series: window_s for series, _, window_s, _ in rows},
        frozenset(series for series, _, _, queue in rows if queue),
    )
