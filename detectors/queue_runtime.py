"""Queues: processes one window of depths through the detectors, block by block."""

from typing import Any

import numpy as np

from detectors import finding_state
from detectors.catalogue import queue_detectors
from detectors.habit_list import Habit, HabitRuling, backlog_habits
from detectors.interface import QueueWindow
from detectors.learned_state import Learned
from detectors.parameters import DetectionParameters
from detectors.state_blocks import Blocks, Parts, completed
from models.columns import Findings, Flags, QueueTick, SeriesKey
from models.times import SECOND_US


class Queues:
    """All queues of one resolution."""

    def __init__(self, parameters: DetectionParameters, window_s: int) -> None:
        self._detectors = queue_detectors(parameters, window_s)
        self._blocks = Blocks()
        self._at_us: int | None = None

    def grow(self, keys: tuple[SeriesKey, ...], learned: Learned) -> None:
        """Makes room for `keys`; known queues keep their positions."""

        def fresh(span: slice) -> Parts:
            parts = self._fresh(span.stop - span.start)
            learned.give(parts, keys[span])
            return parts

        self._blocks.grow(len(keys), fresh)

    def _fresh(self, series: int) -> Parts:
        parts: Parts = {detector.kind: detector.fresh(series) for detector in self._detectors}
        return parts | {f"{detector.kind}.latch": finding_state.fresh(series) for detector in self._detectors}

    def step(self, tick: QueueTick, declared: Flags) -> tuple[Findings, Flags]:
        """Processes one window: findings, and which queues have one."""
        self._at_us = tick.at_us
        all_findings: list[Findings] = []
        jammed = np.zeros(len(self._blocks), np.bool_)
        for span, block in self._blocks:
            window = QueueWindow(_cut(tick, span), declared[span])
            for detector in self._detectors:
                state = block[f"{detector.kind}.latch"]
                is_open = finding_state.is_open(state)
                signal = detector.step(block[detector.kind], window, is_open)
                findings = finding_state.update(state, signal, is_open, detector.kind, tick.at_us, span.start)
                if findings is not None:
                    all_findings.append(findings)
                    jammed[findings.series] = True
        return finding_state.joined(all_findings), jammed

    def after_traffic(self, usual: Flags, unusual: Flags, at_us: int) -> None:
        """Of each queue: whether its User has a storm that is a habit, or one that is not."""
        for span, block in self._blocks:
            state = block["backlog"]
            state["burst_s"][usual[span]] = at_us // SECOND_US
            state["burst_s"][unusual[span]] = 0

    def rule(self, row: int, ruling: HabitRuling) -> None:
        """What people decided on the backlogs of the queue at `row`."""
        span, block = next((span, block) for span, block in self._blocks if span.start <= row < span.stop)
        block["backlog"]["refused"][row - span.start] = ruling.refused

    def habits(self, keys: tuple[SeriesKey, ...]) -> list[Habit]:
        """Backlogs of the queues `keys` that are a habit, refused ones too."""
        if self._at_us is None:
            return []
        return [habit for span, block in self._blocks for habit in backlog_habits(keys[span], block["backlog"], self._at_us)]

    def learned(self) -> dict[str, dict[str, Any]]:
        """Part → columns of usual values."""
        whole = self._blocks.whole()
        return {detector.kind: {name: whole[detector.kind][name] for name in detector.learned} for detector in self._detectors if whole}

    def pack(self) -> dict[str, Any]:
        """State as a tree."""
        return {"at_us": self._at_us, "series": len(self._blocks), "parts": self._blocks.whole()}

    def restore(self, tree: dict[str, Any]) -> None:
        """Restores the state that `pack` returned."""
        self._at_us = tree.get("at_us")
        self._blocks = Blocks.cut(completed(tree["parts"], self._fresh(tree["series"])), tree["series"])


def _cut(tick: QueueTick, span: slice) -> QueueTick:
    return QueueTick(
        tick.at_us,
        tick.window_s,
        tick.reported[span],
        tick.depth[span],
        tick.oldest_age_s[span],
        tick.capacity[span],
        tick.enqueued[span],
        tick.delivered[span],
    )
