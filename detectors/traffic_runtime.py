"""Traffic: processes one window of message rates through expectation and detectors, block by block."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detectors import finding_state
from detectors.catalogue import traffic_detectors, traffic_thresholds
from detectors.compiled.fused_window import WindowColumns, fused_window
from detectors.expectation.day_kinds import DayKinds
from detectors.expectation.expectation import CALM_NATS, UNSURE, UNSURE_CALM_NATS, Bounds, Expectation, LearningInput, kept_share
from detectors.expectation.forgetting import forget_hours
from detectors.expectation.week_clock import clock_slot
from detectors.habit_list import Habit, HabitRuling
from detectors.habit_list import habits as listed
from detectors.interface import TrafficWindow
from detectors.learned_state import Learned
from detectors.parameters import DetectionParameters
from detectors.rates import habits, recovery, spill
from detectors.rates.group_silence import GroupSilence
from detectors.rates.habits import CLOCK_TIMES
from detectors.rates.user_bursts import UserBursts
from detectors.state_blocks import Blocks, Parts, completed
from models.columns import Expected, Findings, Flags, Floats, Ints, SeriesKey, TrafficTick
from models.times import HOUR_US, SECOND_US

_RATES = ("storm", "drop", "silence")
_LESS = ("drop", "silence")
_COUNTED = ("storm", "drop")
"""Kinds whose thresholds follow the series' own tail."""


@dataclass(frozen=True, slots=True)
class TrafficResult:
    """The result of one window of all message rates; arrays have shape (series,)."""

    findings: Findings
    expected: Floats
    """Messages per window; 0 if unknown."""
    variance: Floats
    """Variance of the count, including the expectation's own uncertainty."""
    failing: Flags
    """Where evidence of failures rises or a finding of them is open."""


