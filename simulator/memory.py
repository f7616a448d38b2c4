"""Memory: a simulation as the columns that the stages exchange, without JSON, for benchmarks and campaigns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.columns import EventBatch, Flags, Floats, Indices, Ints, QueueTick, SeriesKey, TrafficTick
from models.times import SECOND_US
from simulator.lines import Lines
from simulator.simulation import Simulation
from simulator.traffic import Stretch
from simulator.window_lengths import cut

DEVICE_PAIR = 0
"""The pair of codes for a device that did not answer; the other pairs are the User's own faults."""


@dataclass(frozen=True, slots=True)
class CodesOf(Mapping[int, Mapping[str, int]]):
    """Series → response code → count of one window, computed on request."""

    pairs: tuple[tuple[str, str], ...]
    code_pair: Indices
    failures: Ints
    second: Ints
    failed: Ints
    """Series with failures, ascending."""

    def __getitem__(self, series: int) -> Mapping[str, int]:
        if not 0 <= series < len(self.failures) or self.failures[series] == 0:
            raise KeyError(series)
        return _codes(self.pairs[self.code_pair[series]], int(self.failures[series]), int(self.second[series]))

    def __iter__(self) -> Iterator[int]:
        return iter(self.failed.tolist())

    def __len__(self) -> int:
        return len(self.failed)


@dataclass(frozen=True, slots=True)
class WindowLength:
    """The series and queues of one window length, as rows of the world."""

    window_s: int
    traffic: tuple[SeriesKey, ...]
    queues: tuple[SeriesKey, ...]
    traffic_rows: Ints
    queue_rows: Ints
    limits: Floats
    """Messages that each queue can hold."""


@dataclass(frozen=True, slots=True)
class LengthTick:
    """One closed window of one length."""

    length: WindowLength
    traffic: TrafficTick
    queues: QueueTick


def ticks(simulation: Simulation) -> Iterator[tuple[TrafficTick, QueueTick]]:
    """One pair per window, over `simulation.world.traffic` and `.queues`, of one window length: the same as assembling the events."""
    limits = simulation.world.depth_limit.astype(np.float64)
    for stretch in simulation.stretches():
        for row in range(len(stretch.ends_us)):
            window_s = simulation.timeline.window_s
            yield _traffic_tick(simulation, stretch, row, window_s), _queue_tick(stretch, row, limits, window_s)


def ticks_by_length(simulation: Simulation) -> Iterator[list[LengthTick]]:
    """What closes at each window end, by window length; one item per end of the shortest windows."""
    lengths = _lengths(simulation)
    for stretch in simulation.stretches():
        parts = [(length, cut(stretch, length.traffic_rows, length.queue_rows)) for length in lengths]
        for row, end_us in enumerate(stretch.ends_us.tolist()):
            yield [
                LengthTick(
                    length, _traffic_tick(simulation, part, row, length.window_s), _queue_tick(part, row, length.limits, length.window_s)
                )
                for length, part in parts
                if end_us % (length.window_s * SECOND_US) == 0
            ]


def _lengths(simulation: Simulation) -> list[WindowLength]:
    world = simulation.world
    of_traffic, of_queues = (np.array([key.window_s for key in keys]) for keys in (world.traffic, world.queues))
    lengths = []
    for window_s in sorted({*of_traffic.tolist(), *of_queues.tolist()}):
        rows, queues = np.flatnonzero(of_traffic == window_s), np.flatnonzero(of_queues == window_s)
        keys = tuple(world.traffic[row] for row in rows.tolist()), tuple(world.queues[row] for row in queues.tolist())
        lengths.append(WindowLength(window_s, *keys, rows, queues, world.depth_limit[queues].astype(np.float64)))
    return lengths


def batches(simulation: Simulation) -> Iterator[EventBatch]:
    """The same as decoding the simulation's NDJSON, in order; `position` counts lines from 1."""
    lines = Lines(simulation.world)
    before = 0
    for stretch in simulation.stretches():
        batch = _batch(simulation, lines, stretch, before)
        before += len(batch)
        yield batch


