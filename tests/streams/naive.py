"""The contract's section 1.3, one event at a time and nothing but Python: slow, short, and what the assembler is held to."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from models.times import DAY_US, SECOND_US, parse_time

Event = dict[str, Any]
USER_SIDE = {f"E{number}" for number in range(1, 20)}
DEVICE_SIDE = {"E20", "E21", "E30"}


def series_of(event: Event) -> tuple[Any, ...]:
    """(user, direction, message_class, service, region, queue, window_s); what is absent, null or empty is ""."""
    names = {"traffic": ("user", "direction", "message_class", "service", "region"), "queue": ("user", "queue")}[event["kind"]]
    every = ("user", "direction", "message_class", "service", "region", "queue")
    return (*((event.get(name) or "") if name in names else "" for name in every), event.get("window_s", 10))


def window_of(event: Event) -> int:
    """End of the window that the event falls in (µs)."""
    length_us = event.get("window_s", 10) * SECOND_US
    return -(-parse_time(event["observed_at"]) // length_us) * length_us


def counts_more(event: Event) -> tuple[Any, ...]:
    """What decides which of several repeats counts."""
    if event["kind"] == "traffic":
        codes = event.get("codes")
        text = json.dumps(None if codes is None else dict(sorted(codes.items())), separators=(",", ":"))
        return event["messages"], event.get("failures", 0), text
    rest = {name: event.get(name) for name in ("oldest_age_s", "capacity", "enqueued", "delivered")}
    return event["depth"], 0, json.dumps(rest, separators=(",", ":"))


@dataclass
class Naive:
    """Feeds one event at a time and answers at the end."""

    lateness_us: int
    future_us: int
    skip_gaps: bool = True
    sent: dict[str, int] = field(default_factory=dict)
    held: list[tuple[str, Event]] = field(default_factory=list)
    released_us: list[int] = field(default_factory=list)
    """What was held and was accepted in the end: it moves no watermark before the input ends."""
    highest: dict[str, int] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    closed_us: int | None = None
    windows: dict[tuple[int, int], list[Event]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[tuple[str, Any, int | None]] = field(default_factory=list)
    """(what for, the event's mark, the watermark then)."""

    def feed(self, stream: str, event: Event) -> None:
        """One event of one stream."""
        at_us, user = parse_time(event["observed_at"]), event["user"]
        ahead = self._is_ahead(user, at_us)
        self.sent[user] = max(at_us, self.sent.get(user, at_us))
        if ahead:
            self.held.append((stream, event))
        else:
            self._take(stream, event)
        self._release()

    def malformed(self, mark: str) -> None:
        """What is no event."""
        self.rejected.append(("malformed", mark, self.closed_us))

    def observe_remote(self, highest: dict[str, int]) -> None:
        """What Users have sent to others."""
        for user, at_us in highest.items():
            self.sent[user] = max(at_us, self.sent.get(user, at_us))
        self._release()

    def idle(self, stream: str) -> None:
        """A stream that no longer counts for now."""
        self.active.discard(stream)
        self._close()

    def follow(self, until_us: int) -> None:
        """Time elsewhere."""
        self.closed_us = until_us if self.closed_us is None else max(self.closed_us, until_us)

    def finish(self) -> None:
        """The end of the input."""
        if self.highest or self.released_us:
            self.follow(max([*self.highest.values(), *self.released_us]))
        for _, event in self.held:
            self.rejected.append(("future", event["mark"], self.closed_us))
        self.held = []

    def _is_ahead(self, user: str, at_us: int) -> bool:
        others = [sent for other, sent in self.sent.items() if other != user]
        return bool(others) and at_us > max(others) + self.future_us

    def _release(self) -> None:
        free = [(stream, event) for stream, event in self.held if not self._is_ahead(event["user"], parse_time(event["observed_at"]))]
        self.held = [one for one in self.held if one not in free]
        for stream, event in free:
            self._take(stream, event, released=True)

    def _take(self, stream: str, event: Event, *, released: bool = False) -> None:
        if self.closed_us is not None and window_of(event) <= self.closed_us:
            self.rejected.append(("late", event["mark"], self.closed_us))
            if released:
                return
            self.active |= {stream} & set(self.highest)  # it does bring something
            self._close()
            return
        self.windows[event.get("window_s", 10), window_of(event)].append(event)
        at_us = parse_time(event["observed_at"])
        if released:
            self.released_us.append(at_us)
            return
        self.highest[stream] = max(at_us, self.highest.get(stream, at_us))
        self.active.add(stream)
        self._close()

    def _close(self) -> None:
        if self.active:
            self.follow(min(self.highest[stream] for stream in self.active) - self.lateness_us)

    def closed(self) -> list[tuple[Any, ...]]:
        """All windows that have closed: (end, length, traffic series with their values, queues with theirs), by (end, length)."""
        listed = []
        for window_s in sorted({window_s for window_s, _ in self.windows}):
            known: dict[bool, list[Any]] = {False: [], True: []}
            for at_us in self._ends(window_s):
                values = [self._values(window_s, at_us, queues=queues) for queues in (False, True)]
                for queues in (False, True):
                    known[queues] += sorted(key for key in values[queues] if key not in known[queues])
                rows = [[(key, values[queues].get(key)) for key in known[queues]] for queues in (False, True)]
                listed.append((at_us, window_s, *rows))
        return sorted(listed, key=lambda one: one[:2])

    def _ends(self, window_s: int) -> list[int]:
        with_events = sorted(
            at_us for length, at_us in self.windows if length == window_s and self.closed_us is not None and at_us <= self.closed_us
        )
        ends, reported_us = [], None
        at_us = with_events[0] if with_events else None
        while at_us is not None and self.closed_us is not None and at_us <= self.closed_us:
            ends.append(at_us)
            reported_us = at_us if at_us in with_events else reported_us
            at_us += window_s * SECOND_US
            if self.skip_gaps and reported_us is not None and at_us > reported_us + DAY_US:
                at_us = min((end for end in with_events if end >= at_us), default=None)
        return ends

    def _values(self, window_s: int, at_us: int, *, queues: bool) -> dict[Any, Any]:
        repeats: dict[Any, list[Event]] = defaultdict(list)
        for event in self.windows.get((window_s, at_us), []):
            if (event["kind"] == "queue") == queues:
                repeats[series_of(event), parse_time(event["observed_at"])].append(event)
        best: dict[Any, list[Event]] = defaultdict(list)
        for (key, _), events in sorted(repeats.items()):
            best[key].append(max(events, key=counts_more))
        return {key: _queue(events[-1]) if queues else _traffic(events) for key, events in best.items()}

    def repeated(self) -> int:
        """How many events that are in closed windows do not count."""
        events = [
            (series_of(event), event["observed_at"])
            for (_, at_us), events in self.windows.items()
            for event in events
            if self.closed_us is not None and at_us <= self.closed_us
        ]
        return len(events) - len(set(events))


def _traffic(events: list[Event]) -> tuple[Any, ...]:
    codes: dict[str, int] = defaultdict(int)
    for event in events:
        for code, count in (event.get("codes") or {}).items():
            codes[code] += count
    sides = [sum(count for code, count in codes.items() if code in side) for side in (USER_SIDE, DEVICE_SIDE)]
    sums = [sum(event["messages"] for event in events), sum(event.get("failures", 0) for event in events), *sides]
    return (*map(float, sums), dict(codes))


def _queue(event: Event) -> tuple[Any, ...]:
    return float(event["depth"]), *(_measure(event.get(name)) for name in ("oldest_age_s", "capacity", "enqueued", "delivered"))


def _measure(value: float | None) -> float | None:
    return None if value is None else float(value)
