"""Recorder: the last hours of every series, one row per closed window, all series side by side."""

import sqlite3
from dataclasses import dataclass

import numpy as np

from models.columns import Detected, Floats, Indices, SeriesKey
from service.charts.codec import encode

TRAFFIC, QUEUES = 0, 1
WIDTH = 3
"""Columns of a tick: messages, failures, expected; or depth, oldest age and nothing expected."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One closed window, to be written to the data file."""

    window_s: int
    queues: int
    at_us: int
    keys: tuple[SeriesKey, ...]
    """The same object as long as no series is added."""
    body: bytes


class ChartEncoder:
    """Turns detected windows into ticks; stores each window length's series, so that none is listed twice."""

    def __init__(self) -> None:
        self._keys: dict[int, tuple[object, tuple[SeriesKey, ...]]] = {}

    def make(self, detected: Detected) -> list[Tick]:
        """The windows of one resolution, encoded; a series without a report is missing."""
        ticks = []
        pulse, queues = detected.pulse, detected.queue_pulse
        if pulse.reported.any():
            seen = [np.where(pulse.reported, column, np.nan) for column in (pulse.observed, pulse.failed)]
            body = encode([*seen, _three_digits(pulse.expected)])
            ticks.append(Tick(detected.window_s, TRAFFIC, detected.at_us, self._traffic_keys(detected), body))
        if queues.reported.any():
            seen = [np.where(queues.reported, column, np.nan) for column in (queues.depth, queues.oldest_age_s)]
            body = encode([*seen, np.full(len(queues.queues), np.nan)])
            ticks.append(Tick(detected.window_s, QUEUES, detected.at_us, queues.queues, body))
        return ticks

    def _traffic_keys(self, detected: Detected) -> tuple[SeriesKey, ...]:
        """A pulse's groups as series: within one window length they are the same."""
        groups = detected.pulse.groups
        cached = self._keys.get(detected.window_s)
        if cached is None or cached[0] is not groups:
            keys = tuple(SeriesKey(*group, "", detected.window_s) for group in groups)
            cached = self._keys[detected.window_s] = (groups, keys)
        return cached[1]


def _three_digits(values: Floats) -> Floats:
    """A chart needs no more digits of an expectation, and rounded values pack three times as small."""
    known = values > 0
    scale = np.power(10.0, np.floor(np.log10(np.where(known, values, 1.0))) - 2)
    return np.where(known, np.round(values / scale) * scale, np.nan)


class Recorder:
    """Writes ticks; lives in the writer thread and uses its connection."""

    def __init__(self) -> None:
        self._ids: dict[SeriesKey, int] = {}
        self._layouts: dict[tuple[int, int], tuple[tuple[SeriesKey, ...], int]] = {}

    def record(self, connection: sqlite3.Connection, tick: Tick) -> None:
        """Writes one tick; repeating it is harmless, and data that is packed by the hour stays unchanged."""
        packed = connection.execute(
            "SELECT until_us FROM packed_until WHERE window_s = ? AND queues = ? AND level = 0", (tick.window_s, tick.queues)
        ).fetchone()
        if packed is not None and tick.at_us <= packed[0]:
            return
        connection.execute(
            "INSERT OR REPLACE INTO ticks VALUES (?, ?, ?, ?, ?)",
            (tick.window_s, tick.queues, tick.at_us, self._layout(connection, tick), tick.body),
        )

    def forget(self) -> None:
        """Reads everything again: the transaction that filled this was rolled back."""
        self._ids.clear()
        self._layouts.clear()

    def _layout(self, connection: sqlite3.Connection, tick: Tick) -> int:
        known = self._layouts.get((tick.window_s, tick.queues))
        if known is not None and known[0] is tick.keys:
            return known[1]
        ids = np.array([self._id(connection, key) for key in tick.keys], "<i4").tobytes()
        row = connection.execute(
            "SELECT id FROM layouts WHERE window_s = ? AND queues = ? AND series = ? ORDER BY id DESC LIMIT 1",
            (tick.window_s, tick.queues, ids),
        ).fetchone()
        number = (
            row[0]
            if row
            else _inserted(
                connection.execute("INSERT INTO layouts (window_s, queues, series) VALUES (?, ?, ?)", (tick.window_s, tick.queues, ids))
            )
        )
        self._layouts[tick.window_s, tick.queues] = (tick.keys, number)
        return number

    def _id(self, connection: sqlite3.Connection, key: SeriesKey) -> int:
        if not self._ids:
            for number, *fields in connection.execute(
                "SELECT id, user, direction, message_class, service, region, queue, window_s FROM series"
            ):
                self._ids[SeriesKey(*fields)] = number
        number = self._ids.get(key)
        if number is None:
            number = self._ids[key] = _inserted(
                connection.execute(
                    "INSERT INTO series (user, direction, message_class, service, region, queue, window_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    key,
                )
            )
        return number


def _inserted(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("an insert returned no row number")
    return cursor.lastrowid


def layout_ids(blob: bytes) -> Indices:
    """Series ids in the order of a tick's columns."""
    return np.frombuffer(blob, "<i4").astype(np.int32)
