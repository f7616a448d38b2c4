"""Queues: undelivered messages wait, oldest first, until the route opens, the capacity allows, or 48 hours are over."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.columns import Flags, Floats, Ints
from simulator.world import World

KEPT_S = 48 * 3600
"""Undelivered messages are dropped after two days (SEC glossary, Device Alert). Until then delivery is retried."""
LATENCY_S = {"to_user": 0.8, "to_device": 10.0}
"""The travel time of a message without any obstacle."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The throughput of the queues in consecutive windows."""

    by_series: Ints
    """(windows, series) Delivered messages of each series."""
    depth: Ints
    """(windows, queues), as are the other fields."""
    oldest_age_s: Floats
    enqueued: Ints
    delivered: Ints


@dataclass(slots=True)
class Parcel:
    """Messages of one series that arrived in one window."""

    window: int
    arrived: float
    left: int


@dataclass(slots=True)
class Waiting:
    """One queue with messages: per series the parcels that arrived in one window, oldest first."""

    parcels: list[deque["Parcel"]]

    def content(self) -> list[int]:
        """Messages waiting of each series."""
        return [sum(parcel.left for parcel in series) for series in self.parcels]

    def add(self, now: int, coming: Sequence[int]) -> None:
        """Adds the arrivals of each series in window `now`."""
        for series, messages in enumerate(coming):
            if messages:
                self.parcels[series].append(Parcel(now, messages, messages))

    def take(self, gone: Sequence[int]) -> None:
        """Removes this number of messages of each series, oldest first."""
        for parcels, messages in zip(self.parcels, gone, strict=True):
            left = messages
            while left > 0:
                part = min(left, parcels[0].left)
                parcels[0].left -= part
                left -= part
                if parcels[0].left == 0:
                    parcels.popleft()

    def expire(self, before: int) -> None:
        """Drops messages that arrived before window `before`."""
        for parcels in self.parcels:
            while parcels and parcels[0].window < before:
                parcels.popleft()

    def oldest(self, default: int) -> int:
        """Window of arrival of the oldest message."""
        return min((parcels[0].window for parcels in self.parcels if parcels), default=default)

    def age_windows(self, now: int) -> float:
        """Age of the oldest message at the end of window `now`, in windows.

        A parcel arrives evenly over its window and leaves oldest first.
        """
        heads = (parcels[0] for parcels in self.parcels if parcels)
        return max((now - head.window + head.left / head.arrived for head in heads), default=0.0)


