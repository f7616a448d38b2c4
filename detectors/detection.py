"""Detection: turns the windows of one resolution into findings and pulses."""

from dataclasses import replace
from typing import Any

import numpy as np

from detectors.failures.code_counts import FailedCodes
from detectors.habit_list import Habit, HabitRuling
from detectors.learned_state import Learned, as_tree
from detectors.parameters import DetectionParameters
from detectors.queue_runtime import Queues
from detectors.traffic_runtime import Traffic, TrafficResult
from models.columns import ALERT_KINDS, Detected, Findings, Flags, Ints, Pulse, PulseKey, QueuePulse, QueueTick, SeriesKey, TrafficTick

_STORM = ALERT_KINDS.index("storm")


class Detection:
    """All detectors of one resolution (one window length). Series are columns, stored in blocks; the state packs to a tree."""

    def __init__(self, parameters: DetectionParameters, window_s: int) -> None:
        self._window_s = window_s
        self._traffic = Traffic(parameters, window_s)
        self._queues = Queues(parameters, window_s)
        self._codes = FailedCodes()
        self._known = (Learned(), Learned())
        self._traffic_keys: tuple[SeriesKey, ...] = ()
        self._queue_keys: tuple[SeriesKey, ...] = ()
        self._order: Ints | slice = slice(None)
        """Traffic series in canonical order; likewise the queues."""
        self._queue_order: Ints | slice = slice(None)
        self._groups: tuple[PulseKey, ...] = ()
        self._sorted_queues: tuple[SeriesKey, ...] = ()
        self._receiver: Ints = np.zeros(0, np.int64)
        """Index of the User that receives a series; for series to the DSP it is the number of Users."""
        self._sender: Ints = np.zeros(0, np.int64)
        """Index of the User of a series."""
        self._owner: Ints = np.zeros(0, np.int64)
        """Index of the User that a queue belongs to."""
        self._users = 0
        self._no_jam: Flags = np.zeros(0, np.bool_)
        """Traffic series whose User has a backlog where no queue has one."""

    def step(
        self,
        at_us: int,
        traffic: TrafficTick,
        traffic_keys: tuple[SeriesKey, ...],
        queues: QueueTick,
        queue_keys: tuple[SeriesKey, ...],
        declared: Flags,
        queues_declared: Flags,
    ) -> Detected:
        """Processes one closed window. `declared` marks series under a declared change now: nothing is learned from them."""
        if traffic_keys is not self._traffic_keys or queue_keys is not self._queue_keys:
            self._grow(at_us, traffic_keys, queue_keys)
        queue_findings, jammed = self._queues.step(queues, queues_declared)
        stepped = self._traffic.step(traffic, declared, self._receives_from(jammed))
        self._note_bursts(stepped.findings, at_us)
        codes = self._codes.step(traffic.codes, stepped.failing, stepped.findings)
        return Detected(
            at_us=at_us,
            window_s=self._window_s,
            traffic_keys=self._traffic_keys,
            queue_keys=self._queue_keys,
            traffic=replace(stepped.findings, codes=codes) if codes else stepped.findings,
            queues=queue_findings,
            pulse=self._pulse(at_us, traffic, stepped),
            queue_pulse=self._queue_pulse(at_us, queues),
        )

    def learn_from(self, tree: dict[str, Any]) -> None:
        """Starts the series in `learned` (an empty tree: none) from their usual values; call it before the first window only."""
        if tree:
            self._known = (Learned.of(tree["traffic"]), Learned.of(tree["queues"]))

    def learned(self) -> dict[str, Any]:
        """The usual values of each series, by its key: a tree for `models.state_bytes`."""
        return {
            "traffic": as_tree(self._traffic_keys, self._traffic.learned()),
            "queues": as_tree(self._queue_keys, self._queues.learned()),
        }

    def rule_on_habit(self, ruling: HabitRuling) -> bool:
        """Refuses or allows a habit of one series; False where that series is not known."""
        keys, part = (self._queue_keys, self._queues) if ruling.key.is_queue else (self._traffic_keys, self._traffic)
        if ruling.key not in keys:
            return False
        part.rule(keys.index(ruling.key), ruling)
        return True

    def habits(self) -> list[Habit]:
        """What the series do at a time of day or every so often that is no longer reported, and what people refused; no order."""
        return self._traffic.habits(self._traffic_keys) + self._queues.habits(self._queue_keys)

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`. It includes the keys, but not the tree given to `learn_from`."""
        return {
            "traffic_keys": [list(key) for key in self._traffic_keys],
            "queue_keys": [list(key) for key in self._queue_keys],
            "traffic": self._traffic.pack(),
            "queues": self._queues.pack(),
            "codes": self._codes.pack(),
        }

    @classmethod
    def unpack(cls, parameters: DetectionParameters, window_s: int, tree: dict[str, Any]) -> "Detection":
        """Inverse of `pack`."""
        detection = cls(parameters, window_s)
        detection._traffic_keys, detection._queue_keys = (
            tuple(SeriesKey(*key) for key in tree[name]) for name in ("traffic_keys", "queue_keys")
        )
        detection._arrange()
        detection._traffic.restore(tree["traffic"], detection._traffic_keys)
        detection._queues.restore(tree["queues"])
        detection._codes = FailedCodes.unpack(tree["codes"])
        return detection

    def _grow(self, at_us: int, traffic_keys: tuple[SeriesKey, ...], queue_keys: tuple[SeriesKey, ...]) -> None:
        same = len(traffic_keys) == len(self._traffic_keys) and len(queue_keys) == len(self._queue_keys)
        self._traffic.grow(traffic_keys, at_us, self._known[0])
        self._queues.grow(queue_keys, self._known[1])
        self._traffic_keys, self._queue_keys = traffic_keys, queue_keys
        if not same:
            self._arrange()

    def _arrange(self) -> None:
        """Index arrays that are valid until the next new series."""
        keys, queues = self._traffic_keys, self._queue_keys
        self._order, self._queue_order = _in_order(keys), _in_order(queues)
        self._groups = tuple(PulseKey(*key[:5]) for key in sorted(keys))
        self._sorted_queues = tuple(sorted(queues))
        number = {user: index for index, user in enumerate(sorted({key.user for key in (*keys, *queues)}))}
        self._users = len(number)
        self._receiver = np.array([number[key.user] if key.direction == "to_user" else self._users for key in keys], np.int64)
        self._sender = np.array([number[key.user] for key in keys], np.int64)
        self._owner = np.array([number[key.user] for key in queues], np.int64)
        self._no_jam = np.zeros(len(keys), np.bool_)

    def _receives_from(self, jammed: Flags) -> Flags:
        """Traffic series whose User has a backlog: messages that leave a queue go to the User."""
        if not np.count_nonzero(jammed):
            return self._no_jam
        users = np.zeros(self._users + 1, np.bool_)
        users[self._owner[jammed]] = True
        return users[self._receiver]

    def _note_bursts(self, findings: Findings, at_us: int) -> None:
        """What a usual burst of a User leaves in its queues is usual too."""
        storms = findings.kind == _STORM
        if not len(self._queue_keys) or not storms.any():
            return
        users = self._sender[findings.series[storms]]
        serious = np.bincount(users[findings.serious[storms]], minlength=self._users) > 0
        bursts = np.bincount(users, minlength=self._users) > 0
        self._queues.after_traffic((bursts & ~serious)[self._owner], serious[self._owner], at_us)

    def _pulse(self, at_us: int, tick: TrafficTick, stepped: TrafficResult) -> Pulse:
        columns = (tick.reported, tick.messages, tick.failures, stepped.expected, stepped.variance, tick.user_side, tick.device_side)
        return Pulse(at_us, self._window_s, self._groups, *_in(self._order, columns))

    def _queue_pulse(self, at_us: int, tick: QueueTick) -> QueuePulse:
        columns = (tick.reported, tick.depth, tick.oldest_age_s)
        return QueuePulse(at_us, self._window_s, self._sorted_queues, *_in(self._queue_order, columns))


def _in(order: Ints | slice, columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """`columns` in that order; the same arrays where nothing moves."""
    return columns if isinstance(order, slice) else tuple(column[order] for column in columns)


def _in_order(keys: tuple[SeriesKey, ...]) -> Ints | slice:
    """Indexes of the keys in canonical order."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return slice(None) if order == list(range(len(keys))) else np.array(order, np.int64)
