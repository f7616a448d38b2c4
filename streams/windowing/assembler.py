"""Assembler: places events on the event-time grid and closes windows as the watermark passes."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from heapq import heapify, heappop, heapreplace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detectors.holidays import PATTERN, HolidayCalendar, HolidayRegion
from models.columns import EventBatch, Indices, Ints, Rejection
from models.response_codes import count_by_side
from models.times import SECOND_US, format_time, parse_time
from streams.windowing.clock_skew_guard import HELD_MOST, AdmittedEvents, ClockSkewGuard
from streams.windowing.early_events import EarlyEvents
from streams.windowing.watermarks import NEVER, Watermarks
from streams.windowing.window_columns import ClosedColumns, packed, unpacked
from streams.windowing.window_events import QUEUE_COLUMNS, Chunk
from streams.windowing.window_store import Closed, SeriesWindows, WindowStore

__all__ = ["Assembler", "AssemblyResult", "Closed", "TimeParameters"]

FIRST_US = parse_time("0001-01-01T00:00:00Z")
"""The first instant that can be written; an earlier watermark counts as none."""


class TimeParameters(BaseModel):
    """How much disorder in time is normal, and which days are holidays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_lateness_s: int = Field(default=30, ge=0, description="How far the watermark stays behind the highest observed_at, in seconds")
    allowed_future_s: int = Field(
        default=300, ge=0, description="How far a User may be ahead of all others before its events are held, in seconds"
    )
    idle_s: int = Field(
        default=60,
        ge=1,
        description="How long a stream may bring nothing before it no longer holds back the others, in seconds of clock time",
    )
    holidays: HolidayRegion = Field(
        default=HolidayCalendar().region,
        pattern=PATTERN,
        description="Whose holidays are a separate kind of day: a code such as GB-ENG (England and Wales), or none",
    )
    extra_holidays: tuple[date, ...] = Field(default=(), description="Additional days with the traffic of a holiday, such as 2026-12-24")

    @property
    def holiday_calendar(self) -> HolidayCalendar:
        """The days that are holidays."""
        return HolidayCalendar(self.holidays, tuple(sorted(self.extra_holidays)))


