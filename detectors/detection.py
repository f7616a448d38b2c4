"""Detection: one cohort's windows in, findings and pulses out."""

from dataclasses import replace
from typing import Any

import numpy as np

from detectors import latch, recovery
from detectors.blocks import BLOCK, Parts, cut, joined_columns, whole
from detectors.catalogue import queue_detectors, traffic_detectors
from detectors.contract import QueueWindow, TrafficWindow
from detectors.expectation import Expectation, Seen
from detectors.parameters import DetectionParameters
from models.columns import (
    Detected,
    Expected,
    Findings,
    Flags,
    Pulse,
    PulseKey,
    QueuePulse,
    QueueTick,
    SeriesKey,
    TrafficTick,
)

_QUIET = ("storm", "drop", "silence")
CALM_NATS = 4.0


class Detection:
    """All detectors of one cohort (one window length); series are columns, kept in blocks; packs to a tree."""

    def __init__(self, parameters: DetectionParameters, window_s: int) -> None:
        self._parameters = parameters
        self._window_s = window_s
        self._expectation = Expectation(window_s)
        self._at_us: int | None = None
        self._traffic_detectors = traffic_detectors(parameters, window_s)
        self._queue_detectors = queue_detectors(parameters, window_s)
        self._traffic: list[Parts] = []
        self._queues: list[Parts] = []
        self._traffic_keys: tuple[SeriesKey, ...] = ()
        self._queue_keys: tuple[SeriesKey, ...] = ()
        self._groups: tuple[PulseKey, ...] = ()
        self._traffic_order = np.zeros(0, np.int64)
        self._queue_order = np.zeros(0, np.int64)
        self._queue_of: tuple[np.ndarray[Any, np.dtype[np.int64]], int] = (np.zeros(0, np.int64), 0)
        self._user_of = np.zeros(0, np.int64)

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
        """One closed window. `declared` marks the series that a declared change covers now: nothing is learned from them."""
        self._grow(traffic_keys, queue_keys)
        queue_findings, jammed = self._step_queues(queues, queues_declared)
        findings, expected = self._step_traffic(at_us, traffic, declared, jammed)
        self._at_us = at_us
        return Detected(
            at_us=at_us,
            window_s=self._window_s,
            traffic_keys=self._traffic_keys,
            queue_keys=self._queue_keys,
            traffic=findings,
            queues=queue_findings,
            pulse=self._pulse(at_us, traffic, expected),
            queue_pulse=self._queue_pulse(at_us, queues),
        )

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.packed`; the keys go with it."""
        return {
            "at_us": self._at_us,
            "traffic_keys": [list(key) for key in self._traffic_keys],
            "queue_keys": [list(key) for key in self._queue_keys],
            "traffic": whole(self._traffic),
            "queues": whole(self._queues),
        }

    @classmethod
    def unpack(cls, parameters: DetectionParameters, window_s: int, tree: dict[str, Any]) -> "Detection":
        """The detection that `pack` was called on."""
        detection = cls(parameters, window_s)
        traffic_keys = tuple(SeriesKey(*key) for key in tree["traffic_keys"])
        queue_keys = tuple(SeriesKey(*key) for key in tree["queue_keys"])
        detection._grow(traffic_keys, queue_keys)
        detection._at_us = tree["at_us"]
        detection._traffic = cut(tree["traffic"], len(traffic_keys))
        detection._queues = cut(tree["queues"], len(queue_keys))
        return detection

    def _grow(self, traffic_keys: tuple[SeriesKey, ...], queue_keys: tuple[SeriesKey, ...]) -> None:
        if traffic_keys is self._traffic_keys and queue_keys is self._queue_keys:
            return
        if len(traffic_keys) != len(self._traffic_keys):
            _extend(self._traffic, len(self._traffic_keys), len(traffic_keys), self._fresh_traffic)
        if len(queue_keys) != len(self._queue_keys):
            _extend(self._queues, len(self._queue_keys), len(queue_keys), self._fresh_queues)
        self._traffic_keys, self._queue_keys = traffic_keys, queue_keys
        self._traffic_order = np.array(sorted(range(len(traffic_keys)), key=traffic_keys.__getitem__), np.int64)
        self._queue_order = np.array(sorted(range(len(queue_keys)), key=queue_keys.__getitem__), np.int64)
        self._groups = tuple(PulseKey(*traffic_keys[i][:5]) for i in self._traffic_order)
        users = {user: i for i, user in enumerate(sorted({key.user for key in (*traffic_keys, *queue_keys)}))}
        # Only what goes to the User drains out of its queue.
        self._user_of = np.array([users[key.user] if key.direction == "to_user" else len(users) for key in traffic_keys], np.int64)
        self._queue_of = (np.array([users[key.user] for key in queue_keys], np.int64), len(users) + 1)

    def _fresh_traffic(self, series: int) -> Parts:
        parts = {detector.kind: detector.fresh(series) for detector in self._traffic_detectors}
        latches = {f"{detector.kind}.latch": latch.fresh(series) for detector in self._traffic_detectors}
        return {**parts, **latches, "expectation": self._expectation.fresh(series), "recovery": recovery.fresh(series)}

    def _fresh_queues(self, series: int) -> Parts:
        parts = {detector.kind: detector.fresh(series) for detector in self._queue_detectors}
        return {**parts, **{f"{detector.kind}.latch": latch.fresh(series) for detector in self._queue_detectors}}

    def _step_queues(self, tick: QueueTick, declared: Flags) -> tuple[Findings, Flags]:
        """Findings of the queues, and which Users have a backlog."""
        found: list[Findings] = []
        owners, users = self._queue_of
        jammed = np.zeros(users, np.bool_)
        for number, block in enumerate(self._queues):
            start = number * BLOCK
            window = QueueWindow(_queue_part(tick, start, len(block["backlog"]["depth"])))
            for detector in self._queue_detectors:
                state = block[f"{detector.kind}.latch"]
                signal = detector.step(block[detector.kind], window, latch.is_open(state))
                part = latch.turn(state, signal, detector.kind, tick.at_us, start)
                if part is not None:
                    found.append(part)
                    jammed[owners[part.series]] = True
        return latch.joined(found), jammed

    def _step_traffic(self, at_us: int, tick: TrafficTick, declared: Flags, jammed: Flags) -> tuple[Findings, Expected]:
        found: list[Findings] = []
        expected: list[Expected] = []
        for number, block in enumerate(self._traffic):
            start = number * BLOCK
            size = len(block["recovery"]["owed"])
            part = _traffic_part(tick, start, size)
            expected.append(
                self._step_block(block, part, declared[start : start + size], jammed[self._user_of[start : start + size]], found, start)
            )
        return _with_codes(latch.joined(found), tick), _joined_expected(expected)

    def _step_block(self, block: Parts, tick: TrafficTick, declared: Flags, jammed: Flags, found: list[Findings], start: int) -> Expected:
        expected, bounds = self._expectation.expect(block["expectation"], tick.at_us, self._at_us)
        widening = np.exp(bounds.doubt * expected.relative_error)
        open_before = {detector.kind: latch.is_open(block[f"{detector.kind}.latch"]) for detector in self._traffic_detectors}
        accepted = self._accept(block, tick, open_before)
        window = TrafficWindow(
            tick,
            expected,
            bounds.low / widening,
            bounds.high * widening,
            recovery.recovering(block["recovery"]) | jammed,
            open_before["silence"],
            accepted,
        )
        building = np.zeros(len(declared), np.bool_)
        lacking, score = building.copy(), np.zeros(len(declared))
        for detector in self._traffic_detectors:
            state = block[f"{detector.kind}.latch"]
            signal = detector.step(block[detector.kind], window, open_before[detector.kind])
            part = latch.turn(state, signal, detector.kind, tick.at_us, start)
            if part is not None:
                found.append(part)
            if detector.kind == "silence":
                window = replace(window, silent=window.silent | signal.over)
            if detector.kind in _QUIET:
                building |= signal.building | latch.is_open(state)
                np.maximum(score, signal.score, out=score)
            if detector.kind in ("silence", "drop"):
                lacking |= signal.building | latch.is_open(state)
        surplus = window.recovering & (tick.messages > expected.mean)
        seen = Seen(tick.messages, tick.reported, score < CALM_NATS, ~(building | declared | surplus))
        self._expectation.learn(block["expectation"], seen, expected, bounds, tick.at_us)
        recovery.settle(block["recovery"], tick, expected, lacking, lacking)
        return expected

    def _accept(self, block: Parts, tick: TrafficTick, is_open: dict[str, Flags]) -> Flags:
        accepted = np.zeros(len(tick.messages), np.bool_)
        limit_us = self._parameters.accept_after_s * 1_000_000
        for kind in ("storm", "drop", "silence"):
            accepted |= is_open[kind] & (tick.at_us - block[f"{kind}.latch"]["detected_us"] >= limit_us)
        return accepted

    def _pulse(self, at_us: int, tick: TrafficTick, expected: Expected) -> Pulse:
        order = self._traffic_order
        mean = np.where(expected.known, expected.mean, 0.0)
        variance = mean * expected.dispersion + (mean * expected.relative_error) ** 2
        return Pulse(
            at_us,
            self._window_s,
            self._groups,
            tick.reported[order],
            tick.messages[order],
            tick.failures[order],
            mean[order],
            variance[order],
            tick.user_side[order],
            tick.device_side[order],
        )

    def _queue_pulse(self, at_us: int, tick: QueueTick) -> QueuePulse:
        order = self._queue_order
        keys = tuple(self._queue_keys[i] for i in order)
        return QueuePulse(at_us, self._window_s, keys, tick.reported[order], tick.depth[order], tick.oldest_age_s[order])


def _extend(blocks: list[Parts], before: int, now: int, fresh: Any) -> None:
    """Room for series up to `now`; a block that is not full is filled first."""
    while before < now:
        room = BLOCK - before % BLOCK
        added = min(room, now - before)
        new = fresh(added)
        if before % BLOCK:
            blocks[-1] = {part: joined_columns(blocks[-1][part], new[part]) for part in new}
        else:
            blocks.append(new)
        before += added


def _traffic_part(tick: TrafficTick, start: int, size: int) -> TrafficTick:
    names = ("reported", "messages", "failures", "user_side", "device_side")
    return replace(tick, **{name: getattr(tick, name)[start : start + size] for name in names})


def _queue_part(tick: QueueTick, start: int, size: int) -> QueueTick:
    names = ("reported", "depth", "oldest_age_s", "capacity", "enqueued", "delivered")
    return replace(tick, **{name: getattr(tick, name)[start : start + size] for name in names})


def _joined_expected(parts: list[Expected]) -> Expected:
    names = ("mean", "dispersion", "relative_error", "known")
    if not parts:
        no = np.zeros(0)
        return Expected(no, no, no, no.astype(np.bool_))
    return Expected(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _with_codes(findings: Findings, tick: TrafficTick) -> Findings:
    return replace(findings, codes={int(series): dict(tick.codes[int(series)]) for series in findings.series if int(series) in tick.codes})