@dataclass(slots=True)
class Queues:
    """All queues of the world from one window to the next; `pass_on` must be called in order of time."""

    world: World
    window_s: int
    on_the_way: Ints = field(init=False)
    """(queues,) Messages that were in transit when the last window ended."""
    waiting: dict[int, Waiting] = field(default_factory=dict)
    starts: Ints = field(init=False)
    carrier: Ints = field(init=False)
    """(queues,) The busiest series of each queue; messages in transit are counted to it."""
    latency_s: Floats = field(init=False)
    capacity: Ints = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        self.on_the_way = np.zeros(len(world.queues), dtype=np.int64)
        self.starts = np.searchsorted(world.queue_of, np.arange(len(world.queues))).astype(np.int64)
        ends = np.append(self.starts[1:], len(world.queue_of))
        spans = zip(self.starts, ends, strict=True)
        self.carrier = np.array([begin + int(np.argmax(world.mean_per_s[begin:end])) for begin, end in spans], dtype=np.int64)
        self.latency_s = np.array([LATENCY_S[queue.queue] for queue in world.queues])
        self.capacity = np.ceil(world.capacity_per_s * self.window_s).astype(np.int64)

    def pass_on(self, arrivals: Ints, closed: Flags | None, first: int, draw: np.random.Generator) -> Passed:
        """Sends (windows, series) arrivals; `closed` marks which series can't leave in which window."""
        enqueued = np.add.reduceat(arrivals, self.starts, axis=1)
        wanted = draw.poisson(enqueued * (self.latency_s / self.window_s))
        depth = np.minimum(wanted, arrivals[:, self.carrier])
        held_up = self._held_up(enqueued, closed)
        before = np.vstack([self.on_the_way[None, :], depth[:-1]])
        by_series = arrivals.copy()
        by_series[:, self.carrier] += before - depth
        passed = Passed(by_series, depth, _age_on_the_way(depth, enqueued, self.window_s), enqueued, enqueued + before - depth)
        self.on_the_way = depth[-1].copy()
        for queue in held_up:
            self._queue_up(queue, passed, arrivals, closed, first, wanted[:, queue], int(before[0, queue]))
        return passed

    def _held_up(self, enqueued: Ints, closed: Flags | None) -> list[int]:
        """Queues with an obstacle: a closed route, too many messages at once, or messages that wait already."""
        busy: Flags = np.logical_or.reduce(enqueued > self.capacity, axis=0)
        if closed is not None:
            shut: Flags = np.logical_or.reduceat(closed.any(axis=0), self.starts)
            busy = busy | shut
        busy[list(self.waiting)] = True
        return [int(queue) for queue in np.flatnonzero(busy)]

    def _queue_up(self, queue: int, passed: Passed, arrivals: Ints, closed: Flags | None, first: int, wanted: Ints, before: int) -> None:
        """Window by window, in place; it equals free flow as soon as nothing waits any more."""
        begin = int(self.starts[queue])
        end = int(self.starts[queue + 1]) if queue + 1 < len(self.starts) else arrivals.shape[1]
        carrier = int(self.carrier[queue]) - begin
        here = self.waiting.pop(queue, None) or self._waiting(queue, end - begin, carrier, first, before)
        shut = np.zeros((len(arrivals), end - begin), dtype=np.bool_) if closed is None else closed[:, begin:end]
        for window in range(len(arrivals)):
            now = first + window
            here.expire(now - KEPT_S // self.window_s)
            coming = _fit(arrivals[window, begin:end].tolist(), int(self.world.depth_limit[queue]) - sum(here.content()))
            here.add(now, coming)
            free = [0 if stop else messages for stop, messages in zip(shut[window].tolist(), here.content(), strict=True)]
            stay = 0 if shut[window, carrier] else min(int(wanted[window]), coming[carrier])
            gone = _share_out(free, int(self.capacity[queue]), carrier, stay)
            here.take(gone)
            passed.by_series[window, begin:end] = gone
            passed.enqueued[window, queue] = sum(coming)
            passed.delivered[window, queue] = sum(gone)
            passed.depth[window, queue] = sum(here.content())
            if sum(here.content()) > stay:
                passed.oldest_age_s[window, queue] = round(here.age_windows(now) * self.window_s, 1)
        left = int(passed.depth[-1, queue])
        self.on_the_way[queue] = left
        if here.oldest(first + len(arrivals)) < first + len(arrivals) - 1 or left > here.content()[carrier]:
            self.waiting[queue] = here

    def _waiting(self, queue: int, series: int, carrier: int, first: int, before: int) -> Waiting:
        """A queue that holds only the last arrivals before window `first`, which are still in transit."""
        here = Waiting([deque() for _ in range(series)])
        if before:
            arrived = before * self.window_s / min(float(self.latency_s[queue]), self.window_s)
            here.parcels[carrier].append(Parcel(first - 1, arrived, before))
        return here


def _age_on_the_way(depth: Ints, enqueued: Ints, window_s: int) -> Floats:
    """Little's law: the age of the messages in transit, seconds to one decimal."""
    age = depth.astype(np.float64) / np.maximum(enqueued, 1) * window_s
    return np.asarray(np.round(np.minimum(age, window_s), 1), dtype=np.float64)


def _fit(coming: list[int], room: int) -> list[int]:
    """The part of `coming` for which there is room, reduced in proportion."""
    total = sum(coming)
    return coming if total <= room else [messages * max(room, 0) // total for messages in coming]


def _share_out(free: Sequence[int], capacity: int, carrier: int, stay: int) -> list[int]:
    """Messages of each series that leave: all except those in transit, or in proportion to the waiting ones if that is too much."""
    total = sum(free)
    if total - stay <= capacity:
        return [messages - (stay if series == carrier else 0) for series, messages in enumerate(free)]
    gone = [messages * capacity // total for messages in free]
    rest = capacity - sum(gone)
    for series, messages in enumerate(free):
        more = min(rest, messages - gone[series])
        gone[series] += more
        rest -= more
    return gone