def _traffic_tick(simulation: Simulation, stretch: Stretch, row: int, window_s: int) -> TrafficTick:
    seen = stretch.traffic_reported[row]
    failures = np.where(seen, stretch.failures[row], 0)
    at_device = stretch.code_pair[row] == DEVICE_PAIR
    codes = CodesOf(simulation.world.code_pairs, stretch.code_pair[row], failures, stretch.second[row], np.flatnonzero(failures))
    return TrafficTick(
        at_us=int(stretch.ends_us[row]),
        window_s=window_s,
        reported=seen,
        messages=np.where(seen, stretch.messages[row], 0).astype(np.float64),
        failures=failures.astype(np.float64),
        user_side=np.where(at_device, 0, failures).astype(np.float64),
        device_side=np.where(at_device, failures, 0).astype(np.float64),
        codes=codes,
    )


def _queue_tick(stretch: Stretch, row: int, limits: Floats, window_s: int) -> QueueTick:
    seen = stretch.queues_reported[row]
    return QueueTick(
        at_us=int(stretch.ends_us[row]),
        window_s=window_s,
        reported=seen,
        depth=np.where(seen, stretch.depth[row], 0).astype(np.float64),
        oldest_age_s=np.where(seen, stretch.oldest_age_s[row], np.nan),
        capacity=np.where(seen, limits, np.nan),
        enqueued=np.where(seen, stretch.enqueued[row], np.nan),
        delivered=np.where(seen, stretch.delivered[row], np.nan),
    )


def _batch(simulation: Simulation, lines: Lines, stretch: Stretch, before: int) -> EventBatch:
    world = simulation.world
    windows, series, queues = *stretch.messages.shape, stretch.depth.shape[1]
    seen: Flags = np.hstack([stretch.traffic_reported, stretch.queues_reported]).ravel()
    code_sets, codes = _code_sets(world.code_pairs, stretch)

    def column(traffic: Ints, depths: Ints) -> Ints:
        return np.hstack([traffic, depths]).ravel()[seen]

    none, unknown = np.zeros((windows, queues), dtype=np.int64), np.full((windows, series), -1, dtype=np.int64)
    text: list[list[bytes]] = []

    def raw(event: int) -> bytes:
        if not text:
            text.append(lines.write(stretch).splitlines())
        return text[0][event]

    ages = np.hstack([np.full((windows, series), np.nan), stretch.oldest_age_s]).ravel()[seen]
    return EventBatch(
        keys=(*world.traffic, *world.queues),
        key=np.tile(np.arange(series + queues, dtype=np.int32), windows)[seen],
        observed_us=np.repeat(stretch.ends_us, series + queues)[seen],
        value=column(stretch.messages, stretch.depth),
        failures=column(stretch.failures, none),
        oldest_age_s=ages,
        capacity=column(unknown, np.broadcast_to(world.depth_limit, (windows, queues))),
        enqueued=column(unknown, stretch.enqueued),
        delivered=column(unknown, stretch.delivered),
        codes=np.hstack([codes, np.full((windows, queues), -1)]).ravel()[seen].astype(np.int32),
        code_sets=code_sets,
        source=lambda _: "simulation",
        position=lambda event: {"line": before + event + 1, "index": 0},
        raw=raw,
    )


def _code_sets(pairs: tuple[tuple[str, str], ...], stretch: Stretch) -> tuple[tuple[Mapping[str, int], ...], Ints]:
    """The distinct sets of codes, and the (windows, series) index into them, -1 where nothing failed."""
    index = np.full(stretch.failures.shape, -1, dtype=np.int64)
    failed = stretch.failures > 0
    rows = np.stack([stretch.code_pair[failed], stretch.failures[failed], stretch.second[failed]], axis=1)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    index[failed] = inverse.ravel()
    return tuple(_codes(pairs[pair], failures, second) for pair, failures, second in distinct.tolist()), index


def _codes(pair: tuple[str, str], failures: int, second: int) -> dict[str, int]:
    counts = {pair[0]: failures - second, pair[1]: second}
    return {code: count for code, count in counts.items() if count}
