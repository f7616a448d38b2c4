"""Fake calendar: the calendar topic as a list, for tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.change import Change
from streams.kafka.exchange.calendar_reader import CalendarRecord


@dataclass
class FakeCalendar:
    """A `CalendarLog` to which the test adds records."""

    entries: list[CalendarRecord] = field(default_factory=list)

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "FakeCalendar":
        """A log with `changes`."""
        calendar = cls()
        for change in changes:
            calendar.declare(change)
        return calendar

    @property
    def next_offset(self) -> int:
        """See `CalendarLog`."""
        return len(self.entries)

    def between(self, start: int, end: int) -> Sequence[CalendarRecord]:
        """See `CalendarLog`."""
        return self.entries[start:end]

    def declare(self, change: Change) -> None:
        """Adds a record that holds one change."""
        self.entries.append(CalendarRecord(len(self.entries), change.key, (change,)))

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""