@dataclass(slots=True)
class AssemblyResult:
    """The results of one batch, or of the end of the input."""

    closed: list[Closed] = field(default_factory=list)
    """By (at_us, window_s)."""
    rejected: list[Rejection] = field(default_factory=list)
    """Malformed, late or never released events, in input order."""
    watermarks_us: list[int | None] = field(default_factory=list)
    """For each of `rejected` the watermark at that moment; None before the first event."""
    accepted: int = 0
    repeated: int = 0
    """Repeats that were left out of the windows that closed."""
    late: int = 0
    held: int = 0
    """Events that are held now because their User is ahead of all others."""

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: windows as columns."""
        rest = (self.rejected, self.watermarks_us, self.accepted, self.repeated, self.late, self.held)
        return _assembled, (packed(self.closed), *rest)


class Assembler:
    """Places events on the grid of their window and closes windows as the watermark passes (contract 1.3)."""

    def __init__(self, parameters: TimeParameters, *, skip_gaps: bool = True) -> None:
        """`skip_gaps`: a window length without any report for a day is suspended until its next report."""
        self._parameters = parameters
        self._marks = Watermarks(parameters.allowed_lateness_s)
        self._guard = ClockSkewGuard(parameters.allowed_future_s)
        self._early = EarlyEvents(parameters.allowed_future_s)
        self._stores: dict[int, WindowStore] = {}
        self._skip_gaps = skip_gaps

    @property
    def watermark_us(self) -> int | None:
        """Windows up to this instant are closed. It is the lowest watermark of the active streams; None before the first event."""
        return None if self._marks.closed_us == NEVER else self._marks.closed_us

    @property
    def highest(self) -> tuple[tuple[str, int], ...]:
        """The two Users that are furthest ahead, with the highest `observed_at` (µs) of each, held events included."""
        return self._guard.highest

    @property
    def ignores_remote(self) -> bool:
        """Whether remote progress is ignored now."""
        return self._guard.ignores_remote

    def feed(self, batch: EventBatch, stream: str = "", arrived_us: int | None = None) -> AssemblyResult:
        """Processes one batch of one stream (a file set, a token, a partition) and closes the windows that are complete.

        `arrived_us`: the arrival time, where it is part of the input. Events far ahead of it wait.
        """
        out = AssemblyResult()
        if arrived_us is not None:
            for earlier_stream, earlier in self._early.due(arrived_us):
                self._take(earlier, earlier_stream, out)
            batch = self._early.hold(batch, stream, arrived_us)
        self._take(batch, stream, out)
        return self._close(out)

    def _take(self, batch: EventBatch, stream: str, out: AssemblyResult) -> None:
        malformed = deque(batch.rejections)
        for admitted in self._guard.admit(batch, stream):
            while admitted.released and malformed and malformed[0].order < admitted.after:
                self._reject(malformed.popleft(), self._marks.closed_us, out)
            if admitted.refused:
                self._refuse(admitted, malformed, out)
            else:
                self._accept(admitted, deque() if admitted.released else malformed, out)
        for rejection in malformed:
            self._reject(rejection, self._marks.closed_us, out)

    def expect(self, stream: str) -> None:
        """Windows wait for `stream` from the start, before its first event."""
        self._marks.expect(stream)

    def idle(self, stream: str) -> AssemblyResult:
        """`stream` brought nothing for `idle_s`: it no longer holds back the others until its next event."""
        self._marks.idle(stream)
        return self._close(AssemblyResult())

    def follow(self, watermark_us: int) -> AssemblyResult:
        """The local streams are idle and remote streams have reached `watermark_us`: closes windows up to it, never back."""
        self._marks.follow(watermark_us)
        return self._close(AssemblyResult())

    def observe_remote(self, highest: Mapping[str, int], *, ignores_remote: bool = False) -> AssemblyResult:
        """The highest `observed_at` (µs) that each User sent to other assemblers: the clock-skew guard uses it.

        `ignores_remote`: it is incomplete, and remote progress is ignored from now on.
        """
        out = AssemblyResult()
        for admitted in self._guard.observe_remote(highest, ignores_remote=ignores_remote):
            self._accept(admitted, deque(), out)
        return self._close(out)

    def finish(self) -> AssemblyResult:
        """End of the input: held events are rejected, windows up to the highest `observed_at` close."""
        out = AssemblyResult()
        self._marks.finish()
        given_up = [(event, f"{self._ahead(event.observed_us)}; check that User's clock") for event in self._guard.give_up()]
        for event, reason in [*given_up, *self._early.give_up()]:
            self._reject(Rejection(0, event.source, event.position, reason, event.raw), self._marks.closed_us, out)
        return self._close(out)

    def _refuse(self, admitted: AdmittedEvents, malformed: deque[Rejection], out: AssemblyResult) -> None:
        """The event at which too many events would be held."""
        batch, number = admitted.batch, admitted.first
        self._malformed_before(number + 1, number, np.array([self._marks.closed_us]), malformed, out)
        reason = f"{self._ahead(int(batch.observed_us[number]))}, and {HELD_MOST} earlier events are too; check that User's clock"
        rejection = Rejection(number, batch.source(number), batch.position(number), reason, batch.raw(number))
        self._reject(rejection, self._marks.closed_us, out)

    def _ahead(self, observed_us: int) -> str:
        return f"observed_at {format_time(observed_us)} is more than {self._parameters.allowed_future_s} s ahead of every other User"

    def _accept(self, admitted: AdmittedEvents, malformed: deque[Rejection], out: AssemblyResult) -> None:
        batch, first, last, stream = admitted[:4]
        observed_us = batch.observed_us[first:last]
        step_us = np.array([key.window_s for key in batch.keys], np.int64)[batch.key[first:last]] * SECOND_US
        end_us = -(-observed_us // step_us) * step_us
        before_us = (
            np.full(last - first, self._marks.closed_us) if admitted.released else self._marks.before_each(stream, end_us, observed_us)
        )
        late = end_us <= before_us
        for index in np.flatnonzero(late).tolist():
            self._malformed_before(first + index + 1, first, before_us, malformed, out)
            self._reject(_late(batch, first + index, int(end_us[index]), int(before_us[index])), int(before_us[index]), out)
        self._malformed_before(last, first, before_us, malformed, out)
        out.late += int(np.count_nonzero(late))
        out.accepted += int(np.count_nonzero(~late))
        if admitted.released:
            self._marks.catch_up(end_us, observed_us)
        else:
            self._marks.advance(stream, end_us, observed_us)
        self._keep(batch, (np.flatnonzero(~late) + first).astype(np.int32), end_us[~late])

    def _malformed_before(self, order: int, first: int, before_us: Ints, malformed: deque[Rejection], out: AssemblyResult) -> None:
        while malformed and malformed[0].order < order:
            rejection = malformed.popleft()
            self._reject(rejection, int(before_us[max(rejection.order - first, 0)]), out)

    def _reject(self, rejection: Rejection, watermark_us: int, out: AssemblyResult) -> None:
        out.rejected.append(rejection)
        out.watermarks_us.append(None if watermark_us < FIRST_US else watermark_us)

    def _keep(self, batch: EventBatch, chosen: Indices, end_us: Ints) -> None:
        """Puts the chosen events of `batch` into their open windows."""
        if not len(chosen):
            return
        kinds = np.array([2 * key.window_s + key.is_queue for key in batch.keys], np.int64)
        kind = kinds[batch.key[chosen]]
        # Most batches are of one kind and in order of time.
        if kinds.min() < kinds.max() or np.count_nonzero(end_us[1:] < end_us[:-1]):
            order = np.lexsort((end_us, kind))
            chosen, kind, end_us = chosen[order], kind[order], end_us[order]
        starts = np.flatnonzero(np.append(True, (kind[1:] != kind[:-1]) | (end_us[1:] != end_us[:-1])))
        present = dict.fromkeys(kind[starts].tolist())
        columns = {each: self._columns(batch, each, chosen if len(present) == 1 else chosen[kind == each]) for each in present}
        offsets = {each: int(np.searchsorted(kind, each)) for each in columns}
        for start, stop in zip(starts, np.append(starts[1:], len(chosen)), strict=True):
            each = int(kind[start])
            side = self._side(each)
            part = slice(start - offsets[each], stop - offsets[each])
            side.put(int(end_us[start]), {name: column[part] for name, column in columns[each].items()}, self._stores[each // 2].sets)

    def _side(self, kind: int) -> SeriesWindows:
        cohort = self._stores.get(kind // 2)
        if cohort is None:
            cohort = self._stores[kind // 2] = WindowStore(kind // 2, skip_gaps=self._skip_gaps)
        return cohort.queues if kind % 2 else cohort.traffic

    def _columns(self, batch: EventBatch, kind: int, chosen: Indices) -> Chunk:
        side = self._side(kind)
        numbers = side.numbers_of(batch.keys, batch.key[chosen])
        common: Chunk = {"series": numbers, "observed_us": batch.observed_us[chosen], "value": batch.value[chosen]}
        if kind % 2:
            return common | {name: getattr(batch, name)[chosen] for name in QUEUE_COLUMNS[3:]}
        codes = batch.codes[chosen]
        sides = np.zeros((3, len(batch.code_sets) + 1), np.int64)
        sides[0, -1] = -1
        for index in np.unique(codes[codes >= 0]).tolist():
            counts = batch.code_sets[index]
            sides[:, index] = self._stores[kind // 2].code_number(counts), *count_by_side(counts)
        return common | {
            "failures": batch.failures[chosen],
            "user_side": sides[1, codes],
            "device_side": sides[2, codes],
            "codes": sides[0, codes],
        }

    def _close(self, out: AssemblyResult) -> AssemblyResult:
        out.held = self._guard.held + len(self._early)
        due = [(at_us, window_s) for window_s, cohort in self._stores.items() if (at_us := cohort.due(self._marks.closed_us)) is not None]
        heapify(due)
        while due:
            at_us, window_s = due[0]
            cohort = self._stores[window_s]
            closed, repeated = cohort.close(at_us)
            out.closed.append(closed)
            out.repeated += repeated
            following = cohort.due(self._marks.closed_us)
            if following is None:
                heappop(due)
            else:
                heapreplace(due, (following, window_s))
        return out

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes.pack`."""
        return {
            "marks": self._marks.pack(),
            "gate": self._guard.pack(),
            "cohorts": {str(window_s): self._stores[window_s].pack() for window_s in sorted(self._stores)},
            **({"early": self._early.pack()} if len(self._early) else {}),
        }

    @classmethod
    def unpack(cls, parameters: TimeParameters, tree: Any, *, skip_gaps: bool = True) -> "Assembler":
        """The assembler that `pack` was called on."""
        assembler = cls(parameters, skip_gaps=skip_gaps)
        assembler._marks = Watermarks.unpack(parameters.allowed_lateness_s, tree["marks"])
        assembler._guard = ClockSkewGuard.unpack(parameters.allowed_future_s, tree["gate"])
        assembler._early.unpack(tree.get("early", ()))
        assembler._stores = {
            int(window_s): WindowStore.unpack(int(window_s), packed, skip_gaps=skip_gaps) for window_s, packed in tree["cohorts"].items()
        }
        return assembler


def _assembled(closed: list[ClosedColumns], *rest: Any) -> AssemblyResult:
    return AssemblyResult(unpacked(closed), *rest)


def _late(batch: EventBatch, index: int, end_us: int, watermark_us: int) -> Rejection:
    reason = f"late: the window that ended at {format_time(end_us)} had closed (watermark {format_time(watermark_us)})"
    return Rejection(index, batch.source(index), batch.position(index), reason, batch.raw(index))
