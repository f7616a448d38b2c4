"""Traffic history: the recent traffic of each part of each User's traffic, against its expectation."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from correlation.history.mixed_panel import known_since_us, mixed, rows_that_fit
from correlation.history.panel import ColumnSelection, Panel, TrafficSelector
from correlation.history.resolution_history import Bins, ClassCounts, Recent, ResolutionHistory, SplitCounts
from correlation.history.ring_buffer import EXPECTED, FAILED, OBSERVED, STATISTICS
from models.columns import Detected, Floats, Ints, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import HOUR_US, SECOND_US

_MOST_CHOICES, _MOST_VIEWS = 256, 256
_MOST = 1e15
"""A thousand times the maximum of an event; sums of it stay finite in single precision."""
CELLS = 16_000_000
"""In single precision: 64 MB. Beyond about 9,000 parts of traffic the rings become shorter, not the memory larger."""


class History:
    """The last hours of pulses of every resolution, in bounded memory; packs to a tree."""

    def __init__(self, cells: int = CELLS) -> None:
        self._cells = cells
        self._traffic: dict[int, ResolutionHistory] = {}
        self._queues: dict[int, ResolutionHistory] = {}
        self._panels: dict[tuple[TrafficSelector, int, int], Panel | None] = {}
        self._choices: dict[TrafficSelector, tuple[tuple[SeriesKey, ...], ColumnSelection | None]] = {}
        self._parts: tuple[tuple[tuple[SeriesKey, ...], ...], tuple[TrafficSelector, ...]] = ((), ())
        self._only: str | None = None
        self._of_class: dict[tuple[str, int], tuple[tuple[SeriesKey, ...], tuple[SeriesKey, ...], Ints]] = {}
        """Keys and columns of a message class, looked up once for as long as no series is added."""
        self._seen: dict[str, History] = {}
        """The views that were used lately, because they remember the owners of columns."""

    def restricted_to(self, user: str) -> "History":
        """The part of this history that `user` may know: its own traffic and queues, nobody else's. A view, not a copy."""
        seen = self._seen.get(user)
        if seen is None:
            if len(self._seen) >= _MOST_VIEWS:
                self._seen.clear()
            seen = self._seen[user] = History(self._cells)
            seen._traffic, seen._queues, seen._only = self._traffic, self._queues, user
        return seen

    def add(self, detected: Detected) -> None:
        """Adds one closed window of one resolution; the windows of a resolution come in order of time."""
        self.add_parts((detected,))

    def add_parts(self, parts: Sequence[Detected]) -> None:
        """Adds the parts of one window end; those of one resolution together, because each call costs more than its numbers."""
        for one in (self, *self._seen.values()):
            one._panels.clear()
        for window_s in sorted({part.window_s for part in parts}):
            of = [part for part in parts if part.window_s == window_s]
            if pulses := [part.pulse for part in of if len(part.pulse.groups)]:
                self._add_traffic(pulses)
            if queues := [part.queue_pulse for part in of if len(part.queue_pulse.queues)]:
                self._add_queues(queues)

    def _add_traffic(self, pulses: Sequence[Pulse]) -> None:
        window_s = pulses[0].window_s
        cohort = self._traffic.get(window_s)
        if cohort is None:
            cohort = self._traffic[window_s] = ResolutionHistory(window_s)
        sources = tuple(pulse.groups for pulse in pulses)
        column = cohort.columns_of(sources, (_series(group, window_s) for groups in sources for group in groups), self._cells)
        if cohort.overlap and len(pulses) > 1:
            for pulse in pulses:
                self._add_traffic([pulse])
            return
        rows = np.array([_one([getattr(pulse, name) for pulse in pulses]) for name in ("observed", "expected", "failed")])
        reported = _one([pulse.reported for pulse in pulses])
        if np.count_nonzero(reported) < len(reported):
            rows[:, ~reported] = 0.0
        cohort.add(pulses[0].at_us, column, np.minimum(np.maximum(rows, 0.0), _MOST))

    def _add_queues(self, pulses: Sequence[QueuePulse]) -> None:
        window_s = pulses[0].window_s
        cohort = self._queues.get(window_s)
        if cohort is None:
            cohort = self._queues[window_s] = ResolutionHistory(window_s)
        sources = tuple(pulse.queues for pulse in pulses)
        column = cohort.columns_of(sources, (queue for queues in sources for queue in queues), self._cells)
        if cohort.overlap and len(pulses) > 1:
            for pulse in pulses:
                self._add_queues([pulse])
            return
        seen, depth = (_one([getattr(pulse, name) for pulse in pulses]) for name in ("reported", "depth"))
        cohort.add(pulses[0].at_us, column, np.array((np.where(seen, depth, 0.0), seen, np.zeros(len(seen)))))

    def panel(self, part: TrafficSelector, from_us: int) -> Panel | None:
        """`part` by unit in the finest bins that reach back to `from_us` (else in the longest row); None if nothing is known of it."""
        queues = any(queue for *_, queue in part.classes)
        cohort = (self._queues if queues else self._traffic).get(part.window_s)
        if cohort is None:
            return None
        buffer = cohort.reaching(from_us)
        key = (part, buffer.bin_us, 0)
        if key not in self._panels:
            chosen = self._choose(cohort, part)
            self._panels[key] = None if chosen is None else chosen.panel(buffer)
        return self._panels[key]

    def mixed_panel(self, part: TrafficSelector, from_us: int) -> Panel | None:
        """`part` with everyone's series of all window lengths, in bins into which all of them fit; None if no other length has any."""
        queues = any(queue for *_, queue in part.classes)
        named = self._queues if queues else self._traffic
        chosen = [(named[window_s], self._choose(named[window_s], replace(part, window_s=window_s))) for window_s in sorted(named)]
        known = [(cohort, selection) for cohort, selection in chosen if selection is not None]
        fitting = rows_that_fit([cohort for cohort, _ in known], from_us) if len(known) > 1 else None
        if fitting is None:
            return None
        rings, bin_us = fitting
        since_us = known_since_us(rings, from_us)
        key = (replace(part, window_s=0), bin_us, since_us)
        if key not in self._panels:
            self._panels[key] = mixed([(selection, ring) for (_, selection), ring in zip(known, rings, strict=True)], bin_us, since_us)
        return self._panels[key]

    def _choose(self, cohort: ResolutionHistory, part: TrafficSelector) -> ColumnSelection | None:
        """Columns of a part, looked up once for as long as no series is added."""
        known = self._choices.get(part)
        if known is None or known[0] is not cohort.keys:
            if len(self._choices) >= _MOST_CHOICES:
                self._choices.clear()
            known = self._choices[part] = (cohort.keys, ColumnSelection.of(cohort.keys, part, self._only))
        return known[1]

    def recent(self, keys: tuple[SeriesKey, ...], from_us: int | None = None) -> "Recent | None":
        """The last windows of some series of one window length; None where one of them is not known.

        `from_us`: in the finest bins that reach back to that moment, from there on. Of queues `expected` is the number of windows.
        """
        cohort = self._cohort(keys)
        if cohort is None:
            return None
        buffer = cohort.buffers[0] if from_us is None else cohort.reaching(from_us)
        return cohort.recent(buffer, keys, from_us or 0)

    def hours(self, keys: tuple[SeriesKey, ...]) -> "Recent | None":
        """The same in the longest row that there is: a week of hours."""
        cohort = self._cohort(keys)
        return None if cohort is None else cohort.recent(cohort.buffers[-1], keys, 0)

    def _cohort(self, keys: tuple[SeriesKey, ...]) -> ResolutionHistory | None:
        return (self._queues if keys[0].is_queue else self._traffic).get(keys[0].window_s)

    def keys_of(self, user: str, direction: str, window_s: int) -> tuple[SeriesKey, ...]:
        """The series of one User that go one way, sorted."""
        cohort = self._traffic.get(window_s)
        if cohort is None or self._only not in (None, user):
            return ()
        first = bisect_left(cohort.keys, (user,))
        stop = bisect_left(cohort.keys, (user + "\0",))
        return tuple(key for key in cohort.keys[first:stop] if key.direction == direction)

    def windows_s(self) -> list[int]:
        """Window lengths of the traffic, ascending."""
        return sorted(self._traffic)

    def due_per_s(self) -> float:
        """Messages a second that are due of everyone in the newest windows of every length in use; 0 if that is not known, as to a User."""
        rings = [self._traffic[window_s].buffers[0] for window_s in sorted(self._traffic)] if self._only is None else []
        now_us = max((int(ring.ends_us[ring.head]) for ring in rings), default=0)
        used = [ring for ring in rings if now_us - int(ring.ends_us[ring.head]) <= 2 * ring.bin_us]
        return sum(float(ring.cells[EXPECTED, ring.head].sum(dtype=np.float64)) / (ring.bin_us / SECOND_US) for ring in used)

    def of_class(self, message_class: str, from_us: int | None) -> list[Bins]:
        """Everyone's series of one message class, by window length, in the finest bins that reach back far enough."""
        rows_of_class = []
        for window_s in sorted(self._traffic):
            cohort = self._traffic[window_s]
            keys, columns = self._columns_of_class(message_class, cohort)
            buffer = cohort.buffers[-1] if from_us is None else cohort.reaching(from_us)
            order = buffer.order()
            if keys and self._only is None:
                cells = buffer.cells[:, order[:, None], columns].astype(np.float64)
                rows_of_class.append(Bins(keys, buffer.ends_us[order], cells[OBSERVED], cells[EXPECTED], cells[FAILED]))
        return rows_of_class

    def split_at(self, message_class: str, from_us: int, at_us: int) -> list[SplitCounts]:
        """Everyone's messages of one class after `at_us` and before, by window length, in the finest bins that reach back to `from_us`."""
        splits = []
        for window_s in sorted(self._traffic):
            cohort = self._traffic[window_s]
            keys, columns = self._columns_of_class(message_class, cohort)
            buffer = cohort.reaching(from_us)
            since = buffer.order()[buffer.ends_us[buffer.order()] > at_us]
            if keys and self._only is None:
                after = (buffer.cells[name, since].sum(axis=0, dtype=np.float64)[columns] for name in (OBSERVED, FAILED))
                # Counts are whole numbers: their sums and differences are exact.
                observed, failed = (
                    np.stack([part, buffer.total(name)[columns] - part]) for name, part in zip((OBSERVED, FAILED), after, strict=True)
                )
                splits.append(SplitCounts(keys, observed, failed))
        return splits

    def ends_us(self, keys: tuple[SeriesKey, ...], from_us: int) -> Ints | None:
        """The ends of the bins that `recent` gives, without their contents."""
        cohort = self._cohort(keys)
        if cohort is None or len(cohort.columns(keys)) < len(keys):
            return None
        buffer = cohort.reaching(from_us)
        ends_us = buffer.ends_us[buffer.order()]
        ends_us = ends_us[ends_us > from_us]
        return ends_us if len(ends_us) else None

    def counts_at(self, message_class: str, window_s: int, bin_us: int, ends_us: Sequence[int]) -> ClassCounts | None:
        """Everyone's series of one message class in some bins of one length; None where a bin is not known, or there is no such row."""
        cohort = self._traffic.get(window_s)
        buffer = None if cohort is None else next((one for one in reversed(cohort.buffers) if one.bin_us == bin_us), None)
        if cohort is None or buffer is None or self._only is not None:
            return None
        keys, columns = self._columns_of_class(message_class, cohort)
        column = {end_us: number for number, end_us in enumerate(buffer.ends_us.tolist())}
        rows = [column[end_us] for end_us in ends_us if end_us in column]
        if not keys or len(rows) < len(ends_us):
            return None
        return ClassCounts(keys, buffer.cells[OBSERVED][np.array(rows, np.int64)[:, None], columns].astype(np.float64))

    def _columns_of_class(self, message_class: str, cohort: ResolutionHistory) -> tuple[tuple[SeriesKey, ...], Ints]:
        known = self._of_class.get((message_class, cohort.window_s))
        if known is None or known[0] is not cohort.keys:
            chosen = [number for number, key in enumerate(cohort.keys) if key.message_class == message_class]
            keys = tuple(cohort.keys[number] for number in chosen)
            known = self._of_class[message_class, cohort.window_s] = (cohort.keys, keys, np.array(chosen, np.int64))
        return known[1], known[2]

    def usual_failures(self, keys: tuple[SeriesKey, ...], before_us: int) -> float:
        """Share of the messages of some series that failed in the hours before a moment; 0 if nothing is known."""
        sums = self._before(keys, before_us)
        return float(sums[FAILED] / sums[OBSERVED]) if sums[OBSERVED] > 0 else 0.0

    def usual_depth(self, keys: tuple[SeriesKey, ...], before_us: int) -> float:
        """Mean number of waiting messages in some queues in the hours before a moment, all of them together; 0 if nothing is known."""
        sums = self._before(keys, before_us)
        return float(sums[OBSERVED] / sums[EXPECTED] * len(keys)) if sums[EXPECTED] > 0 else 0.0

    def _before(self, keys: tuple[SeriesKey, ...], before_us: int) -> Floats:
        """(statistics,) Sums over all series and all bins that end half an hour before a moment or earlier."""
        cohort = (self._queues if keys[0].is_queue else self._traffic).get(keys[0].window_s)
        if cohort is None:
            return np.zeros(STATISTICS)
        buffer = cohort.buffers[min(1, len(cohort.buffers) - 1)]
        order = buffer.order()
        order = order[buffer.ends_us[order] <= before_us - HOUR_US // 2]
        return np.asarray(buffer.cells[:, order[:, None], cohort.columns(keys)].sum(axis=(1, 2), dtype=np.float64), np.float64)

    def parts(self) -> tuple[TrafficSelector, ...]:
        """Every known (direction, class, service, queue) of every window length, one per part, sorted."""
        cohorts = [named[window_s] for named in (self._traffic, self._queues) for window_s in sorted(named)]
        known = tuple(cohort.keys for cohort in cohorts)
        if len(known) != len(self._parts[0]) or any(one is not two for one, two in zip(known, self._parts[0], strict=True)):
            self._parts = (known, _parts(cohorts, self._only))
        return self._parts[1]

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {name: [cohorts[window_s].pack() for window_s in sorted(cohorts)] for name, cohorts in self._named().items()}

    @classmethod
    def unpack(cls, tree: dict[str, Any]) -> "History":
        """Inverse of `pack`."""
        history = cls()
        for name, cohorts in history._named().items():
            for packed in tree[name]:
                cohorts[packed["window_s"]] = ResolutionHistory.unpack(packed, CELLS)
        return history

    def _named(self) -> dict[str, dict[int, ResolutionHistory]]:
        return {"traffic": self._traffic, "queues": self._queues}


def _one(parts: list[Any]) -> Any:
    """All parts as one array."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _series(group: PulseKey, window_s: int) -> SeriesKey:
    return SeriesKey(group.user, group.direction, group.message_class, group.service, group.region, "", window_s)


def _parts(cohorts: Iterable[ResolutionHistory], only: str | None) -> tuple[TrafficSelector, ...]:
    selectors = {
        (cohort.window_s, (key.direction, key.message_class, key.service, key.queue))
        for cohort in cohorts
        for key in cohort.keys
        if only is None or key.user == only
    }
    return tuple(TrafficSelector(window_s, frozenset((kind,))) for window_s, kind in sorted(selectors))