class Traffic:
    """All message rates of one resolution."""

    def __init__(self, parameters: DetectionParameters, window_s: int, *, compiled: bool = True) -> None:
        """`compiled` False: numpy alone, the reference."""
        self._window_s = window_s
        self._fused = fused_window(parameters, window_s) if compiled else None
        self._accept_us = parameters.accept_after_s * SECOND_US
        self._expectation = Expectation(window_s, parameters.civil_time, DayKinds(parameters.holidays))
        self._detectors = traffic_detectors(parameters, window_s)
        self._blocks = Blocks()
        nats = traffic_thresholds(parameters, window_s)
        self._thresholds = {kind: nats[kind] for kind in _COUNTED}
        self._together = GroupSilence(nats["silence"])
        self._bursts = UserBursts(nats["storm"])
        self._at_us: int | None = None

    @property
    def compiled(self) -> bool:
        """Whether windows go through the compiled passes."""
        return self._fused is not None

    def grow(self, keys: tuple[SeriesKey, ...], at_us: int, learned: Learned) -> None:
        """Makes room for `keys`; known series keep their positions. A new series starts from its state in `learned`."""

        def fresh(span: slice) -> Parts:
            parts = self._fresh(span.stop - span.start)
            learned.give(parts, keys[span])
            self._apply_budget(parts)
            self._expectation.begin(parts["expectation"], at_us)
            return parts

        self._blocks.grow(len(keys), fresh)
        self._together.arrange(keys)
        self._bursts.arrange(keys)

    def _apply_budget(self, parts: Parts) -> None:
        """Makes thresholds those of this run's budget of false alarms, whatever the budget was under which the state was learned."""
        for kind, at_least in self._thresholds.items():
            state = parts[kind]
            limits = habits.limits(state, np.arange(len(state["limit"])), self._window_s, at_least)
            parts[kind] = {**state, "limit": limits.astype(np.float32)}

    def _fresh(self, series: int) -> Parts:
        parts: Parts = {detector.kind: detector.fresh(series) for detector in self._detectors}
        parts |= {_latch(detector.kind): finding_state.fresh(series) for detector in self._detectors}
        return parts | {"expectation": self._expectation.fresh(series), "recovery": recovery.fresh(series), "spill": spill.fresh(series)}

    def step(self, tick: TrafficTick, declared: Flags, jammed: Flags) -> TrafficResult:
        """Processes one window. `jammed`: the User's queue has a backlog."""
        all_findings: list[Findings] = []
        series = len(self._blocks)
        out = WindowColumns(np.empty(series), np.empty(series), np.empty(series, np.bool_), np.empty(series, np.bool_))
        turns = self._turns(tick.at_us)
        for number, (span, block) in enumerate(self._blocks):
            if turns:
                steps = self._fused.slot_steps(number, block, span.stop - span.start) if self._fused is not None else None
                self._expectation.turn(block["expectation"], tick.at_us, self._at_us, steps)
            all_findings += self._step_block(number, block, span, tick, declared, jammed, out)
        all_findings += self._fall_silent_together(tick, out.judged, out.expected)
        self._bursts.learn(list(self._blocks), tick.at_us // SECOND_US)
        self._at_us = tick.at_us
        return TrafficResult(finding_state.joined(all_findings), out.expected, out.variance, out.failing)

    def _turns(self, at_us: int) -> bool:
        """Whether the clock moves on to other ten minutes, or to an hour in which local time may change."""
        if self._at_us is None or self._at_us // HOUR_US != at_us // HOUR_US:
            return True
        return clock_slot(self._at_us, self._window_s).number != clock_slot(at_us, self._window_s).number

    def _step_block(
        self, number: int, block: Parts, span: slice, tick: TrafficTick, declared: Flags, jammed: Flags, out: WindowColumns
    ) -> list[Findings]:
        """One block: compiled where nothing is found, by the reference on what is left."""
        left = None
        if self._fused is not None and self._at_us is not None:
            kept = kept_share((tick.at_us - self._at_us) / SECOND_US)
            left = self._fused.step(number, block, span, tick, declared, jammed, clock_slot(tick.at_us, self._window_s), kept, out)
        if self._fused is None or left is None:
            return self._judge(block, _cut(tick, span), declared[span], jammed[span], np.arange(span.start, span.stop), out)
        rows = left.rows
        if not len(rows):
            return []
        series = rows + span.start
        all_findings = self._judge(left.parts, _cut(tick, series), declared[series], jammed[series], series, out)
        self._fused.put_back(number, rows, span.stop - span.start)
        return all_findings

    def _judge(self, block: Parts, tick: TrafficTick, declared: Flags, jammed: Flags, series: Ints, out: WindowColumns) -> list[Findings]:
        """The reference: the state `block` of some `series` through every detector."""
        # The first count after a gap may cover the whole gap: it is seen, but is no information about the rate.
        returns = finding_state.is_open(block[_latch("stale")]) & tick.reported
        outlook, bounds = self._expectation.expect(block["expectation"], tick.at_us, self._at_us)
        window = self._window(block, tick, outlook, bounds, declared, jammed, returns)
        failing = np.zeros(len(series), np.bool_)
        all_findings = self._detect(block, window, bounds, failing)
        out.failing[series], out.judged[series] = failing, window.tick.reported & outlook.known & (window.accepted == 0)
        mean = outlook.mean * outlook.known
        out.expected[series] = mean
        out.variance[series] = mean * (outlook.dispersion + mean * outlook.relative_error * outlook.relative_error)
        return [finding_state.numbered(findings, series) for findings in all_findings]

    def _window(
        self, block: Parts, tick: TrafficTick, outlook: Expected, bounds: Bounds, declared: Flags, jammed: Flags, returns: Flags
    ) -> TrafficWindow:
        widening = np.exp(bounds.error_multiplier * outlook.relative_error)
        # The learned deviation of the last hours may be chance: traffic that matches the profile is not a change.
        usual = outlook.mean / block["expectation"]["deviation"]
        low, high = np.minimum(bounds.low / widening, usual), np.maximum(bounds.high * widening, usual)
        return TrafficWindow(
            tick=replace(tick, reported=tick.reported & ~returns) if returns.any() else tick,
            returned=returns,
            expected=outlook,
            low=low,
            high=high,
            slid=spill.slid(block["spill"], tick, outlook, low, high, block["expectation"]["foreign"]),
            autocorrelation=bounds.memory,
            level=block["expectation"]["level"],
            declared=declared,
            recovering=recovery.recovering(block["recovery"]) | jammed,
            silent=finding_state.is_open(block[_latch("silence")]),
            accepted=self._accept(block, tick.at_us),
            habit=np.zeros(len(low), np.int64),
        )

    def _accept(self, block: Parts, at_us: int) -> Floats:
        """Ratio of the new level to the old, where the new one has lasted long enough to be normal."""
        lasting = np.zeros(len(block["recovery"]["owed"]), np.bool_)
        for kind in _RATES:
            state = block[_latch(kind)]
            lasting |= finding_state.is_open(state) & (at_us - finding_state.open_since_us(state) >= self._accept_us)
        return self._expectation.accept(block["expectation"], lasting) if lasting.any() else np.zeros(len(lasting))

    def _detect(self, block: Parts, window: TrafficWindow, bounds: Bounds, failing: Flags) -> list[Findings]:
        all_findings: list[Findings] = []
        busy, less = window.accepted > 0, np.zeros(len(failing), np.bool_)
        score = np.zeros(len(failing))
        for detector in self._detectors:
            state = block[_latch(detector.kind)]
            is_open = finding_state.is_open(state)
            signal = detector.step(block[detector.kind], window, is_open)
            findings = finding_state.update(state, signal, is_open, detector.kind, window.tick.at_us, 0)
            if findings is not None:
                all_findings.append(habits.with_refusals(findings, detector.kind, block[detector.kind]))
            active = signal.evidence_rising | signal.over | is_open
            if signal.habit is not None:
                active &= signal.habit == 0
                third = (signal.habit == CLOCK_TIMES + 1) & ~is_open
                if third.any():
                    window = replace(window, habit=np.where(third, signal.habit, window.habit))
            if detector.kind == "silence":
                window = replace(window, silent=is_open | signal.over)
            if detector.kind == "failures":
                failing |= active
            if detector.kind in _RATES:
                np.maximum(score, signal.score, out=score)
                busy = busy | active
            if detector.kind in _LESS:
                less |= active
        self._learn(block, window, bounds, score, busy, less)
        return all_findings

    def _learn(self, block: Parts, window: TrafficWindow, bounds: Bounds, score: Floats, busy: Flags, less: Flags) -> None:
        tick, expected = window.tick, window.expected
        surplus = window.recovering & (tick.messages > expected.mean)
        calm = score < np.where(expected.relative_error > UNSURE, UNSURE_CALM_NATS, CALM_NATS)
        seen = LearningInput(tick.messages, tick.reported, window.declared, calm, ~(busy | window.declared | surplus))
        self._expectation.learn(block["expectation"], seen, expected, bounds, tick.at_us)
        recovery.update_debt(block["recovery"], tick, expected, less)

    def _fall_silent_together(self, tick: TrafficTick, judged: Flags, expected: Floats) -> list[Findings]:
        """Opens a silence at every completely silent series of a group, where none is open."""
        empty = judged & (tick.messages == 0)
        # Of few series `any` takes ten times as long as `count_nonzero`.
        if not len(self._blocks) or (self._together.is_calm and not np.count_nonzero(empty)):
            return []
        busy = ~judged & tick.reported | (tick.messages > 0)
        if self._together.all_speak(busy):
            return []
        due = np.concatenate([block["silence"]["due"] for _, block in self._blocks])
        silent, began_us, nats = self._together.step(tick.at_us, tick.window_s, due, empty, busy)
        if not silent.any():
            return []
        all_findings = (
            finding_state.open_at(
                block[_latch("silence")], silent[span], "silence", tick.at_us, began_us[span], nats[span], expected[span], span.start
            )
            for span, block in self._blocks
        )
        return [findings for findings in all_findings if findings is not None]

    def rule(self, row: int, ruling: HabitRuling) -> None:
        """What people decided on a habit of the series at `row`; what was learned of a refused one is forgotten."""
        span, block = next((span, block) for span, block in self._blocks if span.start <= row < span.stop)
        change = habits.refuse if ruling.refused else habits.allow
        change(block[ruling.kind], row - span.start, habits.ANY_TIME_MIN if ruling.minute is None else ruling.minute)
        if ruling.refused and ruling.minute is not None:
            forget_hours(block["expectation"], row - span.start, ruling.minute // 60, min if ruling.kind == "storm" else max)

    def habits(self, keys: tuple[SeriesKey, ...]) -> list[Habit]:
        """Habits of the series `keys`, refused ones too."""
        if self._at_us is None:
            return []
        return [habit for span, block in self._blocks for habit in listed(keys[span], block, self._at_us, self._thresholds)]

    def learned(self) -> dict[str, dict[str, Any]]:
        """Part → columns of usual values."""
        names = {detector.kind: detector.learned for detector in self._detectors} | {"expectation": self._expectation.learned}
        whole = self._blocks.whole()
        return {part: {name: whole[part][name] for name in names[part]} for part in sorted(names) if names[part] and whole}

    def pack(self) -> dict[str, Any]:
        """State as a tree."""
        return {
            "at_us": self._at_us,
            "series": len(self._blocks),
            "parts": self._blocks.whole(),
            "together": self._together.pack(),
            "bursts": self._bursts.pack(),
        }

    def restore(self, tree: dict[str, Any], keys: tuple[SeriesKey, ...]) -> None:
        """Restores the state that `pack` returned for `keys`."""
        self._at_us = tree["at_us"]
        self._together.arrange(keys)
        self._together.restore(tree["together"])
        self._bursts.restore(tree.get("bursts"))
        self._bursts.arrange(keys)
        parts = completed(tree["parts"], self._fresh(tree["series"]))
        self._apply_budget(parts)
        self._blocks = Blocks.cut(parts, tree["series"])


def _latch(kind: str) -> str:
    return f"{kind}.latch"


def _cut(tick: TrafficTick, span: slice | Ints) -> TrafficTick:
    return TrafficTick(
        tick.at_us,
        tick.window_s,
        tick.reported[span],
        tick.messages[span],
        tick.failures[span],
        tick.user_side[span],
        tick.device_side[span],
    )
